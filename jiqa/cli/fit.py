"""`jiqa fit`: new parameters for the metrics that come with parameters."""

import argparse
from pathlib import Path

from jiqa.cli.commands import Commands

_DESCRIPTION = """Fits the parameters of a metric. niqe, ilniqe: statistics of pristine photographs,
in folders. brisque: a regression on a prepared database, without its official test part."""


def add(commands: Commands) -> None:
    """Adds the command `fit`."""
    parser = commands.add_parser(
        "fit", help="fit the parameters of a metric", description=_DESCRIPTION
    )
    parser.add_argument("metric", choices=("niqe", "ilniqe", "brisque"))
    parser.add_argument("source", nargs="+", help="folders of photographs, or a database")
    parser.add_argument("--out", required=True, type=Path, help=".npz file to write")
    parser.set_defaults(run=_fit)


def _fit(arguments: argparse.Namespace) -> None:
    from jiqa.files import write_npz
    from jiqa.tasks import parameters

    if arguments.metric == "brisque":
        found = parameters.regression(arguments.source[0])._asdict()
    else:
        found = parameters.fit(arguments.metric, [Path(folder) for folder in arguments.source])
    write_npz(arguments.out, found)
