"""Records of runs as markdown, one function a section of README or docs."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from jiqa.metrics import registry
from jiqa.results.record import (
    DifferenceRecord,
    Record,
    RestorerRecord,
    RunKey,
    RunRecord,
    TimingRecord,
)
from jiqa.results.summary import (
    CRITERIA,
    INTERVALS,
    Figure,
    compare,
    markdown,
    plural,
    same_test,
    show,
)

T = TypeVar("T")

NONE = "Nothing recorded."
PSEUDO = "A pseudo score is computed by a full-reference metric, not human-rated."
DIFFERENCES = "SROCC of runs tested on the same images: row less column, by a paired bootstrap."
RESTORERS = (
    "Photographs held out from the training of a restorer, distorted whole: means over their "
    "pictures, PSNR in dB and SSIM against the photograph before and after, and the correlation of "
    "the predicted with the true SSIM map. A multitask restorer learned the map first."
)
RESTORERS_HEADER = (
    *("restorer", "updates", "distortion", "pairs", "PSNR", "PSNR restored"),
    *("SSIM", "SSIM restored", "map correlation"),
)
TIMINGS_HEADER = (
    *("metric", "ms", "images/s", "first call, s", "peak, MB"),
    *("fastest peer", "peer, ms", "peer / jiqa", "peer peak, MB", "value checked"),
)


def results(records: Iterable[Record]) -> str:
    """All runs, numbered, with the commands that made them."""
    runs = numbered(records)
    if not runs:
        return f"{NONE}\n"
    rows = [_row(number, run) for number, run in enumerate(runs, start=1)]
    notes = [INTERVALS + " Test images, steps and training time are those of one split."]
    notes.append("Epochs: passes over the scored training images; a dash where not recorded.")
    if any(run.score_name.startswith("pseudo_") for run in runs):
        notes.append(PSEUDO)
    for number, run in enumerate(runs, start=1):
        notes += _twins(number, run)
    commands = [
        f"{number}. `{run.command}` ({run.machine})" for number, run in enumerate(runs, start=1)
    ]
    table = markdown(list(rows[0]), [list(row.values()) for row in rows])
    return "\n".join([table, *notes, "", *commands]) + "\n"


def numbered(records: Iterable[Record]) -> list[RunRecord]:
    """The runs in the order of their numbers, from 1."""
    return sorted(_of(RunRecord, records), key=_order)


def at_a_glance(records: Iterable[Record]) -> str:
    """The run of the highest SROCC on every database, with its number among `results`."""
    best: dict[str, tuple[int, RunRecord]] = {}
    for number, run in enumerate(numbered(records), start=1):
        held = best.get(_database(run))
        if held is None or _srocc(run) > _srocc(held[1]):
            best[_database(run)] = number, run
    if not best:
        return f"{NONE}\n"
    columns = ("database (score)", "protocol", "splits", "SROCC", "PLCC", "training")
    rows = []
    for number, run in best.values():
        row = _row(number, run)
        rows.append([f"{run.run} ({number})", *(row[column] for column in columns)])
    table = markdown(["best run (no.)", *columns], rows)
    notes = [INTERVALS]
    if any(run.score_name.startswith("pseudo_") for _, run in best.values()):
        notes.append(PSEUDO)
    return "\n".join([table, *notes]) + "\n"


def differences(records: Iterable[Record]) -> str:
    """Differences in SROCC of runs tested on the same images, a table for each test.

    Of runs with recorded predictions they are computed here, of others they are recorded.
    """
    records = list(records)
    runs = numbered(records)
    places = {run.names: place for place, run in enumerate(runs)}
    cells = {
        (places[each.first], places[each.second]): show(Figure(each.value, each.low, each.high))
        for each in _of(DifferenceRecord, records)
        if each.criterion == "srocc"
    } | _compared(runs)
    if not cells:
        return f"{NONE}\n"
    tests: dict[str, list[tuple[int, int]]] = {}
    for pair in sorted(cells):
        tests.setdefault(_test(runs[pair[0]]), []).append(pair)
    tables = []
    for title, pairs in sorted(tests.items()):
        of, others = (sorted(set(numbers)) for numbers in zip(*pairs, strict=True))
        rows = [
            [f"{row + 1} {runs[row].run}", *(cells.get((row, other), "") for other in others)]
            for row in of
        ]
        header = ["run", *(f"less {other + 1}" for other in others)]
        tables.append(f"\n{title}:\n\n{markdown(header, rows)}")
    return f"{DIFFERENCES}\n" + "".join(tables)


def restorers(records: Iterable[Record]) -> str:
    """Means over the pairs of each type of distortion, for every restorer."""
    found = sorted(_of(RestorerRecord, records), key=lambda each: (each.stage, each.command))
    if not found:
        return f"{NONE}\n"
    rows, commands = [], []
    for number, each in enumerate(found, start=1):
        name = f"{'multitask' if each.multitask else 'single-task'} ({number})"
        rows += [
            [
                *(name, str(each.updates), row.distortion, str(row.pairs)),
                *(_fixed(row.psnr, 2), _fixed(row.restored_psnr, 2)),
                *(_fixed(row.ssim, 3), _fixed(row.restored_ssim, 3)),
                _fixed(row.map_correlation, 2),
            ]
            for row in each.rows
        ]
        commands.append(f"{number}. `{each.command}`")
    return "\n".join([f"{RESTORERS}\n", markdown(RESTORERS_HEADER, rows), *commands]) + "\n"


def timings(records: Iterable[Record]) -> str:
    """Time and memory of the metrics, a table for each machine and set of versions.

    The first table has a row of dashes for every metric that was timed nowhere.
    """
    groups: dict[str, dict[str, TimingRecord]] = {}
    timed = _of(TimingRecord, records)
    for each in timed:
        groups.setdefault(_conditions(each), {})[each.metric] = each
    if not groups:
        return f"{NONE}\n"
    missing = set(registry.METRICS) - {each.metric for each in timed}
    tables = []
    for place, (conditions, rows) in enumerate(groups.items()):
        names = [*registry.METRICS, *sorted(set(rows) - set(registry.METRICS))]
        table = [
            _timing(name, rows.get(name))
            for name in names
            if name in rows or (name in missing and place == 0)
        ]
        tables.append(f"{conditions}\n\n{markdown(TIMINGS_HEADER, table)}")
    return "\n".join(tables)


def _of(kind: type[T], records: Iterable[Record]) -> list[T]:
    return [record for record in records if isinstance(record, kind)]


def _order(run: RunRecord) -> tuple[str, ...]:
    return _database(run), run.run, run.protocol, f"`{run.command}` ({run.machine})"


def _database(run: RunKey) -> str:
    return f"{run.database} ({run.score_name})"


def _srocc(run: RunRecord) -> float:
    value = run.total["srocc"].value
    return -2.0 if value is None else value


def _row(number: int, run: RunRecord) -> dict[str, str]:
    """Cells of a run by their columns."""
    splits = run.splits
    steps = [split.steps for split in splits if split.steps is not None]
    minutes = [round(seconds / 60, 1) for seconds in (run.seconds.low, run.seconds.high)]
    return {
        "no.": str(number),
        "run": run.run,
        "database (score)": _database(run),
        "protocol": run.protocol,
        "splits": "1" if len(splits) == 1 else f"{run.aggregate} of {len(splits)}",
        "test images": _range(split.test_images for split in splits),
        "SROCC": show(run.total["srocc"].figure),
        **{
            CRITERIA[name][0]: f"{run.total[name].figure.value:.3f}"
            for name in ("plcc", "plcc_logistic", "krcc", "rmse")
        },
        "steps": _range(steps) if steps else "none",
        "epochs": "-" if run.epochs is None else f"{run.epochs:g}",
        "training": f"{_range(minutes)} min",
        "seed": _range(split.seed for split in splits),
    }


def _range(values: Iterable[float]) -> str:
    values = sorted(values)
    low, high = values[0], values[-1]
    return str(low) if low == high else f"{low} to {high}"


def _twins(number: int, run: RunRecord) -> list[str]:
    """A line for every split with test images that have a twin in the training."""
    lines = []
    for split in run.splits:
        if split.twins:
            figures = ", ".join(
                f"{CRITERIA[name][0]} {value:.3f}" for name, value in split.without_twins.items()
            )
            counted = f"{split.twins} of {plural(split.test_images, 'test image')}"
            lines.append(
                f"Run {number}, {split.name}: {counted} have a twin in the training part; "
                f"without these images {figures or 'not computed'}."
            )
    return lines


def _compared(runs: Sequence[RunRecord]) -> dict[tuple[int, int], str]:
    """Each run less those before it, where both were tested on the same images."""
    tests = [(place, run.aggregate, run.tables()) for place, run in enumerate(runs)]
    tests = [test for test in tests if test[2]]
    return {
        (place, before): show(compare(tables, others, aggregate=aggregate))
        for i, (place, aggregate, tables) in enumerate(tests)
        for before, _, others in tests[:i]
        if same_test(tables, others)
    }


def _test(run: RunRecord) -> str:
    return f"{_database(run)}, {run.protocol}, seed {_range(split.seed for split in run.splits)}"


def _fixed(value: float | None, decimals: int) -> str:
    return "-" if value is None else f"{value:.{decimals}f}"


def _conditions(timing: TimingRecord) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in timing.versions.items())
    shape = f"{timing.batch} x {timing.height} x {timing.width}"
    return f"Batch, height, width: {shape}. Shortest of the calls; {timing.machine}, {versions}."


def _timing(name: str, timing: TimingRecord | None) -> list[str]:
    if timing is None:
        return [name, *["-"] * (len(TIMINGS_HEADER) - 1)]
    ours = [f"{timing.ms:.1f}", f"{timing.images_per_s:.1f}"]
    ours += [f"{timing.first_s:.1f}", f"{timing.peak_mb:.0f}"]
    checked = "yes" if timing.checked else "no"
    if timing.peer is None:
        return [name, *ours, "", "", "", "", checked]
    peer = [timing.peer, _fixed(timing.peer_ms, 1), _fixed(timing.ratio, 1)]
    return [name, *ours, *peer, _fixed(timing.peer_mb, 0), checked]
