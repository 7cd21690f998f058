"""Reading plain data from JSON, strictly: unknown keys and wrong types are errors that name the place."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from condyle.errors import CondyleError, DataError
from condyle.labels import Labels


def read_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        DataError: if it cannot be read or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataError(path, expected="a file", got="nothing of that name") from error
    except OSError as error:
        raise DataError(path, expected="to be able to read it", got=error.strerror or str(error)) from error
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(path, expected="JSON", got=f"text that breaks off the rules: {error}") from error


def checked_fields(
    data: Any, where: str, *, required: tuple[str, ...], optional: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The object's fields, with defaults for optional ones.

    Raises:
        DataError: if `data` is no object, lacks a required key or has a key that nobody knows.
    """
    optional = optional or {}
    known = (*required, *optional)
    if not isinstance(data, dict):
        raise DataError(where, expected=f"an object with {', '.join(known)}", got=type(data).__name__)
    missing = [key for key in required if key not in data]
    unknown = sorted(set(data) - set(known))
    if missing or unknown:
        got = [f"no {key}" for key in missing] + [f"the unknown key {key!r}" for key in unknown]
        raise DataError(where, expected=f"the keys {', '.join(known)}", got=", ".join(got))
    return {**optional, **data}


def text(value: Any, where: str, *, empty: bool = False) -> str:
    """The value, which must be text (not empty unless allowed)."""
    if not isinstance(value, str) or not (value or empty):
        raise DataError(where, expected="text" if empty else "text that is not empty", got=repr(value))
    return value


def text_table(value: Any, where: str) -> dict[str, str]:
    """The value, which must be an object from text to text."""
    if not isinstance(value, dict):
        raise DataError(where, expected="an object of texts", got=type(value).__name__)
    return {str(key): text(item, f"{where}: {key}") for key, item in value.items()}


def labels_from_json(value: Any, where: str) -> Labels:
    """The table of structures; what `Labels` has against it becomes a `DataError` that names the file."""
    if not isinstance(value, dict):
        raise DataError(where, expected="an object", got=type(value).__name__)
    try:
        return Labels.from_json(value)
    except CondyleError as error:
        raise DataError(where, expected=error.expected, got=f"{error.got} ({error.where})", hint=error.hint) from error
    except (AttributeError, TypeError) as error:  # values of another type than the table's fields have
        raise DataError(where, expected="a table of structures", got=str(error)) from error
