"""The scores a page shows, as `condyle evaluate` made them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from condyle.metrics import Score, Table
from condyle.metrics.statistics import Comparison, Summary


@dataclass(frozen=True)
class Judged:
    """One prediction's scores.

    Args:
        name: What the prediction is called.
        cases: Case to its table.
        summary: Structure to metric to what is known of it over cases.
        counts: Structure to status to number of cases.
    """

    name: str
    cases: Mapping[str, Table]
    summary: Mapping[str, Mapping[str, Summary]]
    counts: Mapping[str, Mapping[str, int]]

    def rows(self, structure: str) -> list[tuple[str, Score]]:
        """Case and score of each case that has a row of the structure."""
        return [(id_, row) for id_, table in self.cases.items() for row in table if row.structure == structure]


@dataclass(frozen=True)
class Content:
    """All that a page says, but for its pictures.

    Args:
        truth: What is taken as true, as it is called.
        a: The prediction.
        b: A second one, or None.
        against: Structure to metric: A less B on the same cases.
        symmetric: Two label sets, of which neither has to be the true one.
        notes: Sentences on what was left out or failed.
        tolerance_mm: Of surface Dice.
    """

    truth: str
    a: Judged
    b: Judged | None = None
    against: Mapping[str, Mapping[str, Comparison]] | None = None
    symmetric: bool = False
    notes: tuple[str, ...] = ()
    tolerance_mm: float = 1.0

    @property
    def structures(self) -> tuple[str, ...]:
        """Of either prediction, in order of first appearance."""
        return tuple(dict.fromkeys(name for model in self.models for name in model.summary))

    @property
    def models(self) -> tuple[Judged, ...]:
        return (self.a,) if self.b is None else (self.a, self.b)
