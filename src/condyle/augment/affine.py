"""Rotation and scaling."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from condyle.augment.brick import Range, Shape, uniform
from condyle.augment.plane import rotation_deg, turning_axes
from condyle.augment.turn import Matrix

#: Where left and right have names of their own, nothing is turned further than this out of the left-right axis.
SIDED_DEG = 30.0


@dataclass(frozen=True)
class Affine:
    """A rotation, a scaling, both or none; lengths count in voxels.

    Args:
        p_rotation: How often it is rotated.
        p_scaling: How often it is scaled.
        scaling: Limits of the factor; above 1 shows more of the scan, smaller.
        angle_deg: The largest angle about each axis; None for the one that suits the patch (see `plane`).
        p_axis: How often a rotation turns about each axis.
        same: One factor for all axes, instead of one an axis.
        reserve: For which factor there is room in a region of fixed size.
    """

    p_rotation: float
    p_scaling: float
    scaling: Range
    angle_deg: float | None = None
    p_axis: float = 1.0
    same: bool = True
    reserve: float = 1.0

    def draw(self, patch: Shape, rng: np.random.Generator, side: int | None) -> Matrix:
        axes, dim = turning_axes(patch), len(patch)
        out = np.eye(dim)
        if rng.random() < self.p_rotation:
            largest = self._largest_deg(patch, side)
            count = 3 if len(axes) == 3 else 1
            angles = [uniform(rng, (-largest, largest)) * (rng.random() < self.p_axis) for _ in range(count)]
            out[np.ix_(axes, axes)] = rotation(angles)
        if rng.random() < self.p_scaling:
            factors = [uniform(rng, self.scaling) for _ in range(1 if self.same else len(axes))]
            scales = np.ones(dim)
            scales[list(axes)] = factors
            out = out @ np.diag(scales)
        return out

    def reach(self, patch: Shape) -> Shape:
        """A size with room for the largest rotation about any one axis and for the factor `reserve`.

        nnU-Net's rule, but for long patches, of which it forgets two corners. Stronger draws (rotations about several
        axes, larger factors) still see beyond it.
        """
        axes = turning_axes(patch)
        largest = min(90.0, self._largest_deg(patch, None)) if self.p_rotation else 0.0
        sizes = np.array([patch[axis] for axis in axes], float)
        count = 3 if len(axes) == 3 else 1
        turned = [np.abs(rotation(np.eye(count)[n] * largest)) @ sizes for n in range(count)]
        out = np.array(patch, float)
        out[list(axes)] = np.max([sizes, *turned], axis=0) * self.reserve
        return tuple(int(n + 1e-9) for n in out)

    def _largest_deg(self, patch: Shape, side: int | None) -> float:
        largest = rotation_deg(patch) if self.angle_deg is None else self.angle_deg
        return min(largest, SIDED_DEG) if side in turning_axes(patch) else largest


def rotation(angles_deg: list[float] | Matrix) -> Matrix:
    """One angle: in the plane. Three: about the first axis, then the second, then the third.

    Quarter turns are exact.
    """
    if len(angles_deg) == 1:
        return _plane(3, 2, angles_deg[0])[:2, :2]
    about_first, about_second, about_third = (_plane(3, axis, a) for axis, a in enumerate(angles_deg))
    return about_third @ about_second @ about_first


def _plane(dim: int, about: int, angle_deg: float) -> Matrix:
    a, b = ((1, 2), (2, 0), (0, 1))[about]
    cosine, sine = (round(float(f(np.radians(angle_deg))), 15) for f in (np.cos, np.sin))
    out = np.eye(dim)
    out[[a, b, a, b], [a, b, b, a]] = cosine, cosine, -sine, sine
    return out
