"""The file of records: read strictly, added to by key, written whole."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from jiqa import files
from jiqa.errors import InputError
from jiqa.results.record import schema
from jiqa.results.record.restorers import RestorerRecord
from jiqa.results.record.runs import DifferenceRecord, RunRecord
from jiqa.results.record.timings import TimingRecord

PATH = "results/runs.jsonl"
Record = RunRecord | DifferenceRecord | RestorerRecord | TimingRecord
KINDS: dict[str, type[Record]] = {
    kind.kind: kind for kind in (RunRecord, DifferenceRecord, RestorerRecord, TimingRecord)
}


def read(path: str | os.PathLike) -> list[Record]:
    """The records of a file, in its order.

    Raises:
        InputError: there is no such file, or a line is malformed, repeats a key, or is the
            difference of a run that the file lacks; the message names file, line and field.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"record {path}: {reason}, expected a file of JSON lines") from None
    found: dict[tuple[object, ...], int] = {}
    records = []
    # Not by splitlines: a text may hold other ends of lines, such as U+2028.
    lines = text.removesuffix("\n").split("\n") if text else []
    for number, line in enumerate(lines, start=1):
        where = f"{path}, line {number}"
        record = _record(line, where)
        if record.key in found:
            raise InputError(f"{where}: same {record.kind} as line {found[record.key]}")
        found[record.key] = number
        records.append((where, record))
    for where, record in records:
        if isinstance(record, DifferenceRecord):
            for name in ("first", "second"):
                if (RunRecord.kind, getattr(record, name)) not in found:
                    raise InputError(f"{where}: {name}: no such run in the file, expected one")
    return [record for _, record in records]


def _record(line: str, where: str) -> Record:
    fields = schema.loads(line, where)
    kind = fields.pop("kind", None)
    if not isinstance(kind, str) or kind not in KINDS:
        raise InputError(f"{where}: kind: found {kind!r}, expected {', '.join(KINDS)}")
    return schema.decode(KINDS[kind], fields, where)


def add(path: str | os.PathLike, new: Iterable[Record]) -> list[Record]:
    """Adds records to a file, which is made where there is none; returns all it then holds.

    A record takes the place of the earlier one with the same key. With a run that is replaced go
    the differences to it that were recorded: its predictions are others now.

    Raises:
        InputError: the file is malformed, see `read`.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with files.locked(path.with_name(f".{path.name}.lock")):
        records = merged(read(path) if path.exists() else [], new)
        lines = (schema.encode(record.kind, record) for record in records)
        files.write_text(path, "".join(f"{line}\n" for line in lines))
    return records


def merged(old: Sequence[Record], new: Iterable[Record]) -> list[Record]:
    """The records that `add` leaves of `old` and `new`."""
    added = {record.key: record for record in new}
    again = {record.names for record in added.values() if isinstance(record, RunRecord)}
    kept = {
        record.key: record
        for record in old
        if not (isinstance(record, DifferenceRecord) and {record.first, record.second} & again)
    }
    return list((kept | added).values())
