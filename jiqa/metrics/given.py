"""Image files as a command names them: files, folders, patterns, standard input."""

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
    """An image file that a command was given.

    Attributes:
        path: of the file; `STDIN` is standard input.
        root: the folder that was named, or the part of a pattern before its first wildcard; None
            where the file itself was named.
        below: its path below `root`, None where there is none.
    """

    path: Path
    root: Path | None = None
    below: Path | None = None


def files(patterns: Sequence[str], *, repeated: bool = False) -> list[Given]:
    """The files that the patterns name: files, folders (their images, sorted), globs, `-`.

    A folder of a pattern that links lead to more than once is read once. One line on standard
    error counts the files that were left out of a folder or of a pattern's matches, by kind.

    Args:
        patterns: as on a command line.
        repeated: keep files that are named again.

    Raises:
        InputError: a pattern that names none.
    """
    found = [file for pattern in patterns for file in _files(pattern)]
    if repeated:
        return found
    return list({file.path: file for file in reversed(found)}.values())[::-1]


class Loaded(NamedTuple):
    """A file that was read.

    Attributes:
        path: of the file.
        pixels: uint8 or uint16 [h, w, 3]; None where there is an error.
        warning: of a damaged file that could be decoded; '' of a whole one.
        error: why it could not be read.
    """

    path: Path | None = None
    pixels: np.ndarray | None = None
    warning: str = ""
    error: InputError | None = None


class Reader(NamedTuple):
    """Reads image files, each once.

    Attributes:
        upright: whether images are turned as their EXIF orientation says.
        max_pixels: the most that an image may have.
        strict: whether a damaged file is an error.
    """

    upright: bool
    max_pixels: int
    strict: bool

    def __call__(self, path: Path) -> Loaded:
        """Pixels of the file, or its error."""
        how = {"upright": self.upright, "max_pixels": self.max_pixels}
        try:
            data = read(path)
            pixels = images.decode_deep(data, str(path), **how)
            flaw = images.damage(data)
            warning = f"{path}: damaged: {flaw}" if flaw else ""
            if warning and self.strict:
                raise InputError(f"{warning}, expected a whole image")
        except InputError as error:
            return Loaded(path, error=error)
        return Loaded(path, pixels, warning)


def read(path: Path) -> bytes:
    """Contents of a file, of a pipe, or of standard input; pipes can be read once.

    Raises:
        InputError: it cannot be read.
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
        # As a shell's: `*.dat` names files of that suffix, `*` any photograph.
        listing = images.chosen(_expanded(root, parts[first:]), any_suffix="." in parts[-1])
    left_out = f"left out {listing.line()}" if listing.skipped else ""
    if not listing.photographs:
        found = f"found no image{left_out and ', '}{left_out}"
        raise InputError(f"{pattern}: {found}, expected a file, a folder or a pattern")
    if left_out:
        sys.stderr.write(f"jiqa: {pattern}: {left_out}\n")
    return [Given(file, root, file.relative_to(root)) for file in listing.photographs]


def _expanded(folder: Path, parts: Sequence[str]) -> Iterator[Path]:
    """What a pattern's parts match below a folder; hidden names only where a part says so."""
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
        except OSError:  # no folder, or one that may not be read
            return
        for name in names:
            if fnmatch.fnmatch(name, part) and name.startswith(".") <= part.startswith("."):
                yield from _expanded(folder / name, rest)


def _folders(folder: Path) -> Iterator[Path]:
    """A folder and those below it, each once; by way of links those that are not below it."""
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
