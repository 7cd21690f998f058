"""From scores to what a report says: what each side is called, its summary, and one prediction held against another."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from condyle.data.importers.found import stem_of
from condyle.metrics.compare import MetricSettings
from condyle.metrics.score import worst_first
from condyle.metrics.statistics import Comparison, compare_models
from condyle.reports.judged import Content, Judged
from condyle.reports.measures import MEASURES
from condyle.workflow.evaluation.evaluated import Evaluated


def called(
    prediction: Path, reference: Path | None, other: Path | None, label_sets: tuple[str, str] | None
) -> tuple[str, str, str | None]:
    """What prediction, truth and second prediction are called: by their files, if these tell them apart."""
    if label_sets is not None:
        return label_sets[0], label_sets[1], None if other is None else str(other)
    assert reference is not None  # noqa: S101 - evaluate has seen to it
    names = [stem_of(p) if p.is_file() else p.resolve().name for p in (prediction, reference, other) if p is not None]
    if len(set(names)) < len(names):
        names = ["prediction", "reference", "other prediction"]
    return names[0], names[1], None if other is None else names[2]


def content_of(
    first: Evaluated,
    second: Evaluated | None,
    names: tuple[str, str, str | None],
    label_sets: tuple[str, str] | None,
    settings: MetricSettings,
) -> Content:
    """All that the page says.

    Args:
        first: Scores of the prediction.
        second: Those of a second one, or None.
        names: As of `called`.
        label_sets: Of a dataset, or None.
        settings: How the scores were measured.
    """
    a_name, truth, b_name = names
    a, b = _judged(first, a_name), None if second is None else _judged(second, b_name or "other prediction")
    against = None
    if b is not None and second is not None:
        groups = {case.id: case.group for case in first.cases}
        shared = [s for s in a.summary if s in b.summary]
        against = {s: found for s in shared if (found := _against(a, b, s, groups, first.seed))}
    notes = []
    for result, name in ((first, a_name), (second, b_name)):
        if result is not None:
            before = f"{name}: " if second is not None else ""
            notes += [before + what for what in result.unmatched]
            notes += [f"{before}{case}: {what}" for case, what in result.failed.items()]
    return Content(
        truth, a, b, against, symmetric=label_sets is not None and b is None, notes=tuple(notes),
        tolerance_mm=settings.tolerance_mm,
    )  # fmt: skip


def _judged(result: Evaluated, name: str) -> Judged:
    return Judged(
        name,
        {case.id: case.table for case in result.cases},
        result.summary,
        {structure: result.status_counts(structure) for structure in result.structures},
    )


def _against(a: Judged, b: Judged, structure: str, groups: Mapping[str, str], seed: int) -> dict[str, Comparison]:
    """A less B by each metric, on the cases both have."""
    out = {}
    for measure in MEASURES:
        if measure.better == "zero":
            continue
        x, y = ({id_: getattr(row, measure.key) for id_, row in m.rows(structure)} for m in (a, b))
        if any(x[id_] is not None and y.get(id_) is not None for id_ in x):
            better = measure.better == "larger"
            rng = np.random.default_rng(seed)
            out[measure.key] = compare_models(x, y, groups, rng, larger_is_better=better)
    return out if "dice" in out else {}


def cases_worst_first(content: Content) -> list[str]:
    """Cases of the first prediction, by the worse of both predictions."""
    ranks = [{id_: n for n, id_ in enumerate(worst_first(model.cases))} for model in content.models]
    return sorted(ranks[0], key=lambda id_: min(rank.get(id_, len(rank)) for rank in ranks))
