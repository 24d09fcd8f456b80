"""The errors that are told in one line, without a traceback."""

import sys


class JiqaError(Exception):
    """What `jiqa.main` and `jiqa.cli` print as one line before they exit with `status`."""

    status = 1


class InputError(JiqaError):
    """Bad input from outside: a file, a field, an argument.

    The message is one line that names the file or field, what was found and what was expected.
    """

    status = 2


class DivergedError(JiqaError):
    """Training met a loss that is not finite; the message names the step and where to resume."""

    status = 3


def tell(error: JiqaError | ImportError) -> int:
    """Prints the error's line, an ImportError as what to install; returns the exit status."""
    line, status = str(error), JiqaError.status
    if isinstance(error, JiqaError):
        status = error.status
    else:
        line += ", expected it to be installed: pip install 'jiqa[train,report]'"
    sys.stderr.write(f"jiqa: error: {line}\n")
    return status
