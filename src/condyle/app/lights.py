"""How far the structures of a label set may be trusted, where a model that can tell made it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from condyle.app.workspace import require
from condyle.config import from_json
from condyle.data import Case, Dataset
from condyle.errors import DataError
from condyle.predict.confidence.judge import Confidence

#: What one structure weighs in the queue that is surely wrong; green weighs nothing.
_WEIGHTS = {"yellow": 4.0, "red": 10.0}


def confidence_file(dataset: Dataset, label_set: str, case: Case) -> Path:
    """Where it lies if there is one. The set's name stands for a folder only if the case has the set."""
    require(case.label_sets.get(label_set), "a label set of this case")
    return dataset.folder / "predictions" / label_set / f"{case.id}_confidence.json"


def read_confidence(path: Path) -> dict[str, Any]:
    """Structure to its `Confidence` as plain data; empty where there is no file.

    Raises:
        DataError: if the file is broken.
    """
    if not path.is_file():
        return {}
    try:
        told = json.loads(path.read_text(encoding="utf-8"))["structures"]
        for name, one in told.items():
            from_json(Confidence, one, name)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        hint = "Segment the scan again."
        raise DataError(path, expected="lights of structures", got=str(error), hint=hint) from error
    return dict(told)


def doubts(told: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str, float]]:
    """What is not green: structure, why in words, and what it weighs."""
    return [
        (name, f"{name} is {one['light']}: {'; '.join(one['reasons'])}", weight * (1 - one["number"]))
        for name, one in told.items()
        if (weight := _WEIGHTS.get(one["light"]))
    ]
