"""Two candidates against each other, neither of them the truth: how far apart they are, and where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from condyle.data import Dataset
from condyle.data.importers.found import ScanFile
from condyle.errors import DataError
from condyle.metrics.compare import MetricSettings
from condyle.metrics.score import worst_first
from condyle.progress import Track, silent
from condyle.reports.block import block_of
from condyle.reports.comparison.pictures import agreement_png
from condyle.reports.comparison.study import Between, Drawn
from condyle.reports.moved import moved
from condyle.reports.payload import row_of, sentence
from condyle.workflow.evaluate import evaluate, labels_of
from condyle.workflow.evaluation.candidates import Run, Source
from condyle.workflow.evaluation.evaluated import Evaluated
from condyle.workflow.evaluation.pairs import Pairs, find_pairs
from condyle.workflow.evaluation.scoring import Request
from condyle.workflow.evaluation.viewed import case_masks, images_for

Window = Literal["auto", "bone", "soft", "wide"]


@dataclass(frozen=True)
class Scoring:
    """How every pair of masks is read and scored; the fields are those of `compare`."""

    structures: tuple[str, ...] = ()
    names: Mapping[str, int] | None = None
    table: Path | None = None
    resample: bool = False
    patients: Path | None = None
    settings: MetricSettings = field(default_factory=MetricSettings)
    processes: int | None = None
    seed: int = 0
    common: bool = False
    track: Track = silent

    def of(self, judged: Source, reference: Path) -> Evaluated:
        """Scores of a source, by a reference, or by a label set where the source is one.

        Raises:
            DataError: if a case cannot be scored and is not to be left out (`common`).
        """
        place, sets = _places(judged, reference)
        known: dict[str, Any] = {
            "structures": self.structures, "names": self.names, "table": self.table, "resample": self.resample,
            "patients": self.patients, "settings": self.settings, "processes": self.processes, "seed": self.seed,
        }  # fmt: skip
        found = evaluate(judged.path, place, label_sets=sets, track=self.track, **known)
        if found.failed and not self.common:
            case, why = next(iter(found.failed.items()))
            hint = "Pass --common to leave such cases out."
            raise DataError(f"{judged.name}: {case}", expected="masks to compare", got=why.removesuffix("."), hint=hint)
        return found

    def run(self, judged: Source, reference: Path) -> Run:
        """The same as a run of a candidate."""
        found = self.of(judged, reference)
        notes = [f"{judged.name}: {what}" for what in found.unmatched]
        notes += [f"{judged.name}: {case}: {why}" for case, why in found.failed.items()]
        groups = {case.id: case.group for case in found.cases}
        return Run(judged.name, {case.id: case.table for case in found.cases}, groups, tuple(notes))


def pairs_of(judged: Source, reference: Path) -> Pairs:
    """The cases of a source that have a reference."""
    place, sets = _places(judged, reference)
    return find_pairs(judged.path, place, sets)


def reference_of(source: Source) -> Path:
    """A source taken as the reference of another."""
    return source.path if source.label_set is None else Path(source.label_set)


def between(a: Source, b: Source, scoring: Scoring, cases: Sequence[str] | None, *, overlap_only: bool) -> Between:
    """Score the second by the first.

    Args:
        a: In place of a reference.
        b: In place of a prediction.
        scoring: How.
        cases: Those to keep; all if None.
        overlap_only: Measure no surfaces.
    """
    if overlap_only:
        scoring = replace(scoring, settings=replace(scoring.settings, overlap_only=True))
    found = scoring.of(b, reference_of(a))
    found = replace(found, cases=tuple(case for case in found.cases if cases is None or case.id in cases))
    counts = {structure: found.status_counts(structure) for structure in found.structures}
    tables = {case.id: case.table for case in found.cases}
    groups = {case.id: case.group for case in found.cases}
    return Between(a.name, b.name, tables, groups, found.summary, counts)


def draw(
    pair: Between, a: Source, b: Source, scoring: Scoring, *, images: Path | None, cases: int, window: Window
) -> tuple[Drawn, ...]:
    """Draw the cases with the most disagreement.

    Args:
        pair: The scores.
        a: The first.
        b: The second.
        scoring: How masks are read.
        images: Scans named like the cases, or None.
        cases: How many to draw.
        window: Grey values.

    Raises:
        DataError: if a scan does not lie where its masks are.
    """
    pairs = pairs_of(b, reference_of(a))
    by_id = {case.id: case for case in pairs.cases}
    dataset = None if a.label_set is None else Dataset.open(a.path)
    folders = () if a.label_set is not None else (b.path, a.path)
    labels = labels_of(pairs, scoring.names, scoring.table, folders)
    request = Request(labels, scoring.structures, None, scoring.resample, scoring.settings)
    scans: Mapping[str, ScanFile] = images_for(images, list(pair.cases), dataset, b.path)
    out = []
    for id_ in scoring.track(worst_first(pair.cases)[:cases], "Drawing"):
        table = pair.cases[id_]
        masks = case_masks(by_id[id_], None, scans.get(id_), request, [row.structure for row in table])
        told = tuple(
            sentence(s.name, b.name, a.name, row_of(table, s.name), moved(s, masks.grid))
            for s in masks.structures
            if not s.empty
        )
        out.append(Drawn(id_, agreement_png(id_, block_of(masks, window=window), a.name, b.name), told))
    return tuple(out)


def _places(judged: Source, reference: Path) -> tuple[Path | None, tuple[str, str] | None]:
    """What `evaluate` takes: a reference, or two label sets."""
    if judged.label_set is None:
        return reference, None
    return None, (judged.label_set, str(reference))
