"""What may be had without asking anybody: resumed where it broke off, checked, unpacked."""

import hashlib
import http.client
import shutil
import tarfile
import urllib.error
import urllib.parse
import urllib.request
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import tensorflow_datasets as tfds

from jiqa.errors import InputError

if TYPE_CHECKING:
    from jiqa.tfds_builders.database import Archive

_BLOCK = 1 << 20
_BYTES = {"unit": "B", "unit_scale": True, "unit_divisor": 1024}
_ELSEWHERE = "a copy at hand goes to --manual_dir"


def release(archives: Iterable["Archive"], kept: Path, folder: Path) -> Path:
    """Downloads what is not in `kept` yet and unpacks it into `folder`.

    TFDS's download manager hides a broken connection behind four minutes of trials, and begins
    anew at the next call.

    Returns:
        The folder that holds the release: `folder`, or the only one in it.

    Raises:
        InputError: a file cannot be had, or is not as published. One that broke off stays in
            `kept`, to be continued; a damaged one does not.
    """
    for archive in archives:
        unpack(fetch(archive.url, kept, archive.sha256), folder)
    below = list(folder.iterdir())
    return below[0] if len(below) == 1 and below[0].is_dir() else folder


def fetch(url: str, folder: Path, sha256: str = "") -> Path:
    """The file at `url`, in `folder` under its own name.

    Raises:
        InputError: it cannot be had whole, or has another checksum than `sha256` where one is
            given. What did arrive lies beside it as NAME.part and is continued at the next call,
            where the server knows how to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / Path(urllib.parse.unquote(urllib.parse.urlsplit(url).path)).name
    if path.exists():
        return path
    part = path.with_name(f"{path.name}.part")
    try:
        while not _is_whole(url, part):
            pass
    except (OSError, http.client.HTTPException) as error:
        kept = f", {_size(part)} bytes are kept to go on from" if _size(part) else ""
        raise InputError(f"{url}: not downloaded ({error}){kept}; {_ELSEWHERE}") from error
    if sha256:
        with part.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != sha256:
            part.unlink()
            raise InputError(f"{url}: found sha256 {found}, expected {sha256}; {_ELSEWHERE}")
    return part.rename(path)


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _is_whole(url: str, part: Path) -> bool:
    """Appends what the server sends; False where it broke off, further on than it began."""
    begin = _size(part)
    try:
        _append(url, part)
    except urllib.error.HTTPError as error:
        if not begin or error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise
        if error.headers["Content-Range"] == f"bytes */{begin}":  # killed after the last byte
            return True
        part.unlink()  # of another version of the file
        return False
    except (OSError, http.client.HTTPException):
        if _size(part) <= begin:
            raise
        return False
    return True


def _append(url: str, part: Path) -> None:
    begin = _size(part)
    request = urllib.request.Request(url, headers={"Range": f"bytes={begin}-"} if begin else {})
    with urllib.request.urlopen(request, timeout=60) as response:
        if response.status != http.HTTPStatus.PARTIAL_CONTENT:
            begin = 0
        elif not str(got := response.headers["Content-Range"]).startswith(f"bytes {begin}-"):
            raise OSError(f"asked for bytes {begin}-, found {got}")
        length = response.headers["Content-Length"]
        total = begin + int(length) if length else None
        bar = tfds.core.utils.tqdm(
            desc=f"Downloading {part.stem}", initial=begin, total=total, leave=False, **_BYTES
        )
        with bar, part.open("ab" if begin else "wb") as file:
            while block := response.read(_BLOCK):
                file.write(block)
                bar.update(len(block))
    if total and _size(part) != total:
        raise OSError(f"found {_size(part)} of {total} bytes")


def unpack(path: Path, folder: Path) -> None:
    """Unpacks a zip or tar archive into `folder`; any other file is copied there.

    Raises:
        InputError: it is damaged, or would write outside `folder`. It is deleted.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        if path.suffix == ".zip":
            _unzip(path, folder)
        elif {".tar", ".tgz"} & set(path.suffixes):
            with tarfile.open(path) as archive:
                archive.extractall(folder, filter="data")
        else:
            shutil.copy(path, folder)
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError) as error:
        path.unlink()
        found = " ".join(str(error).split())
        raise InputError(
            f"{path}: {found}, expected a whole archive; it is deleted and the same command "
            f"downloads it again; {_ELSEWHERE}"
        ) from error


def _unzip(path: Path, folder: Path) -> None:
    with zipfile.ZipFile(path) as archive:  # which checks the CRC of what it reads
        members = archive.infolist()
        for member in members:
            if not (folder / member.filename).resolve().is_relative_to(folder.resolve()):
                raise zipfile.BadZipFile(f"found {member.filename!r}, which leads out of it")
        for member in tfds.core.utils.tqdm(members, desc=f"Unpacking {path.name}", leave=False):
            archive.extract(member, folder)
