"""Whether a structure was found at all, which comes before how well.

* **both**: in the reference and in the prediction.
* **missed**: in the reference only. Dice is 0; it has no distance, which is not a distance of 0.
* **false alarm**: in the prediction only. Dice is 0; it has no distance.
* **absent**: in neither. It enters no mean, but is counted.

A mean of distances over the cases where there is one grows better the more is missed. So beside every mean stand
the numbers of missed and false alarms, and a **penalised** mean, in which each of them enters with a limit:
the diagonal of the image, or a distance one states.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from condyle.space import Grid

Status = Literal["both", "missed", "false_alarm", "absent"]


def status_of(*, in_reference: bool, in_prediction: bool) -> Status:
    """The status of a structure."""
    if in_reference:
        return "both" if in_prediction else "missed"
    return "false_alarm" if in_prediction else "absent"


def penalised(distance_mm: float | None, status: Status, limit_mm: float) -> float | None:
    """The distance, at most the limit; the limit for a missed structure or a false alarm; None if absent."""
    if status in {"missed", "false_alarm"}:
        return limit_mm
    return None if distance_mm is None else min(distance_mm, limit_mm)


def diagonal_mm(grid: Grid) -> float:
    """The longest distance in the field of view, from corner to corner of its outermost voxels."""
    signs = np.array([[1, 1, 1], [1, 1, -1], [1, -1, 1], [-1, 1, 1]])
    return float(np.linalg.norm((signs * grid.shape) @ grid.affine[:3, :3].T, axis=1).max())
