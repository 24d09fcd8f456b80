"""Damage of JPEG files that decoders accept all the same.

Two signs reveal damage. First, libjpeg warns of entropy-coded data that end too early or too late,
or that hold a code missing from the table: a hole or a missing piece puts decoder and data out of
step. Second, a hole filled with zeros: zeros decode as the symbol of the shortest code, so a long
run of zeros is legitimate only where this symbol means a flat block.
Not detected: single changed bytes, or a piece cut out, that leave the number of codes unchanged;
zeros in a scan whose shortest codes mean flat blocks, or in a scan that refines the blocks' means,
where decoder and data come into step again; arithmetic coding.
"""

import re
import struct
from collections.abc import Iterator

import simplejpeg

_START, _SCAN, _TABLES = 0xD8, 0xDA, 0xC4
# Markers without a segment, and the marker that ends a scan: no stuffed zero, restart or fill.
_ALONE = (0x01, *range(0xD0, 0xDA))
_END_OF_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
# Frames in Huffman coding: baseline, extended, progressive.
_FRAMES, _OTHER_FRAMES = (0xC0, 0xC1, 0xC2), (0xC3, *range(0xC5, 0xC8), *range(0xC9, 0xD0))
# libjpeg's warnings of damage, and the errors of simplejpeg's header for files that it cannot read.
_DAMAGE = re.compile("Corrupt JPEG data|Premature end|Bogus|Invalid progressive|Inconsistent")
# Length of a suspicious run of zeros in a scan: several blocks of 64 coefficients, all the same.
_ZEROS = 64
# The same in progressive scans, except those of means: they code runs of flat blocks as one symbol.
_LONG_ZEROS = 512


def damage(data: bytes) -> str:
    """Damage of a JPEG that can be decoded nonetheless, in words; '' for a whole file, or no JPEG.

    Bytes between the segments before the first scan are harmless. Files that cannot be decoded at
    all are not detected here: see `jiqa.images.decode`.
    """
    if not data.startswith(b"\xff\xd8"):
        return ""
    return _warning(data) or _hole(data)


def _warning(data: bytes) -> str:
    """libjpeg's first warning of damage; '' if there is none."""
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
    """The file without bytes between the segments before its first scan."""
    whole = [data[:2]]
    for marker, start, end in _segments(data):
        whole.append(data[start:end])
        if marker == _SCAN:
            return b"".join([*whole, data[end:]])
    return data


def _hole(data: bytes) -> str:
    """Description of a run of zeros in a scan that no encoder writes; '' if there is none."""
    if bytes(_ZEROS) not in data:
        return ""
    flat: dict[int, bool] = {}  # by a table's class and number: do zeros mean a flat block?
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
    """(marker, start, end) of each segment after the first; the header of a scan counts as one."""
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
    """Whether the all-zero code means a flat block, for each table of a DHT segment."""
    found, place = {}, 0
    while place + 17 < len(tables):
        # The first symbol has the all-zero code; its low half is the number of bits of a value.
        found[tables[place]] = tables[place + 17] & 0x0F == 0
        place += 17 + sum(tables[place + 1 : place + 17])
    return found


def _longest(scan: bytes, flat: dict[int, bool]) -> int | None:
    """Longest legitimate run of zero bytes in a scan with this header; None for no limit."""
    count = scan[4] if len(scan) > 4 else 0
    if len(scan) < 8 + 2 * count:
        return None
    first, last, bits = scan[5 + 2 * count : 8 + 2 * count]
    chosen = scan[6 : 5 + 2 * count : 2]
    tables = [0x10 | table & 0x0F if last else table >> 4 for table in chosen]
    refines = bits >> 4  # a refinement has bits without codes
    if not refines and not all(flat.get(table, True) for table in tables):
        return _ZEROS
    return _LONG_ZEROS if first else None
