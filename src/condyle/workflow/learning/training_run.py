"""The folder of a training: what was decided when it began, so that the same command goes on with it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from condyle.config import Plan, from_json, to_json
from condyle.data import Dataset
from condyle.data.folds import Part
from condyle.errors import ConfigError, DataError, ModelError
from condyle.io.atomic import atomic_file
from condyle.models.folder import read_json
from condyle.recipe import Recipe

#: Of a recipe that was begun, these may be others: more of the same.
_MAY_CHANGE = {"epochs", "minutes", "patience"}


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
    """

    dataset: str
    label_set: str
    recipe: Recipe
    plan: Plan
    batch_dice: bool
    start: str
    parts: Mapping[str, Part]

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
            )
        except (KeyError, TypeError) as error:
            raise ConfigError(where, expected="the file that a training wrote", got=repr(error)) from error


def run_file(out: Path) -> Path:
    """Where a training writes what it was begun with."""
    return out / "training" / "run.json"


def begun(out: Path, *, overwrite: bool) -> TrainingRun | None:
    """The training that a folder holds, or None where one can begin.

    Args:
        out: The folder.
        overwrite: Remove a training that is there.

    Raises:
        DataError: if the folder holds anything else.
    """
    path = run_file(out)
    if not path.is_file():
        if out.exists() and (not out.is_dir() or any(_told(p, out) for p in out.rglob("*"))):
            hint = "Choose another folder."
            raise DataError(out, expected="a new folder, or one of a training", got="other things", hint=hint)
        return None
    if overwrite:
        _clear(out)
        return None
    try:
        return TrainingRun.from_json(read_json(path), path)
    except ModelError as error:
        raise DataError(error.where, expected=error.expected, got=error.got, hint=error.hint) from error


def _told(path: Path, out: Path) -> bool:
    """Whether something in a folder is a file of someone; a training that was killed leaves hidden ones."""
    return path.is_file() and not any(part.startswith(".") for part in path.relative_to(out).parts)


def _clear(out: Path) -> None:
    """Remove a training; last of all what makes its folder one, so that a removal that was killed can be repeated."""
    last = run_file(out)
    for path in [*out.iterdir(), *last.parent.iterdir()]:
        if path.is_dir() and path != last.parent:
            shutil.rmtree(path)
        elif path not in {last, last.parent}:
            path.unlink()
    last.unlink()


def save(run: TrainingRun, out: Path) -> None:
    """Write down what a training begins with.

    Raises:
        DataError: if the disk refuses.
    """
    with atomic_file(run_file(out), overwrite=True) as temporary:
        temporary.write_text(json.dumps(run.to_json(), indent=1) + "\n", encoding="utf-8")


def check_same(run: TrainingRun, out: Path, *, dataset: Dataset, label_set: str, recipe: Recipe, start: str) -> None:
    """Refuse to go on with a training as if it were another.

    Raises:
        ConfigError: naming what differs.
    """
    asked = {f.name: getattr(recipe, f.name) for f in fields(Recipe) if f.name not in _MAY_CHANGE}
    differ = [f"{name} {value}, begun with {getattr(run.recipe, name)}" for name, value in asked.items()
              if value != getattr(run.recipe, name)]  # fmt: skip
    for name, value in (("dataset", dataset.name), ("label_set", label_set), ("start", start)):
        if value != getattr(run, name):
            differ.append(f"{name} {value or 'none'}, begun with {getattr(run, name) or 'none'}")
    if run.parts != _parts(dataset):
        differ.append("another split into folds, or other cases")
    if differ:
        hint = "Choose another folder, or pass --overwrite to begin anew."
        raise ConfigError(out, expected="the training that was begun here", got="; ".join(differ), hint=hint)


def _parts(dataset: Dataset) -> Mapping[str, Part]:
    return {} if dataset.folds is None else dict(dataset.folds.parts)
