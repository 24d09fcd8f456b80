"""Pages of markdown whose marked parts are rendered from the record."""

import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from jiqa import files
from jiqa.errors import InputError
from jiqa.results import record, render
from jiqa.results.record import Record

# NAME of the marks `<!-- NAME:begin -->` and `<!-- NAME:end -->` -> what stands between them.
PARTS: dict[str, Callable[[Iterable[Record]], str]] = {
    "at_a_glance": render.at_a_glance,
    "results": render.results,
    "differences": render.differences,
    "restorers": render.restorers,
    "timings": render.timings,
}
_MARK = re.compile(rf"<!-- ({'|'.join(PARTS)}):(begin|end) -->")


def publish(new: Iterable[Record], path: str | os.PathLike, readme: str | os.PathLike) -> None:
    """Adds records to the file at `path`, then renders `readme` and the docs beside it.

    Raises:
        InputError: as `check` and `record.add`; nothing is written then.
    """
    pages = pages_with_marks(readme)
    check(pages)
    update(pages, record.add(path, new))


def pages_with_marks(readme: str | os.PathLike) -> list[Path]:
    """`readme`, and the pages with marks in the folder `docs` beside it."""
    docs = sorted((Path(readme).parent / "docs").glob("**/*.md"))
    return [Path(readme), *(page for page in docs if _MARK.search(_read(page)))]


def check(pages: Iterable[str | os.PathLike]) -> None:
    """Refuses, before anything is written, pages that can't be rendered.

    Raises:
        InputError: no such file; it has no marks, or they do not come in pairs.
    """
    for page in pages:
        _parts(page, _read(page))


def update(pages: Iterable[str | os.PathLike], records: Sequence[Record]) -> None:
    """Renders the marked parts of pages; a page that is as it should be is not written.

    Raises:
        InputError: as `check`.
    """
    rendered: dict[str, str] = {}  # a part may stand on several pages
    for page in pages:
        old = _read(page)
        new, end = "", 0
        for name, start, stop in _parts(page, old):
            if name not in rendered:
                rendered[name] = f"\n\n{PARTS[name](records)}\n"
            new += old[end:start] + rendered[name]
            end = stop
        if (new := new + old[end:]) != old:
            files.write_text(page, new)


def _read(page: str | os.PathLike) -> str:
    if not Path(page).is_file():
        raise InputError(f"page {page}: no such file")
    return Path(page).read_text(encoding="utf-8")


def _parts(page: str | os.PathLike, text: str) -> list[tuple[str, int, int]]:
    """Name, start and end of what stands between every two marks."""
    marks = list(_MARK.finditer(text))
    pairs = list(zip(marks[::2], marks[1::2], strict=False))
    good = [a[1] == b[1] and (a[2], b[2]) == ("begin", "end") for a, b in pairs]
    if not marks or len(marks) % 2 or not all(good):
        expected = "expected <!-- NAME:begin --> and <!-- NAME:end --> in turns"
        found = ", ".join(f"{mark[1]}:{mark[2]}" for mark in marks) or "no marks"
        raise InputError(f"page {page}: found {found}, {expected}, NAME of {', '.join(PARTS)}")
    return [(begin[1], begin.end(), end.start()) for begin, end in pairs]
