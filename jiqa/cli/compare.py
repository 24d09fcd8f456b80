"""`jiqa compare`: compare runs tested on the same images."""

import argparse

from jiqa.cli.commands import Commands


def add(commands: Commands) -> None:
    """Adds the command `compare`."""
    parser = commands.add_parser("compare", help="compare runs tested on the same images")
    parser.add_argument("--workdir", default="runs", help="folder of runs [runs]")
    parser.add_argument(
        "--criterion",
        "--measure",
        default="srocc",
        help="srocc, plcc, krcc, ...; --measure is the former name [srocc]",
    )
    parser.add_argument("--aggregate", default="median", help="over the splits: median or mean")
    parser.set_defaults(run=_compare)


def _compare(arguments: argparse.Namespace) -> None:
    from jiqa.results import compare

    print(compare.report(arguments.workdir, arguments.criterion, arguments.aggregate), end="")
