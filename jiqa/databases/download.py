"""What may be had without asking anybody: resumed where it broke off, checked, unpacked."""

import errno
import http.client
import shutil
import tarfile
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tensorflow_datasets.core import utils as tfds_utils

from jiqa import files
from jiqa.errors import InputError

if TYPE_CHECKING:
    from jiqa.databases.builder import Archive

_SCHEMES = ("http", "https")
# Faults of a disk, not of the archive that is unpacked to it.
_OF_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EACCES)
_BLOCK = 1 << 20
_BYTES = {"unit": "B", "unit_scale": True, "unit_divisor": 1024}
_ELSEWHERE = "a copy at hand goes to --manual_dir"


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a server to other servers, not to FTP, as urllib does, or to files."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        if urllib.parse.urlsplit(newurl).scheme not in _SCHEMES:
            expected = " or ".join(_SCHEMES)
            raise OSError(f"sent on to {newurl}, expected an address of {expected}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


_OPENER = urllib.request.build_opener(_Redirects)


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
        InputError: it cannot be had whole, or not by HTTP alone, or has another checksum than
            `sha256` where one is given; one that lies there with another is downloaded again. What
            did arrive lies beside it as NAME.part and is continued at the next call, where the
            server knows how to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / Path(urllib.parse.unquote(urllib.parse.urlsplit(url).path)).name
    if path.exists():
        if not sha256 or files.digest(path) == sha256:
            return path
        path.unlink()  # damaged since it came
    part = files.part(path)
    try:
        while not _is_whole(url, part):
            pass
    except (OSError, http.client.HTTPException) as error:
        kept = f", {_size(part)} bytes are kept to go on from" if _size(part) else ""
        raise InputError(f"{url}: not downloaded ({error}){kept}; {_ELSEWHERE}") from error
    if sha256 and (found := files.digest(part)) != sha256:
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
    if request.type not in _SCHEMES:
        raise OSError(f"found a URL of {request.type}, expected {' or '.join(_SCHEMES)}")
    with _OPENER.open(request, timeout=60) as response:
        if response.status != http.HTTPStatus.PARTIAL_CONTENT:
            begin = 0
        elif not str(got := response.headers["Content-Range"]).startswith(f"bytes {begin}-"):
            raise OSError(f"asked for bytes {begin}-, found {got}")
        length = response.headers["Content-Length"]
        total = begin + int(length) if length else None
        bar = tfds_utils.tqdm(
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
        InputError: it is damaged, encrypted, or would write outside `folder`. It is deleted.
        OSError: the disk is full or cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        if path.suffix == ".zip":
            _unzip(path, folder)
        elif {".tar", ".tgz"} & set(path.suffixes):
            with tarfile.open(path) as archive:
                archive.extractall(folder, filter="data")
                _check_end(archive, path)
        else:
            shutil.copy(path, folder)
    except Exception as error:  # of damaged archives zipfile, tarfile and their codecs raise any
        if isinstance(error, OSError) and error.errno in _OF_DISK:
            raise
        path.unlink()
        found = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(
            f"{path}: {found}, expected a whole archive; it is deleted and the same command "
            f"downloads it again; {_ELSEWHERE}"
        ) from error


def _check_end(archive: tarfile.TarFile, path: Path) -> None:
    """Refuses a bare tar that goes on or breaks off where tarfile sees the end of it."""
    if path.suffix == ".tar":  # the others have a checksum
        with path.open("rb") as file:
            file.seek(archive.offset)
            if file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
                raise tarfile.ReadError(f"found no end of the archive at byte {archive.offset}")


def _unzip(path: Path, folder: Path) -> None:
    with zipfile.ZipFile(path) as archive:  # which checks the CRC of what it reads
        members = archive.infolist()
        for member in members:
            if not (folder / member.filename).resolve().is_relative_to(folder.resolve()):
                raise zipfile.BadZipFile(f"found {member.filename!r}, which leads out of it")
        for member in tfds_utils.tqdm(members, desc=f"Unpacking {path.name}", leave=False):
            archive.extract(member, folder)
