"""Candidates in pairs: by how much one is better, how sure that is, and what another seed would change.

A **verdict** is drawn by rules from the numbers:

* `nothing`: too few patients for an interval; nothing can be shown.
* `open`: the interval of the difference spans zero, or the difference is within what another seed changes.
* `hint`: the interval leaves out zero, but the test, corrected for all that was asked, does not reject it.
* `better`: both say so. Only here and in a hint does a pair have a leader.

Distances are compared penalised: a missed structure is no reason to leave a case out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, Literal

import numpy as np

from condyle.metrics.candidates import Candidate
from condyle.metrics.statistics import Comparison, compare_models, holm

#: Scores that are tested, and whether larger is better.
TESTED: Mapping[str, bool] = {
    "dice": True,
    "assd_penalised_mm": False,
    "hd95_penalised_mm": False,
    "volume_error_absolute_ml": False,
}

#: Level of every test.
ALPHA = 0.05

Verdict = Literal["nothing", "open", "hint", "better"]


@dataclass(frozen=True)
class Difference:
    """One candidate less another on the same cases, by one score of one structure.

    Args:
        structure: Of which.
        metric: Of `TESTED`.
        a: Name of the first.
        b: Name of the second.
        comparison: Difference, interval and test.
        left_out: Cases where one has no score, as the structure is absent.
        holm_p: Wilcoxon's p corrected for all differences asked for together; None without a test.
        seeds_sd: Standard deviation between trainings of one model, pooled over both; None if nobody repeated any.
    """

    structure: str
    metric: str
    a: str
    b: str
    comparison: Comparison
    left_out: int = 0
    holm_p: float | None = None
    seeds_sd: float | None = None

    @property
    def verdict(self) -> Verdict:
        if self.comparison.interval is None:
            return "nothing"
        if self.comparison.winner is None or self.within_seeds:
            return "open"
        return "better" if self.holm_p is not None and self.holm_p < ALPHA else "hint"

    @property
    def within_seeds(self) -> bool:
        """Whether another seed changes as much."""
        return self.seeds_sd is not None and abs(self.comparison.difference) <= self.seeds_sd

    @property
    def leader(self) -> str | None:
        """The better one by name, or None."""
        if self.verdict in {"nothing", "open"}:
            return None
        return self.a if self.comparison.winner == "a" else self.b

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "structure": self.structure, "metric": self.metric, "a": self.a, "b": self.b,
            **{k: v for k, v in self.comparison.to_json().items() if k != "winner"},
            "left_out": self.left_out, "holm_p": self.holm_p, "seeds_sd": self.seeds_sd,
            "verdict": self.verdict, "leader": self.leader,
        }  # fmt: skip


def differences(
    candidates: Sequence[Candidate], structures: Sequence[str], groups: Mapping[str, str], *, seed: int = 0
) -> tuple[Difference, ...]:
    """Every pair of candidates by every tested score of every structure, corrected together after Holm (1979).

    Args:
        candidates: On the same cases.
        structures: By name.
        groups: Case to patient; intervals draw patients and the test counts them.
        seed: Of the draws.
    """
    found = [
        difference
        for structure in structures
        for metric in TESTED
        for pair in combinations(candidates, 2)
        if (difference := _difference(pair, structure, metric, groups, seed)) is not None
    ]
    tested = [n for n, d in enumerate(found) if d.comparison.groups > 1]
    # Where all patients are the same the test has nothing to rank: nothing speaks against no difference.
    p_values = [1.0 if (p := found[n].comparison.wilcoxon_p) is None else p for n in tested]
    for n, p in zip(tested, holm(p_values), strict=True):
        found[n] = replace(found[n], holm_p=p)
    return tuple(found)


def _difference(
    pair: tuple[Candidate, Candidate], structure: str, metric: str, groups: Mapping[str, str], seed: int
) -> Difference | None:
    """None if no case has a score from both."""
    a, b = pair
    x, y = a.values(structure, metric), b.values(structure, metric)
    either = [c for c in x if x[c] is not None or y[c] is not None]
    if not any(x[c] is not None and y[c] is not None for c in either):
        return None
    rng = np.random.default_rng(seed)
    comparison = compare_models(x, y, groups, rng, larger_is_better=TESTED[metric])
    return Difference(
        structure, metric, a.name, b.name, comparison,
        left_out=len(either) - comparison.n, seeds_sd=pooled_sd(a, b, structure, metric),
    )  # fmt: skip


def pooled_sd(a: Candidate, b: Candidate, structure: str, metric: str) -> float | None:
    """Between-seed standard deviation of both candidates together, weighted by their degrees of freedom."""
    each = [(c.seeds_sd(structure, metric), len(c.run_means(structure, metric)) - 1) for c in (a, b)]
    known = [(sd, freedom) for sd, freedom in each if sd is not None]
    if not known:
        return None
    return float(np.sqrt(sum(sd**2 * f for sd, f in known) / sum(f for _, f in known)))
