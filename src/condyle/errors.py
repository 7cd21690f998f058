"""Errors a user can act on: where it happened, what was expected, what came, what to do.

Every error raised on bad input is a :class:`CondyleError`. The command line prints it and leaves with
exit code 2; in Python it is a `ValueError` like any other.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path


class CondyleError(ValueError):
    """Bad input, told in one sentence.

    Args:
        where: The file, folder, option or field at fault.
        expected: What would have been right.
        got: What came instead.
        hint: What the user can do about it.
    """

    def __init__(self, where: str | Path, *, expected: str, got: str, hint: str = "") -> None:
        self.where = str(where)
        self.expected = expected
        self.got = got
        self.hint = hint
        message = f"{where}: expected {expected}, got {got}."
        super().__init__(f"{message} {hint}" if hint else message)

    def __reduce__(self) -> tuple[Callable[[], CondyleError], tuple[()]]:
        # Pickle would hand the whole sentence to `__init__`; so that an error comes back whole from another process.
        make = partial(type(self), self.where, expected=self.expected, got=self.got, hint=self.hint)
        return make, ()


class DataError(CondyleError):
    """A scan, mask, mesh or dataset that cannot be used as it is."""


class ConfigError(CondyleError):
    """A setting, or a combination of settings, that makes no sense."""


class ModelError(CondyleError):
    """Weights, or a model folder, that cannot be used."""
