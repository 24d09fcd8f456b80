"""JPEG files that are damaged, though decoders make an image of them.

Two signs tell it. libjpeg warns of entropy-coded data that end too early, or too late, or hold a
code that no table has: a hole or a missing piece leaves decoder and data out of step. And a hole
filled with zeros is seen where the two come into step again: zeros are read as the symbol of the
shortest code, so a long run of them is legitimate only where this symbol says that a block is flat.
Not seen: a changed byte here and there, or a piece cut out, that leaves the number of codes as it
was; zeros in a scan whose shortest codes are those of flat blocks, or in one that refines the
means of blocks, where they come into step; files in arithmetic coding.
"""

import re
import struct
from collections.abc import Iterator

import simplejpeg

_START, _SCAN, _TABLES = 0xD8, 0xDA, 0xC4
# Markers that stand alone, and the one that ends a scan: not a stuffed zero, a restart or a fill.
_ALONE = (0x01, *range(0xD0, 0xDA))
_END_OF_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
# Frames in Huffman coding: baseline, extended, progressive.
_FRAMES, _OTHER_FRAMES = (0xC0, 0xC1, 0xC2), (0xC3, *range(0xC5, 0xC8), *range(0xC9, 0xD0))
# What libjpeg says of damage, and what simplejpeg's header says of what it does not read.
_DAMAGE = re.compile("Corrupt JPEG data|Premature end|Bogus|Invalid progressive|Inconsistent")
# Bytes of zeros in a scan: several blocks of 64 coefficients that would all be the same.
_ZEROS = 64
# In progressive scans but for those of means: there flat blocks are counted, not told one by one.
_LONG_ZEROS = 512


def damage(data: bytes) -> str:
    """Flaw of a JPEG that can be decoded nonetheless, in words; '' of a whole one, or no JPEG.

    Bytes between the segments before the first scan do no harm. Whether the file can be decoded at
    all is not asked: see `jiqa.images.decode`.
    """
    if not data.startswith(b"\xff\xd8"):
        return ""
    return _warning(data) or _hole(data)


def _warning(data: bytes) -> str:
    """libjpeg's first warning of damage."""
    for version in (data, None):
        try:
            version = version or _without_padding(data)
            space = simplejpeg.decode_jpeg_header(version)[2]
            simplejpeg.decode_jpeg(version, "CMYK" if space in ("CMYK", "YCCK") else "RGB")
        except ValueError as error:
            found = (str(error).splitlines() or [""])[0]
        else:
            return ""
    return found if _DAMAGE.search(found) else ""


def _without_padding(data: bytes) -> bytes:
    """The file with nothing between the segments before its first scan."""
    whole = [data[:2]]
    for marker, start, end in _segments(data):
        whole.append(data[start:end])
        if marker == _SCAN:
            return b"".join([*whole, data[end:]])
    return data


def _hole(data: bytes) -> str:
    """Zeros in a scan that no encoder writes."""
    if bytes(_ZEROS) not in data:
        return ""
    flat: dict[int, bool] = {}  # by class and number of a table: whether zeros are a flat block
    for marker, start, end in _segments(data):
        if marker in _OTHER_FRAMES:
            return ""
        if marker == _TABLES:
            flat |= _flat(data[start + 4 : end])
        elif marker == _SCAN and (longest := _longest(data[start:end], flat)):
            place = data.find(bytes(longest), end, _scan_end(data, end))
            if place >= 0:
                return f"a hole of zeros at byte {place}"
    return ""


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """(marker, start, end) of each segment after the first; a scan's header is one."""
    place = 2
    while (place := data.find(b"\xff", place)) >= 0 and place + 4 <= len(data):
        marker = data[place + 1]
        if marker in (0x00, 0xFF, *_ALONE):
            place += 2 if marker != 0xFF else 1
            continue
        end = place + 2 + struct.unpack(">H", data[place + 2 : place + 4])[0]
        yield marker, place, end
        place = _scan_end(data, end) if marker == _SCAN else end


def _scan_end(data: bytes, start: int) -> int:
    found = _END_OF_SCAN.search(data, start)
    return found.start() if found else len(data)


def _flat(tables: bytes) -> dict[int, bool]:
    """Whether the code of zeros means nothing but zeros, of each table of a segment DHT."""
    found, place = {}, 0
    while place + 17 < len(tables):
        # The first symbol has the code of zeros; its low half counts the bits of a value.
        found[tables[place]] = tables[place + 17] & 0x0F == 0
        place += 17 + sum(tables[place + 1 : place + 17])
    return found


def _longest(scan: bytes, flat: dict[int, bool]) -> int | None:
    """Bytes of zeros that a scan of this header may have; None of any number."""
    count = scan[4] if len(scan) > 4 else 0
    if len(scan) < 8 + 2 * count:
        return None
    first, last, bits = scan[5 + 2 * count : 8 + 2 * count]
    chosen = scan[6 : 5 + 2 * count : 2]
    tables = [0x10 | table & 0x0F if last else table >> 4 for table in chosen]
    refines = bits >> 4  # which has bits without codes
    if not refines and not all(flat.get(table, True) for table in tables):
        return _ZEROS
    return _LONG_ZEROS if first else None
