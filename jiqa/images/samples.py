"""RGB samples of 8 or 16 bits from Pillow images of any depth."""

import re
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

# For every uint16, the nearest uint8 at the same share of full scale: x / 257.
_BYTES = ((np.arange(2**16, dtype=np.uint32) * 255 + 32767) // 65535).astype(np.uint8)
_TOP = 2**16 - 1
# Pillow's one-channel modes of more than 8 bits; the shorter ones are unsigned.
_WIDE, _SHORT = ("I", "F"), "I;16"
# Of 16 bits, Pillow's unpackers drop one byte. Raw modes that match here keep that byte.
_DEEP = re.compile("(;16[BLN]|^SGI16)$")
_OTHER = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}
# TIFF's tags: bits per sample, meaning of 0, planes, signedness, and pairs of (lowest, highest).
_BITS, _PHOTOMETRIC, _PLANES, _FORMAT = 258, 262, 284, 339
_RANGES = ((340, 341), (280, 281))
_UNSIGNED, _SEPARATE = 1, 2
# Pixels scaled at a time, by rows.
_BAND = 2**20


def to_bytes(pixels: np.ndarray) -> np.ndarray:
    """uint8 unchanged; uint16 rounded to the nearest uint8."""
    return _BYTES[pixels] if pixels.dtype == np.uint16 else pixels


def of(image: Image.Image, again: Callable[[], Image.Image] | None = None) -> np.ndarray:
    """RGB pixels of a Pillow image: uint8, or uint16 if it has more than 8 bits, [h, w, 3].

    Args:
        image: an image of any mode.
        again: opens the same file once more, for an `image` that is not loaded yet: Pillow returns
            only one byte of a channel's 16 bits at a time.

    Raises:
        ValueError: samples of unknown range, or outside their range.
    """
    if image.mode in _WIDE or image.mode.startswith(_SHORT):
        return np.repeat(_scaled(image)[..., None], 3, axis=-1)
    if again and sixteen(image):
        return _both_bytes(image, again())
    return np.asarray(image.convert("RGB"))


def sixteen(image: Any) -> bool:
    """Whether an image not yet loaded has 16 bits per channel, of which Pillow would drop 8."""
    if not getattr(image, "tile", None) or image.mode in _WIDE or image.mode.startswith(_SHORT):
        return False
    return max(getattr(image, "tag_v2", {}).get(_BITS, (8,))) > 8 or bool(_raw_modes(image))


def _raw_modes(image: Any) -> set[str]:
    """Pillow's names of the image's 16-bit layouts."""
    parts = [part for tile in image.tile for part in (tile[0], *_arguments(tile))]
    return {part for part in parts if isinstance(part, str) and _DEEP.search(part)}


def _arguments(tile: Any) -> tuple[Any, ...]:
    return tile[3] if isinstance(tile[3], tuple) else (tile[3],)


def _both_bytes(image: Any, again: Any) -> np.ndarray:
    raw = _raw_modes(image)
    if raw == {"LA;16B"}:  # grey and alpha: four bytes, as in RGBA
        _reread(image, "RGBA", "RGBA")
        both = np.asarray(image)
        return np.repeat(_joined(both[..., 0], both[..., 1])[..., None], 3, axis=-1)
    kind, _, order = raw.pop().partition(";16") if len(raw) == 1 else ("", "", "")
    planes = getattr(image, "tag_v2", {}).get(_PLANES) == _SEPARATE
    if kind not in ("RGB", "RGBX", "RGBA", "CMYK") or planes:
        raise ValueError("16 bits per channel in planes or an order that jiqa cannot read")
    _reread(again, again.mode, f"{kind};16{_OTHER[order]}")
    colours = 4 if kind == "CMYK" else 3
    pixels = _joined(*(np.asarray(each)[..., :colours] for each in (image, again)))
    if kind == "CMYK":
        cmyk = Image.frombytes("CMYK", image.size, to_bytes(pixels).tobytes())
        return np.asarray(cmyk.convert("RGB"))
    return pixels


def _reread(image: Any, mode: str, raw: str) -> None:
    """Makes Pillow load the image's bytes as samples of another kind."""
    image._mode = mode
    image.tile = [
        tile._replace(args=(raw, *_arguments(tile)[1:]) if isinstance(tile[3], tuple) else raw)
        for tile in image.tile
    ]


def _joined(high: np.ndarray, low: np.ndarray) -> np.ndarray:
    joined = high.astype(np.uint16)
    joined <<= 8
    joined |= low
    return joined


def _scaled(image: Any) -> np.ndarray:
    """uint16 [h, w] from one channel of more than 8 bits, or of floats."""
    tags = getattr(image, "tag_v2", {})
    low, high = _range(image, tags)
    values = np.asarray(image)
    if image.mode == "I" and tags.get(_FORMAT, (_UNSIGNED,))[0] == _UNSIGNED:
        values = values.view(np.uint32) if tags else values
    if not (values.min() >= low and values.max() <= high):
        found = f"samples in [{values.min():g}, {values.max():g}]"
        raise ValueError(f"{found} outside their stated range [{low:g}, {high:g}]")
    scaled = np.empty(values.shape, np.uint16)
    rows = max(1, _BAND // values.shape[1])
    for start in range(0, len(values), rows):
        band = slice(start, start + rows)
        scaled[band] = np.rint((values[band].astype(np.float64) - low) * (_TOP / (high - low)))
    return _TOP - scaled if tags.get(_PHOTOMETRIC) == 0 else scaled


def _range(image: Any, tags: Any) -> tuple[float, float]:
    """Values of black and white."""
    if image.mode.startswith(_SHORT):
        return 0, 2 ** tags.get(_BITS, (16,))[0] - 1
    if image.format == "PPM" and image.mode == "I":
        return 0, _TOP  # as Pillow scales it by the largest value that the file states
    for lowest, highest in _RANGES:
        if highest in tags:
            ends = [_first(tags.get(lowest, 0)), _first(tags[highest])]
            if ends[0] < ends[1]:
                return ends[0], ends[1]
    kind = "floating-point samples" if image.mode == "F" else "32-bit or signed samples"
    raise ValueError(f"{kind} without a stated range")


def _first(value: Any) -> float:
    return float(value[0] if isinstance(value, tuple) else value)
