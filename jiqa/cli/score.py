"""`jiqa score`, `list` and `info`: score images, list metrics and show their facts."""

import argparse
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from jiqa.cli.commands import Commands
from jiqa.errors import InputError, tell

if TYPE_CHECKING:
    from jiqa.cli.rows import Row

FORMATS = ("table", "csv", "json", "jsonl")
PAIRINGS = ("name", "position")
_INTERRUPTED = 130  # a shell's exit status after SIGINT

_NOTES = """\
images
  FILE is a file, a folder (the photographs in it), a quoted pattern ('photos/**/*.png'), or - for
  standard input. Each file is read once, so that pipes can be named. Hidden files and pictures of
  kinds that are not read (HEIC, JXL, camera raw) are left out of folders, and counted in one line.
  EXIF orientation is applied, as viewers do; --no_orientation takes the pixels as stored.
  16 bits a sample are kept. Integers of 32 bits and floats are scaled by the range that the file
  states, and refused without one. Alpha is dropped: the colours under it count. Grey is repeated
  over the three channels, a palette is applied, CMYK is converted to RGB without its profile.
  An image of more than --max_pixels is refused before it is decoded, and one with which a metric
  would take more than 3 GB of memory is refused by it; --max_pixels=N raises both limits.
  A damaged JPEG that can be decoded is scored with a warning; --strict refuses it.

references
  One reference named as a file serves all images. Else an image has the reference of the same path
  below the folder that was named, or the same with another extension; else the one of the same
  name, or the same with another extension, where that is the only one. An image whose reference
  is in doubt has an error. --pair=position pairs the first image with the first reference, and so
  on.

output
  Rows have the order of the images. csv, json and jsonl are written row by row; csv has the columns
  warning and error, the other formats where there is anything to say.

exit status
  0: every image has its scores. 2: a row has an error, or the arguments are wrong. 130: the run was
  interrupted, after the rows that were written.
"""


def add(commands: Commands) -> None:
    """Adds the commands `score`, `list` and `info`."""
    parser = commands.add_parser(
        "score",
        help="score images by one metric or several",
        epilog=_NOTES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="files, folders, patterns, or -")
    parser.add_argument(
        "--metric", required=True, metavar="A,B", help="names of `jiqa list`, folders of runs"
    )
    parser.add_argument(
        "--ref", nargs="+", default=(), metavar="FILE", help="the reference, or one for each image"
    )
    parser.add_argument(
        "--pair", choices=PAIRINGS, default="name", help="how references pair: see below [name]"
    )
    parser.add_argument(
        "--params",
        action="append",
        default=[],
        metavar="NAME=FILE",
        help="parameters of a fitted metric, FILE,FILE where they are several; may be given again",
    )
    parser.add_argument("--format", choices=FORMATS, default="table")
    parser.add_argument("--strict", action="store_true", help="refuse damaged images")
    parser.add_argument(
        "--max_pixels",
        type=_count,
        metavar="N",
        help="pixels of the largest image [100,000,000, or fewer where a metric takes over 3 GB]",
    )
    parser.add_argument(
        "--no_orientation", action="store_true", help="do not apply the EXIF orientation"
    )
    parser.set_defaults(run=_score)
    parser = commands.add_parser("list", help="list the metrics")
    parser.add_argument("filter", nargs="?", default="*", help="a pattern: 'ssim*'")
    parser.set_defaults(run=_list)
    parser = commands.add_parser("info", help="show the facts of a metric")
    parser.add_argument("name", help="one of `jiqa list`")
    parser.set_defaults(run=_info)


def _count(text: str) -> int:
    """Positive integer from text."""
    digits = text.replace("_", "")
    if not (digits.isdecimal() and int(digits)):
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a whole number of 1 or more")
    return int(digits)


def _score(arguments: argparse.Namespace) -> int:
    """Writes a row for each image; returns the exit status, that of an error if a row has one."""
    written: list[Row] = []
    try:
        return _write(arguments, written)
    except KeyboardInterrupt as error:
        sys.stderr.write(f"jiqa: interrupted; images scored: {len(written)}\n")
        return getattr(error, "status", _INTERRUPTED)


def _write(arguments: argparse.Namespace, written: "list[Row]") -> int:
    from jiqa.cli import rows, scoring
    from jiqa.metrics import given

    by_position = arguments.pair == "position"
    files = given.files(arguments.files, repeated=by_position, missing=True)
    metrics = arguments.metric.split(",")
    names, scored = scoring.score(
        files,
        metrics,
        arguments.ref,
        scoring.parameters(arguments.params, metrics),
        pair=arguments.pair,
        upright=not arguments.no_orientation,
        strict=arguments.strict,
        max_pixels=arguments.max_pixels,
    )

    def noted() -> "Iterator[Row]":
        for row in scored:
            yield row
            written.append(row)

    rows.write(noted(), names, arguments.format, sys.stdout)
    errors = dict.fromkeys(error for row in written for error in row.errors)
    return max((tell(InputError(rows.printable(error))) for error in errors), default=0)


def _list(arguments: argparse.Namespace) -> None:
    from jiqa.cli import scoring

    print(scoring.overview(arguments.filter), end="")


def _info(arguments: argparse.Namespace) -> None:
    from jiqa.cli import scoring

    print(scoring.info(arguments.name), end="")
