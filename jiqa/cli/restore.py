"""`jiqa restore`: restore photographs by a trained restorer."""

import argparse
import sys

from jiqa.cli.commands import Commands
from jiqa.cli.score import PAIRINGS
from jiqa.errors import tell


def add(commands: Commands) -> None:
    """Adds the command `restore`."""
    parser = commands.add_parser("restore", help="restore photographs by a trained restorer")
    parser.add_argument("files", nargs="+", metavar="FILE", help="files, folders, patterns")
    parser.add_argument("-o", "--output", required=True, help="folder to write to")
    parser.add_argument(
        "--checkpoint",
        action="append",
        metavar="FOLDER",
        help="folder of the stage `restore` of a run; may be given again: NAME_1.png, NAME_2.png "
        "[the latest in runs/stages]",
    )
    parser.add_argument(
        "--ref",
        nargs="+",
        default=(),
        metavar="FILE",
        help="the reference, or one for each photograph; adds sheet.png with up to 32 photographs",
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
