"""`condyle compare`: models, or ways of labelling, on the same cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from condyle.errors import ConfigError
from condyle.io.atomic import atomic_folder, refuse_replacing
from condyle.metrics.compare import MetricSettings
from condyle.progress import Track, silent
from condyle.reports.comparison.baselines import BaselineName
from condyle.reports.comparison.measures import AGAINST_TRUTH, BETWEEN
from condyle.reports.comparison.page import page
from condyle.workflow.evaluation.agreeing import Scoring, Window, draw
from condyle.workflow.evaluation.candidates import sources_of
from condyle.workflow.evaluation.compared import Compared
from condyle.workflow.evaluation.studying import alone, check_sources, drawable, judged

#: Columns of the table on the screen.
#: What a folder of results holds.
_HOLDS = (".html", ".csv", ".json")
_SHOWN = tuple(m for m in AGAINST_TRUTH if m.key in {"dice", "assd_mm", "assd_penalised_mm", "volume_error_percent"})
_SHOWN_ALONE = tuple(m for m in BETWEEN if m.key in {"dice", "assd_mm", "hd95_mm", "volume_error_ml"})


def compare(
    candidates: Sequence[Path],
    *,
    reference: Path | None = None,
    out: Path | None = None,
    titles: Sequence[str] = (),
    label_sets: Sequence[str] = (),
    images: Path | None = None,
    common: bool = False,
    structures: Sequence[str] = (),
    names: Mapping[str, int] | None = None,
    table: Path | None = None,
    resample: bool = False,
    patients: Path | None = None,
    settings: MetricSettings = MetricSettings(),  # noqa: B008 - frozen
    baseline: BaselineName | None = None,
    cases: int = 6,
    window: Window = "auto",
    processes: int | None = None,
    seed: int = 0,
    overwrite: bool = False,
    track: Track = silent,
) -> Compared:
    """Compare models or label sets on the same cases: scores, paired tests, ranks, and where they disagree.

    With a reference every candidate is judged by it. Without one they are held against each other: how much volume
    changed from the first to the second, where, and how far apart the surfaces are.

    Args:
        candidates: Folders of masks, or CSV files of condyle evaluate; or one dataset with two or more --label-set.
            Seeds of one model are named model@1, model@2, and count as one candidate.
        reference: What is taken as true: a file or folder; of a dataset, the name of a label set.
        out: A folder to write the page, tables and JSON to.
        titles: What the candidates are called, one each; by default as their folders.
        label_sets: Those of the dataset to compare.
        images: A folder of scans named like the cases, to draw on. A dataset has its own.
        common: Where the candidates have other cases, go on with those all have.
        structures: Compare these only.
        names: Structures by name and id, e.g. femur_right=1.
        table: A JSON file of them.
        resample: Bring masks onto the reference's grid where they differ.
        patients: A CSV file of case and patient. Intervals and tests draw patients, not cases.
        settings: How to measure.
        baseline: Published numbers to print beside.
        cases: How many cases to draw, those with the most disagreement.
        window: Grey values: bone, soft tissue, wide, or auto by the kind of scan.
        processes: How many cases to score at once; as many as there are cores by default.
        seed: Of the draws behind the intervals.
        overwrite: Replace the folder.
        track: Told of each case.

    Raises:
        DataError: if the candidates have other cases, structures or grids, or something cannot be read.
        ConfigError: if what is given does not go together.
    """
    if cases < 0:
        raise ConfigError("cases", expected="0 or more", got=str(cases))
    if out is not None:
        refuse_replacing(out, overwrite=overwrite, holds=_HOLDS)
    sources = sources_of(candidates, titles, label_sets)
    scoring = Scoring(tuple(structures), names, table, resample, patients, settings, processes, seed, common, track)
    check_sources(sources, reference, patients)
    if reference is None and not sources[0].is_table:
        study = alone(sources, scoring)
    else:
        study = judged(sources, reference, scoring)
    pair = drawable(sources)
    if out is not None and pair is not None:
        drawn = draw(study.between[0], *pair, scoring, images=images, cases=cases, window=window)
        study = replace(study, drawn=drawn)
    result = Compared(replace(study, baseline=baseline), _SHOWN_ALONE if study.truth is None else _SHOWN, out)
    if out is not None:
        with atomic_folder(out, overwrite=overwrite, holds=_HOLDS) as temporary:
            result.write(temporary, page(result.study, version=version("condyle")))
    return result
