"""Ctrl-C and SIGTERM: raised where nothing is half-done, told in one line."""

import _thread
import contextlib
import math
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

_SIGNALS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}
# Seconds within which a repeated signal counts as the first: a terminal may send its own too.
_ONCE = 1.0
# Seconds from an error that Python ignored to the next.
_AGAIN = 0.05


class Interrupted(KeyboardInterrupt):
    """A signal asked the process to end; its text is one line.

    Attributes:
        status: exit status that a shell expects of the signal, 130 or 143.
    """

    def __init__(self, signum: int = signal.SIGINT, kept: str = ""):
        self.status = 128 + signum
        super().__init__(": ".join(filter(None, [_SIGNALS[signal.Signals(signum)], kept])))


class Deferred:
    """The signal that came so far, if any; true once one has.

    Args:
        hand_on: called with the number of the first.
    """

    def __init__(self, hand_on: Callable[[int], Any] = lambda _: None) -> None:
        self._signum, self._at, self.hand_on = 0, 0.0, hand_on

    def __bool__(self) -> bool:
        return bool(self._signum)

    def __call__(self, signum: int, _: Any) -> None:
        """Handles a signal; raises Interrupted of the second."""
        if not self:
            self._signum, self._at = signum, time.monotonic()
            self.hand_on(signum)
        elif time.monotonic() - self._at > _ONCE:
            self._at = time.monotonic()
            raise Interrupted(signum)

    def ignored(self) -> None:
        """Has the next signal raise, however soon: Python ignored the error of the last one."""
        self._at = -math.inf

    def interrupted(self, kept: str = "") -> Interrupted:
        """The error to raise, once all is in order; `kept` says what is."""
        return Interrupted(self._signum, kept)


@contextlib.contextmanager
def raised() -> Iterator[None]:
    """Within it, either signal raises `Interrupted`."""

    def interrupt(signum: int) -> None:
        raise Interrupted(signum)

    with _handled(Deferred(interrupt)):
        yield


@contextlib.contextmanager
def deferred() -> Iterator[Deferred]:
    """Delays the first signal until the caller checks; a second raises `Interrupted`.

    Raises:
        Interrupted: at the end, where a signal came and nothing else was raised.
    """
    signals = Deferred()
    try:
        with _handled(signals):
            yield signals
    except Exception as error:
        if signals:  # worker processes had the signal as well, and ended
            raise signals.interrupted() from error
        raise
    if signals:
        raise signals.interrupted()


def run(command: Sequence[str], env: Mapping[str, str]) -> int:
    """Runs a command, which gets the signals too, and returns its exit status.

    Raises:
        Interrupted: by a signal; the command has ended.
    """
    with deferred() as signals, subprocess.Popen(command, env=env) as process:
        signals.hand_on = process.send_signal
        return process.wait()


@contextlib.contextmanager
def _handled(handler: Deferred) -> Iterator[None]:
    """Has the signals handled so; only the main thread gets any, and may ask for it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {signum: signal.getsignal(signum) for signum in _SIGNALS}
    try:
        for signum, former in before.items():
            if former is not signal.SIG_IGN:  # as nohup and the like ask for
                signal.signal(signum, handler)
        with _repeated(handler):
            yield
    finally:
        for signum, former in before.items():
            signal.signal(signum, signal.SIG_DFL if former is None else former)


@contextlib.contextmanager
def _repeated(handler: Deferred) -> Iterator[None]:
    """Repeats a signal whose error Python ignored, as it does in finalizers and during collection.

    JAX has a function called at every collection, and a signal that came while XLA compiled is
    often handled there.
    """
    former, ended = sys.unraisablehook, False

    def repeat(signum: int) -> None:
        time.sleep(_AGAIN)
        if not ended:
            signal.pthread_kill(threading.main_thread().ident or 0, signum)

    def hook(unraisable: Any) -> None:
        if not isinstance(unraisable.exc_value, Interrupted):
            former(unraisable)
            return
        handler.ignored()
        # Unlike threading.Thread, it needs no lock that the interrupted code may hold.
        _thread.start_new_thread(repeat, (unraisable.exc_value.status - 128,))

    sys.unraisablehook = hook
    try:
        yield
    finally:
        ended = True
        sys.unraisablehook = former
