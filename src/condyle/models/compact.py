"""A model whose weights take half the room: bfloat16, which has float32's range and steps of 1/256 of a value.

Only what is stored is rounded; a network computes with the rounded weights in float32.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from condyle.models.model import Model

if TYPE_CHECKING:
    from torch import Tensor


def compact(model: Model) -> Model:
    """A model with its weights rounded, to be saved small: `save(compact(model), folder)`.

    Its record tells of it. A stage before is made small as well.
    """
    return replace(
        model,
        weights={fold: partial(_rounded, model, fold) for fold in model.folds},
        record={**model.record, "weights_rounded_to": "bfloat16"},
        before=None if model.before is None else compact(model.before),
    )


def _rounded(model: Model, fold: str) -> dict[str, Tensor]:
    state = model.state(fold)
    return {name: value.bfloat16() if value.is_floating_point() else value for name, value in state.items()}
