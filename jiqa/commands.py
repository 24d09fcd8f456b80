"""The commands that score images and list measures: `jiqa score`, `list` and `info`."""

import argparse

from jiqa.errors import InputError, tell


def add_scoring(commands: "argparse._SubParsersAction") -> None:
    """Adds them to the command `jiqa`."""
    parser = commands.add_parser("score", help="score images by one measure or several")
    parser.add_argument("files", nargs="+", metavar="FILE", help="files, folders, patterns")
    parser.add_argument(
        "--metric", required=True, metavar="A,B", help="names of `jiqa list`, folders of runs"
    )
    parser.add_argument(
        "--ref", nargs="+", default=(), metavar="FILE", help="the original, or those of like name"
    )
    parser.add_argument(
        "--params",
        action="append",
        default=[],
        metavar="NAME=FILE",
        help="parameters of a fitted measure, FILE,FILE where they are several; may be given again",
    )
    parser.add_argument("--format", choices=("table", "csv", "json"), default="table")
    parser.set_defaults(run=_score)
    parser = commands.add_parser("list", help="list the measures")
    parser.add_argument("filter", nargs="?", default="*", help="a pattern: 'ssim*'")
    parser.set_defaults(run=_list)
    parser = commands.add_parser("info", help="tell what is known of a measure")
    parser.add_argument("name", help="one of `jiqa list`")
    parser.set_defaults(run=_info)


def _score(arguments: argparse.Namespace) -> int:
    """The exit status is that of an error if any image has no score."""
    from jiqa import scoring

    images = scoring.files(arguments.files)
    metrics = arguments.metric.split(",")
    params = scoring.parameters(arguments.params, metrics)
    scores, errors = scoring.score(images, metrics, arguments.ref, params)
    print(scoring.show(images, scores, arguments.format), end="")
    return max((tell(InputError(error)) for error in errors), default=0)


def _list(arguments: argparse.Namespace) -> None:
    from jiqa import scoring

    print(scoring.overview(arguments.filter), end="")


def _info(arguments: argparse.Namespace) -> None:
    from jiqa import scoring

    print(scoring.info(arguments.name), end="")
