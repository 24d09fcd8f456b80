"""The command `jiqa`."""

import argparse
from collections.abc import Sequence

from jiqa.cli import compare, distort, fit, prepare, restore, score, tables
from jiqa.errors import ended


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line, and returns the exit status."""
    parser = argparse.ArgumentParser(prog="jiqa", description="Image quality assessment in JAX.")
    commands = parser.add_subparsers(title="commands", required=True)
    for module in (score, prepare, tables, compare, distort, restore, fit):
        module.add(commands)
    arguments = parser.parse_args(argv)
    return ended(lambda: arguments.run(arguments), unread=0)
