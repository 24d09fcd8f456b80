"""Readers of the files of releases; names of files and folders match in any case."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import python_calamine

from jiqa.errors import InputError
from jiqa.files import matlab

# Characters of a row shown in an error message.
_SHOWN = 200
FORMATS = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff"}


def actual(path: Path, expected: str) -> Path:
    """`path` with its last part in the case in which it is stored.

    Raises:
        InputError: no such file; the message says what was `expected`.
    """
    if path.exists():
        return path
    try:
        spelt = {other.name.lower(): other for other in path.parent.iterdir()}
        return spelt[path.name.lower()]
    except (OSError, KeyError):
        raise InputError(f"{path}: not found, expected {expected}") from None


def images(folder: Path) -> dict[str, Path]:
    """Images in and below `folder`: path relative to it, in lower case -> file.

    Thumbs.db and other files that are no images are left out.

    Raises:
        InputError: no such folder, or two names that differ only in case.
    """
    folder = actual(folder, "a folder of images")
    files: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in FORMATS and not path.name.startswith("._"):
            name = path.relative_to(folder).as_posix().lower()
            if name in files:
                raise InputError(f"{path}: found {files[name].name} as well, expected one of them")
            files[name] = path
    return files


def find(files: Mapping[str, Path], name: str, folder: Path, table: str) -> Path:
    """The file called `name` in `files`, the `images` of `folder`.

    Raises:
        InputError: no such file, though `table` lists it.
    """
    try:
        return files[name.lower()]
    except KeyError:
        raise InputError(f"{folder / name}: not found, expected as {table} lists it") from None


def lines(path: Path) -> Iterator[tuple[str, str]]:
    """(place, line) of each line of a text that is not empty.

    Raises:
        InputError: a file that is missing, empty, or no text.
    """
    path = actual(path, "a table of images and scores")
    found = _text(path).splitlines()
    return ((f"{path}, line {row}", line) for row, line in enumerate(found, 1) if line.strip())


def table(path: Path, *columns: str) -> Iterator[tuple[str, dict[str, str]]]:
    """(place, row) of each row of a table of comma-separated values, with only these columns.

    Raises:
        InputError: errors of `lines`; a column that is missing or repeated in the header; a row
            with more or fewer fields than the header, as decimal commas cause them.
    """
    path = actual(path, "a table of images and scores")
    reader = csv.reader(io.StringIO(_text(path), newline=""))

    def rows() -> Iterator[tuple[int, list[str]]]:
        try:
            yield from ((reader.line_num, row) for row in reader if row)
        except csv.Error as error:
            location = f"{path}, line {reader.line_num}"
            raise InputError(f"{location}: {error}, expected {','.join(columns)}") from None

    return _rows(str(path), rows(), columns)


def sheet(path: Path, name: str, *columns: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """(place, row) of each row of a sheet ['': the first] of an Excel file, these columns only.

    Raises:
        InputError: no such file or sheet, or a column that is missing in the header.
    """
    path = actual(path, "a sheet of images and scores")
    try:
        with python_calamine.CalamineWorkbook.from_path(path) as book:
            found = book.get_sheet_by_name(name or book.sheet_names[0])
            first, rows = found.start or (0, 0), found.to_python()
    except (python_calamine.CalamineError, OSError) as error:
        wanted = f"an Excel file with a sheet {name}".removesuffix(" with a sheet ")
        raise InputError(f"{path}: {error}, expected {wanted}") from error
    return _rows(f"{path}, {name}".removesuffix(", "), enumerate(rows, first[0] + 1), columns)


def _text(path: Path) -> str:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: expected a UTF-8 table, found {error.reason}") from error
    if not text.strip():
        raise InputError(f"{path}: found no rows, expected one per image")
    return text


def _rows(
    path: str, rows: Iterable[tuple[int, list[Any]]], columns: tuple[str, ...]
) -> Iterator[tuple[str, dict[str, Any]]]:
    rows = iter(rows)
    header = _named([str(name).strip() for name in next(rows, (0, []))[1]])
    for name in columns:
        if header.count(name) != 1:
            found = ("it twice in " if name in header else "") + f"the header '{','.join(header)}'"
            raise InputError(f"{path}: expected a column {name}, found {found}")
    location = ""
    for line, row in rows:
        location = f"{path}, line {line}"
        if len(row) < len(header) or any(str(cell).strip() for cell in row[len(header) :]):
            found = ",".join(map(str, row))
            found = found if len(found) <= _SHOWN else f"{found[:_SHOWN]}..."
            raise InputError(f"{location}: expected {','.join(header)}, found '{found}'")
        named = dict(zip(header, row, strict=False))
        yield location, {name: named[name] for name in columns}
    if not location:
        raise InputError(f"{path}: found no rows, expected one per image")


def _named(header: list[str]) -> list[str]:
    """The header without empty names at its end, such as BIQ2021's `Image Name,MOS,,`."""
    count = max((column for column, name in enumerate(header, 1) if name), default=0)
    return header[:count]


def mat(path: Path, *fields: str, text: bool = False) -> tuple[np.ndarray, ...]:
    """Arrays of a MATLAB file, flattened; content of cells as text.

    Raises:
        InputError: a file that is missing, of another version, or lacks a field; a field that is
            no text, with `text`.
    """
    path = actual(path, f"a MATLAB file with {', '.join(fields)}")
    found = matlab.load(path, "a whole MATLAB file to version 7")
    for field in fields:
        if field not in found:
            names = ", ".join(name for name in found if not name.startswith("__"))
            raise InputError(f"{path}: expected {', '.join(fields)}, found {names or 'nothing'}")
    arrays = [_flat(np.asarray(found[field])) for field in fields]
    for field, array in zip(fields, arrays, strict=True):
        if text and array.dtype.kind != "U":
            raise InputError(f"{path}: {field}: found {array.dtype}, expected text")
    return tuple(arrays)


def _flat(array: np.ndarray) -> np.ndarray:
    if array.dtype != object:
        return array.ravel()
    return np.array(["".join(map(str, np.ravel(cell))) for cell in array.ravel()])


def number(value: Any, location: str, name: str, limits: tuple[float, float]) -> float:
    """A number from a table.

    Raises:
        InputError: `value` is no number, or outside `limits`; the message begins with `location`.
    """
    try:
        if isinstance(value, bool) or "_" in str(value):  # numbers to Python
            raise ValueError
        found = float(value)
    except (TypeError, ValueError):
        shown = " ".join(str(value).split())[:_SHOWN]
        raise InputError(f"{location}: expected a number for {name}, found '{shown}'") from None
    if not limits[0] <= found <= limits[1]:
        bounds = "{:g} to {:g}".format(*limits)
        raise InputError(f"{location}: expected a {name} from {bounds}, found {value}")
    return found
