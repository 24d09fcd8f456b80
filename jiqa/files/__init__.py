"""Files that are complete or absent: atomic writes, locks, hashes, JSON and CSV."""

import contextlib
import csv
import errno
import fcntl
import hashlib
import json
import os
import socket
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jiqa.errors import InputError

# Bytes of a lock's record of its holder.
_RECORD = 96


def part(path: Path) -> Path:
    """NAME.part next to a file: the place of its content until the content is complete."""
    return path.with_name(path.name + ".part")


@contextlib.contextmanager
def writing(path: str | os.PathLike) -> Iterator[Path]:
    """Path to write to instead of `path`; renamed to `path` once the block has ended.

    Creates the folder. An exception inside the block leaves `path` as it was, and no other file; a
    kill leaves NAME.part, which the next call overwrites.

    Raises:
        OSError: the file cannot be written; `filename` names it.
    """
    path = Path(path)
    unfinished = part(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield unfinished
        unfinished.replace(path)
    except OSError as error:
        error.filename, error.filename2 = str(path), None
        raise
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)


@contextlib.contextmanager
def naming(path: str | os.PathLike) -> Iterator[None]:
    """Adds the file's name to an OSError raised inside; a full disk's error, for one, lacks it."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


def write_text(path: str | os.PathLike, text: str) -> None:
    """Writes text in UTF-8, atomically, see `writing`."""
    with writing(path) as file:
        file.write_text(text, encoding="utf-8")


def write_json(path: str | os.PathLike, facts: Mapping[str, Any]) -> None:
    """Writes JSON atomically, see `writing`."""
    write_text(path, json.dumps(facts, indent=1) + "\n")


def write_csv(path: str | os.PathLike, rows: Iterable[Sequence[Any]]) -> None:
    """Writes comma-separated values, the header first, atomically, see `writing`."""
    with writing(path) as unfinished, unfinished.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def write_npz(path: str | os.PathLike, arrays: Mapping[str, Any]) -> None:
    """Writes arrays by name to a compressed .npz file, atomically, see `writing`."""
    with writing(path) as unfinished, unfinished.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def read_json(path: Path, *fields: str) -> dict[str, Any]:
    """The JSON object in a file, checked to have these fields.

    Raises:
        InputError: a file that is missing, holds no JSON object, or lacks a field.
    """
    expected = f"expected JSON with {', '.join(fields)}"
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: not a readable JSON file: {reason}, {expected}") from None
    missing = [name for name in fields if name not in facts] if isinstance(facts, dict) else fields
    if missing:
        raise InputError(f"{path}: found no {missing[0]}, {expected}")
    return facts


def digest(path: str | os.PathLike) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds the lock at `path`; waits, and says so, while another process holds it.

    The kernel releases the lock when the process ends, however it ends.
    """
    with _opened(path) as file:
        try:
            _unless_unknown(fcntl.flock, file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.stderr.write(f"jiqa: {path}: waiting for {_holder(file, 0)}\n")
            fcntl.flock(file, fcntl.LOCK_EX)
        _sign(file, 0)
        yield


@contextlib.contextmanager
def held(path: Path, slots: Iterable[int], what: str) -> Iterator[None]:
    """Holds some slots of the lock at `path`, or refuses at once.

    The kernel releases the slots when the process ends.

    Args:
        path: file with a record of each holder.
        slots: numbers from 0; processes with different slots do not exclude each other.
        what: beginning of the error message.

    Raises:
        InputError: another process holds one of the slots; the message names that process.
    """
    with _opened(path) as file:
        for slot in slots:
            try:
                exclusive = fcntl.LOCK_EX | fcntl.LOCK_NB
                _unless_unknown(fcntl.lockf, file, exclusive, _RECORD, slot * _RECORD)
            except (BlockingIOError, PermissionError):  # POSIX allows either
                found = _holder(file, slot)
                raise InputError(f"{what}: found {found} at work on it, expected none") from None
            _sign(file, slot)
        yield


def _opened(path: Path) -> Any:
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+b")


def _unless_unknown(lock: Callable[..., None], *arguments: Any) -> None:
    """Locks a file, unless its file system cannot: some network file systems can't."""
    try:
        lock(*arguments)
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):
            raise


def _sign(file: Any, slot: int) -> None:
    """Records the holder of a slot, if the disk has room."""
    record = f"process {os.getpid()} on {socket.gethostname()}".encode()
    with contextlib.suppress(OSError):
        os.pwrite(file.fileno(), record[:_RECORD].ljust(_RECORD), slot * _RECORD)


def _holder(file: Any, slot: int) -> str:
    record = os.pread(file.fileno(), _RECORD, slot * _RECORD)
    return record.strip(b"\0 ").decode(errors="replace") or "another process"
