"""Image operations in NumPy: stored bytes to pixels, resize, crop, flip.

Images are uint8 [h, w, 3], RGB, 0..255.
"""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import simplejpeg
from PIL import Image, ImageOps, UnidentifiedImageError

from jiqa.errors import InputError

_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
# What Pillow raises for bytes that are no image, or only a part of one.
_BROKEN = (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError)


def files(folder: Path) -> list[Path]:
    """The image files of a folder, sorted.

    Raises:
        InputError: it is missing, or has none.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: found no such folder, expected one of photographs")
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES)
    if not paths:
        raise InputError(f"{folder}: found no images, expected photographs")
    return paths


def decode(data: bytes, name: str = "image") -> np.ndarray:
    """Stored bytes -> RGB pixels, uint8 [h, w, 3].

    JPEG goes through simplejpeg with the exact inverse transform and upsampling; CMYK JPEG and
    every other format through Pillow. Grey is repeated over the three channels, a palette is
    applied, 16 bits keep their high byte, alpha is dropped, the first of several frames is taken.
    The pixels are as stored: an EXIF orientation is not applied.

    Raises:
        InputError: the bytes are not a whole image; the message begins with `name`.
    """
    try:
        if simplejpeg.decode_jpeg_header(data)[2] not in ("CMYK", "YCCK"):
            return simplejpeg.decode_jpeg(data, "RGB")
    except ValueError:
        pass  # not a JPEG, or one with a flaw that Pillow may know to be harmless
    return _with_pillow(data, name, to_rgb)


def decode_upright(data: bytes, name: str = "image") -> np.ndarray:
    """As `decode`, but turned as the EXIF orientation asks: as a viewer shows it.

    Raises:
        InputError: the bytes are not a whole image; the message begins with `name`.
    """
    return _with_pillow(data, name, lambda image: to_rgb(ImageOps.exif_transpose(image)))


def size(data: bytes, name: str = "image") -> tuple[int, int]:
    """(height, width) in pixels, from the header alone.

    Raises:
        InputError: the bytes are not an image; the message begins with `name`.
    """
    return _with_pillow(data, name, lambda image: (image.height, image.width))


def _with_pillow(data: bytes, name: str, read: Callable[[Image.Image], Any]) -> Any:
    try:
        with Image.open(io.BytesIO(data)) as image:
            return read(image)
    except _BROKEN as error:
        unknown = isinstance(error, UnidentifiedImageError)
        found = f"{len(data)} bytes of no known format" if unknown else error
        raise InputError(f"{name}: {found}, expected a whole image") from error


def to_rgb(image: Image.Image) -> np.ndarray:
    """Pillow's image -> uint8 [h, w, 3], by the rules of `decode`; ValueError for floats."""
    if image.mode == "F":
        raise ValueError("floating-point samples")
    if image.mode.startswith("I"):
        grey = (np.asarray(image) >> 8).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=-1)
    return np.asarray(image.convert("RGB"))


def resize(image: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Bilinear resize of uint8 [h, w, 3] to `shape` (height, width), antialiased as in Pillow."""
    height, width = shape
    if image.shape[:2] == (height, width):
        return image
    resized = Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(resized)


def crop(image: np.ndarray, top: int, left: int, side: int) -> np.ndarray:
    """The square window of `side` pixels whose corner is (top, left); a view, not a copy."""
    return image[top : top + side, left : left + side]


def flip(image: np.ndarray) -> np.ndarray:
    """Mirror left and right; a view, not a copy."""
    return image[:, ::-1]
