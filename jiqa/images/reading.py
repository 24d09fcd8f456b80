"""Sizes and pixels of stored images, and of Pillow images."""

import contextlib
import io
import struct
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import simplejpeg
from PIL import ExifTags, Image, TiffImagePlugin, UnidentifiedImageError

from jiqa.errors import InputError
from jiqa.images import samples

# Largest number of pixels decoded unless the caller raises the limit.
MAX_PIXELS = 100_000_000
# Pillow's names of the formats that are read; TGA comes last, since it has no signature. Left out
# are formats drawn by other programs (EPS, WMF), and icons, whose header lacks the true size.
FORMATS = (
    *("JPEG", "PNG", "TIFF", "WEBP", "AVIF", "BMP", "DIB", "GIF", "JPEG2000", "PPM", "QOI", "PSD"),
    *("DDS", "PCX", "SGI", "SUN", "TGA"),
)
_ORIENTATION = ExifTags.Base.Orientation
_UPRIGHT = 1
# By orientation: the orientation that undoes it.
_UNDO = {5: 5, 6: 8, 7: 7, 8: 6, 2: 2, 3: 3, 4: 4}
_LETTERS = 200

_lock = threading.Lock()
_readers = 0
_pillows_limit: int | None = None


def size(
    data: bytes, name: str = "image", *, upright: bool = False, max_pixels: int = MAX_PIXELS
) -> tuple[int, int]:
    """(height, width) in pixels, from the header alone; `upright` applies the EXIF orientation.

    Raises:
        InputError: bytes that are no image, or claim more than `max_pixels`; the message begins
            with `name`.
    """
    with _named(data, name), _opened(data, max_pixels) as image:
        return _size(image, _orientation(image, data), upright)


def decode(
    data: bytes, name: str = "image", *, upright: bool = False, max_pixels: int = MAX_PIXELS
) -> np.ndarray:
    """RGB pixels, uint8 [h, w, 3], of a stored image, by the rules of `jiqa.images`.

    simplejpeg decodes JPEG, with the exact inverse transform and upsampling. Pillow decodes CMYK
    JPEG, JPEG that simplejpeg refuses, and every other format.

    Args:
        data: a whole file.
        name: the image's name in error messages.
        upright: turn the image as its EXIF orientation says.
        max_pixels: largest number of pixels that the header may claim.

    Raises:
        InputError: bytes that are no whole image, or claim too many pixels; the message begins
            with `name`.
    """
    return samples.to_bytes(decode_deep(data, name, upright=upright, max_pixels=max_pixels))


def decode_deep(
    data: bytes, name: str = "image", *, upright: bool = False, max_pixels: int = MAX_PIXELS
) -> np.ndarray:
    """As `decode`, but uint16 [h, w, 3] (0..65535) for a file of more than 8 bits.

    Raises:
        InputError: see `decode`.
    """
    with _named(data, name):
        if not upright and (pixels := _jpeg(data, max_pixels)) is not None:
            return pixels
        with _opened(data, max_pixels) as image:
            orientation = _orientation(image, data)
            if upright and (pixels := _jpeg(data, max_pixels)) is not None:
                turn = orientation
            else:
                # Pillow itself turns TIFF only.
                stored, turned = _UNDO.get(orientation, 1), image.format == "TIFF"
                turn = (1 if turned else orientation) if upright else (stored if turned else 1)
                pixels = samples.of(image, lambda: Image.open(io.BytesIO(data), formats=FORMATS))
        return np.ascontiguousarray(oriented(pixels, turn))


def of_pillow(image: Image.Image, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Upright pixels of a Pillow image, uint8 or uint16 [h, w, 3].

    Raises:
        InputError: an image that is broken, too large, or of samples of unknown range.
    """
    with _reading(lambda said: f"image: {said}, expected a whole Pillow image of bytes"):
        _check(image.width, image.height, max_pixels)
        turn = _orientation(image, None)
        data = _file(image) if samples.sixteen(image) else b""
        pixels = samples.of(image, lambda: Image.open(io.BytesIO(data), formats=FORMATS))
        return pixels if image.format == "TIFF" else oriented(pixels, turn)


def size_of_pillow(image: Image.Image) -> tuple[int, int]:
    """(height, width) of the pixels that `of_pillow` returns."""
    return _size(image, _orientation(image, None), upright=True)


def oriented(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Pixels [h, w, ...] turned as EXIF's `orientation`, 1 to 8, says; a view."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    rows = -1 if orientation in (3, 4, 7, 8) else 1
    columns = -1 if orientation in (2, 3, 6, 7) else 1
    return pixels[::rows, ::columns]


def _jpeg(data: bytes, max_pixels: int) -> np.ndarray | None:
    """Pixels of an undamaged RGB or grey JPEG; None for anything else."""
    try:
        height, width, space, _ = simplejpeg.decode_jpeg_header(data)
        _check(int(width), int(height), max_pixels)
        return None if space in ("CMYK", "YCCK") else simplejpeg.decode_jpeg(data, "RGB")
    except ValueError:
        return None  # no JPEG, or a flaw that Pillow may accept


@contextlib.contextmanager
def _named(data: bytes, name: str) -> Iterator[None]:
    """Turns a decoder's error into one line that begins with `name`."""

    def line(said: str) -> str:
        return f"{name}: {said or f'{len(data)} bytes of no known format'}, expected a whole image"

    with _reading(line, name):
        yield


@contextlib.contextmanager
def _reading(line: Callable[[str], str], name: str = "image") -> Iterator[None]:
    try:
        with _without_pillows_limit():
            yield
    except _TooLargeError as error:
        raise InputError(f"{name}: {error}") from None
    except UnidentifiedImageError as error:
        raise InputError(line("")) from error
    except Exception as error:  # decoders of broken bytes raise anything
        said = (str(error).strip().splitlines() or [type(error).__name__])[0][:_LETTERS]
        raise InputError(line(said)) from error


class _TooLargeError(Exception):
    pass


@contextlib.contextmanager
def _opened(data: bytes, max_pixels: int) -> Iterator[Image.Image]:
    """Pillow's image with only its header read, once checked to be small enough."""
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        _check(image.width, image.height, max_pixels)
        if isinstance(image, TiffImagePlugin.TiffImageFile):
            tags = image.tag_v2
            sides = (
                tags.get(TiffImagePlugin.TILEWIDTH, 1),
                tags.get(TiffImagePlugin.TILELENGTH, 1),
            )
            _check(*sides, max_pixels)
        if image.format == "JPEG2000":
            _check_jpeg2000(image, data)
        yield image


def _check_jpeg2000(image: Image.Image, data: bytes) -> None:
    """Refuses colours of more than 8 bits, whose lowest bits Pillow would drop."""
    start = data.find(b"\xff\x4f\xff\x51") + 40  # of the components, in marker SIZ
    count = struct.unpack(">H", data[start : start + 2])[0]
    bits = max(1 + (size & 0x7F) for size in data[start + 2 : start + 2 + 3 * count : 3])
    if bits > 8 and not image.mode.startswith("I;16"):
        raise ValueError(f"{bits} bits per channel in JPEG 2000, which jiqa cannot read")


@contextlib.contextmanager
def _without_pillows_limit() -> Iterator[None]:
    """Lifts Pillow's own limit and warning: `_check` has applied the caller's limit.

    Pillow's limit is global to the process, so it stays lifted while any thread reads.
    """
    global _readers, _pillows_limit
    with _lock:
        if not _readers:
            _pillows_limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        _readers += 1
    try:
        yield
    finally:
        with _lock:
            _readers -= 1
            if not _readers:
                Image.MAX_IMAGE_PIXELS = _pillows_limit


def _check(width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise _TooLargeError(
            f"found {width}x{height}, {width * height:,} pixels, expected {max_pixels:,} at most; "
            "--max_pixels raises the limit"
        )


def _file(image: Any) -> bytes:
    """All bytes of the file behind a Pillow image; keeps the file's position."""
    place = image.fp.tell()
    image.fp.seek(0)
    data = image.fp.read()
    image.fp.seek(place)
    return data


def _size(image: Image.Image, orientation: int, upright: bool) -> tuple[int, int]:
    """(height, width), as stored or upright; Pillow reports the upright size of a TIFF."""
    across = orientation in (5, 6, 7, 8) and upright != (image.format == "TIFF")
    return (image.width, image.height) if across else (image.height, image.width)


def _orientation(image: Image.Image, data: bytes | None) -> int:
    """EXIF's orientation, 1 to 8; 1 where it is missing or invalid."""
    found = None
    with contextlib.suppress(Exception):  # broken EXIF is no broken image
        if image.format == "PNG" and not _tells(image):
            # Pillow would decode the whole image to find EXIF behind the pixels.
            exif = Image.Exif()
            exif.load(b"Exif\0\0" + _png_exif(_file(image) if data is None else data))
        elif isinstance(image, TiffImagePlugin.TiffImageFile):
            exif = image.tag_v2
        else:
            exif = image.getexif()
        found = exif.get(_ORIENTATION)
    return found if isinstance(found, int) and 1 <= found <= 8 else _UPRIGHT


def _tells(image: Image.Image) -> bool:
    return any(key in image.info for key in ("exif", "Raw profile type exif"))


def _png_exif(data: bytes) -> bytes:
    """Content of a PNG's eXIf chunk; b"" where there is none."""
    start = 8
    while start + 8 <= len(data):
        length, kind = struct.unpack(">I4s", data[start : start + 8])
        if kind == b"eXIf":
            return data[start + 8 : start + 8 + length]
        start += length + 12
    return b""
