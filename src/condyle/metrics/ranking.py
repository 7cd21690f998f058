"""Which candidate comes first, case for case, and whether that order holds.

Candidates are ranked within each **block**: a patient, with the mean over his cases, as cases of one patient are no
independent draws. Rank 1 is the best; equal scores share their ranks. Whether the candidates differ at all is
Friedman's test (1937); two of them differ by it if their mean ranks are further apart than Nemenyi's **critical
difference** (Demsar 2006, J Mach Learn Res 7:1-30).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.metrics.statistics import DRAWS

_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Ranking:
    """An order of candidates by one score.

    Args:
        names: From the best mean rank to the worst.
        mean_ranks: In that order.
        intervals: 95 % bootstrap intervals of the mean ranks.
        first: Share of draws in which each had the best mean rank; who shares it shares the draw.
        blocks: Patients ranked.
        left_out: Patients without a score from every candidate.
        friedman_p: None with fewer than two blocks.
        critical_difference: Nemenyi's, at 5 %; None for two candidates, for which Wilcoxon's test is there.
        tied: The largest sets of neighbours that the critical difference cannot tell apart.
    """

    names: tuple[str, ...]
    mean_ranks: tuple[float, ...]
    intervals: tuple[tuple[float, float], ...]
    first: tuple[float, ...]
    blocks: int
    left_out: int
    friedman_p: float | None
    critical_difference: float | None
    tied: tuple[tuple[str, ...], ...]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def rank(
    values: Mapping[str, Mapping[str, float | None]],
    groups: Mapping[str, str],
    rng: np.random.Generator,
    *,
    larger_is_better: bool = True,
    draws: int = DRAWS,
) -> Ranking | None:
    """Rank candidates.

    Args:
        values: Candidate to case to score.
        groups: Case to patient.
        rng: Draws the patients.
        larger_is_better: True for Dice, false for a distance.
        draws: How often.

    Returns:
        None if fewer than two patients have a score from every candidate.
    """
    names = list(values)
    blocks, left_out = _blocks(values, groups)
    if len(blocks) < 2 or len(names) < 2:
        return None
    ranks = ranks_of(-blocks if larger_is_better else blocks)
    means = ranks.mean(0)
    drawn = ranks[rng.integers(len(ranks), size=(draws, len(ranks)))].mean(1)
    low, high = np.percentile(drawn, (2.5, 97.5), axis=0)
    leads = np.isclose(drawn, drawn.min(1, keepdims=True))
    first = (leads / leads.sum(1, keepdims=True)).mean(0)
    order = [int(n) for n in np.argsort(means, kind="stable")]
    cd = critical_difference(len(names), len(ranks)) if len(names) > 2 else None
    ordered = tuple(names[n] for n in order)
    return Ranking(
        names=ordered,
        mean_ranks=tuple(float(means[n]) for n in order),
        intervals=tuple((float(low[n]), float(high[n])) for n in order),
        first=tuple(float(first[n]) for n in order),
        blocks=len(ranks),
        left_out=left_out,
        friedman_p=friedman_p(ranks),
        critical_difference=cd,
        tied=() if cd is None else _tied(ordered, means[order], cd),
    )


def ranks_of(values: _Floats) -> _Floats:
    """Ranks within each row, 1 for the smallest; equal values share their mean rank."""
    from scipy.stats import rankdata

    return np.asarray(rankdata(values, axis=1), np.float64)


def friedman_p(ranks: _Floats) -> float:
    """p of Friedman's test from ranks (blocks, candidates), with the correction for shared ranks."""
    from scipy.stats import chi2

    blocks, candidates = ranks.shape
    spread = float(((ranks - (candidates + 1) / 2) ** 2).sum())
    if spread == 0:
        return 1.0
    between = float(((ranks.mean(0) - (candidates + 1) / 2) ** 2).sum())
    return float(chi2.sf((candidates - 1) * blocks**2 * between / spread, candidates - 1))


def critical_difference(candidates: int, blocks: int, alpha: float = 0.05) -> float:
    """Nemenyi's: mean ranks further apart than this differ.

    Example:
        >>> round(critical_difference(4, 14), 2)
        1.25
    """
    from scipy.stats import studentized_range

    q = float(studentized_range.ppf(1 - alpha, candidates, np.inf)) / np.sqrt(2)
    return float(q * np.sqrt(candidates * (candidates + 1) / (6 * blocks)))


def _blocks(values: Mapping[str, Mapping[str, float | None]], groups: Mapping[str, str]) -> tuple[_Floats, int]:
    """Scores (patients, candidates), and how many patients have not all of them."""
    rows: dict[str, list[list[float]]] = {}
    seen = set()
    for case in next(iter(values.values())):
        scores = [of[case] for of in values.values()]
        known = [v for v in scores if v is not None]
        if known:
            seen.add(groups[case])
        if len(known) == len(scores):
            rows.setdefault(groups[case], []).append(known)
    return np.array([np.mean(cases, axis=0) for cases in rows.values()]), len(seen) - len(rows)


def _tied(names: tuple[str, ...], means: _Floats, cd: float) -> tuple[tuple[str, ...], ...]:
    """Runs of neighbours within the critical difference that are not part of a longer run."""
    out, reached = [], 0
    for start in range(len(names)):
        stop = int(np.searchsorted(means, means[start] + cd, side="right"))
        if stop - start > 1 and stop > reached:
            out.append(names[start:stop])
        reached = max(reached, stop)
    return tuple(out)
