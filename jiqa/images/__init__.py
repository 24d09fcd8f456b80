"""Stored bytes to pixels: decode, EXIF orientation, limits in pixels, and photographs of a folder.

Pixels are RGB [h, w, 3], uint8 (0..255), or uint16 (0..65535) where a file has more than 8 bits
and `decode_deep` reads it. Of a stored image:
  Grey is repeated over the three channels; a palette is applied; alpha is dropped, and the colours
  under it count as they are stored; CMYK becomes RGB without a colour profile, as in Pillow;
  profiles are not applied; the first of several frames is taken.
  9 to 16 bits are scaled by the largest value that so many bits hold; 8 bits of them are the
  nearest ones. Integers of 32 bits, signed ones and floats are scaled by the range that the file
  states (TIFF's SMinSampleValue and SMaxSampleValue, else MinSampleValue and MaxSampleValue), and
  refused where it states none or has a value outside it.
  `upright` turns an image as its EXIF orientation says, as viewers show it; without it the pixels
  are as stored.

The size in the header is read before anything is decoded. Whatever a decoder raises is an
InputError of one line.
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
