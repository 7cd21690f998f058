"""What moves the voxels of a sample: a matrix.

A **turn** is a brick whose draw is a matrix: it takes the place of a voxel of the new patch, counted from the middle
of the patch, to the place in the old one where its value is found. Turns are joined by multiplying: the sample is
read once, however many there are. Matrices of 0, 1 and -1 alone are **straight**: they are done by reordering voxels.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from condyle.augment.brick import Shape

Matrix = NDArray[np.float64]


class Turn(Protocol):
    """Settings from which matrices are drawn."""

    def draw(self, patch: Shape, rng: np.random.Generator, side: int | None) -> Matrix:
        """A matrix (dim, dim).

        Args:
            patch: Its size.
            rng: Where chance comes from.
            side: The axis along the patient's left-right, where something depends on it.
        """
        ...

    def reach(self, patch: Shape) -> Shape:
        """The size of a region of the scan from which (nearly) all draws can be served."""
        ...


def is_straight(matrix: Matrix) -> bool:
    """Whether a matrix only reorders voxels."""
    entries = np.abs(matrix)
    return bool(np.isin(entries, (0, 1)).all() and (entries.sum(0) == 1).all() and (entries.sum(1) == 1).all())


def region(matrix: Matrix, patch: Shape, margin: float = 0.0) -> Shape:
    """The size of the region of the scan that a patch sees through a matrix.

    Args:
        matrix: (dim, dim).
        patch: Its size.
        margin: What is seen on each side beyond the patch, in its voxels.
    """
    size = np.array(patch)
    seen = np.abs(matrix) @ (size - 1 + 2 * margin) + 1
    if not is_straight(matrix) or margin:
        # Even or odd as the patch, so that their middles are the same to the voxel.
        seen = size + 2 * np.ceil((seen - size) / 2 - 1e-9)
    return tuple(int(n) for n in seen)
