"""`jiqa distort`: draw a photograph under synthetic distortions."""

import argparse

from jiqa.cli.commands import Commands


def add(commands: Commands) -> None:
    """Adds the command `distort`."""
    parser = commands.add_parser("distort", help="show a photograph under synthetic distortions")
    parser.add_argument("photo", help="an image file")
    parser.add_argument("-o", "--output", required=True, help="the sheet, a PNG file")
    parser.add_argument("--family", help="kadid10k, tid2013, waterloo or pocket [all]")
    parser.add_argument("--size", type=int, default=160, help="longer side of a picture [160]")
    parser.add_argument("--seed", type=int, default=0, help="of random distortions [0]")
    parser.set_defaults(run=_distort)


def _distort(arguments: argparse.Namespace) -> None:
    from jiqa.cli import sheet

    options = {"family": arguments.family, "size": arguments.size, "seed": arguments.seed}
    sheet.write(arguments.photo, arguments.output, **options)
    print(arguments.output)
