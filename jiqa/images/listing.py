"""Photographs of a folder, and the pictures in it that cannot be read."""

import dataclasses
import os
from collections.abc import Iterable
from pathlib import Path

from jiqa.errors import InputError

# Suffixes that `decode` reads.
READ = tuple(
    f".{suffix}"
    for suffix in (
        *("apng", "avif", "avifs", "bmp", "bw", "dds", "dib", "gif", "j2c", "j2k", "jfif", "jp2"),
        *("jpc", "jpe", "jpeg", "jpf", "jpg", "jpx", "mpo", "pbm", "pcx", "pgm", "png", "pnm"),
        *("ppm", "psd", "qoi", "ras", "rgb", "rgba", "sgi", "tga", "tif", "tiff", "webp"),
    )
)
# Suffixes of pictures that `decode` does not read, most of them of cameras.
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
    """Files found, photographs and others.

    Attributes:
        photographs: readable photographs, sorted.
        skipped: other files by kind: a suffix in capitals without its dot (HEIC, CR2),
            AppleDouble, hidden, or no file (a broken link, a pipe).
    """

    photographs: list[Path]
    skipped: dict[str, list[Path]]

    def line(self) -> str:
        """Number of files skipped, by kind, such as "2 CR2, 1 HEIC"; '' for none."""
        return ", ".join(f"{len(paths)} {kind}" for kind, paths in sorted(self.skipped.items()))


def listed(folder: Path, *, recursive: bool = False) -> Listing:
    """Photographs of a folder; with `recursive`, also of the folders below.

    A folder that symbolic links reach several times, or in a loop, counts once. Hidden folders do
    not count.

    Raises:
        InputError: no such folder, or one that cannot be read.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: found no such folder, expected a folder of photographs")
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
    """Readable photographs of a folder, sorted.

    Raises:
        InputError: a folder that is missing, unreadable, or without photographs; the message counts
            the files skipped.
    """
    found = listed(folder)
    if not found.photographs:
        rest = f" but {found.line()}" if found.skipped else ""
        raise InputError(f"{folder}: found no images{rest}, expected photographs")
    return found.photographs


def chosen(paths: Iterable[Path], *, any_suffix: bool = False) -> Listing:
    """Photographs among paths, such as the matches of a pattern; folders are left out.

    A file that several paths reach through folders, as in a loop of links, counts once.

    Args:
        paths: files and folders.
        any_suffix: whether files of suffixes unknown for pictures count as photographs too.
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
    """Kind of a file that is skipped; '' for a photograph."""
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
