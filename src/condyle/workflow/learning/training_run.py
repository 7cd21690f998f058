"""The folder of a training: what was decided when it began, so that the same command goes on with it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from condyle.config import Plan, from_json, to_json
from condyle.data import Dataset
from condyle.data.folds import Part
from condyle.data.lock import one_writer
from condyle.errors import ConfigError, DataError, ModelError
from condyle.io.atomic import atomic_file
from condyle.io.there import is_there
from condyle.models.folder import BEFORE, read_json
from condyle.recipe import Recipe
from condyle.workflow.learning.meaning import meaning, other_meaning

#: Of a recipe that was begun, these may be others: more of the same.
_MAY_CHANGE = {"epochs", "minutes", "patience"}

#: The file by which `one_writer` holds a folder. Who removes it lets a second writer in.
_LOCK = ".lock"


@dataclass(frozen=True)
class TrainingRun:
    """What a training depends on, decided once.

    Args:
        dataset: Its name.
        label_set: Which label maps.
        recipe: How.
        plan: The network and how scans are given to it.
        batch_dice: Whether Dice is taken over the whole batch.
        start: The model it begins from, or "".
        parts: Case to the part of the split it belongs to.
        structures: What the numbers in label maps mean; None if the file does not tell.
    """

    dataset: str
    label_set: str
    recipe: Recipe
    plan: Plan
    batch_dice: bool
    start: str
    parts: Mapping[str, Part]
    structures: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {f.name: to_json(getattr(self, f.name)) for f in fields(self)} | {"parts": dict(self.parts)}

    @classmethod
    def from_json(cls, data: Any, where: Path) -> TrainingRun:
        """The inverse of `to_json`.

        Raises:
            ConfigError: if a key is missing or does not fit.
        """
        try:
            return cls(
                dataset=str(data["dataset"]),
                label_set=str(data["label_set"]),
                recipe=from_json(Recipe, data["recipe"], f"{where}: recipe"),
                plan=from_json(Plan, data["plan"], f"{where}: plan"),
                batch_dice=bool(data["batch_dice"]),
                start=str(data["start"]),
                parts=dict(data["parts"]),
                structures=None if data.get("structures") is None else dict(data["structures"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigError(where, expected="the file that a training wrote", got=repr(error)) from error


def run_file(out: Path) -> Path:
    """Where a training writes what it was begun with."""
    return out / "training" / "run.json"


@contextmanager
def held(out: Path) -> Iterator[None]:
    """Hold a model's folder against other trainings. A new one in which nothing was begun is gone afterwards.

    Raises:
        LockedError: if another training writes there.
        DataError: if the folder holds other things, or cannot be written.
    """
    refuse_others(out)
    new = not out.exists()
    with one_writer(out, make=True):
        try:
            yield
        finally:
            if new and [path.name for path in out.iterdir()] == [_LOCK]:
                # Windows removes no open file.
                with suppress(OSError):
                    (out / _LOCK).unlink()
                    out.rmdir()


def refuse_others(out: Path) -> None:
    """Raise a `DataError` if a folder holds anything but a training."""
    if not is_there(out) or run_file(out).is_file():
        return
    if not out.is_dir() or any(_told(path, out) for path in out.rglob("*")):
        hint = "Choose another folder."
        raise DataError(out, expected="a new folder, or one of a training", got="other things", hint=hint)


def begun(out: Path) -> TrainingRun | None:
    """The training that a folder holds, or None where one can begin.

    Raises:
        DataError: if the folder holds anything else.
    """
    refuse_others(out)
    path = run_file(out)
    if not path.is_file():
        return None
    try:
        return TrainingRun.from_json(read_json(path), path)
    except ModelError as error:
        raise DataError(error.where, expected=error.expected, got=error.got, hint=error.hint) from error


def _told(path: Path, out: Path) -> bool:
    """Whether something in a folder is a file of someone; a training that was killed leaves hidden ones."""
    return path.is_file() and not any(part.startswith(".") for part in path.relative_to(out).parts)


def clear(out: Path) -> None:
    """Remove a training that is there, but not the lock by which its folder is held.

    What makes the folder one of a training goes last, so that a removal that was killed can be repeated.
    """
    last = run_file(out)
    if not last.is_file():
        return
    for path in [*out.iterdir(), *last.parent.iterdir()]:
        if path.is_dir() and path != last.parent:
            shutil.rmtree(path)
        elif path not in {last, last.parent, out / _LOCK}:
            path.unlink()
    last.unlink()


def save(run: TrainingRun, out: Path) -> None:
    """Write down what a training begins with.

    Raises:
        DataError: if the disk refuses.
    """
    with atomic_file(run_file(out), overwrite=True) as temporary:
        temporary.write_text(json.dumps(run.to_json(), indent=1) + "\n", encoding="utf-8")


def goes_on(run: TrainingRun, out: Path, *, dataset: Dataset, label_set: str, recipe: Recipe, start: str) -> bool:
    """Whether a training goes on with what was decided; one that has learned nothing may be decided anew.

    Raises:
        ConfigError: naming what differs, if something was learned with other settings.
    """
    asked = {f.name: getattr(recipe, f.name) for f in fields(Recipe) if f.name not in _MAY_CHANGE}
    differ = [f"{name} {value}, begun with {getattr(run.recipe, name)}" for name, value in asked.items()
              if value != getattr(run.recipe, name)]  # fmt: skip
    for name, value in (("dataset", dataset.name), ("label_set", label_set), ("start", start)):
        if value != getattr(run, name):
            differ.append(f"{name} {value or 'none'}, begun with {getattr(run, name) or 'none'}")
    if run.parts != parts_of(dataset):
        differ.append("another split into folds, or other cases")
    if run.structures is not None:
        differ += other_meaning(meaning(dataset.labels), run.structures)
    if differ and _learned(out):
        hint = "Choose another folder, or pass --overwrite to begin anew."
        raise ConfigError(out, expected="the training that was begun here", got="; ".join(differ), hint=hint)
    return not differ


def _learned(out: Path) -> bool:
    """Whether a folder holds more than what was decided, of either stage; weights may lie there without `fold_0/`."""
    decided = {run_file(out), run_file(out / BEFORE)}
    return any(_told(path, out) and path not in decided for path in out.rglob("*"))


def parts_of(dataset: Dataset) -> Mapping[str, Part]:
    """Case to the part of the split it belongs to; empty without a split."""
    return {} if dataset.folds is None else dict(dataset.folds.parts)
