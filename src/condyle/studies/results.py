"""What a study's trainings left in their folders, read back; a training under way is read as far as it is."""

from __future__ import annotations

import csv
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from condyle.errors import DataError

#: Columns of `history.csv` that are read.
COLUMNS = ("loss", "val_loss", "mean_dice", "smoothed_dice", "seconds", "rate", "ram_gib", "vram_gib")


@dataclass(frozen=True)
class ModelFacts:
    """What a model's folder tells of its training.

    Args:
        dice: Mean Dice on held-out cases, by structure.
        folds: Name to what its training took, as in `record.json`.
        histories: Fold to the columns of its epochs.
        parameters: Numbers in the weights of one fold.
        recipe: What it was trained with.
    """

    dice: Mapping[str, float]
    folds: Mapping[str, Mapping[str, Any]]
    histories: Mapping[str, Mapping[str, tuple[float, ...]]]
    parameters: int
    recipe: Mapping[str, Any]


def model_facts(folder: Path) -> ModelFacts | None:
    """Read a model's folder; None if there is none yet.

    Raises:
        DataError: if a file is broken.
    """
    if not (folder / "record.json").is_file():
        return None
    record = read_table(folder / "record.json")
    weights = sorted(folder.glob("fold_*.safetensors"))
    tables = sorted(folder.glob("training/fold_*/history.csv"))
    return ModelFacts(
        dice={s: float(of["dice"]) for s, of in record.get("validation", {}).items() if "dice" in of},
        folds=record.get("folds", {}),
        histories={path.parent.name.removeprefix("fold_"): history(path) for path in tables},
        parameters=parameters(weights[0]) if weights else 0,
        recipe=read_table(folder / "recipe.json"),
    )


def read_table(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        DataError: if it is missing or broken.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(path, expected="a JSON file of a training", got=str(error)) from error


def history(path: Path) -> dict[str, tuple[float, ...]]:
    """The columns of a training's table, an entry an epoch; a last line that is being written is left out.

    Raises:
        DataError: if it is no such table.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            rows = [row for row in reader if None not in row.values()]
        return {name: tuple(float(row[name]) for row in rows) for name in COLUMNS}
    except (OSError, ValueError, KeyError) as error:
        raise DataError(path, expected="the table of a training", got=repr(error)) from error


def parameters(path: Path) -> int:
    """How many numbers a safetensors file holds, by its header.

    Raises:
        DataError: if it is none.
    """
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(length))
        return sum(prod(tensor["shape"]) for name, tensor in header.items() if name != "__metadata__")
    except (OSError, ValueError, KeyError, struct.error) as error:
        raise DataError(path, expected="a safetensors file", got=repr(error)) from error
