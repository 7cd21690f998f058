"""Regular expressions that pull a case, a channel or a structure out of a file name."""

from __future__ import annotations

import re

from condyle.errors import ConfigError


def compiled(pattern: str, option: str, *, groups: tuple[str, ...], required: tuple[str, ...]) -> re.Pattern[str]:
    """The pattern, checked.

    Args:
        pattern: With named groups, e.g. `(?P<case>[^_]+)_(?P<structure>femur|tibia)`.
        option: What to call it in an error.
        groups: Group names that may appear.
        required: Group names that must.

    Raises:
        ConfigError: if it is no regular expression, or its groups are others.
    """
    try:
        out = re.compile(pattern)
    except re.error as error:
        raise ConfigError(option, expected="a regular expression", got=f"{pattern!r} ({error})") from error
    named = set(out.groupindex)
    if not set(required) <= named <= set(groups):
        wanted = ", ".join(f"(?P<{name}>...)" for name in groups)
        raise ConfigError(
            option,
            expected=f"groups among {wanted}, with {', '.join(required)}",
            got=", ".join(sorted(named)) or "none",
        )
    return out
