"""Routes of models: what is trained or being trained, and how it went."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from condyle.app.answers import answer
from condyle.app.state import served
from condyle.models.folder import is_ours
from condyle.models.shipped import DEFAULT, shipped
from condyle.models.store import named
from condyle.recipe import RECIPES

#: Columns of the table of epochs that are drawn, besides each structure's Dice.
_CURVES = ("epoch", "loss", "val_loss", "rate", "mean_dice", "seconds", "ram_gib", "vram_gib")
_DICE = "dice: "

#: Curves with more points than this are thinned for the page.
_MOST_POINTS = 600


def list_models(request: Request) -> Response:
    """`GET /api/models`: those of the workspace, those that are installed and those that come with the package.

    `suggested` is the key of the one that is asked where none is named, null if there is none.
    """
    workspace = served(request).workspace
    coming = shipped()
    out = []
    for folder in workspace.model_folders():
        place = {"own": folder.parent == workspace.folder / "models", "shipped": folder in coming}
        out.append({"key": workspace.model_key(folder), "name": folder.name, **place, **told(folder)})
    suggested = named().get(DEFAULT)
    key = None if suggested is None else workspace.model_key(suggested)
    return answer({"models": out, "suggested": key, "recipes": list(RECIPES)})


def told(folder: Path) -> dict[str, Any]:
    """What a model's folder says of itself; no weights are read."""
    record = _json(folder / "record.json")
    run = _json(folder / "training" / "run.json")
    labels = _json(folder / "labels.json").get("structures", [])
    return {
        "ready": is_ours(folder),
        "structures": [s["name"] for s in labels],
        "dataset": record.get("dataset") or run.get("dataset"),
        "label_set": record.get("label_set") or run.get("label_set"),
        "start": record.get("start") or run.get("start") or "",
        "folds": sorted(record.get("folds", {})),
        "validation": record.get("validation", {}),
        "trainings": sorted(p.name.removeprefix("fold_") for p in (folder / "training").glob("fold_*")),
    }


def history(request: Request) -> Response:
    """`GET /api/models/<m>/history`: the curves of each fold, as far as they have come."""
    folder = served(request).workspace.model(request.path_params["model"])
    folds = {}
    for path in sorted((folder / "training").glob("fold_*/history.csv")):
        folds[path.parent.name.removeprefix("fold_")] = curves(path)
    return answer({"name": folder.name, **told(folder), "folds_history": folds})


def curves(path: Path) -> dict[str, Any]:
    """The columns of a table of epochs; what is not a number is None.

    Args:
        path: `history.csv` of `condyle train`, perhaps while it is being written.
    """
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if None not in row.values()]
    last, step = rows[-1:], max(1, -(-len(rows) // _MOST_POINTS))
    shown = rows[::step] if not last or rows[::step][-1] is last[0] else [*rows[::step], *last]
    names = [name for name in (rows[0] if rows else {}) if name.startswith(_DICE)]
    return {
        "epochs": len(rows),
        **{name: [_number(row.get(name)) for row in shown] for name in _CURVES},
        "dice": {name.removeprefix(_DICE): [_number(row[name]) for row in shown] for name in names},
    }


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "nan")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _json(path: Path) -> dict[str, Any]:
    """The object in a file; empty where there is none yet, or none that can be read."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


ROUTES = [
    Route("/api/models", list_models),
    Route("/api/models/{model}/history", history),
]
