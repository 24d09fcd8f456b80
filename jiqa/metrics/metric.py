"""Measures by name, over whatever holds an image.

>>> ssim = jiqa.create_metric("ssim")
>>> ssim("distorted.png", "original.png")
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
    """The measure of that name.

    Args:
        name: one of `list_metrics()`.
        params: the file or files of a fitted model's parameters, as its authors give them [those
            of the package].

    Raises:
        InputError: no such measure, or one without parameters; the file is not what it should be.
    """
    return Metric(registry.entry(name), params)


def list_metrics(filter: str = "*", kind: str | None = None) -> list[str]:
    """Names of the measures, sorted: those that match `ssim*`, and are `fr` or `nr` if asked."""
    return [
        name
        for name, entry in sorted(registry.METRICS.items())
        if fnmatch.fnmatchcase(name, filter) and kind in (None, entry.kind)
    ]


class Metric:
    """A measure: `metric(image)`, or `metric(image, ref)` where it compares.

    Attributes:
        entry: what the registry has on it.
        name, kind, lower_better, score_range, paper: the entry's.
        params: parameters of a fitted model, None where there are none.
        fitted: where these come from: the file or files given, or "the package's".
        max_pixels: of the largest image that it takes; set it to take larger ones. At first an
            image that would take more than 3 GB of memory is refused.
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
                of n of the former, of any sizes: [n].
            ref: the same of the originals, for a full-reference measure.

        Raises:
            InputError: an image that cannot be read or is not as above; a ref too many, or none.
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
        """Number and score of each image, of any sizes; in its place, the error if it has none.

        They come in an order of their own: images of like size are scored together. Arguments as
        of a call with lists.
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
        """Scores images as they come: takes their pixels one by one, unlike `each`."""
        return Batches(self.entry, self._checked, self._run, self._prepare)

    def _expect(self, ref: Any) -> None:
        if (ref is None) == (self.kind == "fr"):
            found, expected = ("no ref", "one") if ref is None else ("a ref", "none")
            raise InputError(f"{self.name}: found {found}, expected {expected}")

    def _checked(self, image: Any, ref: Any, name: str) -> tuple[check.Array, ...]:
        """The one or the two arrays that the measure takes; `name` is what an error calls them."""
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
        how: dict[str, Any] = {} if self.params is None else {"params": self.params}
        if size is not None:
            how["size"] = size
        return self._score(*images, **how)


def load(image: Any, *, deep: bool = False, max_pixels: int = stored.MAX_PIXELS) -> Any:
    """Upright pixels of a path or a Pillow image, uint8 [h, w, 3]; arrays as they are.

    `deep`: uint16 where there are more than 8 bits. See `jiqa.images`.

    Raises:
        InputError: the file or the Pillow image is broken, has more than `max_pixels`, or samples
            whose range is not known.
    """
    if isinstance(image, str | Path):
        decode = stored.decode_deep if deep else stored.decode
        return decode(_read(image), str(image), upright=True, max_pixels=max_pixels)
    if isinstance(image, Image.Image):
        pixels = stored.of_pillow(image, max_pixels)
        return pixels if deep else stored.to_bytes(pixels)
    return image


def _says(params: Any) -> str:
    """The files of a fitted model's parameters, in words."""
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
    """The function, of integers too: converted within it they need no copy of floats."""
    function = functools.partial(registry.resolve(build), **dict(options))
    return jax.jit(lambda *images, **how: function(*map(check.unit, images), **how))
