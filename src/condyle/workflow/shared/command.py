"""A call of a verb as the words of its command line: what `cli/options.py` reads, written.

So a cohort, or a study, becomes plain commands that anyone can run by hand.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from condyle.io.remote import place_of


def command_of(function: Callable[..., Any], **values: Any) -> tuple[str, ...]:
    """The command that calls a verb with these values.

    Args:
        function: The verb.
        values: Its arguments. Those that are as by default are left out; a field of a settings dataclass is an option.

    Returns:
        The words behind `condyle`: the verb, its options, then its arguments.
    """
    parameters = inspect.signature(function).parameters
    hints = typing.get_type_hints(function)
    options: list[str] = []
    arguments: list[str] = []
    for name, parameter in parameters.items():
        if name not in values or values[name] == parameter.default:
            continue
        value = values[name]
        if is_dataclass(value) and not isinstance(value, type):
            options += _fields(value, parameter.default)
        elif parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            options += _option(name, value, hints[name])
        else:
            arguments += map(_text, value) if _is_many(value) else [_text(value)]
    return (function.__name__.rstrip("_"), *options, *(["--", *arguments] if arguments else []))


def _fields(value: Any, default: Any) -> list[str]:
    hints = typing.get_type_hints(type(value))
    words = []
    for field in fields(value):
        given = getattr(value, field.name)
        if given != getattr(default, field.name):
            words += _option(field.name, given, hints[field.name])
    return words


def _option(name: str, value: Any, hint: Any) -> list[str]:
    flag = f"--{name.replace('_', '-')}"
    if isinstance(value, bool):
        assert value, f"{name} is a switch, which is off by default"  # noqa: S101 - our own verbs
        return [flag]
    if _is_many(value) and not _is_any_number(hint):
        return [flag, *map(_text, value)]  # a fixed number of values follows its flag
    return [word for one in _entries(value) for word in (flag.removesuffix("s") if _is_repeated(value) else flag, one)]


def _entries(value: Any) -> list[str]:
    """What stands behind an option each time it is given; numbers in any number are one word."""
    if isinstance(value, Mapping):
        return [f"{key}={_text(one)}" for key, one in value.items()]
    if _is_repeated(value):
        return [_text(one) for one in value]
    return [",".join(map(_text, value)) if _is_many(value) else _text(value)]


def _is_repeated(value: Any) -> bool:
    """Whether its option is given once an entry, in the singular."""
    if not _is_many(value):
        return isinstance(value, Mapping)
    return not value or not all(isinstance(one, int | float) for one in value)


def _is_many(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _is_any_number(hint: Any) -> bool:
    """Whether a type is of any number of values, and not `tuple[float, float, float]`."""
    members = typing.get_args(hint)
    if type(None) in members:
        return any(_is_any_number(member) for member in members if member is not type(None))
    return typing.get_origin(hint) is not tuple or members[-1] is Ellipsis


def _text(value: Any) -> str:
    return place_of(value) if isinstance(value, Path) else str(value)
