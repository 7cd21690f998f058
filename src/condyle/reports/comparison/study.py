"""All that a comparison says, but for its pictures' pixels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from condyle.metrics import Table
from condyle.metrics.candidates import Candidate
from condyle.metrics.paired import Difference
from condyle.metrics.ranking import Ranking
from condyle.metrics.statistics import Summary
from condyle.reports.comparison.baselines import BaselineName

#: Colours of candidates in the style sheet.
COLORS = 8


@dataclass(frozen=True)
class Between:
    """Two candidates held against each other, neither of them the truth.

    Args:
        a: Name of the first.
        b: Name of the second.
        cases: Case to scores; its volumes are the second's less the first's.
        groups: Case to patient.
        summary: Structure to metric to what is known of it over cases.
        counts: Structure to status to number of cases; `missed` is only in the first, `false_alarm` only in the second.
    """

    a: str
    b: str
    cases: Mapping[str, Table]
    groups: Mapping[str, str]
    summary: Mapping[str, Mapping[str, Summary]]
    counts: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class Drawn:
    """Where two candidates differ in one case.

    Args:
        case: Its id.
        png: The picture.
        sentences: What changed and where.
    """

    case: str
    png: bytes
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Study:
    """A comparison.

    Args:
        names: Of the candidates.
        groups: Case to patient.
        truth: What is taken as true, or None: then candidates are only held against each other.
        candidates: With their scores against the truth; empty without one.
        summary: Structure to candidate to metric.
        differences: Of every pair.
        rankings: Structure to metric.
        between: Pairs held against each other.
        drawn: Pictures of the first of these pairs.
        baseline: Whose numbers to print beside.
        notes: What was left out.
    """

    names: tuple[str, ...]
    groups: Mapping[str, str]
    truth: str | None = None
    candidates: tuple[Candidate, ...] = ()
    summary: Mapping[str, Mapping[str, Mapping[str, Summary]]] = field(default_factory=dict)
    differences: tuple[Difference, ...] = ()
    rankings: Mapping[str, Mapping[str, Ranking]] = field(default_factory=dict)
    between: tuple[Between, ...] = ()
    drawn: tuple[Drawn, ...] = ()
    baseline: BaselineName | None = None
    notes: tuple[str, ...] = ()

    @property
    def structures(self) -> tuple[str, ...]:
        """In order of first appearance."""
        return tuple(dict.fromkeys([*self.summary, *(name for pair in self.between for name in pair.summary)]))

    @property
    def colors(self) -> dict[str, int]:
        """Candidate to the number of its colour; they repeat."""
        return {name: n % COLORS for n, name in enumerate(self.names)}

    @property
    def patients(self) -> int:
        return len(set(self.groups.values()))

    @property
    def seeded(self) -> bool:
        """Whether any model was trained more than once."""
        return any(len(candidate.runs) > 1 for candidate in self.candidates)
