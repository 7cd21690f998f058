"""Candidates to hold against each other: models, or ways of labelling, scored on the same cases.

* **run**: one set of scores: of one folder of predictions, say.
* **candidate**: what one wants to know about. A model that was trained several times has several runs, **seeds**; its
  score of a case is their mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from condyle.metrics.score import Table
from condyle.metrics.statistics import Summary, between_seeds_sd, summarize
from condyle.metrics.status import Status

#: Statuses in the order they are counted in.
_STATUSES: tuple[Status, ...] = ("both", "missed", "false_alarm", "absent")


@dataclass(frozen=True)
class Candidate:
    """One candidate.

    Args:
        name: What it is called.
        runs: Run to case to scores; every run has the same cases.
    """

    name: str
    runs: Mapping[str, Mapping[str, Table]]

    @property
    def cases(self) -> tuple[str, ...]:
        """In the order of the first run."""
        return tuple(next(iter(self.runs.values())))

    @property
    def structures(self) -> tuple[str, ...]:
        """Of any run and case, in order of first appearance."""
        return tuple(dict.fromkeys(row.structure for run in self.runs.values() for t in run.values() for row in t))

    def values(self, structure: str, metric: str) -> dict[str, float | None]:
        """Case to score: the mean of the runs that have one; None if none has."""
        each = [_values(run, structure, metric) for run in self.runs.values()]
        out: dict[str, float | None] = {}
        for case in self.cases:
            known = [v for run in each if (v := run[case]) is not None]
            out[case] = sum(known) / len(known) if known else None
        return out

    def counts(self, structure: str) -> dict[Status, int]:
        """How often it was in both, missed, a false alarm, absent; over all runs. A case without a row is absent."""
        rows = [_row_status(t, structure) for run in self.runs.values() for t in run.values()]
        return {status: rows.count(status) for status in _STATUSES}

    def summary(self, structure: str, metric: str, groups: Mapping[str, str], seed: int = 0) -> Summary:
        """Mean, SD, median, quartiles and interval over cases; `groups` is case to patient."""
        values = self.values(structure, metric)
        return summarize(list(values.values()), [groups[c] for c in values], np.random.default_rng(seed))

    def run_means(self, structure: str, metric: str) -> dict[str, float]:
        """Run to mean over its cases; runs without any score are left out."""
        out = {}
        for name, run in self.runs.items():
            known = [v for v in _values(run, structure, metric).values() if v is not None]
            if known:
                out[name] = sum(known) / len(known)
        return out

    def seeds_sd(self, structure: str, metric: str) -> float | None:
        """Standard deviation of the runs' means; None for a single run."""
        return between_seeds_sd(list(self.run_means(structure, metric).values()))


def _values(run: Mapping[str, Table], structure: str, metric: str) -> dict[str, float | None]:
    rows = {case: next((row for row in table if row.structure == structure), None) for case, table in run.items()}
    return {case: None if row is None else getattr(row, metric) for case, row in rows.items()}


def _row_status(table: Table, structure: str) -> Status:
    return next((row.status for row in table if row.structure == structure), "absent")
