"""Synthetic distortions of a photograph at five levels, mild to severe."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image
from scipy import ndimage

from jiqa.errors import InputError


def distort(image: np.ndarray, name: str, level: int, seed: int = 0) -> np.ndarray:
    """`image` with the distortion `name` of `TYPES` at `level`.

    Args:
        image: RGB, float [h, w, 3] in [0, 1] or uint8.
        name: a key of `TYPES`.
        level: 1 (mild) to 5 (severe).
        seed: decides the noise, where there is any; all else is deterministic.

    Returns:
        float32 [h, w, 3] in [0, 1].

    Raises:
        InputError: an unknown name, a level outside 1..5, an image of another shape or range.
    """
    if name not in TYPES:
        raise InputError(f"distortion: found {name!r}, expected one of {', '.join(TYPES)}")
    mechanism, strengths = TYPES[name]
    if level not in range(1, len(strengths) + 1):
        raise InputError(f"{name}: found level {level}, expected 1 to {len(strengths)}")
    noise = np.random.default_rng(seed)
    return np.clip(mechanism(_unit(image), strengths[level - 1], noise), 0, 1).astype(np.float32)


def _unit(image: np.ndarray) -> np.ndarray:
    if image.ndim != 3 or image.shape[-1] != 3 or not image.size:
        raise InputError(f"image: found shape {image.shape}, expected (h, w, 3)")
    if image.dtype == np.uint8:
        return image.astype(np.float32) / 255
    if not np.issubdtype(image.dtype, np.floating) or not 0 <= image.min() <= image.max() <= 1:
        found = f"{image.dtype} in [{image.min()}, {image.max()}]"
        raise InputError(f"image: found {found}, expected uint8 or float in [0, 1]")
    return image.astype(np.float32)


def gaussian_blur(image: np.ndarray, deviation: float, _: np.random.Generator) -> np.ndarray:
    """Gaussian of this standard deviation in pixels, mirrored at the border."""
    return ndimage.gaussian_filter(image, (deviation, deviation, 0))


def jpeg(image: np.ndarray, quality: float, _: np.random.Generator) -> np.ndarray:
    """Through libjpeg at this quality, chroma halved both ways."""
    return _codec(image, "JPEG", quality=round(quality), subsampling="4:2:0")


def jpeg2000(image: np.ndarray, ratio: float, _: np.random.Generator) -> np.ndarray:
    """Through OpenJPEG's irreversible transform at this compression ratio."""
    return _codec(
        image, "JPEG2000", quality_mode="rates", quality_layers=[ratio], irreversible=True
    )


def _codec(image: np.ndarray, codec: str, **settings: Any) -> np.ndarray:
    stream = io.BytesIO()
    Image.fromarray(np.rint(image * 255).astype(np.uint8)).save(stream, codec, **settings)
    return np.asarray(Image.open(stream), np.float32) / 255


def white_noise(image: np.ndarray, variance: float, noise: np.random.Generator) -> np.ndarray:
    """Independent Gaussian noise of this variance in every channel."""
    return image + np.sqrt(variance) * noise.standard_normal(image.shape, np.float32)


def impulse_noise(image: np.ndarray, density: float, noise: np.random.Generator) -> np.ndarray:
    """This share of the samples set to 0 or 1."""
    hit = noise.random(image.shape) < density
    return np.where(hit, noise.integers(0, 2, image.shape), image)


Mechanism = Callable[[np.ndarray, float, np.random.Generator], np.ndarray]

# The strengths are our own: over the photographs of `pocket` the mean pseudo score falls by about
# the same five steps, 0.96 0.88 0.79 0.67 0.57, in every type.
TYPES: dict[str, tuple[Mechanism, tuple[float, ...]]] = {
    "gaussian_blur": (gaussian_blur, (0.8, 1.3, 2, 3, 5)),
    "jpeg": (jpeg, (30, 13, 8, 5, 3)),
    "jpeg2000": (jpeg2000, (12, 32, 80, 200, 500)),
    "white_noise": (white_noise, (0.001, 0.003, 0.008, 0.02, 0.05)),
    "impulse_noise": (impulse_noise, (0.0005, 0.004, 0.014, 0.04, 0.1)),
}
