"""Values as words of a command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def flags(values: Mapping[str, Any]) -> list[str]:
    """`{"batch": 2, "patch": [16, 16]}` as `--batch 2 --patch 16,16`; None says nothing.

    A list of words is one option a word; of numbers one option.
    """
    words: list[str] = []
    for name, value in values.items():
        flag = "--" + name.replace("_", "-")
        if value is None:
            continue
        if isinstance(value, bool):
            words.append(flag if value else "--no-" + flag[2:])
        elif isinstance(value, list | tuple):
            if any(isinstance(item, str) for item in value):
                words += [word for item in value for word in (flag, item)]
            else:
                words += [flag, ",".join(map(number, value))]
        else:
            words += [flag, value if isinstance(value, str) else number(value)]
    return words


def number(value: float) -> str:
    """`1.5`, `2`: as short as it can be read back."""
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))
