"""`jiqa tables`, `plan`, `reproduce` and `grid`: show tables of papers and execute their runs."""

import argparse
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from jiqa.cli.commands import DATA_DIR, Commands
from jiqa.errors import InputError, JiqaError

if TYPE_CHECKING:
    from jiqa.experiment import reproduce
    from jiqa.results.predictions import Predictions

SHARD = "i/n: every n-th, for n machines [1/1]"


def add(commands: Commands) -> None:
    """Adds the commands `tables`, `plan`, `reproduce` and `grid`."""
    _add_tables(commands)
    _add_plan(commands)
    _add_grid(commands)


def _add_tables(commands: Commands) -> None:
    parser = commands.add_parser(
        "tables", help="list the papers' tables, or show one with our and the published figures"
    )
    parser.add_argument("table", nargs="?", help="`iqa_nrtl/3`, or `iqa_nrtl` for all of a paper's")
    parser.add_argument(
        "--results", action="store_true", help="add the runs in --workdir to --record, and render"
    )
    parser.add_argument(
        "--render", action="store_true", help="render --readme and the docs beside it from --record"
    )
    parser.add_argument("--workdir", help="folder of runs, at any depth")
    parser.add_argument("--data_dir", help=DATA_DIR)
    parser.add_argument("--format", choices=("markdown", "csv", "html"), default="markdown")
    parser.add_argument("--readme", default="README.md", help="[README.md]")
    parser.add_argument("--record", default="results/runs.jsonl", help="[results/runs.jsonl]")
    parser.set_defaults(run=_tables)


def _tables(arguments: argparse.Namespace) -> None:
    from jiqa.results import collect, pages, record, tables

    if arguments.results:
        workdir = arguments.workdir or "runs"
        new = [*collect.runs(workdir), *collect.restorers(workdir)]
        pages.publish(new, arguments.record, arguments.readme)
    elif arguments.render:
        pages.update(pages.pages_with_marks(arguments.readme), record.read(arguments.record))
    elif not arguments.table:
        print(tables.overview(), end="")
    else:
        where = (arguments.workdir, arguments.format, arguments.data_dir)
        print(tables.show(arguments.table, *where), end="")


def _add_plan(commands: Commands) -> None:
    for name, text, run in (
        ("plan", "print the missing runs of a table, with their commands", _plan),
        ("reproduce", "execute the missing runs of a table, and show the table", _reproduce),
    ):
        parser = commands.add_parser(name, help=text)
        parser.add_argument("table", help="`iqa_nrtl/3`, or `iqa_nrtl` for all of a paper's")
        parser.add_argument("--workdir", default="runs", help="folder of runs [runs]")
        parser.add_argument("--data_dir", help=DATA_DIR)
        parser.add_argument(
            "--set", default="", help="arguments for every config: weights=FILE,splits=3"
        )
        if run is _reproduce:
            parser.add_argument("--shard", default="1/1", help=SHARD)
        parser.set_defaults(run=run)


def _plan(arguments: argparse.Namespace) -> None:
    from jiqa.experiment import reproduce

    planned, read = _jobs(arguments)
    print(reproduce.show(planned, read(), arguments.data_dir), end="")


def _reproduce(arguments: argparse.Namespace) -> None:
    from jiqa.experiment import reproduce
    from jiqa.results import tables

    planned, read = _jobs(arguments)
    options = {"shard": _shard(arguments.shard), "data_dir": arguments.data_dir}
    failed = None
    try:
        reproduce.reproduce(planned, arguments.workdir, read, **options)
    except JiqaError as error:
        failed = error
    where = (arguments.workdir, "markdown", arguments.data_dir)
    print(tables.show(arguments.table, *where), end="")
    if failed:
        raise failed


def _shard(text: str) -> tuple[int, int]:
    i, _, n = text.partition("/")
    if not (i.isdecimal() and n.isdecimal()):
        raise InputError(f"--shard: found {text!r}, expected i/n such as 1/4")
    return int(i), int(n)


def _jobs(
    arguments: argparse.Namespace,
) -> "tuple[list[reproduce.Job], Callable[[], list[Predictions]]]":
    """Jobs of the named table, and a function that reads the predictions made so far."""
    from jiqa.configs.runs import RUNS
    from jiqa.experiment import reproduce
    from jiqa.results import tables
    from jiqa.results.predictions import read_predictions

    def read() -> "list[Predictions]":
        Path(arguments.workdir).mkdir(parents=True, exist_ok=True)
        return read_predictions(arguments.workdir)

    paper, chosen = tables.select(arguments.table)
    return reproduce.jobs(paper, chosen.values(), RUNS, arguments.set), read


def _add_grid(commands: Commands) -> None:
    parser = commands.add_parser("grid", help="print or run a config over values of its arguments")
    parser.add_argument("config", help="configs/iqa_nrtl.py:dataset=biq2021,weights=FILE")
    parser.add_argument(
        "--over", action="append", required=True, metavar="NAME=A,B", help="may be given again"
    )
    parser.add_argument("--run", action="store_true", dest="execute", help="run, do not just print")
    parser.add_argument("--shard", default="1/1", help=SHARD)
    parser.add_argument("--workdir", default="runs", help="folder of runs [runs]")
    parser.set_defaults(run=_grid)


def _grid(arguments: argparse.Namespace) -> None:
    from jiqa.experiment import reproduce

    commands = reproduce.grid(arguments.config, arguments.over)
    failed = []
    for command in reproduce.share(commands, _shard(arguments.shard)):
        command.append(f"--root={arguments.workdir}")
        print(shlex.join(command), flush=True)
        if arguments.execute:
            failed += reproduce.execute(command)
    reproduce.check(failed)
