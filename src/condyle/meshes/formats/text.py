"""Many numbers as text, fast."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray


def lines(template: str, rows: NDArray[Any]) -> str:
    """Each row put into a `%` template, one after the other. `%.9g` keeps single precision exactly."""
    return (template * len(rows)) % tuple(rows.ravel().tolist())
