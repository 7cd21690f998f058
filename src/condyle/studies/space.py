"""Where a search looks: `rate=1e-4..1e-2` is a range, `network=plain,resenc-m` a choice."""

from __future__ import annotations

import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from condyle.config import from_json, to_json
from condyle.errors import ConfigError
from condyle.recipe import Recipe

#: A range whose ends are this far apart is searched by orders of magnitude.
_MAGNITUDE = 10


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both among them.

    Args:
        low: The least.
        high: The most.
        whole: Whole numbers only.
    """

    low: float
    high: float
    whole: bool

    @property
    def by_magnitude(self) -> bool:
        """Whether 1e-4 to 1e-3 is as much as 1e-3 to 1e-2."""
        return self.low > 0 and self.high / self.low >= _MAGNITUDE


@dataclass(frozen=True)
class Choices:
    """Values of any kind.

    Args:
        values: All of them.
    """

    values: tuple[Any, ...]


Dimension = Range | Choices


def space_of(over: Sequence[str], where: str = "over") -> dict[str, Dimension]:
    """Fields of the recipe to where to look.

    Args:
        over: `field=low..high` or `field=a,b,c`, each field once.
        where: For errors.

    Raises:
        ConfigError: if a field is none of the recipe, or its values are not of its kind.
    """
    hints = typing.get_type_hints(Recipe)
    found: dict[str, Dimension] = {}
    for text in over:
        name, equals, values = text.partition("=")
        if not equals or name in found:
            raise ConfigError(where, expected="FIELD=LOW..HIGH or FIELD=A,B,C, each field once", got=text)
        if name not in hints or name == "seed":
            known = ", ".join(f for f in hints if f != "seed")
            raise ConfigError(where, expected=f"a field of {known}", got=name)
        found[name] = _dimension(name, values, hints[name], f"{where}: {name}")
    if not found:
        raise ConfigError(where, expected="fields to search, e.g. --over rate=1e-4..1e-2", got="none")
    return found


def changed(recipe: Recipe, values: Mapping[str, Any]) -> Recipe:
    """The recipe with other values.

    Raises:
        ConfigError: if they make no sense.
    """
    return from_json(Recipe, {**to_json(recipe), **values}, "over")


def _dimension(name: str, text: str, hint: Any, where: str) -> Dimension:
    low, dots, high = text.partition("..")
    if not dots:
        choices = Choices(tuple(_value(word.strip(), hint, where) for word in text.split(",")))
        for value in choices.values:
            changed(Recipe(), {name: value})
        return choices
    if hint not in {int, float}:
        raise ConfigError(where, expected="a choice, as in A,B,C", got=text)
    ends = Range(_value(low, hint, where), _value(high, hint, where), hint is int)
    if not (isfinite(ends.low) and isfinite(ends.high) and ends.low < ends.high):
        raise ConfigError(where, expected="LOW..HIGH, two finite numbers, LOW below HIGH", got=text)
    return ends


def _value(word: str, hint: Any, where: str) -> Any:
    members = {str(m) for m in typing.get_args(hint)}
    if hint is bool or "<class 'bool'>" in members:
        if word in {"true", "false"}:
            return word == "true"
        raise ConfigError(where, expected="true or false", got=word)
    if hint not in {int, float}:
        return word
    try:
        value = hint(word)
        float(value)  # a whole number may have more digits than the search can handle
    except (ValueError, OverflowError) as error:
        raise ConfigError(where, expected=f"numbers ({hint.__name__})", got=word) from error
    return value
