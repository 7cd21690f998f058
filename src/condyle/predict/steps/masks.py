"""Steps on the mask of one structure: its parts, gaps, holes and outline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from condyle.classical.morphology import closed, fill_holes, largest_parts, smoothed
from condyle.predict.parts import parts_of_at_least, without_small_slice_parts
from condyle.predict.steps.base import Mask, MaskStep
from condyle.space import Grid, world_axes

Spacing = tuple[float, float, float]


@dataclass(frozen=True)
class LargestParts(MaskStep):
    """Keep the largest connected parts.

    Args:
        count: How many parts.
    """

    count: int = 1

    adds: ClassVar[bool] = False

    def apply(self, mask: Mask, grid: Grid) -> Mask:
        del grid
        return largest_parts(mask, self.count)


@dataclass(frozen=True)
class DropSmaller(MaskStep):
    """Drop connected parts below a volume.

    Args:
        volume_ml: The smallest volume that stays.
    """

    volume_ml: float

    adds: ClassVar[bool] = False

    def apply(self, mask: Mask, grid: Grid) -> Mask:
        # A part of exactly the volume stays, whatever the rounding of the spacing.
        return parts_of_at_least(mask, self.volume_ml * 1000 / grid.voxel_volume_mm3 - 1e-6)


@dataclass(frozen=True)
class Close(MaskStep):
    """Bridge gaps narrower than a ball.

    Args:
        radius_mm: Of the ball.
    """

    radius_mm: float

    @property
    def reach_mm(self) -> float:
        return self.radius_mm

    def apply(self, mask: Mask, grid: Grid) -> Mask:
        return _closed(mask, self.radius_mm, grid.spacing_mm)


@dataclass(frozen=True)
class CloseEachPart(MaskStep):
    """Of a structure that stands for several bones keep the largest parts, each closed by itself: no bridges.

    After the low-field knee study: the three largest parts (femur, tibia, patella), closed with a ball of 9 voxels.

    Args:
        count: How many parts.
        radius_mm: Of the ball.
    """

    count: int
    radius_mm: float

    @property
    def reach_mm(self) -> float:
        return self.radius_mm

    def apply(self, mask: Mask, grid: Grid) -> Mask:
        left, out = mask.copy(), np.zeros_like(mask)
        for _ in range(self.count):
            part = largest_parts(left, 1)
            if not part.any():
                break
            out |= _closed(part, self.radius_mm, grid.spacing_mm)
            left &= ~part
        return out


@dataclass(frozen=True)
class FillHoles(MaskStep):
    """Fill cavities that nothing joins to the outside."""

    def apply(self, mask: Mask, grid: Grid) -> Mask:
        del grid
        return fill_holes(mask)


@dataclass(frozen=True)
class SmallSliceParts(MaskStep):
    """Slice by slice: fill small holes, then drop small parts, small beside the structure's area in that slice.

    After the paediatric leg study, which took axial slices and 1 %.

    Args:
        fraction: Of the area in the slice.
        slices: Which way slices lie in the patient, however the scan is stored.
    """

    fraction: float = 0.01
    slices: Literal["axial", "coronal", "sagittal"] = "axial"

    def apply(self, mask: Mask, grid: Grid) -> Mask:
        across = ("sagittal", "coronal", "axial").index(self.slices)
        return without_small_slice_parts(mask, self.fraction, world_axes(grid.affine).index(across))


@dataclass(frozen=True)
class Smooth(MaskStep):
    """Round the outline: blur and cut at one half. Flat outlines stay where they are.

    Args:
        sigma_mm: Of the Gaussian.
    """

    sigma_mm: float

    @property
    def reach_mm(self) -> float:
        return 3 * self.sigma_mm

    def apply(self, mask: Mask, grid: Grid) -> Mask:
        return smoothed(mask, self.sigma_mm, grid.spacing_mm)


def _closed(mask: Mask, radius_mm: float, spacing_mm: Spacing) -> Mask:
    """Closing for which only what reaches the border of the array goes on beyond it."""
    widths = [int(radius_mm / s) + 2 for s in spacing_mm]
    wide = closed(np.pad(mask, [(w, w) for w in widths], mode="edge"), radius_mm, spacing_mm)
    i, j, k = (slice(w, w + n) for w, n in zip(widths, mask.shape, strict=True))
    return wide[i, j, k]
