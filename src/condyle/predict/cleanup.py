"""Cleanup of a label map: a list of small steps in order, stored as data with a model.

Every step names the structure it works on, measures in mm and ml, and keeps two promises:

* it never takes a voxel of another structure: a bone grows into background only, so touching bones stay apart
  (steps that settle what is left and what is right give voxels to partners alone);
* it does nothing where its structure is absent.

Steps that only take voxels away may name a region, or `FOREGROUND`, instead of a structure.

Steps are chosen on validation cases and travel as JSON, e.g.
`[{"step": "largest_parts", "structure": "femur", "count": 1}]`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.config import from_json, to_json
from condyle.errors import ConfigError
from condyle.labels import Labels
from condyle.predict.steps import STEPS, Step
from condyle.space import Box, Volume, bounding_box

#: All structures together, in place of a structure's name (nnU-Net's first choice is its largest part).
FOREGROUND = "foreground"


def clean(volume: Volume, labels: Labels, steps: Sequence[Step], scan: Volume | None = None) -> Volume:
    """The label map after all steps, in order. The given one is not changed.

    Args:
        volume: A label map.
        labels: Its table.
        steps: What to do.
        scan: What the label map is of, on its grid; some steps look at it.

    Raises:
        ConfigError: if a step names a structure that the table does not have, adds voxels to several at once, or needs
            a scan that is not given.
    """
    if scan is None and any(step.needs_scan for step in steps):
        told = ", ".join(dict.fromkeys(_name(step) for step in steps if step.needs_scan))
        hint = "Segment the scan with these steps, or leave them out."
        raise ConfigError("cleanup", expected=f"the scan beside the mask, for {told}", got="the mask alone", hint=hint)
    array = volume.array.copy()
    for step, ids in [(step, _ids(step, labels)) for step in steps]:
        box = bounding_box(_any_of(array, ids))
        if box is None:
            continue
        # All that the step can change lies within its reach of the structure.
        around = _grown(box, step.reach_mm, volume).slices
        step.change(array[around], ids, volume.grid, None if scan is None else scan.array[around])
    return volume.with_array(array)


def check_steps(steps: Sequence[Step], labels: Labels) -> None:
    """Find out before any work whether `clean` will take these steps.

    Raises:
        ConfigError: as `clean`.
    """
    for step in steps:
        _ids(step, labels)


def _ids(step: Step, labels: Labels) -> tuple[int, ...]:
    """The ids a step works on, several where it names a region or `FOREGROUND`, or is for both sides."""
    if step.paired:
        return tuple(id_ for name in step.structures for id_ in _pair(step, name, labels))
    if step.structure == FOREGROUND:
        ids = labels.ids
    elif step.structure in labels.regions:
        ids = labels.regions[step.structure]
    else:
        return (labels[step.structure].id,)
    if step.adds:
        got = f"{type(step).__name__} of {step.structure}"
        raise ConfigError("cleanup", expected="steps that add voxels to name one structure", got=got)
    return ids


def _pair(step: Step, name: str, labels: Labels) -> tuple[int, int]:
    partner = labels[name].mirror
    if partner is None:
        got = f"{type(step).__name__} of {name}"
        raise ConfigError("cleanup", expected="a structure with a partner on the other side", got=got)
    return labels[name].id, labels[partner].id


def _any_of(array: NDArray[Any], ids: Sequence[int]) -> NDArray[np.bool_]:
    """Where any of the ids is; several times as fast as `np.isin` while they are few."""
    out = np.zeros(array.shape, np.bool_)
    for id_ in ids:
        out |= array == id_
    return out


def _grown(box: Box, reach_mm: float, volume: Volume) -> Box:
    voxels = ceil(reach_mm / min(volume.spacing_mm)) + 1
    return box.grown(voxels, volume.shape)


def steps_to_json(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """Plain data of steps, in order."""
    return [{"step": _name(step), **to_json(step)} for step in steps]


def steps_from_json(data: Any, where: str) -> tuple[Step, ...]:
    """The inverse of `steps_to_json`.

    Args:
        data: A list of tables, each with the key `step` and the settings of that step.
        where: File and key, for errors.

    Raises:
        ConfigError: on an unknown step, unknown or missing keys, or values that make no sense.
    """
    if not isinstance(data, list):
        raise ConfigError(where, expected="a list of steps", got=type(data).__name__)
    return tuple(_step(item, f"{where}: step {n}") for n, item in enumerate(data, 1))


def _step(item: Any, where: str) -> Step:
    name = item.get("step") if isinstance(item, Mapping) else None
    if name not in STEPS:
        raise ConfigError(where, expected=f"step: one of {', '.join(STEPS)}", got=str(name))
    return from_json(STEPS[name], {key: value for key, value in item.items() if key != "step"}, where)


def _name(step: Step) -> str:
    """As files call it."""
    return next(name for name, kind in STEPS.items() if kind is type(step))
