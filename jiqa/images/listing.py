"""Photographs of a folder, and the files among them that cannot be read here."""

import dataclasses
import os
from collections.abc import Iterable
from pathlib import Path

from jiqa.errors import InputError

# Suffixes of what `decode` reads.
READ = tuple(
    f".{suffix}"
    for suffix in (
        *("apng", "avif", "avifs", "bmp", "bw", "dds", "dib", "gif", "j2c", "j2k", "jfif", "jp2"),
        *("jpc", "jpe", "jpeg", "jpf", "jpg", "jpx", "mpo", "pbm", "pcx", "pgm", "png", "pnm"),
        *("ppm", "psd", "qoi", "ras", "rgb", "rgba", "sgi", "tga", "tif", "tiff", "webp"),
    )
)
# Suffixes of pictures that it does not read, most of them of cameras.
UNREAD = tuple(
    f".{suffix}"
    for suffix in (
        *("3fr", "ai", "arw", "bpg", "cr2", "cr3", "crw", "dcr", "dng", "emf", "eps", "erf", "exr"),
        *("fff", "gpr", "hdr", "heic", "heics", "heif", "heifs", "hif", "ico", "iiq", "jls", "jxl"),
        *("jxr", "k25", "kdc", "mef", "mos", "mrw", "nef", "nrw", "orf", "pef", "pfm", "psb"),
        *("r3d", "raf", "raw", "rw2", "rwl", "sr2", "srf", "srw", "svg", "wdp", "wmf", "x3f"),
        "xcf",
    )
)
APPLE, HIDDEN, OTHER = "AppleDouble", "hidden", "no file"


@dataclasses.dataclass(frozen=True)
class Listing:
    """Files that are called photographs.

    Attributes:
        photographs: those that can be read, sorted.
        skipped: the others by kind: a suffix without its dot, in capitals (HEIC, CR2), or
            AppleDouble, hidden, or no file: a broken link, a pipe.
    """

    photographs: list[Path]
    skipped: dict[str, list[Path]]

    def line(self) -> str:
        """How many files of each kind were left out, such as "2 CR2, 1 HEIC"; '' for none."""
        return ", ".join(f"{len(paths)} {kind}" for kind, paths in sorted(self.skipped.items()))


def listed(folder: Path, *, recursive: bool = False) -> Listing:
    """The photographs of a folder; `recursive`: of the folders within it too.

    A folder that links lead to several times, or in a loop, counts once; hidden ones do not.

    Raises:
        InputError: it is no folder, or cannot be read.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: found no such folder, expected one of photographs")
    paths: list[Path] = []
    entered = {os.path.realpath(folder)}
    for parent, folders, names in os.walk(folder, onerror=_refuse, followlinks=True):
        paths += [Path(parent, name) for name in names]
        within = sorted(folders) if recursive else ()
        folders.clear()
        for each in within:
            real = os.path.realpath(os.path.join(parent, each))
            if real not in entered and not _hidden(each):
                entered.add(real)
                folders.append(each)
    return chosen(paths)


def photographs(folder: Path) -> list[Path]:
    """The photographs of a folder that can be read, sorted.

    Raises:
        InputError: it is missing, cannot be read, or has none; the message counts what it has.
    """
    found = listed(folder)
    if not found.photographs:
        rest = f" but {found.line()}" if found.skipped else ""
        raise InputError(f"{folder}: found no images{rest}, expected photographs")
    return found.photographs


def chosen(paths: Iterable[Path], *, any_suffix: bool = False) -> Listing:
    """The photographs among paths, such as those that a pattern found; never a folder.

    A file to which several paths lead through folders, as in a loop of links, counts once.

    Args:
        paths: of files and folders.
        any_suffix: whether a file of a suffix that no picture has counts as a photograph too.
    """
    photographs: list[Path] = []
    skipped: dict[str, list[Path]] = {}
    seen = set()
    for path in sorted(paths):
        suffix = path.suffix.lower()
        place = (os.path.realpath(path.parent), path.name)
        if place in seen or path.is_dir() or not (any_suffix or suffix in READ + UNREAD):
            continue
        seen.add(place)
        if kind := _skip(path, suffix):
            skipped.setdefault(kind, []).append(path)
        else:
            photographs.append(path)
    return Listing(photographs, skipped)


def _skip(path: Path, suffix: str) -> str:
    """The kind of a file that is left out; '' of a photograph."""
    if path.name.startswith("._"):
        return APPLE
    if _hidden(path.name):
        return HIDDEN
    if suffix in UNREAD:
        return suffix[1:].upper()
    return "" if path.is_file() else OTHER


def _hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _refuse(error: OSError) -> None:
    raise InputError(f"{error.filename}: {error.strerror}, expected a folder to read") from None
