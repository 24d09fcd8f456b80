"""Dataclasses as lines of JSON, and back with every field checked."""

import dataclasses
import functools
import json
import math
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from jiqa.errors import InputError

T = TypeVar("T")

_NAMES = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}


def encode(kind: str, record: Any) -> str:
    """One line of JSON without its end: the field `kind`, then the dataclass's own.

    A number that is not finite becomes null.
    """
    fields = {"kind": kind, **_plain(dataclasses.asdict(record))}
    return json.dumps(fields, ensure_ascii=False, allow_nan=False)


def loads(line: str, where: str) -> dict[str, Any]:
    """The object in a line of JSON.

    Raises:
        InputError: the line holds no JSON object; `where` begins the message.
    """

    def refuse(literal: str) -> None:
        raise ValueError(f"found {literal}, expected a number")

    try:
        fields = json.loads(line, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: not a line of JSON: {error}") from None
    if not isinstance(fields, dict):
        raise InputError(f"{where}: found {_short(fields)}, expected a JSON object")
    return fields


def decode(kind: type[T], fields: Any, where: str) -> T:
    """A dataclass from the fields of a JSON object.

    Fields are of str, int, float, bool, a dataclass, `X | None`, `tuple[X, ...]` or `dict[str, X]`.

    Raises:
        InputError: a field is unknown, missing without a default, of another type, or refused by
            the dataclass; `where` begins the message and names the file and line.
    """
    return _dataclass(kind, fields, where, "")


def _dataclass(kind: Any, fields: Any, where: str, path: str) -> Any:
    known = _fields(kind)
    if not isinstance(fields, dict):
        name = path or "record"
        expected = f"an object with {', '.join(known)}"
        raise InputError(f"{where}: {name}: found {_short(fields)}, expected {expected}")
    prefix = f"{path}." if path else ""
    for name in fields:
        if name not in known:
            raise InputError(f"{where}: {prefix}{name}: unknown, expected {', '.join(known)}")
    for name, (_, required) in known.items():
        if required and name not in fields:
            raise InputError(f"{where}: {prefix}{name}: found nothing, expected a value")
    values = {
        name: _value(known[name][0], value, where, prefix + name) for name, value in fields.items()
    }
    try:
        return kind(**values)
    except InputError as error:
        raise InputError(f"{where}: {prefix}{error}") from None


@functools.cache
def _fields(kind: Any) -> Mapping[str, tuple[Any, bool]]:
    """Type of every field, and whether it has no default."""
    hints = typing.get_type_hints(kind)
    return {
        field.name: (
            hints[field.name],
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING,
        )
        for field in dataclasses.fields(kind)
    }


def _value(hint: Any, value: Any, where: str, path: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is types.UnionType:
        (inner,) = (argument for argument in arguments if argument is not type(None))
        return None if value is None else _value(inner, value, where, path)
    if dataclasses.is_dataclass(hint):
        return _dataclass(hint, value, where, path)
    if origin is tuple and isinstance(value, list):
        items = enumerate(value)
        return tuple(_value(arguments[0], item, where, f"{path}[{i}]") for i, item in items)
    if origin is dict and isinstance(value, dict):
        return {
            name: _value(arguments[1], item, where, f"{path}.{name}")
            for name, item in value.items()
        }
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is hint and (hint is not float or math.isfinite(value)):
        return value
    expected = _NAMES.get(hint) or ("a list" if origin is tuple else "an object")
    raise InputError(f"{where}: {path}: found {_short(value)}, expected {expected}")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:37]}..."
