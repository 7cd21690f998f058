"""Command line options out of a function: one list of knobs, one text of help.

A verb is a workflow function. Its positional parameters become arguments, its keyword-only ones options,
a settings dataclass among them one option a field, and the `Args:` of its docstring (and the dataclass's)
the help. Settings that come in named sets (`Recipe.named("quick")`) have an option for the name, and each field
given beside it replaces that set's. Only `track`, `json` and exit codes belong to the command line itself.
"""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

#: Parameters of workflow functions that are not options.
_INTERNAL = {"track"}


@dataclass(frozen=True)
class Knob:
    """One option or argument, and where its value goes.

    Args:
        name: As on the command line, underscores for dashes.
        annotation: What the parameter is declared as.
        default: Its default, or `inspect.Parameter.empty`.
        help: One or more sentences.
        positional: An argument rather than an option.
        group: The settings parameter it is a field of, or None.
    """

    name: str
    annotation: Any
    default: Any
    help: str
    positional: bool
    group: str | None


def knobs_of(function: Callable[..., Any]) -> list[Knob]:
    """All knobs of a workflow function, in the order of its signature."""
    hints = typing.get_type_hints(function)
    helps = docstring_args(inspect.getdoc(function) or "")
    knobs = []
    for name, parameter in inspect.signature(function).parameters.items():
        if name in _INTERNAL:
            continue
        settings = _settings_class(hints[name])
        if settings is not None and hasattr(settings, "named"):
            knobs.append(Knob(name, str, "default", helps.get(name, ""), False, None))
            knobs += [_left_alone(knob) for knob in _fields_as_knobs(name, settings)]
            continue
        if settings is not None:
            knobs += _fields_as_knobs(name, settings)
            continue
        positional = parameter.kind is not inspect.Parameter.KEYWORD_ONLY
        knobs.append(Knob(name, hints[name], parameter.default, helps.get(name, ""), positional, None))
    return knobs


def _fields_as_knobs(group: str, settings: type[Any]) -> list[Knob]:
    hints = typing.get_type_hints(settings)
    helps = docstring_args(inspect.getdoc(settings) or "")
    empty = inspect.Parameter.empty
    return [
        Knob(f.name, hints[f.name], empty if f.default is MISSING else f.default, helps.get(f.name, ""), False, group)
        for f in fields(settings)
    ]


def _left_alone(knob: Knob) -> Knob:
    """The knob of a field whose default is the named set's."""
    return replace(knob, annotation=knob.annotation | None, default=None)


def gather(knobs: list[Knob], function: Callable[..., Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Keyword arguments for the function: fields go back into their settings."""
    hints = typing.get_type_hints(function)
    arguments: dict[str, Any] = {}
    grouped: dict[str, dict[str, Any]] = {}
    for knob in knobs:
        target = arguments if knob.group is None else grouped.setdefault(knob.group, {})
        target[knob.name] = parse(values[knob.name], knob)
    for group, given in grouped.items():
        settings = _settings_class(hints[group])
        assert settings is not None  # noqa: S101 - it made the knobs
        if group in arguments:
            changed = {name: value for name, value in given.items() if value is not None}
            arguments[group] = replace(settings.named(arguments[group]), **changed)
        else:
            arguments[group] = settings(**given)
    return arguments


def parameter_of(knob: Knob) -> inspect.Parameter:
    """The knob as a parameter that Typer understands."""
    kind = _shown_type(knob.annotation)
    default = knob.default
    if typing.get_origin(kind) is list and (not default or default is inspect.Parameter.empty):
        default = []  # a list may be empty; the function says so if it minds
    if knob.positional:
        info = typer.Argument(help=knob.help, show_default=False)
    else:
        # What is on, or open, by default has a way to turn it off.
        switch = _without_none(knob.annotation)[0] is bool and default is not False
        off = "/--no-" + knob.name.replace("_", "-") if switch else ""
        names = [flag_of(knob) + off, *_SHORT.get(knob.name, [])]
        info = typer.Option(*names, help=knob.help, show_default=default not in (None, [], False))
    return inspect.Parameter(
        knob.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, info]
    )


def flag_of(knob: Knob) -> str:
    """`--label-set` of `label_sets: Mapping[...]`: an option that is given once an entry is named in the singular."""
    repeated = typing.get_origin(_shown_type(knob.annotation)) is list
    name = knob.name.removesuffix("s") if repeated else knob.name
    return "--" + name.replace("_", "-")


#: Options with a one-letter form.
_SHORT = {"out": ["-o"], "folds": ["-k"], "count": ["-n"]}


def _shown_type(annotation: Any) -> Any:
    """What Typer is to read from the command line; `parse` makes the rest of it."""
    inner, optional = _without_none(annotation)
    origin = typing.get_origin(inner)
    if origin in {types.UnionType, typing.Union}:
        shown: Any = str
    elif origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
        shown = list[str]
    elif _is_numbers(inner):
        shown = str
    elif origin in {Sequence, list} or (origin is tuple and typing.get_args(inner)[-1] is Ellipsis):
        shown = list[typing.get_args(inner)[0]]  # type: ignore[misc]  # a type made at run time
    else:
        shown = inner
    return shown | None if optional and typing.get_origin(shown) is not list else shown


def parse(value: Any, knob: Knob) -> Any:
    """From what Typer read to what the parameter is declared as.

    Raises:
        typer.BadParameter: if the text does not fit.
    """
    inner, _ = _without_none(knob.annotation)
    origin = typing.get_origin(inner)
    if origin in {types.UnionType, typing.Union} and isinstance(value, str):
        return _one_of(value, typing.get_args(inner), knob)
    if _is_numbers(inner) and isinstance(value, str):
        return _numbers(value, typing.get_args(inner)[0], knob)
    if isinstance(value, list) and isinstance(origin, type) and issubclass(origin, Mapping):
        key_type, value_type = typing.get_args(inner)
        return dict(_pair(text, key_type, value_type, knob) for text in value) or knob.default
    if isinstance(value, list) and not value and not knob.positional:
        return knob.default
    # One empty word says none at all: `--freeze ""`.
    return tuple(v for v in value if v != "") if isinstance(value, list) and origin is tuple else value


def _one_of(text: str, choices: tuple[Any, ...], knob: Knob) -> Any:
    for choice in choices:
        if typing.get_origin(choice) is Literal:
            if text in typing.get_args(choice):
                return text
            continue
        try:
            return choice(text)
        except ValueError:
            continue
    expected = " or ".join(" or ".join(typing.get_args(c)) or f"a {c.__name__}" for c in choices)
    raise typer.BadParameter(f"expected {expected}, got {text!r}", param_hint=flag_of(knob))


def _is_numbers(annotation: Any) -> bool:
    """Whether it is any number of numbers, which are given in one word: `--patch 128,128,64`."""
    members = typing.get_args(annotation)
    return typing.get_origin(annotation) is tuple and members[0] in {int, float} and members[-1] is Ellipsis


def _numbers(text: str, kind: Any, knob: Knob) -> tuple[Any, ...]:
    try:
        return tuple(kind(part) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise typer.BadParameter(f"expected numbers as in 1,2,3, got {text!r}", param_hint=flag_of(knob)) from error


def _pair(text: str, key_type: Any, value_type: Any, knob: Knob) -> tuple[Any, Any]:
    key, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"expected NAME=VALUE, got {text!r}", param_hint=flag_of(knob))
    try:
        return key_type(key), value_type(value)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r}: {error}", param_hint=flag_of(knob)) from error


def _without_none(annotation: Any) -> tuple[Any, bool]:
    members = typing.get_args(annotation)
    if typing.get_origin(annotation) not in {types.UnionType, typing.Union} or type(None) not in members:
        return annotation, False
    rest = [m for m in members if m is not type(None)]
    inner = rest[0]
    for member in rest[1:]:
        inner = inner | member
    return inner, True


def _settings_class(annotation: Any) -> type[Any] | None:
    inner, _ = _without_none(annotation)
    return inner if isinstance(inner, type) and is_dataclass(inner) and not issubclass(inner, Path) else None


def docstring_args(docstring: str) -> dict[str, str]:
    """The entries of a Google-style `Args:` section by name."""
    section = re.search(r"^Args:\n((?:[ \t]+.*\n?|\n)+)", inspect.cleandoc(docstring), re.MULTILINE)
    if section is None:
        return {}
    entries = re.findall(r"^ {4}(\w+): (.*(?:\n {5,}.*)*)", section[1], re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in entries}
