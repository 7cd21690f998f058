"""What the page may ask of a job: fields of a JSON object, each checked before it becomes a word of a command."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from condyle.data.names import is_safe
from condyle.errors import ConfigError


class Asked:
    """The fields of a request. Words never begin with a dash, so that none can pass for an option.

    Args:
        fields: The JSON object.
    """

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._fields = fields

    def has(self, name: str) -> bool:
        """Whether a field is there and not empty."""
        return self._fields.get(name) not in (None, "", [])

    def text(self, name: str, default: str | None = None) -> str:
        """A short text.

        Raises:
            ConfigError: if it is missing, none, or too long.
        """
        value = self._fields.get(name, default)
        if not isinstance(value, str) or not 0 < len(value) <= 200 or value.startswith("-") or not value.isprintable():
            raise ConfigError(name, expected="a word or two", got=repr(value), hint="Fill it in.")
        return value

    def name(self, name: str, default: str | None = None) -> str:
        """A text that can be the name of a file.

        Raises:
            ConfigError: if it cannot.
        """
        value = self.text(name, default)
        if not is_safe(value):
            expected = "a name of letters, digits, '_', '-' and '.', at most 100 long"
            raise ConfigError(name, expected=expected, got=repr(value), hint="Choose another name.")
        return value

    def texts(self, name: str) -> list[str]:
        """A list of short texts, which may be missing.

        Raises:
            ConfigError: if it is something else.
        """
        value = self._fields.get(name) or []
        if not isinstance(value, list) or len(value) > 10_000:
            raise ConfigError(name, expected="a list", got=type(value).__name__)
        return [Asked({name: item}).text(name) for item in value]

    def pairs(self, name: str) -> dict[str, str]:
        """Short texts by short texts, which may be missing. None has the sign that parts the two in a command.

        Raises:
            ConfigError: if it is something else.
        """
        value = self._fields.get(name) or {}
        if not isinstance(value, dict) or len(value) > 10_000:
            raise ConfigError(name, expected="names by names", got=type(value).__name__)
        texts = {Asked({name: key}).text(name): Asked({name: item}).text(name) for key, item in value.items()}
        odd = next((text for pair in texts.items() for text in pair if "=" in text), None)
        if odd is not None:
            raise ConfigError(name, expected="names without =", got=repr(odd), hint="Choose another name.")
        return texts

    def number(self, name: str, low: float, high: float, default: float | None = None) -> float:
        """A number within limits.

        Raises:
            ConfigError: if it is none, or outside.
        """
        value = self._fields.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise ConfigError(name, expected=f"a number from {low:g} to {high:g}", got=repr(value))
        return float(value)

    def number_or(self, name: str, words: tuple[str, ...], low: float, high: float, default: float) -> str:
        """A number within limits, or one of some words; as text.

        Raises:
            ConfigError: if it is neither.
        """
        value = self._fields.get(name)
        return str(value) if value in words else f"{self.number(name, low, high, default):g}"

    def choice(self, name: str, choices: tuple[str, ...], default: str | None = None) -> str:
        """One of some words.

        Raises:
            ConfigError: if it is none of them.
        """
        value = self._fields.get(name, default)
        if value not in choices:
            raise ConfigError(name, expected=f"one of {', '.join(choices)}", got=repr(value))
        return str(value)

    def yes(self, name: str) -> bool:
        """Whether something is asked for."""
        return self._fields.get(name) is True
