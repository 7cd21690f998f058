"""What changed from one mask of a structure to another: how much, and where."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from condyle.reports.case import PREDICTION, TRUTH, Structure
from condyle.space import Grid

#: A part is named if it holds this share of what changed; halves that share it evenly are not worth a word.
_MOST = 2 / 3

#: The halves of a structure along each axis of a grid in LPS order: low end, high end.
_HALVES = (("right", "left"), ("anterior", "posterior"), ("lower", "upper"))


@dataclass(frozen=True)
class Moved:
    """Prediction less truth, in volume.

    Args:
        added_ml: In the prediction only.
        removed_ml: In the truth only.
        added_where: Halves of the structure that hold most of it, e.g. `("left", "upper")`; may be empty.
        removed_where: The same of what was removed.
    """

    added_ml: float
    removed_ml: float
    added_where: tuple[str, ...]
    removed_where: tuple[str, ...]

    @property
    def change_ml(self) -> float:
        return self.added_ml - self.removed_ml


def moved(structure: Structure, grid: Grid, bit: int = PREDICTION) -> Moved:
    """What changed between the truth and the prediction of a structure.

    Args:
        structure: On the case's grid.
        grid: That grid, its axes in the order LPS.
        bit: Which prediction.
    """
    truth, prediction = structure.mask(TRUTH), structure.mask(bit)
    added, removed = prediction & ~truth, truth & ~prediction
    ml = grid.voxel_volume_mm3 / 1000
    return Moved(
        float(added.sum() * ml),
        float(removed.sum() * ml),
        _where(added, truth | prediction),
        _where(removed, truth | prediction),
    )


def _where(changed: NDArray[np.bool_], body: NDArray[np.bool_]) -> tuple[str, ...]:
    """The halves of the body's box that hold most of what changed."""
    if not changed.any():
        return ()
    out = []
    for axis, names in enumerate(_HALVES):
        others = tuple(a for a in range(3) if a != axis)
        there = np.flatnonzero(body.any(axis=others))
        middle = (there[0] + there[-1]) / 2
        count = changed.sum(axis=others)
        place = np.arange(len(count))
        low = (count[place < middle].sum() + 0.5 * count[place == middle].sum()) / count.sum()
        if low >= _MOST or low <= 1 - _MOST:
            out.append(names[0] if low >= _MOST else names[1])
    return tuple(out)
