"""Scores of images of any sizes, given one at a time; images of similar size share one array."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jiqa.errors import InputError
from jiqa.metrics.registry import MetricEntry
from jiqa.ops import check
from jiqa.ops.masks import bucket

# Pixels that one call of a compiled metric takes (on a CPU, on an accelerator); at least one image.
_CPU_PIXELS, _PIXELS = 2**20, 2**23
# An image waits for others of its size until the pixels of this many calls have come after it.
_CALLS = 16

Result = tuple[int, float | InputError]
Size = tuple[int, int]


class _Image(NamedTuple):
    number: int
    name: str
    pixels: Any
    ref: Any

    @property
    def size(self) -> Size:
        height, width = np.shape(self.pixels)[:2]
        return height, width


class Batches:
    """Scores images by a metric, several in one call, and in an order that depends on their sizes.

    Args:
        entry: the metric's entry in the registry.
        checked: turns an image, its reference and its name into one or two arrays [1, h, w, 3], or
            raises InputError.
        run: scores arrays of b images; padded ones come with their `size`, see `jiqa.ops.masks`.
        prepare: the compiled function that `checked` applies last to the images, if there is one.
    """

    def __init__(
        self,
        entry: MetricEntry,
        checked: Callable[[Any, Any, str], tuple[Any, ...]],
        run: Callable[..., jax.Array],
        prepare: Callable[..., jax.Array] | None = None,
    ) -> None:
        self._entry, self._checked, self._run, self._prepare = entry, checked, run, prepare
        self._waiting: dict[Size, list[_Image]] = {}  # by bucket, the oldest first
        self._begun: dict[Size, int] = {}
        self._sizes: dict[Size, set[Size]] = defaultdict(set)
        self._pixels = 0

    def add(self, number: int, pixels: Any, ref: Any = None, name: str = "image") -> list[Result]:
        """Scores that are ready once this image is added: of this image or of earlier ones.

        Args:
            number: the caller's number of the image, returned with its score.
            pixels: [h, w] or [h, w, 1 or 3], see `Metric`.
            ref: pixels of the reference, in the same form.
            name: the image's name in error messages.

        Returns:
            Number and score of each image that is ready; the error in place of a score that failed.
        """
        shape = np.shape(pixels)
        try:
            if len(shape) not in (2, 3):
                expected = "[h, w] or [h, w, 1 or 3] in a list"
                raise InputError(f"{name}: found shape {list(shape)}, expected {expected}")
            if min(shape[:2]) < self._entry.least:  # a side may be 0
                self._checked(pixels, ref, name)
        except InputError as error:
            return [(number, error)]
        image = _Image(number, name, pixels, ref)
        like = self._bucket(*image.size)
        self._pixels += image.size[0] * image.size[1]
        self._sizes[like].add(image.size)
        members = self._waiting.setdefault(like, [])
        if not members:
            self._begun[like] = self._pixels
        members.append(image)
        limit = _CPU_PIXELS if jax.default_backend() == "cpu" else _PIXELS
        height, width = self._shape(like, image)
        scored = []
        if len(members) >= limit // (height * width):
            scored += self._scored(like, self._waiting.pop(like))
        while self._waiting:
            oldest = next(iter(self._waiting))
            if self._pixels - self._begun[oldest] <= _CALLS * limit:
                break
            scored += self._one_by_one(oldest)
        return scored

    def finish(self) -> Iterator[Result]:
        """Scores of the images that still wait for others of their size."""
        while self._waiting:
            yield from self._one_by_one(next(iter(self._waiting)))

    def _one_by_one(self, like: Size) -> Iterator[Result]:
        """Scores of waiting images, one per call: a metric compiles for two batch sizes only."""
        for image in self._waiting.pop(like):
            yield from self._scored(like, [image])

    def _bucket(self, height: int, width: int) -> Size:
        """Size shared by images of one call: of the prepared, the padded or the plain image."""
        if self._prepare:
            image = jax.ShapeDtypeStruct((1, height, width, 3), np.float32)
            return jax.eval_shape(self._prepare, image).shape[1:3]
        return (bucket(height), bucket(width)) if self._entry.masks else (height, width)

    def _padded(self, like: Size) -> bool:
        return self._entry.masks and len(self._sizes[like]) > 1

    def _shape(self, like: Size, image: _Image) -> Size:
        """Height and width of the array that holds images of a bucket."""
        return like if self._padded(like) or self._prepare else image.size

    def _scored(self, like: Size, members: Sequence[_Image]) -> list[Result]:
        """Number and score of images that share one array; the error of each image that fails."""
        results: list[float | InputError] = [math.nan] * len(members)
        checked: dict[int, tuple[check.Array, ...]] = {}
        for k, image in enumerate(members):
            try:
                checked[k] = self._checked(image.pixels, image.ref, image.name)
            except InputError as error:
                results[k] = error
        if checked:
            shape = (len(members), *self._shape(like, members[0]))
            sizes = np.array([image.size for image in members], np.int32)
            size = jnp.asarray(sizes) if self._padded(like) else None
            sides = zip(*checked.values(), strict=True)
            scores = np.asarray(
                self._run(*(_stacked(side, list(checked), shape) for side in sides), size=size)
            )
            for k in checked:
                results[k] = float(scores[k])
        return [(image.number, result) for image, result in zip(members, results, strict=True)]


def _stacked(
    images: Sequence[check.Array], rows: Sequence[int], shape: tuple[int, int, int]
) -> check.Array:
    """Images [1, h, w, 3] in the given rows of an array [b, height, width, 3], zeros elsewhere."""
    if shape == images[0].shape[:3]:
        return images[0]
    kinds = {image.dtype for image in images}
    stack = np.zeros((*shape, 3), kinds.pop() if len(kinds) == 1 else np.float32)
    for row, image in zip(rows, images, strict=True):
        part = image if image.dtype == stack.dtype else check.images(image)[0]
        stack[row, : image.shape[1], : image.shape[2]] = np.asarray(part)[0]
    return stack
