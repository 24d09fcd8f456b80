"""`jiqa fit`: fit parameters of a metric."""

import argparse
from pathlib import Path

from jiqa.cli.commands import Commands

_DESCRIPTION = """niqe, ilniqe: pristine statistics of the photographs in folders. brisque: its
regression, fitted to a prepared database without the official test part."""


def add(commands: Commands) -> None:
    """Adds the command `fit`."""
    parser = commands.add_parser(
        "fit", help="fit the parameters of a metric", description=_DESCRIPTION
    )
    parser.add_argument("metric", choices=("niqe", "ilniqe", "brisque"))
    parser.add_argument("source", nargs="+", help="folders, or a database")
    parser.add_argument("--out", required=True, type=Path, help="the file, .npz")
    parser.set_defaults(run=_fit)


def _fit(arguments: argparse.Namespace) -> None:
    from jiqa.files import write_npz
    from jiqa.tasks import parameters

    if arguments.metric == "brisque":
        found = parameters.regression(arguments.source[0])._asdict()
    else:
        found = parameters.fit(arguments.metric, [Path(folder) for folder in arguments.source])
    write_npz(arguments.out, found)
