"""Kills in the middle of a run, within the process of the tests."""

import contextlib
from unittest import mock

import pytest


class Killed(Exception):
    pass


@contextlib.contextmanager
def killed(owner, name, when):
    """Kills the enclosed code at the start of call number `when` of a function."""
    whole, calls = getattr(owner, name), []

    def function(*arguments, **rest):
        calls.append(arguments)
        if len(calls) == when:
            raise Killed
        return whole(*arguments, **rest)

    with mock.patch.object(owner, name, function), pytest.raises(Killed):
        yield
