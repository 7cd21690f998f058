"""How long work tells how far it is, without knowing who listens.

A workflow takes `track: Track = silent` and loops over `track(items, "Reading slices")`. The command
line hands in a progress bar, the web app a job record, a script nothing at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol, TypeVar

Item = TypeVar("Item")


class Track(Protocol):
    """Wraps a sequence, reports each step, yields the items unchanged."""

    def __call__(self, items: Sequence[Item], what: str) -> Iterator[Item]: ...


def silent(items: Iterable[Item], what: str) -> Iterator[Item]:
    """The listener that says nothing."""
    del what
    return iter(items)
