"""The README's results section, made from the runs recorded on disk and never typed."""

import dataclasses
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jiqa.errors import InputError
from jiqa.files import read_json, write_text
from jiqa.results import restorers as restored
from jiqa.results.predictions import Predictions, read_predictions
from jiqa.results.summary import (
    INTERVALS,
    MEASURES,
    Summary,
    by_run,
    compare,
    markdown,
    same_test,
    show,
    summarise,
)

BEGIN, END = "<!-- results:begin -->", "<!-- results:end -->"
RESTORERS = (
    "Photographs held out from the training of a restorer, distorted whole: means over their "
    "pictures, PSNR in dB and SSIM against the photograph before and after, and the correlation of "
    "the predicted with the true SSIM map. A multitask restorer learned the map first."
)


@dataclasses.dataclass(frozen=True)
class Record:
    """A recorded run: its predictions, its run.json, and the split.json of every split."""

    predictions: list[Predictions]
    summary: Summary
    run: dict[str, Any]
    splits: list[dict[str, Any]]


class Line(NamedTuple):
    """A run as the page has it: its cells by their columns, its command with the machine.

    `record` is None of a run that is on the page and not in the folder of runs.
    """

    cells: dict[str, str]
    command: str
    record: Record | None

    @property
    def key(self) -> tuple[str, ...]:
        """What tells a run and its test from all others."""
        of = (self.cells[name] for name in ("database (score)", "run", "protocol"))
        return (*of, self.command)


class Apart(NamedTuple):
    """Runs tested on the same images, and how far the first of two (by key) is above the second."""

    title: str
    cells: dict[tuple[tuple[str, ...], tuple[str, ...]], str]


class Page(NamedTuple):
    """A results section: its runs, and the tables of their differences."""

    lines: Sequence[Line] = ()
    apart: Sequence[Apart] = ()


def update(readme: str | os.PathLike, workdir: str | os.PathLike) -> None:
    """Rewrite what stands between the two results marks of `readme` from the runs in `workdir`.

    Runs of other machines, whose folders are not there, stay on the page with their differences:
    all that are on it with another command; and so do its restorers, where there are none.

    Raises InputError where the marks or the runs are missing, or a file of a run is malformed.
    """
    records = read_records(workdir)
    _, old, _ = _parts(readme, BEGIN, END)
    runs, _, restorers = old.partition(RESTORERS)
    restorers = restored.section(workdir) or restorers.strip()
    text = section(records, earlier(runs))
    if restorers:
        text += f"\n{RESTORERS}\n\n{restorers}\n"
    rewrite(readme, BEGIN, END, text)


def rewrite(readme: str | os.PathLike, begin: str, end: str, text: str) -> None:
    """Put `text` between the two marks of `readme`.

    Raises InputError where there is no such file or it lacks the marks.
    """
    before, _, after = _parts(readme, begin, end)
    write_text(readme, f"{before}{begin}\n{text}{end}{after}")


def _parts(readme: str | os.PathLike, begin: str, end: str) -> tuple[str, str, str]:
    """What stands before, between and after the two marks."""
    path = Path(readme)
    if not path.is_file():
        raise InputError(f"readme {path}: no such file")
    before, first, rest = path.read_text(encoding="utf-8").partition(begin)
    between, second, after = rest.partition(end)
    if not (first and second):
        raise InputError(f"readme {path}: expected the marks {begin} and {end}, in this order")
    return before, between, after


def read_records(workdir: str | os.PathLike) -> list[Record]:
    """The runs under `workdir`: folders with a run.json and, for every split, a folder of its name.

    Raises InputError where a file is missing or malformed.
    """
    records = []
    for path in sorted(Path(workdir).rglob("run.json")):
        run = read_json(path, "command", "config", "machine")
        groups = by_run(read_predictions(path.parent))
        if not groups:
            raise InputError(f"{path.parent}: no predictions.csv, expected a finished run")
        for tables in groups:
            folders = [path.parent / table.split for table in tables]
            splits = [read_json(folder / "split.json", "seed", "seconds") for folder in folders]
            aggregate = run["config"].get("protocol", {}).get("aggregate", "median")
            (summary,) = summarise(tables, aggregate)
            records.append(Record(tables, summary, run, splits))
    if not records:
        raise InputError(f"workdir {workdir}: no run.json in it, expected the folders of runs")
    return records


def earlier(section: str) -> Page:
    """The runs and differences of a results section that `section` has written.

    Raises InputError where a row has no command, or a table too many or too few cells.
    """
    table, _, rest = section.strip().partition("\n\n")
    if not table.startswith("| no. "):
        return Page()
    commands = dict(re.findall(r"^(\d+)\. (`.*)$", rest, re.MULTILINE))
    header, rows = _rows(table)
    lines = {}
    for number, *cells in rows:
        if number not in commands or len(cells) != len(header) - 1:
            found = f"row {number!r} of {len(cells) + 1} cells"
            expected = f"{len(header)} and a command with its number"
            raise InputError(f"results on the page: found {found}, expected {expected}")
        named = dict(zip(header, [number, *cells], strict=True))
        lines[number] = Line(named, commands[number], None)
    tables = re.findall(r"^(.+):\n\n((?:\|.*(?:\n|$))+)", rest, re.MULTILINE)
    return Page(list(lines.values()), [_earlier(title, table, lines) for title, table in tables])


def _earlier(title: str, table: str, lines: dict[str, Line]) -> Apart:
    """The differences in a table of `_apart`; `lines` are the page's runs by their numbers."""
    (_, *others), rows = _rows(table)
    try:
        keys = [lines[other.removeprefix("less ")].key for other in others]
        cells = {
            (lines[run.partition(" ")[0]].key, key): cell
            for run, *row in rows
            for key, cell in zip(keys, row, strict=True)
            if cell
        }
    except (KeyError, ValueError):
        expected = "expected rows and columns of the runs' numbers"
        raise InputError(f"results on the page: differences of {title}: {expected}") from None
    return Apart(title, cells)


def section(records: Sequence[Record], earlier: Page) -> str:
    """The results, the commands that made them, and how far comparable runs are apart.

    Of the page's `earlier` runs those stay that have another command than all `records`.
    Raises InputError where they have other columns.
    """
    here = [Line(_row(r), f"`{r.run['command']}` ({r.run['machine']})", r) for r in records]
    again = {record.run["command"] for record in records}
    kept = [line for line in earlier.lines if line.command[1:].partition("`")[0] not in again]
    lines = sorted([*here, *kept], key=lambda line: line.key)
    columns = list(_row(records[0]))
    for line in lines:
        if list(line.cells) != columns:
            found, expected = ", ".join(line.cells), ", ".join(columns)
            raise InputError(f"results on the page: found columns {found}, expected {expected}")
    rows = [line.cells | {"no.": str(n)} for n, line in enumerate(lines, start=1)]
    commands = [f"{number}. {line.command}" for number, line in enumerate(lines, start=1)]
    notes = [INTERVALS + " Test images, steps and training time are those of one split."]
    if any("(pseudo_" in line.cells["database (score)"] for line in lines):
        notes.append("A pseudo score is computed by a full-reference measure; nobody gave it.")
    still = {line.key for line in kept}
    tests = _differences(lines)
    for title, cells in earlier.apart:
        tests.append(Apart(title, {p: cell for p, cell in cells.items() if still.issuperset(p)}))
    differences = "\n".join(sorted(_apart(test, lines) for test in tests if test.cells))
    if differences:
        says = "SROCC of runs tested on the same images, by a paired bootstrap."
        differences = f"\n{says}\n\n{differences}"
    table = markdown(columns, [list(row.values()) for row in rows])
    return "\n".join(["", table, *notes, "", *commands, differences]) + "\n"


def _row(record: Record) -> dict[str, str]:
    summary, count = record.summary, len(record.splits)
    steps = [split["steps"] for split in record.splits if "steps" in split]
    return {
        "no.": "",
        "run": summary.run,
        "database (score)": f"{summary.database} ({summary.score_name})",
        "protocol": summary.protocol,
        "splits": "1" if count == 1 else f"{summary.aggregate} of {count}",
        "test images": _range(summary.images.values()),
        "SROCC": show(summary.total["srocc"]),
        **{
            MEASURES[name][0]: f"{summary.total[name].value:.3f}"
            for name in ("plcc", "plcc_logistic", "krcc", "rmse")
        },
        "steps": _range(steps) if steps else "none",
        "training": _range(round(split["seconds"] / 60, 1) for split in record.splits) + " min",
        "seed": _range(split["seed"] for split in record.splits),
    }


def _rows(table: str) -> tuple[list[str], list[list[str]]]:
    """The header and the rows of a markdown table."""
    header, _, *rows = (_cells(line) for line in table.splitlines() if line.startswith("|"))
    return header, rows


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def _range(values: Iterable[float]) -> str:
    values = sorted(values)
    low, high = values[0], values[-1]
    return str(low) if low == high else f"{low} to {high}"


def _differences(lines: Sequence[Line]) -> list[Apart]:
    """For every test that several recorded runs have in common: each run less those before it."""
    tests: list[list[tuple[Line, Record]]] = []
    for line in lines:
        if line.record is None:
            continue
        for test in tests:
            if same_test(line.record.predictions, test[0][1].predictions):
                test.append((line, line.record))
                break
        else:
            tests.append([(line, line.record)])
    return [
        Apart(
            "{database (score)}, {protocol}, seed {seed}".format_map(test[0][0].cells),
            {
                (run.key, other.key): show(
                    compare(a.predictions, b.predictions, aggregate=a.summary.aggregate)
                )
                for place, (run, a) in enumerate(test)
                for other, b in test[:place]
            },
        )
        for test in tests
    ]


def _apart(apart: Apart, lines: Sequence[Line]) -> str:
    """The differences as a table, with the numbers of the runs among `lines`."""
    numbers = {line.key: number for number, line in enumerate(lines, start=1)}
    runs, others = (sorted(set(keys)) for keys in zip(*apart.cells, strict=True))
    rows = [
        [f"{numbers[run]} {run[1]}", *(apart.cells.get((run, other), "") for other in others)]
        for run in runs
    ]
    header = ["run", *(f"less {numbers[other]}" for other in others)]
    return f"{apart.title}:\n\n{markdown(header, rows)}"
