"""Which way the axes of an affine point.

An **orientation** is three letters, one an array axis, that say where the axis points in the patient:
R or L (right, left), A or P (anterior, posterior), S or I (superior, inferior).
"""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
from numpy.typing import NDArray

Affine = NDArray[np.float64]

#: The two letters of each world axis: towards larger values, towards smaller.
LETTERS = (("R", "L"), ("A", "P"), ("S", "I"))

#: All 48 orientations: 6 axis orders times 8 sign choices.
ORIENTATIONS = tuple("".join(letters) for order in permutations(LETTERS) for letters in product(*order))


def world_axes(affine: Affine) -> tuple[int, int, int]:
    """For each array axis the world axis (0 x, 1 y, 2 z) it runs along, each used once.

    Of the six assignments the one with the largest product of direction cosines is taken, so that a
    strongly oblique grid still gets three different axes.
    """
    cosines = np.abs(affine[:3, :3]) / np.linalg.norm(affine[:3, :3], axis=0)
    best = max(permutations(range(3)), key=lambda p: float(np.prod(cosines[list(p), range(3)])))
    return best[0], best[1], best[2]


def axis_codes(affine: Affine) -> str:
    """The orientation of an affine, e.g. `RAS`."""
    return "".join(LETTERS[world][0 if affine[world, axis] > 0 else 1] for axis, world in enumerate(world_axes(affine)))
