"""`jiqa distort`: a sheet of one photograph under synthetic distortions."""

import argparse

from jiqa.cli.commands import Commands


def add(commands: Commands) -> None:
    """Adds the command `distort`."""
    parser = commands.add_parser("distort", help="show a photograph under synthetic distortions")
    parser.add_argument("photo", help="an image file")
    parser.add_argument("-o", "--output", required=True, help="PNG file of the sheet to write")
    parser.add_argument("--family", help="kadid10k, tid2013, waterloo or pocket [all]")
    parser.add_argument("--size", type=int, default=160, help="longer side of a picture [160]")
    parser.add_argument("--seed", type=int, default=0, help="random seed [0]")
    parser.set_defaults(run=_distort)


def _distort(arguments: argparse.Namespace) -> None:
    from jiqa.cli import sheet

    how = {"family": arguments.family, "size": arguments.size, "seed": arguments.seed}
    sheet.write(arguments.photo, arguments.output, **how)
    print(arguments.output)
