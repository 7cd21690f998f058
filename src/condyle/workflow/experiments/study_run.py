"""The steps of a study are run, round by round, and what became of them."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from time import monotonic
from typing import Any

from condyle.data import Dataset
from condyle.data.dataset import FILE
from condyle.errors import DataError
from condyle.io.atomic import atomic_file
from condyle.jobs.energy import EnergyMeter
from condyle.jobs.engines import submit
from condyle.jobs.manifest import Manifest, Outcome
from condyle.jobs.settings import JobSettings
from condyle.jobs.task import Task
from condyle.progress import Track
from condyle.studies.step import Step, rounds

#: The list of steps and what became of them; and what each round took.
MANIFEST, ROUNDS = "steps.sqlite", "rounds.csv"

#: Verbs whose result appears whole, so that its being there says it is done.
_WHOLE = {"evaluate", "compare", "choose"}


@dataclass(frozen=True)
class StudyState:
    """How far a study is.

    Args:
        name: Of the study.
        folder: Its folder.
        steps: All of them.
        ended: Step to how it went, as far as it was begun.
        page: The report, if one was written.
        dry: Whether only the commands are asked for.
    """

    name: str
    folder: str
    steps: tuple[Step, ...]
    ended: Mapping[str, Outcome]
    page: str = ""
    dry: bool = field(default=False)

    @cached_property
    def states(self) -> dict[str, str]:
        """Step to `done`, `attention` (done, but it said something), `failed`, `running` or `waiting`."""
        root = Path(self.folder).resolve()
        states = {step.id: _state(self.ended.get(step.id)) for step in self.steps}
        # A split that was there before the study is no step that ever runs.
        settled = {s.id: "done" for s in self.steps if states[s.id] in {"waiting", "failed"} and _has_split(s, root)}
        return states | settled

    @property
    def exit_code(self) -> int:
        """1 if a step is not done."""
        return int(not self.dry and any(state not in {"done", "attention"} for state in self.states.values()))

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "name": self.name,
            "folder": self.folder,
            "page": self.page,
            "steps": [
                {"id": s.id, "command": list(s.command), "after": list(s.after), "state": self.states[s.id]}
                for s in self.steps
            ],
            "failed": self._failed(),
        }

    def __str__(self) -> str:
        if self.dry:
            return "\n".join([f"mkdir -p {self.folder} && cd {self.folder}", *map(str, self.steps)])
        counts = Counter(self.states.values())
        told = ", ".join(f"{counts[s]} {s}" for s in ("done", "attention", "running", "waiting", "failed") if counts[s])
        lines = [f"{self.folder}: {len(self.steps)} steps: {told}"]
        lines += [f"failed: {id_}: {error}" for id_, error in self._failed().items()]
        waiting = [s.id for s in self.steps if self.states[s.id] == "waiting"]
        if waiting and len(waiting) < len(self.steps):
            lines.append(f"waiting: {', '.join(waiting[:6])}{' ...' if len(waiting) > 6 else ''}")
        return "\n".join([*lines, *([self.page] if self.page else [])])

    def _failed(self) -> dict[str, str]:
        states = self.states
        return {id_: _last_line(o.error) for id_, o in self.ended.items() if states.get(id_) == "failed"}


def _state(outcome: Outcome | None) -> str:
    if outcome is None:
        return "waiting"
    if outcome.state == "done":
        return "attention" if outcome.code == 1 else "done"
    return "failed" if outcome.state == "aside" else outcome.state


def _last_line(text: str) -> str:
    return text.strip().splitlines()[-1] if text.strip() else "it said nothing"


def outcomes(folder: Path) -> dict[str, Outcome]:
    """Step to what became of it; nothing before the first run."""
    if not (folder / MANIFEST).is_file():
        return {}
    with Manifest(folder / MANIFEST) as manifest:
        return {outcome.id: outcome for outcome in manifest.outcomes()}


def run_steps(steps: Sequence[Step], folder: Path, settings: JobSettings, track: Track) -> None:
    """Run what is not done; a step whose step before failed is left.

    Args:
        steps: Of the study.
        folder: Of the study.
        settings: Where.
        track: Told of each step.
    """
    root = folder.resolve()
    done: set[str] = set()
    for number, round_ in enumerate(rounds(steps), start=1):
        ready = [step for step in round_ if all(id_ in done for id_ in step.after)]
        settled = {step.id for step in ready if _has_split(step, root)}
        tasks = [
            Task(s.id, s.at(root)[1:], str(root / s.makes) if s.kind in _WHOLE else "")
            for s in ready
            if s.id not in settled
        ]
        done |= settled
        known = outcomes(folder)
        new = [task.id for task in tasks if task.id not in known or known[task.id].state != "done"]
        if tasks:
            start = monotonic()
            with EnergyMeter() as energy:
                ended = submit(tasks, folder / MANIFEST, settings, what=f"Round {number}: {ready[0].kind}", track=track)
            makes = {step.id: root / step.makes for step in ready}
            done |= {outcome.id for outcome in ended if outcome.state == "done" and makes[outcome.id].exists()}
            if new:
                _note_round(folder, number, new, monotonic() - start, energy.used_kj())


def _has_split(step: Step, root: Path) -> bool:
    """A user's dataset keeps the split it has."""
    folder = root / step.command[2]
    if step.kind != "folds" or not (folder / FILE).is_file():
        return False
    try:
        return Dataset.open(folder).folds is not None
    except DataError:
        # The step itself tells what is wrong with the dataset.
        return False


def _note_round(folder: Path, number: int, steps: Sequence[str], seconds: float, energy_kj: float | None) -> None:
    """Add a line on what a round took: time by the clock, and energy of the whole machine where it tells."""
    path = folder / ROUNDS
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if not path.is_file():
        writer.writerow(["round", "steps", "seconds", "energy_kj"])
    writer.writerow([number, " ".join(steps), round(seconds, 1), "" if energy_kj is None else round(energy_kj, 3)])
    old = path.read_text(encoding="utf-8") if path.is_file() else ""
    with atomic_file(path, overwrite=True) as temporary:
        temporary.write_text(old + text.getvalue(), encoding="utf-8")
