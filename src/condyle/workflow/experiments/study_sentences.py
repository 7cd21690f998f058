"""What the page of a study says in sentences of its own."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from condyle.data import Dataset
from condyle.data.dataset import FILE
from condyle.machine import cores
from condyle.reports.studied import words
from condyle.studies import Step, Study, places
from condyle.studies.read import FULL
from condyle.studies.results import read_table
from condyle.workflow.experiments.study_run import ROUNDS, StudyState


def limits(study: Study) -> list[str]:
    """What the numbers cannot show, whatever they are."""
    simulated = [name for name, data in study.datasets.items() if not data.path]
    told = [] if study.scale == FULL else [words.SCALE.format(scale=study.scale)]
    return told + ([words.SIMULATED.format(names=", ".join(simulated))] if simulated else [])


def split(name: str, folder: Path) -> str:
    """How a dataset is parted, as far as it is there."""
    if not (folder / FILE).is_file():
        return f"{name}: not there yet."
    dataset = Dataset.open(folder)
    folds = dataset.folds
    if folds is None:
        return f"{name}: {_counted(len(dataset.cases), 'case')}, not split."
    groups = {dataset[case].group for case in folds.parts}
    tested = [case for case, part in folds.parts.items() if part == "test"]
    return (
        f"{name}: {_counted(len(folds.parts), 'labelled case')} of "
        f"{_counted(len(groups), 'patient or donor', 'patients or donors')}, "
        f"{_counted(folds.count, 'fold')} ({folds.method}, seed {folds.seed}), "
        f"{_counted(len(tested), 'case')} for the test; no patient in two parts."
    )


def choice(name: str, folder: Path) -> str:
    """Which configuration was chosen, and what cannot be told from it."""
    path = (folder / places.chosen(name)).with_name(f"{name}_choice.json")
    if not path.is_file():
        return f"{name}: not chosen yet."
    told = read_table(path)
    chosen = Path(told["model"]).name
    level = ", ".join(told["level"])
    told_apart = f"Not told apart from the best: {level}." if level else "The others are told apart from the best."
    return f"{name}: {chosen} was chosen of {len(told['dice'])} by Dice on held-out cases. {told_apart}"


def energy(folder: Path) -> str:
    """How long the study ran, and the energy that the machine used meanwhile."""
    path = folder / ROUNDS
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines())) if path.is_file() else []
    seconds = sum(float(row["seconds"]) for row in rows)
    known = [float(row["energy_kj"]) for row in rows if row["energy_kj"]]
    told = f"The study ran for {seconds:.0f} s on {cores()} cores, interrupted rounds aside. "
    if not known:
        return told + "The machine does not tell the energy it uses."
    return told + f"Its counters of processors and graphics cards rose by {sum(known):.1f} kJ."


def undone(steps: Sequence[Step], state: StudyState) -> list[str]:
    """What failed, and what still waits."""
    states, failed = state.states, state.to_json()["failed"]
    told = [f"{id_} failed: {error}" for id_, error in failed.items()]
    waiting = [s.id for s in steps if states[s.id] in {"waiting", "running"}]
    return told + ([f"{len(waiting)} steps wait: {', '.join(waiting[:8])}"] if waiting else [])


def _counted(count: int, one: str, more: str = "") -> str:
    return f"{count} {one if count == 1 else more or one + 's'}"
