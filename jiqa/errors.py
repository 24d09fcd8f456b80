"""Errors reported in one line, without a traceback."""

import contextlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from jiqa.interrupt import Interrupted, raised


class JiqaError(Exception):
    """Told by `jiqa.main` and `jiqa.cli` in one line before they exit with `status`."""

    status = 1


class InputError(JiqaError):
    """Bad input from outside: a file, a field, an argument.

    The message is one line that names the file or field, what was found and what was expected.
    """

    status = 2


class DivergedError(JiqaError):
    """Training met a loss that is not finite; the message names the step and where to resume."""

    status = 3


# Exceptions that `tell` reports in one line; any other is a fault of the program.
TOLD = (JiqaError, ImportError, OSError, KeyboardInterrupt)


def tell(error: JiqaError | ImportError | OSError | KeyboardInterrupt) -> int:
    """Prints the error's line, an ImportError as what to install; returns the exit status."""
    line, status = str(error), JiqaError.status
    if isinstance(error, JiqaError):
        status = error.status
    elif isinstance(error, ImportError):
        line += ", expected it to be installed: pip install 'jiqa[train,report]'"
    elif isinstance(error, OSError):
        line, status = of_system(error), InputError.status
    else:
        error = error if isinstance(error, Interrupted) else Interrupted()
        line, status = f"{error}; the same command goes on from there", error.status
    sys.stderr.write(f"jiqa: error: {' '.join(line.split())}\n")
    return status


def of_system(error: OSError) -> str:
    """The line of an error of the operating system: the file, if it is known, and the reason."""
    reason = (error.strerror or str(error) or type(error).__name__).lower()
    if error.filename is None:
        return reason
    return f"{os.fsdecode(error.filename)}: {reason}, expected a place to read and write"


def ended(run: Callable[[], int | None], unread: int = 128 + signal.SIGPIPE) -> int:
    """Runs a command to its end, or tells in one line why it did not come to it.

    Args:
        run: gives the exit status, None for 0. Within it, Ctrl-C and SIGTERM raise `Interrupted`.
        unread: status where whoever read the output, such as `head`, has gone; nothing is said.

    Returns:
        The exit status.
    """
    _hush()
    with raised():
        try:
            status = run() or 0
            sys.stdout.flush()
        except BrokenPipeError:
            status = unread
        except TOLD as error:
            status = error.status if isinstance(error, JiqaError) else InputError.status
            with contextlib.suppress(OSError):  # of a full disk or a closed pipe behind stderr
                status = tell(error)
        drop_unwritten()
    return status


def _hush() -> None:
    """Leaves out what threads, event loops and cleaning up say of a full disk.

    The main thread meets the same error, and has a line for it.
    """
    for owner, name in ((sys, "excepthook"), (threading, "excepthook"), (sys, "unraisablehook")):
        former = getattr(owner, name)
        if not hasattr(former, "hushed"):

            def hook(*arguments: Any, former: Callable[..., None] = former) -> None:
                error = arguments[1] if len(arguments) == 3 else arguments[0].exc_value
                if not _follows(error):
                    former(*arguments)

            hook.hushed = True  # type: ignore[attr-defined]
            setattr(owner, name, hook)
    # Orbax writes each array in a task. The first that fails ends the event loop, and of the
    # others asyncio reports errors that nobody asked for and tasks that nobody finished.
    for name in ("asyncio", "concurrent.futures"):
        logging.getLogger(name).addFilter(_stands_alone)


def _stands_alone(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    unfinished = record.getMessage().startswith("Task was destroyed but it is pending")
    return not (unfinished or _follows(error))


def _follows(error: BaseException | None) -> bool:
    """Whether it is of the system, or what orbax, tensorstore and asyncio make of one."""
    traces = ("os_error_code", "loop is closed", "ignored GeneratorExit")
    return isinstance(error, OSError) or any(trace in str(error) for trace in traces)


def drop_unwritten() -> None:
    """Has nothing be written any more where it cannot be, not when Python ends either."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
