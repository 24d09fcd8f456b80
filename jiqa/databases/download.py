"""Downloads of publicly available releases: resumable, checked, unpacked."""

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
# Errors of a disk, not of the archive unpacked to it.
_OF_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EACCES)
_BLOCK = 1 << 20
_BYTES = {"unit": "B", "unit_scale": True, "unit_divisor": 1024}
_ELSEWHERE = "to use a copy, give --manual_dir"


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects over HTTP and HTTPS only; urllib's handler also allows FTP and files."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        if urllib.parse.urlsplit(newurl).scheme not in _SCHEMES:
            expected = " or ".join(_SCHEMES)
            raise OSError(f"redirected to {newurl}, expected an address of {expected}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


_OPENER = urllib.request.build_opener(_Redirects)


def release(archives: Iterable["Archive"], kept: Path, folder: Path) -> Path:
    """Folder of a release, downloaded to `kept` as far as missing, and unpacked into `folder`.

    Used instead of TFDS's download manager, which retries a broken connection for four minutes
    without a word, and starts over at the next call.

    Returns:
        The folder of the release: `folder`, or the only folder in it.

    Raises:
        InputError: a file that cannot be downloaded, or is not as published. An incomplete file
            stays in `kept` and is continued by the next call; a damaged one is deleted.
    """
    for archive in archives:
        unpack(fetch(archive.url, kept, archive.sha256), folder)
    below = list(folder.iterdir())
    return below[0] if len(below) == 1 and below[0].is_dir() else folder


def fetch(url: str, folder: Path, sha256: str = "") -> Path:
    """The file at `url`, stored in `folder` under its own name.

    A stored file with another checksum is downloaded again. An incomplete download is kept as
    NAME.part, and continued at the next call if the server supports that.

    Raises:
        InputError: the file cannot be downloaded completely, or by HTTP alone, or its checksum
            differs from `sha256`, if given.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / Path(urllib.parse.unquote(urllib.parse.urlsplit(url).path)).name
    if path.exists():
        if not sha256 or files.digest(path) == sha256:
            return path
        path.unlink()  # damaged after the download
    part = files.part(path)
    try:
        while not _is_whole(url, part):
            pass
    except (OSError, http.client.HTTPException) as error:
        kept = f", {_size(part)} bytes are kept for the next try" if _size(part) else ""
        raise InputError(f"{url}: not downloaded ({error}){kept}; {_ELSEWHERE}") from error
    if sha256 and (found := files.digest(part)) != sha256:
        part.unlink()
        raise InputError(f"{url}: found sha256 {found}, expected {sha256}; {_ELSEWHERE}")
    return part.rename(path)


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _is_whole(url: str, part: Path) -> bool:
    """Appends the server's data to `part`; False if the connection broke after some progress."""
    begin = _size(part)
    try:
        _append(url, part)
    except urllib.error.HTTPError as error:
        if not begin or error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise
        if error.headers["Content-Range"] == f"bytes */{begin}":  # killed after the last byte
            return True
        part.unlink()  # a part of another version of the file
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
    """Unpacks a zip or tar archive into `folder`, or copies any other file there.

    Raises:
        InputError: an archive that is damaged, encrypted, or writes outside `folder`; the archive
            is deleted.
        OSError: the disk is full or read-only.
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
    except Exception as error:  # zipfile, tarfile and codecs raise anything
        if isinstance(error, OSError) and error.errno in _OF_DISK:
            raise
        path.unlink()
        found = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(
            f"{path}: {found}, expected a whole archive; it is deleted and the same command "
            f"downloads it again; {_ELSEWHERE}"
        ) from error


def _check_end(archive: tarfile.TarFile, path: Path) -> None:
    """Refuses an uncompressed tar that continues or is cut off at the end that tarfile sees."""
    if path.suffix == ".tar":  # compressed archives have a checksum
        with path.open("rb") as file:
            file.seek(archive.offset)
            if file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
                raise tarfile.ReadError(f"found no end of the archive at byte {archive.offset}")


def _unzip(path: Path, folder: Path) -> None:
    with zipfile.ZipFile(path) as archive:  # checks CRCs while reading
        members = archive.infolist()
        for member in members:
            if not (folder / member.filename).resolve().is_relative_to(folder.resolve()):
                raise zipfile.BadZipFile(f"found {member.filename!r}, which leads out of it")
        for member in tfds_utils.tqdm(members, desc=f"Unpacking {path.name}", leave=False):
            archive.extract(member, folder)
