"""Plans and executes the runs that a published table needs."""

import dataclasses
import importlib
import itertools
import os
import re
import shlex
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from jiqa import interrupt
from jiqa.data.protocols import SHARED, Protocol
from jiqa.databases import prepare
from jiqa.errors import InputError, JiqaError
from jiqa.results.predictions import Predictions
from jiqa.results.published import Paper, Table
from jiqa.results.summary import markdown, plural

T = TypeVar("T")
N = TypeVar("N", int, float)


@dataclasses.dataclass(frozen=True)
class Job:
    """A run that fills cells of a table.

    Attributes:
        run: name of the run in the predictions.
        database: to train on.
        tests: other databases to test on; none: the run is tested on its own database.
        config: file and arguments for `--config`; '' where jiqa has no config of the run.
        protocol: label of the paper's protocol.
        splits: number of splits in the paper.
    """

    run: str
    database: str
    tests: tuple[str, ...]
    config: str
    protocol: str
    splits: int

    def done(self, predictions: Iterable[Predictions]) -> set[int]:
        """Numbers, from 0, of the splits with predictions on every test database."""
        found: dict[str, set[int]] = {name: set() for name in self.tests or (self.database,)}
        for table in predictions:
            protocol = table.protocol.removesuffix(SHARED)
            if (table.run, protocol) == (self.run, self.protocol) and table.database in found:
                found[table.database].add(int(re.sub(r"\D*(\d+).*", r"\1", table.split)))
        return set.intersection(*found.values())

    def unprepared(self, data_dir: str | Path | None = None) -> list[str]:
        """Databases that the run needs and that are not prepared."""
        needed = dict.fromkeys((self.database, *self.tests, *self._photographs()))
        return [name for name in needed if not prepare.is_prepared(name, data_dir=data_dir)]

    def _photographs(self) -> list[str]:
        """Databases whose photographs the run's stages use."""
        if not self.config:
            return []
        file, _, text = self.config.partition(":")
        module = importlib.import_module(f"jiqa.{file.removesuffix('.py').replace('/', '.')}")
        try:
            config = module.get_config(f"weights=none,{text}")  # the config needs some weights
        except InputError:  # the run itself reports the error
            return []
        stages = [config[name] for name in config.stages]
        sections = [stage.get(field) or {} for stage in stages for field in ("pairs", "pristine")]
        places = [each.get(field, "") for each in sections for field in ("photographs", "more")]
        return [place for place in places if place in prepare.DATABASES]

    def command(self, only: Collection[int] = ()) -> list[str]:
        """Command of the run; `only`: numbers of the splits to run, by default all."""
        part = [f"--only={','.join(map(str, sorted(only)))}"] if only else []
        return ["python", "-m", "jiqa.main", f"--config={self.config}", *part]


def jobs(
    paper: Paper, tables: Iterable[Table], runs: Mapping[str, str], arguments: str = ""
) -> list[Job]:
    """Runs that fill the cells of some tables, in the order of the rows, without duplicates.

    Args:
        paper: of the tables; decides the protocol.
        tables: of the paper.
        runs: run -> config file and first arguments, such as `configs/iqa_nrtl.py:variant=full`.
        arguments: for every config, such as `weights=FILE`; they override the paper's.

    Raises:
        InputError: an argument is not NAME=VALUE, or `test`, `seed` or `splits` is no number.
    """
    wanted: dict[tuple[str, str], dict[str, None]] = {}
    for table in tables:
        for query in (table.asks(row, column) for row in table.rows for column in table.columns):
            if not (query.published_only or query.fact):
                for database in query.databases:
                    tests = wanted.setdefault((query.predictions, query.train or database), {})
                    if query.train:
                        tests[database] = None
    return [
        _job(run, database, tuple(tests), runs.get(run, ""), paper.arguments, arguments)
        for (run, database), tests in wanted.items()
    ]


def _job(
    run: str, database: str, tests: tuple[str, ...], config: str, paper: str, given: str
) -> Job:
    file, _, first = config.partition(":")
    fields = {**_fields(first), "dataset": database, **_fields(paper)}
    if tests:
        fields |= {"cross": "+".join(tests), "shared": "True"}
        del fields["protocol"], fields["test"]
    fields |= _fields(given)
    text = ",".join(f"{name}={value}" for name, value in fields.items())
    protocol = Protocol(
        kind="cross" if tests else fields["protocol"],
        test=_number(fields, "test", float, 0.1),
        seed=_number(fields, "seed", int, 0),
    )
    label, splits = protocol.label(database), _number(fields, "splits", int, 1)
    return Job(run, database, tests, file and f"{file}:{text}", label, splits)


def _number(fields: Mapping[str, str], name: str, kind: Callable[[str], N], default: N) -> N:
    value = fields.get(name)
    try:
        return default if value is None else kind(value)
    except ValueError:
        raise InputError(f"argument {name}: found {value!r}, expected a number") from None


def _fields(text: str) -> dict[str, str]:
    fields = {}
    for part in filter(None, text.split(",")):
        name, equals, value = part.partition("=")
        if not (name and equals):
            raise InputError(f"arguments: found {part!r}, expected NAME=VALUE")
        fields[name] = value
    return fields


def show(
    planned: Sequence[Job],
    predictions: Sequence[Predictions],
    data_dir: str | Path | None = None,
) -> str:
    """Markdown table of jobs: number of finished splits, and the commands for the others."""
    lines = []
    for job in planned:
        done = len(job.done(predictions))
        tested = f" -> {', '.join(job.tests)}" if job.tests else ""
        if done >= job.splits:
            status = "done"
        elif not job.config:
            status = "no config of this run"
        else:
            prepares = [f"`jiqa prepare {name}`" for name in job.unprepared(data_dir)]
            status = ", then ".join([*prepares, f"`{shlex.join(job.command())}`"])
        lines.append([job.run, job.database + tested, f"{done} of {job.splits}", status])
    return markdown(["run", "database", "splits done", "what is missing"], lines)


def reproduce(
    planned: Sequence[Job],
    root: str | Path,
    read: Callable[[], Sequence[Predictions]],
    *,
    shard: tuple[int, int] = (1, 1),
    data_dir: str | Path | None = None,
    say: Callable[[str], None] = print,
) -> None:
    """Executes missing splits of jobs; a failed job does not stop the others.

    Each job runs in a process of its own.

    Args:
        planned: the jobs; a job without a config or a prepared database is skipped, with one line.
        root: folder of runs.
        read: reads the predictions made so far.
        shard: (i, n): every n-th split, counted over all jobs, from the i-th on; i from 1.
        data_dir: folder of databases.
        say: writes a line of the report.

    Raises:
        InputError: the shard is not 1/n to n/n.
        JiqaError: a run failed; the message names all failed runs.
    """
    mine = share([(job, split) for job in planned for split in range(job.splits)], shard)
    failed = []
    for job in planned:
        missing = {split for other, split in mine if other is job} - job.done(read())
        about = f"{job.run} on {job.database}"
        if not missing:
            continue
        if not job.config:
            say(f"{about}: no config of this run, left out")
        elif unprepared := job.unprepared(data_dir):
            say(f"{about}: not prepared: {', '.join(unprepared)}, left out")
        else:
            say(f"{about}: {plural(len(missing), 'split')} to run")
            failed += execute([*job.command(missing), f"--root={root}"], data_dir)
    check(failed)


def grid(config: str, over: Sequence[str]) -> list[list[str]]:
    """Commands of a config for every combination of some arguments' values.

    Args:
        config: file and arguments, such as `configs/iqa_nrtl.py:dataset=biq2021,weights=FILE`.
        over: arguments with their values, such as `variant=full,adapt`; the last varies fastest.

    Raises:
        InputError: an element of `over` is not NAME=VALUE,VALUE.
    """
    axes = []
    for text in over:
        name, _, values = text.partition("=")
        if not (name and all(values.split(","))):
            raise InputError(f"--over: found {text!r}, expected NAME=VALUE,VALUE")
        axes.append([f"{name}={value}" for value in values.split(",")])
    file, _, first = config.partition(":")
    return [
        ["python", "-m", "jiqa.main", f"--config={file}:{','.join(filter(None, [first, *chosen]))}"]
        for chosen in itertools.product(*axes)
    ]


def share(every: Sequence[T], shard: tuple[int, int]) -> Sequence[T]:
    """Every n-th element from the i-th on; `shard` is (i, n), i from 1.

    Raises:
        InputError: the shard is not 1/n to n/n.
    """
    i, n = shard
    if not 1 <= i <= n:
        raise InputError(f"shard: found {i}/{n}, expected 1/{n} to {n}/{n}")
    return every[i - 1 :: n]


def execute(command: list[str], data_dir: str | Path | None = None) -> list[str]:
    """Executes `python ...` in a new process; returns the command as text if it failed, else []."""
    environment = {**os.environ, "JIQA_DATA_DIR": str(prepare.data_root(data_dir))}
    failed = interrupt.run([sys.executable, *command[1:]], environment)
    return [shlex.join(command)] if failed else []


def check(failed: Sequence[str]) -> None:
    """Raises JiqaError with all failed commands, if there are any."""
    if failed:
        raise JiqaError(f"{plural(len(failed), 'run')} failed: {'; '.join(failed)}")
