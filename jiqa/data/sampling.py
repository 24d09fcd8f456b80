"""Which rows, windows and flips make a batch: one answer for every kind of source.

A batch depends on the seed and the step alone, so that a run resumes exactly, in the middle of an
epoch too, and every source cuts the same pixels.
"""

import dataclasses
import functools
import math

import numpy as np

from jiqa.errors import InputError

Batch = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class View:
    """How an image becomes square blocks.

    Attributes:
        resize: (height, width) that the whole image is resized to first, or None.
        crop: side of a block in pixels.
        blocks: blocks an image in training.
        test_blocks: blocks an image at test; 0 is as many as in training.
        crop_scale: None, or the range of the side of a window as share of the image's shorter
            side; the window is then resized to `crop`.
        flip: mirror half of the training blocks.

    Raises:
        InputError: a field is out of its range.
    """

    resize: tuple[int, int] | None
    crop: int
    blocks: int
    crop_scale: tuple[float, float] | None = None
    flip: bool = True
    test_blocks: int = 0

    def __post_init__(self) -> None:
        if min(self.crop, self.blocks) < 1 or self.test_blocks < 0:
            raise InputError(
                f"view: crop {self.crop}, blocks {self.blocks}, test_blocks {self.test_blocks} "
                "found, expected at least 1, 1 and 0"
            )
        if self.crop_scale and not 0 < self.crop_scale[0] <= self.crop_scale[1] <= 1:
            raise InputError(
                f"view: crop_scale {self.crop_scale} found, expected 0 < low <= high <= 1"
            )
        if self.resize:
            self.check("view: resize", self.resize)

    def check(self, name: str, shape: tuple[int, int]) -> None:
        """Raises InputError, beginning with `name`, where an image of `shape` has no block."""
        least = 1 if self.crop_scale else self.crop
        if min(shape) < least:
            raise InputError(
                f"{name}: {shape[0]}x{shape[1]} pixels (height x width) found, "
                f"expected at least {least}x{least} to cut a block from"
            )

    def windows(self, shape: tuple[int, int], place: np.ndarray) -> np.ndarray:
        """Windows of an image of `shape` (h, w): `place` [..., 3] -> int32 [..., 3].

        `place` holds (scale, vertical, horizontal) in [0, 1]: the share of the range of scales,
        and of the slack that the window leaves. A window is (side, top, left) in pixels.
        """
        side = np.full(place.shape[:-1], self.crop)
        if self.crop_scale:
            low, high = self.crop_scale
            share = low + place[..., 0] * (high - low)
            side = np.maximum(np.rint(share * min(shape)), 1).astype(np.int64)
        slack = np.asarray(shape) - side[..., None]
        corner = np.minimum(np.floor(place[..., 1:] * (slack + 1)), slack)
        return np.concatenate([side[..., None], corner], axis=-1).astype(np.int32)


@functools.lru_cache(maxsize=2)
def _epoch(n: int, blocks: int, seed: int, epoch: int) -> tuple[np.ndarray, ...]:
    """Order int [n], places float [n, blocks, 3], flips bool [n, blocks] of one epoch."""
    rng = np.random.default_rng([seed, epoch])
    return rng.permutation(n), rng.random((n, blocks, 3)), rng.random((n, blocks)) < 0.5


def train_batch(
    rows: np.ndarray, view: View, batch_size: int, part: slice, seed: int, step: int
) -> Batch:
    """Batch number `step`: row int32 [b], mask bool [b], place float [b, k, 3], flip bool [b, k].

    Epochs follow one another without a gap: sample p is number p % n of epoch p // n, each epoch
    a permutation of its own. `part` is the slice of the global batch that is made.
    """
    epochs, numbers = np.divmod(step * batch_size + np.arange(batch_size)[part], len(rows))
    pieces = []
    for epoch in np.unique(epochs):
        order, place, flip = _epoch(len(rows), view.blocks, seed, int(epoch))
        chosen = numbers[epochs == epoch]
        pieces.append((order[chosen], place[chosen], flip[chosen]))
    order, place, flip = (np.concatenate(piece) for piece in zip(*pieces, strict=True))
    return {
        "row": rows[order].astype(np.int32),
        "mask": np.ones(len(order), bool),
        "place": place,
        "flip": flip & view.flip,
    }


def eval_batch(rows: np.ndarray, view: View, batch_size: int, part: slice, step: int) -> Batch:
    """Batch number `step` of the rows in order; as `train_batch`, on the fixed grid, no flips.

    A short last batch is filled with its last row, under a mask of False.
    """
    position = (step * batch_size + np.arange(batch_size))[part]
    size, blocks = len(position), view.test_blocks or view.blocks
    return {
        "row": rows[np.minimum(position, len(rows) - 1)].astype(np.int32),
        "mask": position < len(rows),
        "place": np.broadcast_to(grid(blocks), (size, blocks, 3)),
        "flip": np.zeros((size, blocks), bool),
    }


def grid(blocks: int) -> np.ndarray:
    """Places of the test blocks, float [blocks, 3], all at the middle of the range of scales.

    They are spread evenly, in reading order, over the smallest square lattice of odd side that
    holds them: 1 is the centre; 3 the diagonal; 5 the corners and the centre; 9 all of 3x3.
    """
    side = math.isqrt(blocks - 1) + 1
    side += side % 2 == 0
    cell = np.rint(np.linspace(0, side**2 - 1, blocks)) if blocks > 1 else np.zeros(1)
    ticks = np.linspace(0, 1, side) if side > 1 else np.full(1, 0.5)
    row, column = np.divmod(cell.astype(int), side)
    return np.stack([np.full(blocks, 0.5), ticks[row], ticks[column]], axis=-1)


def part(batch_size: int, shard: tuple[int, int]) -> slice:
    """The slice of a global batch that belongs to process i of n, `shard` being (i, n).

    Raises:
        InputError: the batch is empty or does not divide.
    """
    number, count = shard
    if batch_size < 1 or batch_size % count:
        raise InputError(
            f"batch_size: {batch_size} found, expected a multiple of {count} processes"
        )
    share = batch_size // count
    return slice(number * share, (number + 1) * share)
