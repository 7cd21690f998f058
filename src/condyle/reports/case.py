"""What a page shows of one case: the masks of its structures, side by side, and the scan they were drawn on.

* **truth**: what was taken as true; one bit of a code.
* **prediction**: what was judged; the next bit.
* **other**: a second prediction, if there is one; the third bit.
* **code**: these bits of one voxel. So 1 is missed, 2 is false, 3 is agreed, whatever the third bit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.space import Box, Grid, Volume, bounding_box

TRUTH, PREDICTION, OTHER = 1, 2, 4

Codes = NDArray[np.uint8]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Structure:
    """One structure of a case, where any of the masks has it.

    Args:
        name: As in the table of scores.
        box: Where in the case's grid; one voxel wider than the masks, within the grid.
        codes: uint8, of the shape of the box.
    """

    name: str
    box: Box
    codes: Codes

    @classmethod
    def of(cls, name: str, truth: NDArray[Any], prediction: NDArray[Any], other: NDArray[Any] | None) -> Structure:
        """A structure out of masks of the whole grid, non-zero inside."""
        masks = [m for m in (truth, prediction, other) if m is not None]
        found = [box for box in map(bounding_box, masks) if box is not None]
        if not found:
            return cls(name, Box((0, 0, 0), (0, 0, 0)), np.zeros((0, 0, 0), np.uint8))
        box = joined(found).grown(1, masks[0].shape)
        codes = np.zeros(masks[0][box.slices].shape, np.uint8)
        for bit, mask in zip((TRUTH, PREDICTION, OTHER), masks, strict=False):
            codes[mask[box.slices] != 0] |= bit
        return cls(name, box, codes)

    @property
    def empty(self) -> bool:
        """Whether no mask has it."""
        return self.codes.size == 0

    def moved_by(self, voxels: tuple[int, int, int]) -> Structure:
        """The same, its box counted from elsewhere."""
        (i, j, k), (x, y, z) = self.box.start, self.box.stop
        a, b, c = voxels
        return replace(self, box=Box((i + a, j + b, k + c), (x + a, y + b, z + c)))

    def differs(self) -> Bools:
        """Where it is missed or false, within the box."""
        two = self.codes & (TRUTH | PREDICTION)
        wrong: Bools = (two == TRUTH) | (two == PREDICTION)
        return wrong

    def mask(self, bit: int) -> Bools:
        """One of the masks, within the box."""
        inside: Bools = (self.codes & bit) != 0
        return inside


@dataclass(frozen=True, eq=False)
class CaseMasks:
    """One case.

    Args:
        id: The case.
        grid: Of the masks, its axes in the order LPS.
        structures: All on that grid.
        image: The scan on a grid of its own, or None.
        has_other: Whether there is a second prediction.
    """

    id: str
    grid: Grid
    structures: tuple[Structure, ...]
    image: Volume | None = None
    has_other: bool = False


def joined(boxes: list[Box]) -> Box:
    """The smallest box around one or more."""
    i, j, k = (min(b.start[axis] for b in boxes) for axis in range(3))
    x, y, z = (max(b.stop[axis] for b in boxes) for axis in range(3))
    return Box((i, j, k), (x, y, z))
