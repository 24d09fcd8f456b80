"""Rows, windows and flips of a batch, the same for every kind of source.

A batch depends only on the seed and the step, so that a run resumes exactly, even within an epoch,
and every source cuts the same pixels.
"""

import dataclasses
import functools
import math

import numpy as np

from jiqa.errors import InputError

Batch = dict[str, np.ndarray]

# Positions of crops, see `View`.
RANDOM, GRID, TILES = "random", "grid", "tiles"
# Replaces a scale to ask for tiles, see `View.windows`.
TILE = -1.0


@dataclasses.dataclass(frozen=True)
class View:
    """How to cut an image into square crops.

    Attributes:
        resize: (height, width) to which the whole image is resized first, or None.
        crop: side of a crop in pixels.
        blocks: crops per image in training.
        test_blocks: crops per image at test; 0 means as many as in training.
        crop_scale: None, or the range of a window's side as a share of the image's shorter side;
            the window is then resized to `crop`.
        flip: mirror half of the training crops.
        crops: positions of training crops: `random`, `grid` (the fixed grid of the test, the same
            in every epoch) or `tiles` (parts of the image that do not overlap, drawn anew in every
            epoch). An image with fewer tiles than `blocks` gets black ones at the end, for which
            `block_mask` is False.
        test_crops: positions of test crops: `grid`, or `tiles` spread evenly.

    Raises:
        InputError: a field is out of range.
    """

    resize: tuple[int, int] | None
    crop: int
    blocks: int
    crop_scale: tuple[float, float] | None = None
    flip: bool = True
    test_blocks: int = 0
    crops: str = RANDOM
    test_crops: str = GRID

    def __post_init__(self) -> None:
        for field, known in (("crops", (RANDOM, GRID, TILES)), ("test_crops", (GRID, TILES))):
            if getattr(self, field) not in known:
                found, expected = getattr(self, field), " or ".join(known)
                raise InputError(f"view: {field} {found!r} found, expected {expected}")
        if self.crop_scale and TILES in (self.crops, self.test_crops):
            raise InputError("view: crop_scale found with tiles, expected tiles of the size `crop`")
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
        """Raises InputError, beginning with `name`, if an image of `shape` is too small to crop."""
        least = 1 if self.crop_scale else self.crop
        if min(shape) < least:
            raise InputError(
                f"{name}: {shape[0]}x{shape[1]} pixels (height x width) found, "
                f"expected at least {least}x{least} to cut a block from"
            )

    @property
    def test_places(self) -> np.ndarray:
        """Places of the test crops, float [blocks, 3], see `windows`."""
        blocks = self.test_blocks or self.blocks
        return np.tile((TILE, 1.0, 1.0), (blocks, 1)) if self.test_crops == TILES else grid(blocks)

    def windows(self, shape: tuple[int, int], place: np.ndarray) -> np.ndarray:
        """Windows of an image of `shape` (h, w): `place` [..., 3] -> int32 [..., 3].

        `place` holds (scale, vertical, horizontal) in [0, 1]: the position in the range of scales,
        and in the slack that the window leaves; `TILE` as scale asks for tiles of the image's grid
        of tiles. A window is (side, top, left) in pixels, all 0 if no tile is left.
        """
        if (place[..., 0] == TILE).all():
            images = place.reshape(-1, *place.shape[-2:])
            tiles = [self._tiles(shape, each) for each in images]
            return np.stack(tiles).reshape(place.shape)
        side = np.full(place.shape[:-1], self.crop)
        if self.crop_scale:
            low, high = self.crop_scale
            share = low + place[..., 0] * (high - low)
            side = np.maximum(np.rint(share * min(shape)), 1).astype(np.int64)
        slack = np.asarray(shape) - side[..., None]
        corner = np.minimum(np.floor(place[..., 1:] * (slack + 1)), slack)
        return np.concatenate([side[..., None], corner], axis=-1).astype(np.int32)

    def _tiles(self, shape: tuple[int, int], place: np.ndarray) -> np.ndarray:
        """Tiles of an image of `shape` (h, w), in reading order: `place` [k, 3] -> int32 [k, 3].

        Of more than k tiles, `place` draws k, or spreads them evenly if its values are 1. With
        fewer than k tiles, windows of side 0 fill the rest.
        """
        columns = shape[1] // self.crop
        count, wanted = shape[0] // self.crop * columns, len(place)
        if count <= wanted:
            taken = np.arange(count)
        elif (place[:, 1:] == 1).all():
            taken = np.rint(np.linspace(0, count - 1, wanted)).astype(int)
        else:
            seed = place[:, 1].astype(np.float64).view(np.uint64)
            taken = np.sort(np.random.default_rng(seed).permutation(count)[:wanted])
        line, column = np.divmod(taken, columns)
        windows = np.zeros((wanted, 3), np.int32)
        windows[: len(taken)] = np.stack([np.full_like(taken, self.crop), line, column], axis=-1)
        windows[:, 1:] *= self.crop
        return windows


@functools.lru_cache(maxsize=2)
def _epoch(n: int, blocks: int, seed: int, epoch: int) -> tuple[np.ndarray, ...]:
    """Order int [n], places float [n, blocks, 3], flips bool [n, blocks] of an epoch."""
    rng = np.random.default_rng([seed, epoch])
    return rng.permutation(n), rng.random((n, blocks, 3)), rng.random((n, blocks)) < 0.5


def train_batch(
    rows: np.ndarray, view: View, batch_size: int, part: slice, seed: int, step: int
) -> Batch:
    """Batch number `step`: row int32 [b], mask bool [b], place float [b, k, 3], flip bool [b, k].

    Epochs follow one another without a gap: sample p is number p % n of epoch p // n, and each
    epoch has its own permutation. `part` selects a slice of the global batch. If `rows` is
    [n, size], a sample is a group of `size` images, which stay next to each other.

    Raises:
        InputError: the batch, or a process's part of the batch, does not divide into groups.
    """
    size = rows.shape[1] if rows.ndim == 2 else 1
    mine = np.arange(batch_size)[part]
    if batch_size % size or len(mine) % size:
        found = f"batch_size: found {batch_size} images, {len(mine)} of them a process's"
        raise InputError(f"{found}, expected groups of {size}")
    positions = mine[::size] // size
    epochs, numbers = np.divmod(step * (batch_size // size) + positions, len(rows))
    pieces = []
    for epoch in np.unique(epochs):
        order, place, flip = _epoch(len(rows), size * view.blocks, seed, int(epoch))
        chosen = numbers[epochs == epoch]
        pieces.append((order[chosen], place[chosen], flip[chosen]))
    order, place, flip = (np.concatenate(piece) for piece in zip(*pieces, strict=True))
    row = rows[order].reshape(-1)
    place = place.reshape(len(row), view.blocks, 3)
    if view.crops == GRID:
        place = np.broadcast_to(grid(view.blocks), place.shape)
    elif view.crops == TILES:
        place[..., 0] = TILE
    return {
        "row": row.astype(np.int32),
        "mask": np.ones(len(row), bool),
        "place": place,
        "flip": flip.reshape(len(row), view.blocks) & view.flip,
    }


def eval_batch(rows: np.ndarray, view: View, batch_size: int, part: slice, step: int) -> Batch:
    """Batch number `step` of the rows in order; as `train_batch`, with test crops and no flips.

    A short last batch is filled with its last row, where the mask is False.
    """
    position = (step * batch_size + np.arange(batch_size))[part]
    size, blocks = len(position), view.test_blocks or view.blocks
    return {
        "row": rows[np.minimum(position, len(rows) - 1)].astype(np.int32),
        "mask": position < len(rows),
        "place": np.broadcast_to(view.test_places, (size, blocks, 3)),
        "flip": np.zeros((size, blocks), bool),
    }


def grid(blocks: int) -> np.ndarray:
    """Places of the test crops, float [blocks, 3], all at the middle of the range of scales.

    Spreads the crops evenly, in reading order, over the smallest square lattice of odd side that
    holds them: 1 is the centre; 3 the diagonal; 5 the corners and the centre; 9 all of 3x3.
    """
    side = math.isqrt(blocks - 1) + 1
    side += side % 2 == 0
    cell = np.rint(np.linspace(0, side**2 - 1, blocks)) if blocks > 1 else np.zeros(1)
    ticks = np.linspace(0, 1, side) if side > 1 else np.full(1, 0.5)
    row, column = np.divmod(cell.astype(int), side)
    return np.stack([np.full(blocks, 0.5), ticks[row], ticks[column]], axis=-1)


def part(batch_size: int, shard: tuple[int, int]) -> slice:
    """Slice of a global batch for process i of n, where `shard` is (i, n).

    Raises:
        InputError: an empty or indivisible batch.
    """
    number, count = shard
    if batch_size < 1 or batch_size % count:
        raise InputError(
            f"batch_size: {batch_size} found, expected a multiple of {count} processes"
        )
    share = batch_size // count
    return slice(number * share, (number + 1) * share)
