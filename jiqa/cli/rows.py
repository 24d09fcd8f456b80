"""Writes scores of images as a table, CSV, JSON, or JSON lines."""

import dataclasses
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TextIO

from jiqa.results.summary import markdown, to_csv

# Control characters, line separators, and undecodable bytes of file names.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_REMARKS = ("warning", "error")


@dataclasses.dataclass(frozen=True)
class Row:
    """Scores of one image.

    Attributes:
        file: name of the image.
        scores: by metric; NaN for a missing score.
        warning: about the file or its reference; '' for none.
        errors: reasons for missing scores.
    """

    file: str
    scores: Mapping[str, float]
    warning: str = ""
    errors: Sequence[str] = ()

    @property
    def remarks(self) -> tuple[str, str]:
        """The warning and the errors, '' for none."""
        return self.warning, "; ".join(self.errors)


def write(rows: Iterable[Row], names: Sequence[str], form: str, stream: TextIO) -> None:
    """Writes rows one by one as they are scored; a table is written at the end or at an interrupt.

    Control characters, and characters outside the stream's encoding, are escaped.

    Args:
        rows: in the order of the output.
        names: of the metrics.
        form: `table`, `csv`, `json`, or `jsonl`, one JSON object per line. CSV always has the
            columns warning and error; other forms have them only where they are not empty. A
            missing score is blank in a table and in CSV, null in JSON.
        stream: to write to; flushed after every row.
    """
    encoding = stream.encoding or "utf-8"

    def put(text: str) -> None:
        stream.write(text)
        stream.flush()

    def show(cells: Sequence[str]) -> list[str]:
        shown = (printable(cell).encode(encoding, "backslashreplace") for cell in cells)
        return [cell.decode(encoding) for cell in shown]

    if form == "table":
        _table(rows, names, put, show)
    elif form == "csv":
        _csv(rows, names, put, show)
    elif form == "json":
        _json(rows, names, put)
    else:
        _json_lines(rows, names, put)


def printable(text: str) -> str:
    r"""Escapes control characters and undecodable bytes of a text, as \x1b and \udce9."""
    return _UNPRINTABLE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


Put = Callable[[str], None]
Show = Callable[[Sequence[str]], list[str]]


def _table(rows: Iterable[Row], names: Sequence[str], put: Put, show: Show) -> None:
    kept = []
    try:
        for row in rows:
            kept.append(row)
    finally:
        shown = [i for i in range(len(_REMARKS)) if any(row.remarks[i] for row in kept)]
        cells = [[*_cells(row, names, 5), *(row.remarks[i] for i in shown)] for row in kept]
        header = show(["file", *names, *(_REMARKS[i] for i in shown)])
        put(markdown(header, [[cell.replace("|", "\\|") for cell in show(row)] for row in cells]))


def _csv(rows: Iterable[Row], names: Sequence[str], put: Put, show: Show) -> None:
    put(to_csv(show(["file", *names, *_REMARKS]), []))
    for row in rows:
        put(to_csv(show([*_cells(row, names, 8), *row.remarks]), []))


def _json(rows: Iterable[Row], names: Sequence[str], put: Put) -> None:
    between = "[\n "
    try:
        for row in rows:
            put(between + _object(row, names))
            between = ",\n "
    finally:
        put("[]\n" if between[0] == "[" else "\n]\n")


def _json_lines(rows: Iterable[Row], names: Sequence[str], put: Put) -> None:
    for row in rows:
        put(_object(row, names) + "\n")


def _object(row: Row, names: Sequence[str]) -> str:
    """JSON object of a row, in ASCII with JSON's escapes."""
    scores = {name: _number(row.scores[name]) for name in names}
    remarks = {key: said for key, said in zip(_REMARKS, row.remarks, strict=True) if said}
    return json.dumps({"file": row.file, **scores, **remarks})


def _cells(row: Row, names: Sequence[str], digits: int) -> list[str]:
    return [row.file, *(_text(row.scores[name], digits) for name in names)]


def _text(value: float, digits: int) -> str:
    return "" if math.isnan(value) else f"{value:.{digits}g}"


def _number(value: float) -> float | str | None:
    """Score as a JSON value: infinity, which JSON lacks, as a string; NaN as null."""
    if math.isfinite(value):
        return float(_text(value, 8))
    return None if math.isnan(value) else str(value)
