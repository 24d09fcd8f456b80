"""Sections of a config file as frozen dataclasses, with the type of every field checked."""

import collections.abc
import copy
import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from jiqa.errors import InputError

T = TypeVar("T")

_NAMES = {str: "a text", int: "a whole number", float: "a number", bool: "True or False"}
_MAPPINGS = (dict, collections.abc.Mapping)
_SEQUENCES = (list, tuple, collections.abc.Sequence)


def read(kind: type[T], fields: Any, name: str) -> T:
    """Dataclass from a config's section; nested sections become nested dataclasses.

    Args:
        kind: the dataclass. Its fields are of str, int, float, bool, a dataclass, `X | None`,
            `tuple[X, Y]`, `tuple[X, ...]`, `Sequence[X]`, `Mapping[str, X]` or Any.
        fields: mapping from field to value. Sequences become tuples, mappings are copied.
        name: of the section, for errors.

    Raises:
        InputError: a field is unknown, missing or of another type, or the dataclass refuses it.
    """
    known = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    if not isinstance(fields, Mapping):
        expected = f"a section with {', '.join(known)}"
        raise InputError(f"{name}: found {fields!r}, expected {expected}")
    hints, values = typing.get_type_hints(kind), {}
    for field, value in fields.items():
        if field not in known:
            raise InputError(f"{name}.{field}: no such field, expected one of {', '.join(known)}")
        values[field] = checked(hints[field], value, f"{name}.{field}")
    for field in known.values():
        given = field.name in values
        optional = field.default is not dataclasses.MISSING
        if not (given or optional or field.default_factory is not dataclasses.MISSING):
            raise InputError(f"{name}.{field.name}: found nothing, expected a value")
    return kind(**values)


def checked(hint: Any, value: Any, name: str) -> Any:
    """The value of a field, in the form that its type asks for.

    Args:
        hint: type of the field, see `read`.
        value: as the config has it.
        name: of the field, for errors.

    Raises:
        InputError: the value is of another type.
    """
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return copy.deepcopy(value)
    if origin in (types.UnionType, typing.Union):
        (some,) = (each for each in inner if each is not type(None))
        return None if value is None else checked(some, value, name)
    if dataclasses.is_dataclass(hint):
        return value if isinstance(value, typing.cast(type, hint)) else read(hint, value, name)  # type: ignore[arg-type]
    if origin in _MAPPINGS and isinstance(value, Mapping):
        return {key: checked(inner[1], each, f"{name}.{key}") for key, each in value.items()}
    if origin in _SEQUENCES and isinstance(value, list | tuple):
        fixed = origin is tuple and inner[-1] is not Ellipsis
        kinds = inner if fixed else [inner[0]] * len(value)
        if len(kinds) != len(value):
            raise InputError(f"{name}: found {value!r}, expected {len(kinds)} values")
        pairs = zip(kinds, value, strict=True)
        return tuple(checked(each, item, f"{name}[{i}]") for i, (each, item) in enumerate(pairs))
    if type(value) is hint or (hint is float and type(value) is int):
        return value
    expected = _NAMES.get(hint, "a section" if origin in _MAPPINGS else "a list")
    raise InputError(f"{name}: found {value!r}, expected {expected}")
