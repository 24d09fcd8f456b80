"""Arrays of MATLAB files of version 5 to 7, read without SciPy, which crashes on damaged files.

The format: "MAT-File Format", The MathWorks, chapter 1, Level 5.
"""

import io
import math
import struct
import zlib
from pathlib import Path

import numpy as np
import scipy.io

from jiqa.errors import InputError

# Codes of the data types in a file, with NumPy's types; the last three are UTF-8, 16 and 32.
_TYPES = {
    **{1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"},
    **{16: "u1", 17: "u2", 18: "u4"},
}
_MATRIX, _COMPRESSED, _UTF8 = 14, 15, 16
# Codes of the classes of arrays.
_CELL, _CHAR = 1, 4
_CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4"}
_CLASSES |= {14: "i8", 15: "u8"}
_HEADER, _COMPLEX = 128, 0x0800
# Largest array in bytes: a damaged or malicious file may claim any size.
_MOST = 2**30


def load(path: Path, expected: str) -> dict[str, np.ndarray]:
    """Arrays of numbers, of text (str, along the last axis) and of cells (object), by name.

    Structures, sparse and other arrays are left out. Shapes are MATLAB's, with two axes or more;
    text lacks its last axis.

    Raises:
        InputError: a file that is missing, damaged, or of another version; the message ends with
            `expected`.
    """
    try:
        data = path.read_bytes()
        if 0 in data[:4]:  # version 4, which does not crash SciPy
            return scipy.io.loadmat(io.BytesIO(data))
        return _load(data)
    except InputError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
    except Exception as error:  # NumPy, zlib, struct, SciPy: any kind
        reason = str(error) or type(error).__name__
    raise InputError(f"{path}: {' '.join(reason.split())[:200]}, expected {expected}")


def _load(data: bytes) -> dict[str, np.ndarray]:
    order = {b"IM": "<", b"MI": ">"}.get(data[126:128])
    if order is None:
        raise ValueError("found no MATLAB file")
    (version,) = struct.unpack(f"{order}H", data[124:126])
    if version != 0x0100:
        raise ValueError(f"found a MATLAB file of version {version:#06x}")
    found, elements = {}, _Elements(data[_HEADER:], order)
    while elements:
        kind, content = elements.next()
        if kind == _COMPRESSED:
            kind, content = _Elements(_inflate(content), order).next()
        if kind != _MATRIX:
            raise ValueError(f"found an element of type {kind} in the place of an array")
        name, array = _array(_Elements(content, order))
        if array is not None:
            found[name] = array
    return found


class _Elements:
    """Elements in some bytes, read one after the other; true while any are left."""

    def __init__(self, data: bytes, order: str):
        self.data, self.order, self.position = memoryview(data), order, 0

    def __bool__(self) -> bool:
        return self.position < len(self.data)

    def next(self) -> tuple[int, bytes]:
        """Type and content of the next element."""
        tag = bytes(self.data[self.position : self.position + 8])
        kind, size = struct.unpack(f"{self.order}II", tag)
        if kind >> 16:  # small: eight bytes for everything
            kind, size = kind & 0xFFFF, kind >> 16
            start, end = self.position + 4, self.position + 8
        else:
            start = self.position + 8
            end = start + (size if kind == _COMPRESSED else size + -size % 8)
        content = bytes(self.data[start : start + size])
        if len(content) < size or start + size > end:
            raise ValueError(f"found {len(content)} of {size} bytes")
        self.position = end
        return kind, content

    def numbers(self) -> np.ndarray:
        """The next element, an array of numbers."""
        kind, content = self.next()
        if kind not in _TYPES:
            raise ValueError(f"found an element of type {kind} in the place of numbers")
        return np.frombuffer(content, np.dtype(self.order + _TYPES[kind]))

    def text(self) -> str:
        """The next element, a string."""
        kind, content = self.next()
        if kind == _UTF8:
            return content.decode()
        codes = np.frombuffer(content, np.dtype(self.order + _TYPES[kind]))
        return "".join(map(chr, codes.tolist()))


def _inflate(content: bytes) -> bytes:
    stream = zlib.decompressobj()
    data = stream.decompress(content, _MOST)
    if not stream.eof:
        raise ValueError("found a compressed array that does not end")
    return data


def _array(elements: _Elements) -> tuple[str, np.ndarray | None]:
    """Name and array of an element; None in place of an array of a kind left out."""
    if not elements:
        return "", np.zeros((0, 0))
    flags, shape = int(elements.numbers()[0]), tuple(map(int, elements.numbers()))
    name, kind, count = elements.text(), flags & 0xFF, math.prod(shape)
    if len(shape) < 2 or min(shape) < 0 or count > _MOST:
        raise ValueError(f"{name}: found the shape {shape}")
    if kind == _CELL:
        return name, _cells(elements, shape, count)
    if kind == _CHAR:
        rows = np.array(list(elements.text()), "U1").reshape(shape, order="F")
        if not count:
            return name, np.zeros(0, "U1")
        lines = ["".join(row) for row in rows.reshape(-1, shape[-1])]
        return name, np.array(lines).reshape(shape[:-1])
    if kind not in _CLASSES:
        return name, None
    array = elements.numbers().astype(_CLASSES[kind]).reshape(shape, order="F")
    if flags & _COMPLEX:
        array = array + 1j * elements.numbers().reshape(shape, order="F")
    return name, array


def _cells(elements: _Elements, shape: tuple[int, ...], count: int) -> np.ndarray:
    if 8 * count > len(elements.data):
        raise ValueError(f"found {count} cells in {len(elements.data)} bytes")
    cells = np.empty(count, object)
    for position in range(count):
        kind, content = elements.next()
        if kind != _MATRIX:
            raise ValueError(f"found an element of type {kind} in the place of a cell")
        cells[position] = _array(_Elements(content, elements.order))[1]
    return cells.reshape(shape, order="F")
