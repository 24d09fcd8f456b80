"""Photographs and distortions for tests and reference runs, the same to the pixel.

`recipe('coffee/jpeg')` is (image, ref), both uint8 [192, 256, 3]: a crop of scikit-image's
photograph and its distorted copy, by NumPy, SciPy and Pillow alone.
"""

import functools
import io

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

HEIGHT, WIDTH = 192, 256
CORNERS = {"astronaut": (0, 100), "coffee": (60, 160), "chelsea": (20, 100)}


@functools.cache
def photo(name):
    """Photograph uint8 [192, 256, 3] by name."""
    data = pytest.importorskip("skimage.data")
    top, left = CORNERS[name]
    return np.ascontiguousarray(getattr(data, name)()[top : top + HEIGHT, left : left + WIDTH])


def _bytes(image):
    return np.clip(np.floor(image + 0.5), 0, 255).astype(np.uint8)


def jpeg(image):
    stored = io.BytesIO()
    Image.fromarray(image).save(stored, "JPEG", quality=20, subsampling=0)
    return np.asarray(Image.open(stored))


def blur(image):
    return _bytes(ndimage.gaussian_filter(image.astype(np.float64), (1.5, 1.5, 0)))


def box(image):
    return _bytes(ndimage.uniform_filter(image.astype(np.float64), (5, 5, 1)))


def noise(image):
    return _bytes(image + np.random.default_rng(0).normal(scale=15, size=image.shape))


def brightness(image):
    return _bytes(image * 0.8 + 25)


DISTORTIONS = {
    "none": np.asarray,
    "jpeg": jpeg,
    "blur": blur,
    "box": box,
    "noise": noise,
    "brightness": brightness,
}
RECIPES = tuple(f"{name}/{kind}" for name in CORNERS for kind in DISTORTIONS)


@functools.cache
def recipe(name):
    """(image, ref) of `PHOTO/DISTORTION`, uint8 [192, 256, 3]; equal for the distortion `none`."""
    name, _, kind = name.partition("/")
    ref = photo(name)
    return DISTORTIONS[kind](ref), ref
