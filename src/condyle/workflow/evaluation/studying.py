"""From sources to a study: judged by a reference, or held against each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np

from condyle.data.importers.found import stem_of
from condyle.errors import ConfigError
from condyle.metrics.candidates import Candidate
from condyle.metrics.paired import TESTED, differences
from condyle.metrics.ranking import Ranking, rank
from condyle.metrics.score import METRICS
from condyle.metrics.score_files import read_scores
from condyle.reports.comparison.study import Study
from condyle.workflow.evaluation.agreeing import Scoring, between
from condyle.workflow.evaluation.candidates import Run, Source, candidates_of, cases_of, model_of, same_cases


def check_sources(sources: Sequence[Source], reference: Path | None, patients: Path | None) -> None:
    """Raise a `ConfigError` if what is given does not go together."""
    tables = [source for source in sources if source.is_table]
    if tables and len(tables) < len(sources) and reference is None:
        raise ConfigError(
            "reference",
            expected="one to judge the masks by",
            got=f"none, and {tables[0].path} holds scores",
            hint="Give --reference.",
        )
    if tables and patients is not None:
        got = f"also {tables[0].path}"
        raise ConfigError("patients", expected="masks alone; tables of scores name their patients", got=got)


def judged(sources: Sequence[Source], reference: Path | None, scoring: Scoring) -> Study:
    """Score every source by the reference, and test every pair of candidates.

    Raises:
        DataError: if cases, structures or grids differ.
    """
    _, left_out = _shared(sources, scoring)
    runs = [_run(source, reference, scoring) for source in sources]
    candidates, groups, also = candidates_of(runs, common=scoring.common, structures=scoring.structures)
    structures, seed = candidates[0].structures, scoring.seed
    pair = drawable(sources)
    return Study(
        names=tuple(candidate.name for candidate in candidates),
        groups=groups,
        truth=_truth(reference),
        candidates=candidates,
        summary={
            s: {c.name: {m: c.summary(s, m, groups, seed) for m in METRICS} for c in candidates} for s in structures
        },
        differences=differences(candidates, structures, groups, seed=seed),
        rankings={s: _rankings(candidates, s, groups, seed) for s in structures},
        between=() if pair is None else (between(*pair, scoring, tuple(groups), overlap_only=True),),
        notes=tuple(dict.fromkeys([*left_out, *also, *(note for run in runs for note in run.notes)])),
    )


def alone(sources: Sequence[Source], scoring: Scoring) -> Study:
    """Hold every pair of sources against each other.

    Raises:
        DataError: if cases or grids differ.
    """
    shared, left_out = _shared(sources, scoring)
    pairs = tuple(between(a, b, scoring, shared, overlap_only=False) for a, b in combinations(sources, 2))
    return Study(tuple(source.name for source in sources), pairs[0].groups, between=pairs, notes=left_out)


def drawable(sources: Sequence[Source]) -> tuple[Source, Source] | None:
    """The first trainings of the first two candidates, if both are masks."""
    first: dict[str, Source] = {}
    for source in sources:
        first.setdefault(model_of(source.name), source)
    a, b = list(first.values())[:2] if len(first) > 1 else sources[:2]
    return None if a.is_table or b.is_table else (a, b)


def _run(source: Source, reference: Path | None, scoring: Scoring) -> Run:
    if source.is_table or reference is None:
        file = read_scores(source.path)
        return Run(source.name, file.cases, file.groups)
    return scoring.run(source, reference)


def _shared(sources: Sequence[Source], scoring: Scoring) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """The cases all sources have, and what was left out; None where they are single files."""
    known = {source.name: cases for source in sources if (cases := cases_of(source)) is not None}
    return same_cases(known, common=scoring.common) if known else (None, ())


def _rankings(
    candidates: Sequence[Candidate], structure: str, groups: Mapping[str, str], seed: int
) -> dict[str, Ranking]:
    out = {}
    for key, larger_is_better in TESTED.items():
        values = {candidate.name: candidate.values(structure, key) for candidate in candidates}
        found = rank(values, groups, np.random.default_rng(seed), larger_is_better=larger_is_better)
        if found is not None:
            out[key] = found
    return out


def _truth(reference: Path | None) -> str:
    if reference is None:
        return "reference"
    return stem_of(reference) if reference.is_file() else reference.name
