"""Scans that are drawn of held-out bodies, with their truth: what a model is tried on before it ships."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from condyle.phantoms.synthetic.draw import drawn_pair
from condyle.phantoms.synthetic.pose import View
from condyle.phantoms.synthetic.stored import Readable
from condyle.space import Volume, reorient

#: Fields of view in mm, across, front to back, along: from a knee to both thighs and more.
FIELDS_MM = ((200, 420), (180, 330), (150, 650))
_ORIENTATIONS = ("RAS", "LPS", "LAS", "PIR")


class Picture(NamedTuple):
    """A drawn scan with its truth on the same grid, and what it looks like: `ct`, `mr` or `random`."""

    scan: Volume
    truth: Volume
    kind: str


@dataclass(frozen=True)
class Drawing:
    """Which pictures are drawn.

    Args:
        pictures: How many, of all bodies in turn.
        seed: Of all chance.
        spacing_mm: Of their voxels.
    """

    pictures: int = 200
    seed: int = 9
    spacing_mm: float = 3.0


def picture(stored: Readable, drawing: Drawing, number: int) -> Picture:
    """A picture, stored along any axes.

    Args:
        stored: The body.
        drawing: How.
        number: Of the picture.
    """
    rng = np.random.default_rng([drawing.seed, number])
    mm = drawing.spacing_mm
    i, j, k = (round(float(rng.uniform(*range_mm)) / mm) for range_mm in FIELDS_MM)
    pair = drawn_pair(stored, View((i, j, k), (mm, mm, mm), (0, 1, 2)), rng)
    affine = np.diag([mm, mm, mm, 1.0])
    affine[:3, 3] = rng.uniform(-500, 500, 3)
    image = np.clip(np.rint(pair.image[pair.seen.slices]), -32000, 32000).astype(np.int16)
    truth = pair.labels[pair.seen.slices].astype(np.uint8)
    stored_as = str(rng.choice(_ORIENTATIONS))
    scan, truth_map = (reorient(Volume.of(array, affine), stored_as) for array in (image, truth))
    return Picture(scan, truth_map, pair.kind)
