"""`condyle report`: the scores and the pictures behind them on one page."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from condyle.data import Dataset
from condyle.data.importers.found import ScanFile
from condyle.errors import ConfigError
from condyle.io.atomic import atomic_file, atomic_folder, refuse_existing, refuse_replacing
from condyle.metrics.compare import MetricSettings
from condyle.progress import Track, silent
from condyle.reports.block import Block, block_of
from condyle.reports.case import OTHER, PREDICTION, CaseMasks
from condyle.reports.colored import colored_surface, scale_for, triangles_for
from condyle.reports.document import page
from condyle.reports.figures import write_case, write_plots
from condyle.reports.judged import Content
from condyle.reports.moved import moved
from condyle.reports.payload import case_data, row_of, sentence
from condyle.workflow.evaluate import evaluate, labels_of
from condyle.workflow.evaluation.judging import called, cases_worst_first, content_of
from condyle.workflow.evaluation.pairs import CasePair, Pairs, find_pairs
from condyle.workflow.evaluation.reported import Reported
from condyle.workflow.evaluation.scoring import Request
from condyle.workflow.evaluation.viewed import case_masks, images_for

#: Kinds of the pictures for papers.
_FIGURES = (".png", ".svg")


def report(
    prediction: Path,
    reference: Path | None = None,
    *,
    out: Path,
    images: Path | None = None,
    other: Path | None = None,
    label_sets: tuple[str, str] | None = None,
    figures: Path | None = None,
    cases: int = 20,
    window: Literal["auto", "bone", "soft", "wide"] = "auto",
    structures: Sequence[str] = (),
    names: Mapping[str, int] | None = None,
    table: Path | None = None,
    remap: Mapping[int, int] | None = None,
    resample: bool = False,
    patients: Path | None = None,
    settings: MetricSettings = MetricSettings(),  # noqa: B008 - frozen
    processes: int | None = None,
    seed: int = 0,
    overwrite: bool = False,
    track: Track = silent,
) -> Reported:
    """Write one HTML page with the scores of masks and the pictures behind them; it needs no network.

    Masks are given as to `condyle evaluate`: two files, two folders, or a dataset with two of its label sets.

    Args:
        prediction: What is judged: a file, a folder, or a dataset.
        reference: What is taken as true: a file or folder.
        out: The HTML file to write.
        images: The scan, or a folder of scans named like the cases. A dataset has its own.
        other: A second prediction of the same cases; of a dataset, the name of a label set.
        label_sets: For a dataset: the set to judge and the one taken as true.
        figures: A folder to write figures for a paper to, as PNG and SVG.
        cases: How many cases one can look into, worst first. Each costs one to two MB.
        window: Grey values: bone, soft tissue, wide, or auto by the kind of scan.
        structures: Score these only.
        names: Structures by name and id, e.g. femur_right=1.
        table: A JSON file of them.
        remap: From the prediction's ids to the reference's, e.g. 5=1; 0 drops one.
        resample: Bring predictions onto the reference's grid where they differ.
        patients: A CSV file of case and patient. Intervals draw patients, not cases.
        settings: How to measure.
        processes: How many cases to score at once; as many as there are cores by default.
        seed: Of the draws behind the intervals.
        overwrite: Replace the page and the figures.
        track: Told of each case.

    Raises:
        DataError: if nothing can be compared, or an image does not lie where its masks are.
        ConfigError: if what is given does not go together.
    """
    if cases < 0:
        raise ConfigError("cases", expected="0 or more", got=str(cases))
    refuse_existing(out, overwrite=overwrite)
    if figures is not None:
        if out.resolve().is_relative_to(os.path.realpath(figures)):
            raise ConfigError("figures", expected="a folder of their own, without the page", got=str(figures))
        refuse_replacing(figures, overwrite=overwrite, holds=_FIGURES)
    known: dict[str, Any] = {
        "structures": structures, "names": names, "table": table, "remap": remap, "resample": resample,
        "patients": patients, "settings": settings, "processes": processes, "seed": seed, "track": track,
    }  # fmt: skip
    first = evaluate(prediction, reference, label_sets=label_sets, **known)
    pairs = find_pairs(prediction, reference, label_sets).with_patients(patients)
    second, second_pairs = None, Pairs(())
    if other is not None:
        place, sets = (other, None) if label_sets is None else (prediction, (str(other), label_sets[1]))
        second = evaluate(place, reference, label_sets=sets, **known)
        second_pairs = find_pairs(place, reference, sets)
    content = content_of(first, second, called(prediction, reference, other, label_sets), label_sets, settings)
    dataset = Dataset.open(prediction) if reference is None else None
    ids = [case.id for case in first.cases]
    scans = images_for(images, ids, dataset, reference)
    viewed = cases_worst_first(content)[:cases]
    labels = labels_of(pairs, names, table, (prediction, reference))
    request = Request(labels, tuple(structures), remap, resample, settings)

    data, drawn, everything = [], {}, []
    by_id, other_by_id = ({p.id: p for p in some.cases} for some in (pairs, second_pairs))
    for id_ in track(viewed, "Drawing"):
        case = _masks(by_id[id_], other_by_id.get(id_), scans.get(id_), request, content)
        block = block_of(case, window=window)
        bits = (PREDICTION, OTHER) if case.has_other else (PREDICTION,)
        triangles = triangles_for(len(bits) * len(case.structures))
        surfaces = {
            s.name: [colored_surface(s, case.grid, bit, triangles=triangles) for bit in bits] for s in case.structures
        }
        data.append(case_data(case, block, surfaces, _sentences(case, content)))
        everything += [s for both in surfaces.values() for s in both if s is not None]
        if figures is not None:
            drawn[id_] = block
    with atomic_file(out, overwrite=overwrite) as temporary:
        text = page(content, data, scale_mm=scale_for(everything), version=version("condyle"))
        temporary.write_text(text, encoding="utf-8")
    written = _figures(figures, content, drawn, overwrite=overwrite) if figures is not None else ()
    return Reported(out, len(text.encode()) / 1e6, len(first.cases), tuple(viewed), written, content.notes)


def _masks(
    pair: CasePair, other: CasePair | None, image: ScanFile | None, request: Request, content: Content
) -> CaseMasks:
    tables = [model.cases[pair.id] for model in content.models if pair.id in model.cases]
    names = list(dict.fromkeys(row.structure for table in tables for row in table))
    second = other.prediction if other is not None and len(tables) == 2 else None
    return case_masks(pair, second, image, request, names)


def _sentences(case: CaseMasks, content: Content) -> list[str]:
    out = []
    for model, bit in zip(content.models, (PREDICTION, OTHER), strict=False):
        table = model.cases.get(case.id)
        out += [
            sentence(s.name, model.name, content.truth, row_of(table, s.name), moved(s, case.grid, bit))
            for s in case.structures
            if table is not None and not s.empty
        ]
    return out


def _figures(folder: Path, content: Content, drawn: Mapping[str, Block], *, overwrite: bool) -> tuple[Path, ...]:
    with atomic_folder(folder, overwrite=overwrite, holds=_FIGURES) as temporary:
        written = write_plots(temporary, content)
        for id_, block in drawn.items():
            written += write_case(temporary, id_, block, content.truth, content.a.name)
    return tuple(folder / path.name for path in written)
