"""The shape of a mask in the large: how many parts, how many handles.

Parts are joined by faces (6-connected), as everywhere in Condyle; what is outside is joined by corners too.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


def count_parts(mask: Mask) -> int:
    """The number of connected parts."""
    from scipy.ndimage import label

    return int(label(mask)[1])


def euler_number(mask: Mask) -> int:
    """Parts + cavities - handles (Kong and Rosenfeld 1989, the 6-connected case).

    Voxels are points, joined by an edge where they share a face; four around an edge make a square, eight around a
    corner a cube. The number is points - edges + squares - cubes. It is 1 for a ball, 0 for a ring, 2 for a
    hollow ball.
    """
    number = 0
    for a in (False, True):
        along_i = mask[1:] & mask[:-1] if a else mask
        for b in (False, True):
            along_j = along_i[:, 1:] & along_i[:, :-1] if b else along_i
            for c in (False, True):
                cells = along_j[:, :, 1:] & along_j[:, :, :-1] if c else along_j
                number += (-1) ** (a + b + c) * int(np.count_nonzero(cells))
    return number
