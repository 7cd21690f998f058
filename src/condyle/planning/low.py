"""The first stage of a cascade: a network on a grid so coarse that its patch sees enough of a scan.

nnU-Net's search: the grid is made coarser step by step, the patch fitted anew, until it covers a quarter of the
median scan.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

import numpy as np

from condyle.planning.fit import Sized
from condyle.planning.geometry import Geometry
from condyle.planning.spacing import Floats

#: The patch should see at least this share of the median scan.
_SHARE = 0.25
#: Steps in which the coarser spacing is sought.
_STEP = 1.03
#: A coarser grid with less than this factor fewer voxels is not worth a network.
_GAIN = 2.0

#: Sizes a network for a spacing, the median shape there and the voxels of all scans there.
Fit = Callable[[Floats, Sequence[float], float], Sized]


def low_stage(full: Sized, scans: Geometry, fit: Fit) -> tuple[Floats, Sized] | None:
    """Spacing and network of the first stage; None where the full resolution does without.

    Args:
        full: The network at full resolution, in three dimensions.
        scans: The scans at full resolution.
        fit: Sizes a network on another grid.
    """
    spacing_mm, voxels, patch = scans.spacing_mm, scans.voxels, full.patch
    low: Sized | None = None
    while not sees_enough(patch, voxels):
        spacing_mm = coarser(spacing_mm)
        shape = scans.spacing_mm / spacing_mm * scans.shape
        voxels = float(np.prod(shape))
        low = fit(spacing_mm, tuple(round(n) for n in shape.tolist()), voxels * scans.cases)
        patch = low.patch
    return None if low is None or scans.voxels / voxels < _GAIN else (spacing_mm, low)


def sees_enough(patch: Sequence[int], voxels: float) -> bool:
    """Whether a patch has a quarter of a scan's voxels."""
    return prod(patch) / voxels >= _SHARE


def coarser(spacing_mm: Floats) -> Floats:
    """A step coarser: the finer axes alone while another is more than twice as coarse, else all."""
    finer = spacing_mm.max() / spacing_mm > 2
    return np.where(finer, spacing_mm * _STEP, spacing_mm) if finer.any() else spacing_mm * _STEP
