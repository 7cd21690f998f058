"""A study's report, of what there is: one page, and its tables as CSV files."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import get_args

from condyle.io.atomic import atomic_file
from condyle.metrics.candidates import Candidate
from condyle.metrics.score import METRICS
from condyle.metrics.score_files import read_scores
from condyle.reports.comparison.baselines import BaselineName
from condyle.reports.studied import tables
from condyle.reports.studied.content import HELD_OUT as TRAININGS
from condyle.reports.studied.content import Answer, Asked, Content, Curve, Scored, Training
from condyle.reports.studied.page import page
from condyle.studies import Step, Study, places
from condyle.studies.configurations import Configuration, configurations, referred
from condyle.studies.results import ModelFacts, model_facts, read_table
from condyle.studies.scoring import HELD_OUT
from condyle.workflow.experiments.study_run import StudyState
from condyle.workflow.experiments.study_sentences import choice, energy, limits, split, undone
from condyle.workflow.segmentation.resources import read_resources, table_of
from condyle.workflow.shared.tables import csv_text

#: The page, in the study's folder, so that its links lead to the comparisons.
PAGE = "report.html"


def write_report(study: Study, steps: Sequence[Step], folder: Path, state: StudyState) -> Path:
    """Write the page and its tables into a study's folder, in place of earlier ones.

    Returns:
        The page.

    Raises:
        DataError: if a result is broken, or the disk refuses.
    """
    content = gather(study, steps, folder, state)
    written = {
        PAGE: page(content, version=version("condyle")),
        "trainings.csv": csv_text(tables.training_rows(content.trainings)),
        "scores.csv": csv_text(tables.score_rows(content.scores)),
        "segmenting.csv": csv_text(tables.asking_rows(content.asking)),
    }
    for name, text in written.items():
        with atomic_file(folder / name, overwrite=True) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return folder / PAGE


def gather(study: Study, steps: Sequence[Step], folder: Path, state: StudyState) -> Content:
    """Read all that a study has made so far."""
    states = state.states
    every = configurations(study)
    told = {
        c.id for e in study.evaluate.values() if e.part == HELD_OUT for r in e.models for c in referred(study, r, "")
    }
    held_out = [
        scored
        for c in every
        if c.entry.fold != "all" and c.id not in told and states.get(f"train-{c.id}") in {"done", "attention"}
        for scored in _scored(folder / places.held_out(c), TRAININGS, c, c.label_set)
    ]
    return Content(
        title=study.title,
        source=study.source,
        notes=study.notes,
        splits=tuple(split(name, folder / places.dataset(name, data)) for name, data in study.datasets.items()),
        answers=tuple(_answer(q.ask, folder, name) for name, q in study.questions.items()),
        trainings=tuple(_training(c, folder, state) for c in every),
        scores=tuple(_evaluated(study, folder) + held_out),
        choices=tuple(choice(name, folder) for name, entry in study.models.items() if entry.best_of),
        asking=tuple(_asking(study, folder)),
        energy=energy(folder),
        undone=tuple(undone(steps, state)),
        commands=tuple(map(str, steps)),
        baselines=tuple(
            name for name in get_args(BaselineName) if name in {q.baseline for q in study.questions.values()}
        ),
        limits=tuple(limits(study)),
    )


def _answer(ask: str, folder: Path, name: str) -> Answer:
    place = folder / places.comparison(name)
    if not (place / "compare.json").is_file():
        return Answer(ask)
    told = read_table(place / "compare.json")
    return Answer(ask, tuple(told["findings"]), f"{places.comparison(name)}/compare.html", tuple(told["notes"]))


def _training(c: Configuration, folder: Path, study: StudyState) -> Training:
    settings = ", ".join(f"{name} {value}" for name, value in c.varied.items()) or c.recipe
    facts = model_facts(folder / places.model(c))
    state = study.states.get(f"train-{c.id}", "waiting")
    told = "" if state in {"done", "attention"} else state
    if facts is None:
        return Training(c.id, c.model, settings, c.label_set, c.entry.fold, state=told or "waiting")
    if c.entry.best_of:
        settings = ", ".join(f"{k} {facts.recipe.get(k)}" for k in ("network", "dim", "batch", "augment"))
    return Training(
        c.id, c.model, settings, c.label_set, c.entry.fold,
        dice=facts.dice,
        cases=max((len(fold["cases"]) for fold in facts.folds.values()), default=0),
        seconds=round(sum(float(fold["seconds"]) for fold in facts.folds.values()), 1),
        steps=sum(int(fold["steps"]) for fold in facts.folds.values()),
        ram_gib=max((max(h["ram_gib"], default=0.0) for h in facts.histories.values()), default=0.0),
        vram_gib=max((max(h["vram_gib"], default=0.0) for h in facts.histories.values()), default=0.0),
        parameters=facts.parameters,
        energy_kj=_summed([fold.get("energy_kj") for fold in facts.folds.values()]),
        curves=_curves(c, facts),
        state=told,
    )  # fmt: skip


def _curves(c: Configuration, facts: ModelFacts) -> tuple[Curve, ...]:
    return tuple(
        Curve(
            f"{c.id}, fold {fold}", h["loss"], h["val_loss"], h["mean_dice"], h["smoothed_dice"], h["seconds"],
            h["rate"],
        )
        for fold, h in facts.histories.items()
    )  # fmt: skip


def _evaluated(study: Study, folder: Path) -> list[Scored]:
    return [
        scored
        for name, evaluation in study.evaluate.items()
        for against in evaluation.against
        for reference in evaluation.models
        for c in referred(study, reference, name)
        for scored in _scored(folder / places.scores(name, c, against), name, c, against)
    ]


def _scored(path: Path, evaluation: str, c: Configuration, against: str) -> list[Scored]:
    if not path.is_file():
        return []
    file = read_scores(path)
    candidate = Candidate(c.id, {c.id: file.cases})
    rows = []
    for structure in candidate.structures:
        values = {m: candidate.values(structure, m) for m in METRICS}
        rows.append(
            Scored(
                evaluation, c.id, c.label_set, against, structure,
                cases=len(file.cases),
                patients=len(set(file.groups.values())),
                missed=candidate.counts(structure)["missed"],
                summary={m: candidate.summary(structure, m, file.groups) for m in METRICS},
                values={m: [(case, v) for case, v in of.items() if v is not None] for m, of in values.items()},
            )
        )  # fmt: skip
    return rows


def _asking(study: Study, folder: Path) -> list[Asked]:
    """What segmenting took, of each evaluation that has masks of its own."""
    rows = []
    for name, evaluation in study.evaluate.items():
        for c in (c for reference in evaluation.models for c in referred(study, reference, name)):
            took = list(read_resources(table_of(folder / places.masks(name, c))).values())
            if took:
                seconds = sum(one.seconds for one in took)
                rows.append(
                    Asked(
                        name, c.id, len(took),
                        seconds=seconds / len(took),
                        steps_per_s=sum(one.steps for one in took) / seconds if seconds else 0.0,
                        ram_gib=max(one.ram_gib for one in took),
                        vram_gib=max(one.vram_gib for one in took),
                        parameters=took[-1].parameters,
                        energy_kj=_summed([one.energy_kj for one in took]),
                    )
                )  # fmt: skip
    return rows


def _summed(energies_kj: Sequence[float | None]) -> float | None:
    """All of them together; None where one was not told, or there is none."""
    known = [one for one in energies_kj if one is not None]
    return sum(known) if known and len(known) == len(energies_kj) else None
