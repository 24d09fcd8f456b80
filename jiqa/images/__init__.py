"""Pixels of stored images: decoding, EXIF orientation, size limits, and photographs of a folder.

Pixels are RGB [h, w, 3]: uint8 (0..255), or uint16 (0..65535) from `decode_deep` where a file has
more than 8 bits. Rules for stored images:
  Grey is repeated over the three channels; a palette is applied; alpha is dropped, and the colours
  under it count as stored; CMYK becomes RGB without a colour profile, as in Pillow; profiles are
  not applied; the first of several frames is taken.
  9 to 16 bits are scaled by the largest value that so many bits hold, and rounded to 8 bits where
  8 are asked for. Integers of 32 bits, signed integers and floats are scaled by the range that the
  file states (TIFF's SMinSampleValue and SMaxSampleValue, else MinSampleValue and MaxSampleValue).
  Files without a range, or with values outside it, are refused.
  `upright` turns an image as its EXIF orientation says, as viewers do; by default pixels stay as
  stored.

The header's size is checked before decoding. Every error of a decoder becomes an InputError of one
line.
"""

from jiqa.images.jpeg import damage
from jiqa.images.listing import Listing, chosen, listed, photographs
from jiqa.images.reading import (
    MAX_PIXELS,
    decode,
    decode_deep,
    of_pillow,
    size,
    size_of_pillow,
)
from jiqa.images.samples import to_bytes

__all__ = [
    "MAX_PIXELS",
    "Listing",
    "chosen",
    "damage",
    "decode",
    "decode_deep",
    "listed",
    "of_pillow",
    "photographs",
    "size",
    "size_of_pillow",
    "to_bytes",
]
