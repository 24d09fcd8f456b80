"""The one exception that means "your input is wrong"."""


class InputError(Exception):
    """Bad input from outside: a file, a field, an argument.

    The message is one line that names the file or field, what was found and what was expected.
    `jiqa.main` and `jiqa.cli` print it without a traceback and exit with status 2.
    """
