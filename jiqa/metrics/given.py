"""Image files named on a command line: files, folders, patterns, standard input."""

import fnmatch
import os
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jiqa import images
from jiqa.errors import InputError

STDIN = Path("-")
_MAGIC = re.compile(r"[*?[]")


class Given(NamedTuple):
    """An image file named on a command line.

    Attributes:
        path: path of the file, or `STDIN` for standard input.
        root: the folder that was named, or the part of a pattern before its first wildcard; None
            where the file itself was named.
        below: path of the file below `root`; None where there is no root.
    """

    path: Path
    root: Path | None = None
    below: Path | None = None


def files(patterns: Sequence[str], *, repeated: bool = False) -> list[Given]:
    """Files that the patterns name: files, folders (their images, sorted), globs, `-`.

    A folder that symbolic links reach more than once is read once. One line on standard error
    counts, by kind, the files skipped in folders and among the matches of patterns.

    Args:
        patterns: arguments of the command line.
        repeated: keep files that are named again.

    Raises:
        InputError: a pattern names no file.
    """
    found = [file for pattern in patterns for file in _files(pattern)]
    if repeated:
        return found
    return list({file.path: file for file in reversed(found)}.values())[::-1]


class Loaded(NamedTuple):
    """Result of reading one file.

    Attributes:
        path: path of the file.
        pixels: uint8 or uint16 [h, w, 3]; None after an error.
        warning: the damage of a file that could be decoded all the same; '' if there is none.
        error: why the file could not be read.
    """

    path: Path | None = None
    pixels: np.ndarray | None = None
    warning: str = ""
    error: InputError | None = None


class Reader(NamedTuple):
    """Reads image files, each once.

    Attributes:
        upright: whether to turn images as their EXIF orientation says.
        max_pixels: largest number of pixels that an image may have.
        strict: whether a damaged file is an error.
    """

    upright: bool
    max_pixels: int
    strict: bool

    def __call__(self, path: Path) -> Loaded:
        """Pixels of the file, or the error of reading it."""
        options = {"upright": self.upright, "max_pixels": self.max_pixels}
        try:
            data = read(path)
            pixels = images.decode_deep(data, str(path), **options)
            flaw = images.damage(data)
            warning = f"{path}: damaged: {flaw}" if flaw else ""
            if warning and self.strict:
                raise InputError(f"{warning}, expected a whole image")
        except InputError as error:
            return Loaded(path, error=error)
        return Loaded(path, pixels, warning)


def read(path: Path) -> bytes:
    """Content of a file, of a pipe, or of standard input; a pipe can be read only once.

    Raises:
        InputError: the file cannot be read.
    """
    try:
        return sys.stdin.buffer.read() if path == STDIN else path.read_bytes()
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: {said}, expected an image file") from error


def _files(pattern: str) -> list[Given]:
    if pattern == str(STDIN):
        return [Given(STDIN)]
    path = Path(pattern)
    try:
        folder, there = path.is_dir(), path.exists()
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or error
        raise InputError(f"{pattern}: {said}, expected a file or a folder") from error
    if there and not folder:
        return [Given(path.absolute() if path == STDIN else path)]
    parts = path.parts
    first = next((i for i, part in enumerate(parts) if _MAGIC.search(part)), len(parts))
    root = path if folder else Path(*parts[:first])
    if folder:
        listing = images.listed(path)
    else:
        # As in a shell: `*.dat` names files with that suffix, `*` any photograph.
        listing = images.chosen(_expanded(root, parts[first:]), any_suffix="." in parts[-1])
    left_out = f"left out {listing.line()}" if listing.skipped and (folder or parts[first:]) else ""
    if not listing.photographs:
        found = f"found no image{left_out and ', '}{left_out}"
        raise InputError(f"{pattern}: {found}, expected a file, a folder or a pattern")
    if left_out:
        sys.stderr.write(f"jiqa: {pattern}: {left_out}\n")
    return [Given(file, root, file.relative_to(root)) for file in listing.photographs]


def _expanded(folder: Path, parts: Sequence[str]) -> Iterator[Path]:
    """Paths below a folder that match the pattern's parts; hidden ones only if a part says so."""
    if not parts:
        yield folder
        return
    part, rest = parts[0], parts[1:]
    if part == "**":
        for inner in _folders(folder):
            yield from _expanded(inner, rest or ("*",))
    elif not _MAGIC.search(part):
        if (folder / part).exists():
            yield from _expanded(folder / part, rest)
    else:
        try:
            names = sorted(os.listdir(folder))
        except OSError:  # not a folder, or not readable
            return
        for name in names:
            if fnmatch.fnmatch(name, part) and name.startswith(".") <= part.startswith("."):
                yield from _expanded(folder / name, rest)


def _folders(folder: Path) -> Iterator[Path]:
    """The folder and all folders below it, each once; links are followed only out of the folder."""
    entered = set()
    waiting = [folder]
    while waiting:
        for parent, names, _ in os.walk(waiting.pop(0)):
            place = os.path.realpath(parent)
            names[:] = [] if place in entered else sorted(n for n in names if n[0] != ".")
            if place not in entered:
                yield Path(parent)
            entered.add(place)
            waiting += [Path(parent, n) for n in names if os.path.islink(Path(parent, n))]
