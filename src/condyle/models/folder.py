"""Our own model folder: what a model is, in files that any tool can read.

plan.json, labels.json, cleanup.json, record.json, recipe.json, card.md, fold_<k>.safetensors; confidence.json where the
model can tell how far to trust it; the first stage of a cascade is a model folder of its own in `before`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from condyle.config import NetConfig, Plan, from_json, to_json
from condyle.errors import CondyleError, ModelError
from condyle.io.atomic import atomic_folder
from condyle.labels import Labels
from condyle.models.card import card
from condyle.models.model import Model

if TYPE_CHECKING:
    from torch import Tensor

_WEIGHTS = "fold_{}.safetensors"
BEFORE = "before"
PLAN = "plan.json"
RECORD = "record.json"
CLEANUP = "cleanup.json"
CONFIDENCE = "confidence.json"


def save(model: Model, folder: Path, *, overwrite: bool = False) -> None:
    """Write a model as a folder; it is there whole or not at all. A model without a card is given one.

    Raises:
        DataError: if the folder exists and `overwrite` is false, or the disk refuses.
        ModelError: if weights cannot be read.
    """
    with atomic_folder(folder, overwrite=overwrite, holds=(".json", ".md", ".safetensors")) as temporary:
        _write(model, temporary, folder.name)


def write_tables(model: Model, folder: Path, name: str) -> None:
    """Write all of a model but its weights into a folder that is there."""
    _write_json(folder / PLAN, to_json(model.plan))
    _write_json(folder / "labels.json", model.labels.to_json())
    _write_json(folder / CLEANUP, list(model.cleanup))
    _write_json(folder / RECORD, dict(model.record))
    _write_json(folder / "recipe.json", dict(model.recipe))
    if model.confidence:
        _write_json(folder / CONFIDENCE, dict(model.confidence))
    (folder / "card.md").write_text(model.card or card(model, name), encoding="utf-8")


def _write(model: Model, folder: Path, name: str) -> None:
    from safetensors.torch import save_file

    write_tables(model, folder, name)
    for fold in model.folds:
        state = {name: tensor.contiguous() for name, tensor in model.state(fold).items()}
        save_file(state, folder / weights_file(fold))
    if model.before is not None:
        (folder / BEFORE).mkdir()
        _write(model.before, folder / BEFORE, f"{name}, first stage")


def weights_file(fold: str) -> str:
    """Name of the file that holds a fold's weights."""
    return _WEIGHTS.format(fold)


def is_ours(folder: Path) -> bool:
    """Whether a folder looks like one of `save`."""
    return (folder / PLAN).is_file() and (folder / "labels.json").is_file()


def read(folder: Path, held: object = None, *, first_stage: bool = False) -> Model:
    """The model of a folder that `save` wrote.

    Args:
        folder: The model's.
        held: What must live as long as the model.
        first_stage: Whether it is the first stage of a cascade.

    Raises:
        ModelError: if a file is missing or cannot be understood, or parts do not fit each other.
    """
    first = folder / BEFORE
    if first_stage and first.exists():
        raise ModelError(first, expected="no stage before the first one", got="one")
    file = folder / PLAN
    try:
        plan = from_json(Plan, read_json(file), str(file))
        file = folder / "labels.json"
        labels = Labels.from_json(_table(file))
    except CondyleError as error:
        raise told_of(file, error) from error
    cleanup = read_json(folder / CLEANUP)
    if not isinstance(cleanup, list):
        raise ModelError(folder / CLEANUP, expected="a list", got=type(cleanup).__name__)
    head, tail = _WEIGHTS.split("{}")
    files = sorted(folder.glob(_WEIGHTS.format("*")))
    if not files:
        raise ModelError(folder, expected=f"weights ({_WEIGHTS.format(0)})", got="none")
    weights = {f.name[len(head) : -len(tail)]: partial(read_state, f, plan.net) for f in files}
    recipe, confidence = folder / "recipe.json", folder / CONFIDENCE
    text = folder / "card.md"
    try:
        return Model(
            plan=plan,
            labels=labels,
            weights=weights,
            cleanup=tuple(cleanup),
            record=_table(folder / RECORD),
            card=text.read_text(encoding="utf-8", errors="replace") if text.is_file() else "",
            held=held,
            before=read(first, held, first_stage=True) if first.is_dir() else None,
            recipe=_table(recipe) if recipe.is_file() else {},
            confidence=_table(confidence) if confidence.is_file() else {},
        )
    except ModelError as error:
        raise told_of(folder, error) from error


def told_of(path: Path, error: CondyleError) -> ModelError:
    """The error with the name of a model's file or folder, where it does not tell it."""
    where = error.where if str(path) in error.where else f"{path}: {error.where}"
    return ModelError(where, expected=error.expected, got=error.got, hint=error.hint)


def read_state(path: Path, config: NetConfig) -> dict[str, Tensor]:
    """The weights of a safetensors file, in float32 however they are stored.

    Raises:
        ModelError: if it is broken, or holds another network's weights.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from condyle.nets.weights import check

    try:
        state = load_file(path)
    except (SafetensorError, OSError) as error:
        raise ModelError(path, expected="a sound safetensors file", got=str(error)) from error
    state = {name: value.float() if value.is_floating_point() else value for name, value in state.items()}
    check(config, state, path)
    return state


def read_json(path: Path) -> Any:
    """The content of a JSON file of a model.

    Raises:
        ModelError: if it is missing or broken.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        got = error.strerror or str(error) if isinstance(error, OSError) else str(error)
        raise ModelError(path, expected="a JSON file of a model", got=got) from error


def _table(path: Path) -> Mapping[str, Any]:
    data = read_json(path)
    if not isinstance(data, dict):
        raise ModelError(path, expected="a table", got=type(data).__name__)
    return data


def _write_json(path: Path, data: Any) -> None:
    path.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
