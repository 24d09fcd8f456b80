"""The command `jiqa`."""

import argparse
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jiqa.cli.score import PAIRINGS, add_scoring
from jiqa.errors import InputError, JiqaError, ended, tell

if TYPE_CHECKING:
    from jiqa.experiment import reproduce
    from jiqa.results.predictions import Predictions

SHARD = "i/n: every n-th, for n machines [1/1]"
DATA_DIR = "folder of databases [~/.cache/jiqa/databases]"


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    parser = argparse.ArgumentParser(prog="jiqa", description="Image quality assessment in JAX.")
    commands = parser.add_subparsers(title="commands", required=True)
    add_scoring(commands)
    _add_prepare(commands)
    _add_tables(commands)
    _add_plan(commands)
    _add_grid(commands)
    _add_compare(commands)
    _add_distort(commands)
    _add_restore(commands)
    arguments = parser.parse_args(argv)
    return ended(lambda: arguments.run(arguments), unread=0)


def _add_prepare(commands: "argparse._SubParsersAction") -> None:
    parser = commands.add_parser("prepare", help="build a database, or list them")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("database", nargs="?", help="its name")
    what.add_argument(
        "--list", action="store_true", help="list the databases: terms, where to get them"
    )
    parser.add_argument("--config", default="", help="configuration: `sample` for a part")
    parser.add_argument("--manual_dir", help="folder with the release, where it is not downloaded")
    parser.add_argument("--data_dir", help=DATA_DIR)
    parser.set_defaults(run=_prepare)


def _prepare(arguments: argparse.Namespace) -> None:
    from jiqa.databases import prepare

    if arguments.list:
        print(prepare.overview(arguments.data_dir))
        return
    where = {"config": arguments.config, "data_dir": arguments.data_dir}
    folder = prepare.prepare(arguments.database, manual_dir=arguments.manual_dir, **where)
    info = prepare.open_builder(arguments.database, **where).info
    counts = ", ".join(f"{split.num_examples} {name}" for name, split in info.splits.items())
    score = dict(info.metadata or {})["score"]
    scored = f", scored by {score}" if score else ""
    print(f"{info.full_name}: {counts}{scored}; {folder}")


def _add_tables(commands: "argparse._SubParsersAction") -> None:
    parser = commands.add_parser(
        "tables", help="list the papers' tables, or show one, ours beside the published"
    )
    parser.add_argument("table", nargs="?", help="`iqa_nrtl/3`, or `iqa_nrtl` for all of a paper's")
    parser.add_argument(
        "--results", action="store_true", help="rewrite the results in --readme from --workdir"
    )
    parser.add_argument("--workdir", help="folder of runs, at any depth")
    parser.add_argument("--data_dir", help=DATA_DIR)
    parser.add_argument("--format", choices=("markdown", "csv", "html"), default="markdown")
    parser.add_argument("--readme", default="README.md", help="[README.md]")
    parser.set_defaults(run=_tables)


def _tables(arguments: argparse.Namespace) -> None:
    from jiqa.results import render, tables

    if arguments.results:
        render.update(arguments.readme, arguments.workdir or "runs")
    elif not arguments.table:
        print(tables.overview(), end="")
    else:
        where = (arguments.workdir, arguments.format, arguments.data_dir)
        print(tables.show(arguments.table, *where), end="")


def _add_plan(commands: "argparse._SubParsersAction") -> None:
    for name, text, run in (
        ("plan", "print the runs that a table still misses, with their commands", _plan),
        ("reproduce", "run what a table still misses, and show it", _reproduce),
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

    planned, read = _jobs(arguments)
    print(reproduce.show(planned, read(), arguments.data_dir), end="")


def _reproduce(arguments: argparse.Namespace) -> None:
    from jiqa.results import tables

    planned, read = _jobs(arguments)
    how = {"shard": _shard(arguments.shard), "data_dir": arguments.data_dir}
    failed = None
    try:
        reproduce.reproduce(planned, arguments.workdir, read, **how)
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
) -> "tuple[list[plan.Job], Callable[[], list[Predictions]]]":
    """The jobs of the table asked for, and what reads the predictions there are."""
    from jiqa.configs.runs import RUNS
    from jiqa.results import tables
    from jiqa.results.predictions import read_predictions

    def read() -> "list[Predictions]":
        Path(arguments.workdir).mkdir(parents=True, exist_ok=True)
        return read_predictions(arguments.workdir)

    paper, chosen = tables.select(arguments.table)
    return reproduce.jobs(paper, chosen.values(), RUNS, arguments.set), read


def _add_grid(commands: "argparse._SubParsersAction") -> None:
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

    commands = reproduce.grid(arguments.config, arguments.over)
    failed = []
    for command in reproduce.share(commands, _shard(arguments.shard)):
        command.append(f"--root={arguments.workdir}")
        print(shlex.join(command), flush=True)
        if arguments.execute:
            failed += reproduce.execute(command)
    reproduce.check(failed)


def _add_compare(commands: "argparse._SubParsersAction") -> None:
    parser = commands.add_parser("compare", help="compare runs tested on the same images")
    parser.add_argument("--workdir", default="runs", help="folder of runs [runs]")
    parser.add_argument("--measure", default="srocc", help="srocc, plcc, krcc, ... [srocc]")
    parser.add_argument("--aggregate", default="median", help="of the splits: median or mean")
    parser.set_defaults(run=_compare)


def _compare(arguments: argparse.Namespace) -> None:
    from jiqa.results import compare

    print(compare.report(arguments.workdir, arguments.measure, arguments.aggregate), end="")


def _add_distort(commands: "argparse._SubParsersAction") -> None:
    parser = commands.add_parser("distort", help="show a photograph under synthetic distortions")
    parser.add_argument("photo", help="an image file")
    parser.add_argument("-o", "--output", required=True, help="the sheet, a PNG file")
    parser.add_argument("--family", help="kadid10k, tid2013, waterloo or pocket [all]")
    parser.add_argument("--size", type=int, default=160, help="longer side of a picture [160]")
    parser.add_argument("--seed", type=int, default=0, help="of what chance decides [0]")
    parser.set_defaults(run=_distort)


def _distort(arguments: argparse.Namespace) -> None:
    from jiqa.cli import sheet

    how = {"family": arguments.family, "size": arguments.size, "seed": arguments.seed}
    sheet.write(arguments.photo, arguments.output, **how)
    print(arguments.output)


def _add_restore(commands: "argparse._SubParsersAction") -> None:
    parser = commands.add_parser("restore", help="restore photographs by a trained restorer")
    parser.add_argument("files", nargs="+", metavar="FILE", help="files, folders, patterns")
    parser.add_argument("-o", "--output", required=True, help="folder to write to")
    parser.add_argument(
        "--checkpoint",
        action="append",
        metavar="FOLDER",
        help="of the stage `restore` of a run; may be given again: NAME_1.png, NAME_2.png "
        "[the latest under runs/stages]",
    )
    parser.add_argument(
        "--ref",
        nargs="+",
        default=(),
        metavar="FILE",
        help="the reference, or one for each photograph: sheet.png shows up to 32 beside them",
    )
    parser.add_argument(
        "--pair", choices=PAIRINGS, default="name", help="how references pair, see `jiqa score -h`"
    )
    parser.set_defaults(run=_restore)


def _restore(arguments: argparse.Namespace) -> int:
    from jiqa.cli import restoring
    from jiqa.metrics import given

    files = given.files(arguments.files)
    folders = arguments.checkpoint or [restoring.latest()]
    if not arguments.checkpoint:
        print(f"jiqa: the latest restorer is {folders[0]}", file=sys.stderr)
    restorers = [restoring.load(folder) for folder in folders]
    for folder, each in zip(folders, restorers, strict=True):
        if each.mapless:
            print(f"jiqa: {folder}: no SSIM map is written, as {each.mapless}", file=sys.stderr)
    errors = restoring.restore_files(
        files, restorers, arguments.output, arguments.ref, arguments.pair
    )
    return max((tell(error) for error in errors), default=0)
