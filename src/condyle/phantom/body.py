"""What a phantom is made of: bodies with signed distances, stacked into a subject.

* **body**: a region of one tissue and one name, given by its signed distance in mm (negative inside).
* **subject**: bodies in painting order; where two overlap the later one wins. World is RAS mm.

The truth is exact: a voxel has the name and the tissue of the last body its centre lies in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from condyle.space import Grid

Points = NDArray[np.float32]
Distance = Callable[[Points], NDArray[np.float32]]


@dataclass(frozen=True)
class Body:
    """One region.

    Args:
        name: The structure it belongs to (`femur_right`, `liver`), or "" if it is part of none.
        tissue: A key of `tissue.TISSUES`.
        distance_mm: Points (..., 3) in RAS mm to signed distances (...), negative inside.
        bounds_mm: Shape (2, 3): lower and upper corner of a box that holds the body.
    """

    name: str
    tissue: str
    distance_mm: Distance
    bounds_mm: NDArray[np.float64]


@dataclass(frozen=True)
class Subject:
    """Bodies in painting order, and what is known of the subject."""

    bodies: tuple[Body, ...]
    #: Ground-truth measures by name, unit in the name: `{"head_radius_mm": 23.1, "neck_shaft_angle_deg": 127.0}`.
    measures: dict[str, float]

    @property
    def names(self) -> tuple[str, ...]:
        """Structure names in order of first appearance."""
        return tuple(dict.fromkeys(b.name for b in self.bodies if b.name))


def sample(subject: Subject, grid: Grid) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The subject at the voxel centres of a grid.

    Returns:
        tissue: uint8 (I, J, K), position in `tissue.TISSUES` (0 is air).
        owner: uint8 (I, J, K), 1 + position of the structure in `subject.names`, 0 for none.
    """
    raise NotImplementedError
