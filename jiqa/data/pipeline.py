"""Batches of crops from rows of a database: decoded on the device, or read from stored files.

`source` chooses between both. Both have the same interface and give the same pixels for a seed.
"""

import abc
import concurrent.futures
import contextlib
import dataclasses
import functools
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import grain
import jax
import jax.numpy as jnp
import numpy as np
from absl import flags
from tqdm import tqdm

from jiqa import images
from jiqa.data import crops, sampling, transforms
from jiqa.data.index import Index, Records, unscored
from jiqa.data.sampling import Batch, View
from jiqa.errors import InputError

_MIB = 2**20
# Up to this many batches are read by threads, since worker processes take longer to start.
_FEW = 50


@dataclasses.dataclass(eq=False)
class _Source(abc.ABC):
    index: Index
    records: Records
    view: View
    reason: str

    def load(self, row: int) -> np.ndarray:
        """The whole image of a row, resized by the view: uint8 [h, w, 3]."""
        name = f"{self.index.database} {self.index.id[row]}"
        return crops.whole(
            images.decode(self.records[self.index.record[row]], name), self.view, name
        )

    def middle(self, row: int) -> np.ndarray:
        """The central crop of a row's image, uint8 [crop, crop, 3]."""
        return crops.cut(self.load(row), self.view, sampling.grid(1))[0]

    def train_batches(
        self,
        rows: np.ndarray,
        batch_size: int,
        seed: int,
        start: int,
        stop: int,
        *,
        shard: tuple[int, int] = (0, 1),
    ) -> Iterator[Batch]:
        """Batches of the steps in [start, stop); each depends only on its step and the seed.

        Args:
            rows: int [n], rows of the index to train on.
            batch_size: images of a global batch, over all processes.
            seed: seed of order, windows and flips.
            start: first step.
            stop: one past the last step.
            shard: (process, processes): this process's equal, contiguous part of each batch.

        Raises:
            InputError: no rows; an indivisible batch; an image that is broken or too small.
        """
        rows = np.asarray(rows)
        if not rows.size:
            raise InputError(f"{self.index.database}: no rows to train on, expected at least one")
        part = sampling.part(batch_size, shard)
        make = functools.partial(sampling.train_batch, rows, self.view, batch_size, part, seed)
        return self._batches(make, start, stop)

    def eval_batches(
        self, rows: np.ndarray, batch_size: int, *, shard: tuple[int, int] = (0, 1)
    ) -> Iterator[Batch]:
        """Batches of the rows in order, with the test crops; `mask` is False for padding.

        Arguments and errors: see `train_batches`; no rows give no batches.
        """
        rows = np.asarray(rows)
        part = sampling.part(batch_size, shard)
        make = functools.partial(sampling.eval_batch, rows, self.view, batch_size, part)
        return self._batches(make, 0, -(-len(rows) // batch_size))

    @abc.abstractmethod
    def _batches(self, make: Callable[[int], Batch], start: int, stop: int) -> Iterator[Batch]:
        """Batches planned by `make` for each step in [start, stop), in the form for `images`."""


@dataclasses.dataclass(eq=False)
class Streamed(_Source):
    """Source that reads and crops images for every batch, in threads or worker processes.

    Batches hold row int32 [b], mask bool [b] and image uint8 [b, blocks, crop, crop, 3].
    Close an iterator before dropping it half-read.
    """

    workers: int
    arrays: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    kind = "streamed"

    @staticmethod
    def images(arrays: dict[str, Any], batch: dict[str, Any]) -> jax.Array:
        """Crops of a batch, uint8 [b, blocks, crop, crop, 3]; to be called inside jit."""
        return batch["image"]

    def _batches(self, make: Callable[[int], Batch], start: int, stop: int) -> Iterator[Batch]:
        workers = self.workers if stop - start > _FEW else 0
        threads = max(1, _threads() // max(1, workers))
        batches = grain.MapDataset.range(start, stop).map(lambda step: self._cut(make(step)))
        batches = batches.to_iter_dataset(
            grain.ReadOptions(num_threads=threads, prefetch_buffer_size=threads)
        )
        if workers:
            if not flags.FLAGS.is_parsed():
                flags.FLAGS.mark_as_parsed()  # grain reads flags even where none are parsed
            batches = batches.mp_prefetch(grain.MultiprocessingOptions(workers), _ignore_interrupt)
        with contextlib.closing(iter(batches)) as iterator:
            for batch in iterator:
                if isinstance(batch, InputError):
                    raise batch
                yield _out_of_shared_memory(batch) if workers else batch

    def _cut(self, planned: Batch) -> Batch | InputError:
        """A batch or its error, returned since grain loses shared memory where a worker raises."""
        blocks, there = [], []
        for row, places, flips in zip(
            planned["row"], planned["place"], planned["flip"], strict=True
        ):
            try:
                image = self.load(row)
            except InputError as error:
                return error
            for block, flip in zip(crops.cut(image, self.view, places), flips, strict=True):
                blocks.append(transforms.flip(block) if flip else block)
            there += (self.view.windows(image.shape[:2], places)[:, 0] > 0).tolist()
        image = np.stack(blocks).reshape(*planned["flip"].shape, *blocks[0].shape)
        batch = {"row": planned["row"], "mask": planned["mask"], "image": image}
        if crops.tiled(planned["place"]):
            batch["block_mask"] = np.array(there).reshape(planned["flip"].shape)
        return batch


@dataclasses.dataclass(eq=False)
class Resident(_Source):
    """Source that decodes every image once; the compiled update cuts the windows.

    `arrays` {'images': uint8 [n, h, w, 3]} is replicated on the devices once, and passed to the
    update. Batches hold row int32 [b], mask bool [b], offset int32 [b, blocks, 2] (top, left) and
    flip bool [b, blocks].
    """

    arrays: dict[str, np.ndarray] = dataclasses.field(init=False)
    kind = "resident"

    def __post_init__(self) -> None:
        rows = range(len(self.index))
        images = np.empty((len(rows), *self.load(0).shape), np.uint8)

        def fill(row: int) -> None:
            images[row] = self.load(row)

        with concurrent.futures.ThreadPoolExecutor(_threads()) as pool:
            filled = pool.map(fill, rows)
            for _ in tqdm(filled, f"decode {self.index.database}", len(rows), disable=None):
                pass
        self.arrays = {"images": images}

    def images(self, arrays: dict[str, Any], batch: dict[str, Any]) -> jax.Array:
        """Crops of a batch, uint8 [b, blocks, crop, crop, 3]; to be called inside jit."""
        crop = self.view.crop

        def cut(row: jax.Array, offset: jax.Array, flip: jax.Array) -> jax.Array:
            start = (row, offset[0], offset[1], 0)
            block = jax.lax.dynamic_slice(arrays["images"], start, (1, crop, crop, 3))[0]
            return jnp.where(flip, block[:, ::-1], block)

        blocks = jax.vmap(jax.vmap(cut, in_axes=(None, 0, 0)))
        image = blocks(batch["row"], batch["offset"], batch["flip"])
        if "block_mask" in batch:
            return jnp.where(batch["block_mask"][..., None, None, None], image, 0)
        return image

    def _batches(self, make: Callable[[int], Batch], start: int, stop: int) -> Iterator[Batch]:
        shape = self.arrays["images"].shape[1:3]
        for step in range(start, stop):
            planned = make(step)
            place = planned.pop("place")
            windows = self.view.windows(shape, place)
            batch = {**planned, "offset": windows[..., 1:]}
            yield batch | ({"block_mask": windows[..., 0] > 0} if crops.tiled(place) else {})


@dataclasses.dataclass(eq=False)
class Given(Streamed):
    """Source of images in memory, each loaded when its crops are needed; created by `given`."""

    loaders: Sequence[Callable[[], np.ndarray]] = ()

    def load(self, row: int) -> np.ndarray:
        """The whole image, resized by the view: uint8 [h, w, 3]."""
        return crops.whole(self.loaders[row](), self.view, str(self.index.id[row]))


def given(loaders: Sequence[Callable[[], np.ndarray]], names: Sequence[str], view: View) -> Given:
    """A source of images in memory, without scores.

    Args:
        loaders: for each image, a function that returns uint8 [h, w, 3]; called once per batch.
        names: names of the images, for errors.
        view: how to crop the images.
    """
    index = unscored("images", np.array(names, str))
    return Given(index, Records((), index.record), view, "images at hand", 0, loaders=loaders)


def source(
    index: Index, records: Records, view: View, *, resident_mb: int, workers: int
) -> Streamed | Resident:
    """The source of an index's crops; `.kind` names the kind, `.reason` the reason in one line.

    Resident if all images have one size after the view's resize, crops have that scale, and the
    decoded images fit in `resident_mb` MiB; they are decoded at once. Otherwise Streamed, with
    `workers` processes, or with threads if `workers` is 0 or the batches are few.

    Raises:
        InputError: `workers` is negative; an image is broken, or too small for the view.
    """
    if workers < 0:
        raise InputError(f"workers: {workers} found, expected 0 or more")
    shape, reason = _common_shape(index, records, view)
    if shape:
        mib = len(index) * shape[0] * shape[1] * 3 / _MIB
        fits = mib <= resident_mb
        reason = (
            f"{len(index)} images of {shape[0]}x{shape[1]} take {mib:,.1f} MiB decoded, "
            f"{'within' if fits else 'over'} the budget of {resident_mb} MiB"
        )
        if fits:
            return Resident(index, records, view, reason)
    return Streamed(index, records, view, reason, workers)


def _common_shape(index: Index, records: Records, view: View) -> tuple[tuple[int, int] | None, str]:
    if view.crop_scale:
        return None, "the windows vary in scale"
    if view.resize:
        return view.resize, ""
    first = None
    for name, record in zip(index.id, index.record, strict=True):
        shape = images.size(records[record], f"{index.database} {name}")
        first = first or shape
        if shape != first:
            return None, f"the images differ in size: {first[0]}x{first[1]}, {shape[0]}x{shape[1]}"
    return first, ""


def _ignore_interrupt(worker: int, workers: int) -> None:
    """Ignores Ctrl-C in a worker process: a terminal sends it to the training process as well."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _threads() -> int:
    return min(16, os.cpu_count() or 1)


def _out_of_shared_memory(batch: Batch) -> Batch:
    """A copy of the batch that a worker left in shared memory, which is freed at once."""
    return {name: np.array(batch.pop(name)) for name in tuple(batch)}
