"""Metrics by name, for paths, Pillow images and arrays.

>>> ssim = jiqa.create_metric("ssim")
>>> ssim("distorted.png", "reference.png")
"""

import fnmatch
import functools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from jiqa import images as stored
from jiqa.errors import InputError
from jiqa.metrics import memory, registry
from jiqa.metrics.batches import Batches
from jiqa.ops import check


def create_metric(name: str, params: Any = None) -> "Metric":
    """The metric of that name.

    Args:
        name: one of `list_metrics()`.
        params: file or files of a fitted model's parameters, in the authors' format [the files that
            come with the package].

    Raises:
        InputError: unknown metric, or `params` for a metric that has none; an unreadable file.
    """
    return Metric(registry.entry(name), params)


def list_metrics(filter: str = "*", kind: str | None = None) -> list[str]:
    """Sorted names of the metrics that match a pattern such as `ssim*`, all or of kind fr or nr."""
    return [
        name
        for name, entry in sorted(registry.METRICS.items())
        if fnmatch.fnmatchcase(name, filter) and kind in (None, entry.kind)
    ]


class Metric:
    """A metric: `metric(image)`, or `metric(image, ref)` for a full-reference one.

    Attributes:
        entry: the metric's entry in the registry.
        name, kind, lower_better, score_range, paper: fields of the entry.
        params: parameters of a fitted model, None where there are none.
        fitted: source of `params`: the file or files given, or "the package's".
        max_pixels: largest number of pixels of an image; set it to allow more. The default refuses
            images that would need more than 3 GB of memory.
    """

    def __init__(self, entry: registry.MetricEntry, params: Any = None) -> None:
        if params is not None and entry.params is None:
            raise InputError(f"{entry.name}: found params {str(params)!r}, expected none")
        self.entry = entry
        self.name, self.kind = entry.name, entry.kind
        self.lower_better, self.score_range = entry.lower_better, entry.score_range
        self.paper = entry.paper
        self.max_pixels = memory.most_pixels(entry.name)
        self.params = registry.resolve(entry.params)(params) if entry.params else None
        self.fitted = _says(params) if entry.params else ""
        self._score = _compiled(entry.build, tuple(entry.options.items()))
        self._prepare = _compiled(entry.prepare, ()) if entry.prepare else None

    def __repr__(self) -> str:
        low, high = ("" if bound is None else f"{bound:g}" for bound in self.score_range)
        better = "lower" if self.lower_better else "higher"
        facts = [repr(self.name), self.kind, f"{low}..{high}", f"{better} is better"]
        if self.fitted:
            facts.append(f"parameters: {self.fitted}")
        return f"Metric({', '.join(facts)})"

    def __call__(self, image: Any, ref: Any = None) -> jax.Array:
        """Scores, float32.

        Args:
            image: a path, a Pillow image, a NumPy or JAX array (uint8, or floats in [0, 1];
                [h, w], [h, w, 1 or 3]): the score is []. A batch [b, h, w, 1 or 3]: [b]. A list
                of n paths, Pillow images or single arrays, of any sizes: [n].
            ref: the references in the same form, for a full-reference metric.

        Raises:
            InputError: an image that cannot be read or has another form; a `ref` that is missing,
                or given to a no-reference metric.
        """
        if isinstance(image, list | tuple):
            scores = np.empty(len(image), np.float32)
            for i, score in self.each(image, ref):
                if isinstance(score, InputError):
                    raise score
                scores[i] = score
            return jnp.asarray(scores)
        self._expect(ref)
        name = str(image) if isinstance(image, str | Path) else "image"
        image = load(image, deep=True)
        scores = self._run(*self._checked(image, ref, name))
        return scores if np.ndim(image) == 4 else scores[0]

    def each(
        self, images: Sequence[Any], refs: Sequence[Any] | None = None
    ) -> Iterator[tuple[int, float | InputError]]:
        """Number and score of each image, of any sizes; the error in place of a score that failed.

        The order depends on the sizes, since images of similar size are scored together. Arguments
        are those of a call with lists.
        """
        self._expect(refs)
        if refs is not None:
            listed = isinstance(refs, list | tuple)
            if not listed or len(refs) != len(images):
                found = f"{len(refs)} refs" if listed else "a ref, not in a list"
                raise InputError(f"{self.name}: found {found}, expected {len(images)} refs")
        batches, last = self.batches(), (None, None)
        for i, image in enumerate(images):
            ref = None if refs is None else refs[i]
            name = str(image) if isinstance(image, str | Path) else f"image {i}"
            try:
                if ref is not last[0]:
                    last = ref, load(ref, deep=True)
                yield from batches.add(i, load(image, deep=True), last[1], name)
            except InputError as error:
                yield i, error
        yield from batches.finish()

    def batches(self) -> Batches:
        """A scorer that accepts pixels one image at a time, where `each` takes a whole list."""
        return Batches(self.entry, self._checked, self._run, self._prepare)

    def _expect(self, ref: Any) -> None:
        if (ref is None) == (self.kind == "fr"):
            found, expected = ("no ref", "one") if ref is None else ("a ref", "none")
            raise InputError(f"{self.name}: found {found}, expected {expected}")

    def _checked(self, image: Any, ref: Any, name: str) -> tuple[check.Array, ...]:
        """The one or two arrays that the metric's function takes; errors call the images `name`."""
        image, ref = load(image, deep=True), load(ref, deep=True)
        try:
            image, ref = check.images(image, ref, least=self.entry.least, integers=True)
        except InputError as error:
            raise InputError(f"{self.name} of {name}: {error}") from error
        _, height, width, _ = image.shape
        if height * width > self.max_pixels:
            raise InputError(
                f"{self.name} of {name}: found {width}x{height}, {height * width:,} pixels, "
                f"expected {self.max_pixels:,} at most, as {self.name} takes "
                f"{memory.bytes_of_pixel(self.name)} bytes for each; --max_pixels raises the limit"
            )
        both = (image,) if ref is None else (image, ref)
        return tuple(map(self._prepare, both)) if self._prepare else both

    def _run(self, *images: check.Array, size: jax.Array | None = None) -> jax.Array:
        keywords: dict[str, Any] = {} if self.params is None else {"params": self.params}
        if size is not None:
            keywords["size"] = size
        return self._score(*images, **keywords)


def load(image: Any, *, deep: bool = False, max_pixels: int = stored.MAX_PIXELS) -> Any:
    """Upright pixels of a path or a Pillow image, uint8 [h, w, 3]; arrays unchanged.

    With `deep`, files of more than 8 bits give uint16. See `jiqa.images`.

    Raises:
        InputError: the file or the Pillow image is broken, has more than `max_pixels`, or holds
            samples of unknown range.
    """
    if isinstance(image, str | Path):
        decode = stored.decode_deep if deep else stored.decode
        return decode(_read(image), str(image), upright=True, max_pixels=max_pixels)
    if isinstance(image, Image.Image):
        pixels = stored.of_pillow(image, max_pixels)
        return pixels if deep else stored.to_bytes(pixels)
    return image


def _says(params: Any) -> str:
    """Files of a fitted model's parameters, as text."""
    if params is None:
        return "the package's"
    return ", ".join(map(str, params)) if isinstance(params, list | tuple) else str(params)


def _read(path: str | Path) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}, expected an image file") from error


@functools.cache
def _compiled(build: str, options: tuple[tuple[str, Any], ...]) -> Callable[..., jax.Array]:
    """The metric's function, compiled; converts integers itself, which saves a copy of floats."""
    function = functools.partial(registry.resolve(build), **dict(options))
    return jax.jit(lambda *images, **keywords: function(*map(check.unit, images), **keywords))
