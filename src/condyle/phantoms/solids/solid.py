"""What a solid is, and the small sums all solids share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from condyle.phantoms.body import Distance, Distances, Points

Matrix = NDArray[np.float64]

#: A number for each point, for thicknesses and displacements that vary in space.
Field = Callable[[Points], Distances]


@dataclass(frozen=True)
class Solid:
    """A signed distance and the box (2, 3) in mm around it."""

    distance_mm: Distance
    bounds_mm: Matrix

    def __call__(self, points: Points) -> Distances:
        return self.distance_mm(points)


def vector(values: ArrayLike) -> NDArray[np.float32]:
    """Numbers as a float32 vector."""
    return np.asarray(values, np.float32)


def float32(values: NDArray[Any]) -> NDArray[np.float32]:
    """An array as float32, copied only if it is not."""
    return np.asarray(values, np.float32)


def length(p: NDArray[Any]) -> Distances:
    """Lengths (...) of vectors (..., 3)."""
    return float32(np.sqrt(np.einsum("...i,...i", p, p)))


def around(points: Sequence[NDArray[Any]], by_mm: float) -> Matrix:
    """The box around points, grown."""
    return grown(np.array([np.min(points, 0), np.max(points, 0)], np.float64), by_mm)


def grown(bounds_mm: Matrix, by_mm: float) -> Matrix:
    """A box grown on every side."""
    return bounds_mm + np.array([[-by_mm], [by_mm]])


def hull(bounds: Sequence[Matrix]) -> Matrix:
    """The box around boxes."""
    return np.array([np.min([b[0] for b in bounds], 0), np.max([b[1] for b in bounds], 0)])
