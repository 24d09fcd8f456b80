"""Files of fitted parameters: the package's (.npz, in this folder) and the authors' (.mat)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from jiqa.errors import InputError
from jiqa.files import matlab

Files = str | Path | Sequence[str | Path]


def ours(name: str) -> Path:
    """Path of the parameters of that name in the package."""
    return Path(__file__).parent / "params" / name


def chosen(path: Any, name: str) -> Path:
    """The file at `path`; where `path` is None, the package's parameters called `name`.

    Raises:
        InputError: `path` is not one path.
    """
    if path is None:
        return ours(name)
    if not isinstance(path, str | Path):
        raise InputError(f"params: found {path!r}, expected a file")
    return Path(path)


def several(given: Any, name: str, most: int) -> list[Path]:
    """The files given as a list or separated by commas; for None, the package's file called `name`.

    Raises:
        InputError: no file, more than `most`, or something that is no path.
    """
    if given is None:
        return [ours(name)]
    if isinstance(given, str) and not Path(given).is_file():
        given = given.split(",")
    elif isinstance(given, str | Path):
        given = [given]
    found = list(given) if isinstance(given, list | tuple) else []
    fits = 0 < len(found) <= most and all(isinstance(x, str | Path) for x in found)
    if not fits:
        raise InputError(f"params: found {given!r}, expected a file, or up to {most}")
    return [Path(x) for x in found]


def read(
    path: Path,
    names: Mapping[str, tuple[str, ...]],
    cells: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
) -> dict[str, np.ndarray]:
    """Arrays of a .npz or .mat file, float64, under the keys of `names`.

    Args:
        path: path of the file.
        names: for each key, the names that the field may have in the file; the first found counts.
        cells: for each of MATLAB's cell arrays, by name, the names to give to its cells.

    Raises:
        InputError: no such file, not of that kind, or a missing field.
    """
    fields = arrays(path)
    for cell, inside in cells.items():
        if cell in fields:
            fields |= dict(zip(inside, fields[cell].flat, strict=False))
    out = {}
    for key, known in names.items():
        name = next((name for name in known if name in fields), None)
        if name is None:
            there = ", ".join(sorted(name for name in fields if not name.startswith("__")))
            raise InputError(f"{path}: found {there}, expected {' or '.join(known)}")
        try:
            out[key] = np.asarray(fields[name], np.float64)
        except (TypeError, ValueError, OverflowError):
            found = f"an array of {fields[name].dtype}"
            raise InputError(f"{path}: {name}: found {found}, expected numbers") from None
    return out


def arrays(path: Path) -> dict[str, Any]:
    """Content of a .npz or .mat file, by name.

    Raises:
        InputError: no such file, or not of that kind.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file, expected parameters (.npz or .mat)")
    expected = "parameters (.npz or .mat)"
    if path.suffix == ".mat":
        return matlab.load(path, expected)
    try:
        stored = np.load(path, allow_pickle=False)
        if isinstance(stored, np.ndarray):
            raise ValueError("one array without a name")
        with stored:
            return dict(stored)
    except Exception as error:  # NumPy raises many kinds
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        if "pickle" in reason:  # NumPy's guess of whatever is no archive
            reason = "found no .npz file"
        raise InputError(f"{path}: {reason}, expected {expected}") from error


def shaped(path: Path, name: str, found: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """`found`, checked for its shape (-1 stands for any length) and for finite values.

    Raises:
        InputError: another shape, or a value that is not finite.
    """
    fits = len(found.shape) == len(shape) and all(
        s in (-1, f) for s, f in zip(shape, found.shape, strict=True)
    )
    if not fits:
        raise InputError(f"{path}: {name}: found {list(found.shape)}, expected {list(shape)}")
    if not np.isfinite(found).all():
        raise InputError(f"{path}: {name}: found values that are not finite, expected numbers")
    return found
