"""MATLAB files are read as SciPy reads them."""

import numpy as np
import pytest
import scipy.io

from jiqa.errors import InputError
from jiqa.files import matlab

RNG = np.random.default_rng(3)


def _cells(*values):
    cells = np.empty((1, len(values)), object)
    cells[0] = values
    return cells


ARRAYS = {
    "double": RNG.normal(size=(3, 4)),
    "whole": np.arange(6.0).reshape(2, 3) * 1000,
    "single": RNG.normal(size=(2, 3, 4)).astype(np.float32),
    "bytes": np.arange(-3, 3, dtype=np.int8)[None],
    "wide": np.array([[2**60, -(2**60)]], np.int64),
    "logical": np.array([[True, False]]),
    "complex": RNG.normal(size=(2, 2)) + 1j * RNG.normal(size=(2, 2)),
    "empty": np.zeros((0, 3)),
    "text": "photograph.bmp",
    "lines": np.array(["ab ", "cde"]),
    "cyrillic": "Фото.png",
    "nothing": "",
    "cells": _cells("a.bmp", np.arange(3.0)[None], _cells("b", "longer than four")),
    "structure": {"left": 1.0},
    "after": 7,
}


def _same(ours, theirs):
    assert ours.shape == theirs.shape
    if theirs.dtype == object:
        for one, other in zip(ours.flat, theirs.flat, strict=True):
            _same(one, other)
    else:
        np.testing.assert_array_equal(ours, theirs)
        assert ours.dtype.kind == theirs.dtype.kind


@pytest.mark.parametrize("options", [{}, {"do_compression": True}, {"format": "4"}], ids=str)
def test_every_array_is_scipys(tmp_path, options):
    known = ARRAYS
    if "format" in options:
        known = {name: ARRAYS[name] for name in ("double", "whole", "text", "complex")}
    scipy.io.savemat(tmp_path / "a.mat", known, **options)
    ours, theirs = matlab.load(tmp_path / "a.mat", "arrays"), scipy.io.loadmat(tmp_path / "a.mat")
    for name in known.keys() - {"structure"}:
        _same(ours[name], theirs[name])
    assert "structure" not in ours


def test_the_authors_files_are_read_as_by_scipy(shared):
    files = sorted(shared.rglob("*.mat"))
    assert files
    for path in files:
        ours, theirs = matlab.load(path, "arrays"), scipy.io.loadmat(path)
        names = [name for name in theirs if not name.startswith("__")]
        assert names
        for name in names:
            _same(ours[name], theirs[name])


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        (None, "No such file or directory"),
        (b"", "found no MATLAB file"),
        (b"MATLAB 7.3 MAT-file" + bytes(105) + b"\0\2IM", "of version 0x0200"),
        (b"M" * 124 + b"\0\1IM" + b"\x0f\0\0\0\xff\0\0\0x", "found 1 of 255 bytes"),
        (b"M" * 124 + b"\0\1IM" + b"\x05\0\0\0\0\0\0\0", "an element of type 5 in the place of"),
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path, stored, message):
    path = tmp_path / "a.mat"
    if stored is not None:
        path.write_bytes(stored)
    with pytest.raises(InputError, match=f"a.mat: .*{message}.*, expected parameters") as error:
        matlab.load(path, "parameters")
    assert "\n" not in str(error.value)
