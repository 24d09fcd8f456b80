"""The command `jiqa`."""

import argparse
from collections.abc import Sequence
from typing import NoReturn

from jiqa.cli import compare, distort, fit, prepare, restore, score, tables
from jiqa.errors import ended


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Prints the error without the usage, and exits with status 2."""
        self.exit(2, f"jiqa: error: {' '.join(message.split())}; see `{self.prog} -h`\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line, and returns the exit status."""
    parser = _Parser(prog="jiqa", description="Image quality assessment in JAX.")
    commands = parser.add_subparsers(title="commands", required=True)
    for module in (score, prepare, tables, compare, distort, restore, fit):
        module.add(commands)
    arguments = parser.parse_args(argv)
    return ended(lambda: arguments.run(arguments), unread=0)
