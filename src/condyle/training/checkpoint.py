"""What a training leaves on disk, each file whole or not at all.

* `state.pt`: everything needed to go on: weights, optimizer, average, progress, recipe. One file, so that its parts
  always belong together. It holds tensors and plain data only and is read without running a pickle.
* `best.safetensors`, `last.safetensors`: weights to use, averaged where the recipe says so.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from condyle.config import from_json, to_json
from condyle.errors import ConfigError, ModelError
from condyle.io.atomic import atomic_file
from condyle.recipe import Recipe
from condyle.training.learner import Learner
from condyle.training.progress import Progress

STATE = "state.pt"
BEST = "best.safetensors"
LAST = "last.safetensors"
_VERSION = 1

#: How long to train may be changed on the way; the rest would make it another training.
_OPEN = ("epochs", "minutes", "patience")


def save_weights(path: Path, weights: Mapping[str, Tensor]) -> None:
    """Write weights as safetensors, in place of the file before."""
    with atomic_file(path, overwrite=True) as temporary:
        temporary.write_bytes(save(dict(weights)))


def save_state(folder: Path, learner: Learner, progress: Progress) -> None:
    """Write all that is needed to go on, in place of the file before."""
    content = {
        "version": _VERSION,
        "recipe": to_json(learner.recipe),
        "arithmetic": {"bf16": learner.arithmetic.bf16, "compiled": learner.arithmetic.compiled},
        "progress": progress.to_plain(),
        "learner": learner.state(),
    }
    # Into memory first: an error of the disk then comes from one plain write.
    whole = io.BytesIO()
    torch.save(content, whole)
    with atomic_file(folder / STATE, overwrite=True) as temporary:
        temporary.write_bytes(whole.getbuffer())


def read_state(folder: Path, recipe: Recipe) -> dict[str, Any] | None:
    """What `save_state` wrote, or None where there is nothing.

    Args:
        folder: Of the training.
        recipe: The one to go on with. It may train longer or shorter than before; all else must be as it was.

    Raises:
        ModelError: if the file is broken.
        ConfigError: if it belongs to a training with another recipe.
    """
    path = folder / STATE
    if not path.exists():
        return None
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, OSError, ValueError, EOFError, pickle.UnpicklingError) as error:
        got = str(error).split("\n", maxsplit=1)[0]
        raise ModelError(path, expected="the state of a training", got=got) from error
    if not isinstance(content, dict) or content.get("version") != _VERSION:
        raise ModelError(path, expected=f"the state of a training, version {_VERSION}", got="another file")
    content["recipe"] = from_json(Recipe, content["recipe"], str(path))
    _same(recipe, content["recipe"], path)
    return content


def restore(learner: Learner, content: dict[str, Any], recipe: Recipe, folder: Path) -> Progress:
    """Put a state into a learner, and tell how far it is. A recipe that now trains longer opens what was finished.

    Raises:
        ModelError: if it is another network's.
    """
    try:
        learner.restore(content["learner"])
    except (RuntimeError, KeyError, ValueError) as error:
        got = str(error).split("\n", maxsplit=1)[0]
        hint = "Train it in another folder."
        raise ModelError(folder / STATE, expected="the state of this network", got=got, hint=hint) from error
    progress = Progress.from_plain(content["progress"])
    if content["recipe"] != recipe:
        progress.why = progress.verdict(recipe)
    return progress


def _same(now: Recipe, before: Recipe, path: Path) -> None:
    told = {name: getattr(now, name) for name in _OPEN}
    if replace(before, **told) == now:
        return
    ours, theirs = to_json(now), to_json(before)
    other = [f"{k} {theirs[k]} instead of {ours[k]}" for k in ours if k not in _OPEN and ours[k] != theirs[k]]
    raise ConfigError(
        path, expected="the recipe it was begun with", got=", ".join(other), hint="Train in another folder."
    )
