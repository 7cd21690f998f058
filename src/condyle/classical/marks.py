"""Line marks: how enclosed a voxel is.

A voxel is **marked** by a line when walking along it meets bone both ways. Seven lines run through every
voxel of a volume: along the three axes and the four body diagonals; four through every pixel of a slice:
two axes, two diagonals. A voxel deep inside a shell has all its marks, one outside has none, and one in a
notch loses a mark for every line that escapes through the opening.

Reference: Pahr and Zysset, "From high-resolution CT data to finite element models", CMBBE 12(1), 2009.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Line = tuple[int, int, int]

#: The seven lines of a volume. The first entry that is not 0 is positive: a line has no direction.
LINES_3D: tuple[Line, ...] = (
    (1, 0, 0),
    (0, 1, 0),
    (0, 0, 1),
    (1, 1, 1),
    (1, 1, -1),
    (1, -1, 1),
    (1, -1, -1),
)


def lines_2d(normal: int) -> tuple[Line, ...]:
    """The four lines in slices whose normal is the given axis."""
    a, b = (axis for axis in range(3) if axis != normal)
    steps = np.zeros((4, 3), int)
    steps[:, [a, b]] = [(1, 0), (0, 1), (1, 1), (1, -1)]
    return tuple((int(i), int(j), int(k)) for i, j, k in steps)


def count_marks(bone: NDArray[np.bool_], lines: tuple[Line, ...] = LINES_3D) -> NDArray[np.uint8]:
    """How many of the lines through each voxel meet bone both ways.

    Args:
        bone: Shape (I, J, K).
        lines: Steps from a voxel to the next on each line.

    Returns:
        uint8 (I, J, K). A bone voxel counts as bone in both directions, so it has every mark.
    """
    marks = np.zeros(bone.shape, np.uint8)
    for line in lines:
        # Sweep along the first axis the line moves on, plane after plane; views put it first.
        sweep = next(axis for axis in range(3) if line[axis])
        planes = np.moveaxis(bone, sweep, 0)
        step = [s for axis, s in enumerate(line) if axis != sweep]
        before = _seen(planes, step)
        after = _seen(planes[::-1], [-s for s in step])[::-1]
        np.moveaxis(marks, sweep, 0)[...] += before & after
    return marks


def _seen(planes: NDArray[Any], step: list[int]) -> NDArray[np.bool_]:
    """Whether bone has been met at or before each voxel, walking from plane to plane."""
    if step == [0, 0]:
        return np.logical_or.accumulate(planes, axis=0)
    seen = planes.copy()
    target = tuple(slice(max(0, s), min(0, s) or None) for s in step)
    source = tuple(slice(max(0, -s), min(0, -s) or None) for s in step)
    for n in range(1, len(seen)):
        seen[n][target] |= seen[n - 1][source]
    return seen
