"""The command `jiqa`."""

import argparse
from collections.abc import Sequence

from jiqa.errors import JiqaError, tell


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    parser = argparse.ArgumentParser(prog="jiqa", description="Image quality assessment in JAX.")
    commands = parser.add_subparsers(title="commands", required=True)
    _add_prepare(commands)
    _add_tables(commands)
    _add_distort(commands)
    arguments = parser.parse_args(argv)
    try:
        arguments.run(arguments)
    except (JiqaError, ImportError) as error:
        return tell(error)
    return 0


def _add_prepare(commands: "argparse._SubParsersAction") -> None:
    parser = commands.add_parser("prepare", help="build a database, or list them")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("database", nargs="?", help="its name")
    what.add_argument(
        "--list", action="store_true", help="list the databases: terms, where to get them"
    )
    parser.add_argument("--config", default="", help="configuration: `sample` for a part")
    parser.add_argument("--manual_dir", help="folder with the release, where it is not downloaded")
    parser.add_argument("--data_dir", help="folder of databases [~/.cache/jiqa/databases]")
    parser.set_defaults(run=_prepare)


def _prepare(arguments: argparse.Namespace) -> None:
    from jiqa.data import prepare

    if arguments.list:
        print(prepare.overview(arguments.data_dir))
        return
    where = {"config": arguments.config, "data_dir": arguments.data_dir}
    folder = prepare.prepare(arguments.database, manual_dir=arguments.manual_dir, **where)
    info = prepare.open_builder(arguments.database, **where).info
    counts = ", ".join(f"{split.num_examples} {name}" for name, split in info.splits.items())
    score = dict(info.metadata or {})["score"] or "nobody"
    print(f"{info.full_name}: {counts}, scored by {score}; {folder}")


def _add_tables(commands: "argparse._SubParsersAction") -> None:
    parser = commands.add_parser("tables", help="show a paper's tables, ours beside the published")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("table", nargs="?", help="`iqa_nrtl/3`, or `iqa_nrtl` for all of a paper's")
    what.add_argument(
        "--results", action="store_true", help="rewrite the results in --readme from --workdir"
    )
    parser.add_argument("--workdir", help="folder of runs, at any depth")
    parser.add_argument("--format", choices=("markdown", "csv"), default="markdown")
    parser.add_argument("--readme", default="README.md", help="[README.md]")
    parser.set_defaults(run=_tables)


def _tables(arguments: argparse.Namespace) -> None:
    from jiqa import readme, tables

    if arguments.results:
        readme.update(arguments.readme, arguments.workdir or "runs")
    else:
        print(tables.show(arguments.table, arguments.workdir, arguments.format), end="")


def _add_distort(commands: "argparse._SubParsersAction") -> None:
    parser = commands.add_parser("distort", help="show a photograph under synthetic distortions")
    parser.add_argument("photo", help="an image file")
    parser.add_argument("-o", "--output", required=True, help="the sheet, a PNG file")
    parser.add_argument("--family", help="kadid10k, tid2013, waterloo or pocket [all]")
    parser.add_argument("--size", type=int, default=160, help="longer side of a picture [160]")
    parser.add_argument("--seed", type=int, default=0, help="of what chance decides [0]")
    parser.set_defaults(run=_distort)


def _distort(arguments: argparse.Namespace) -> None:
    from jiqa.data.distort import sheet

    how = {"family": arguments.family, "size": arguments.size, "seed": arguments.seed}
    sheet.write(arguments.photo, arguments.output, **how)
    print(arguments.output)
