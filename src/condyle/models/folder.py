"""Our own model folder: what a model is, in files that any tool can read.

plan.json, labels.json, cleanup.json, record.json, card.md, fold_<k>.safetensors
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
from condyle.models.model import Model

if TYPE_CHECKING:
    from torch import Tensor

_WEIGHTS = "fold_{}.safetensors"


def save(model: Model, folder: Path, *, overwrite: bool = False) -> None:
    """Write a model as a folder; it is there whole or not at all.

    Raises:
        DataError: if the folder exists and `overwrite` is false, or the disk refuses.
        ModelError: if weights cannot be read.
    """
    from safetensors.torch import save_file

    with atomic_folder(folder, overwrite=overwrite) as temporary:
        _write_json(temporary / "plan.json", to_json(model.plan))
        _write_json(temporary / "labels.json", model.labels.to_json())
        _write_json(temporary / "cleanup.json", list(model.cleanup))
        _write_json(temporary / "record.json", dict(model.record))
        (temporary / "card.md").write_text(model.card, encoding="utf-8")
        for fold in model.folds:
            state = {name: tensor.contiguous() for name, tensor in model.state(fold).items()}
            save_file(state, temporary / _WEIGHTS.format(fold))


def is_ours(folder: Path) -> bool:
    """Whether a folder looks like one of `save`."""
    return (folder / "plan.json").is_file() and (folder / "labels.json").is_file()


def read(folder: Path, held: object = None) -> Model:
    """The model of a folder that `save` wrote.

    Raises:
        ModelError: if a file is missing or cannot be understood, or parts do not fit each other.
    """
    try:
        plan = from_json(Plan, read_json(folder / "plan.json"), str(folder / "plan.json"))
        labels = Labels.from_json(_table(folder / "labels.json"))
    except CondyleError as error:
        where = error.where if str(folder) in error.where else f"{folder}: {error.where}"
        raise ModelError(where, expected=error.expected, got=error.got, hint=error.hint) from error
    cleanup = read_json(folder / "cleanup.json")
    if not isinstance(cleanup, list):
        raise ModelError(folder / "cleanup.json", expected="a list", got=type(cleanup).__name__)
    head, tail = _WEIGHTS.split("{}")
    files = sorted(folder.glob(_WEIGHTS.format("*")))
    if not files:
        raise ModelError(folder, expected=f"weights ({_WEIGHTS.format(0)})", got="none")
    weights = {f.name[len(head) : -len(tail)]: partial(read_state, f, plan.net) for f in files}
    card = folder / "card.md"
    text = card.read_text(encoding="utf-8") if card.is_file() else ""
    return Model(plan, labels, weights, tuple(cleanup), _table(folder / "record.json"), text, held)


def read_state(path: Path, config: NetConfig) -> dict[str, Tensor]:
    """The weights of a safetensors file.

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
    check(config, state, path)
    return state


def read_json(path: Path) -> Any:
    """The content of a JSON file of a model.

    Raises:
        ModelError: if it is missing or broken.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        got = error.strerror or str(error) if isinstance(error, OSError) else str(error)
        raise ModelError(path, expected="a JSON file of a model", got=got) from error


def _table(path: Path) -> Mapping[str, Any]:
    data = read_json(path)
    if not isinstance(data, dict):
        raise ModelError(path, expected="a table", got=type(data).__name__)
    return data


def _write_json(path: Path, data: Any) -> None:
    path.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
