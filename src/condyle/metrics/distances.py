"""How far two surfaces are apart: measured once, reduced many ways.

The surfaces are those of `meshes.isosurface`, between the voxels; nothing is measured from faces where the field of
view cuts a body. From each corner of either surface the distance to the nearest point of the other is taken, and weighs
as much as the surface around that corner has area. So neither the fineness nor the direction of the voxels weighs.
Where one body ends before the border and the other goes on through it, the border is as far as the other is seen.

* **ASSD** (average symmetric surface distance): the mean over both surfaces together, by area.
* **HD** (Hausdorff distance): the largest distance from either.
* **HD95**: the larger of the two distances within which 95 % of the area of one surface lies from the other.
* **surface Dice** (normalised surface distance, NSD; Nikolov et al. 2021): the share of both areas that is no further
  from the other surface than a tolerance.
* **surface overlap**: that share of the prediction's area alone.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.meshes.isosurface import SIGMA_VOXELS, Isosurface, beyond_faces, isosurface
from condyle.metrics.nearest import distances_to
from condyle.space import Grid
from condyle.space.surface import Surface

Floats = NDArray[np.float64]

#: A cut face counts as surface for points this many times further from where the field of view cuts their own body.
_OWN_CUT = 2.0


@dataclass(frozen=True, eq=False)
class Directed:
    """Distances from one surface to another.

    Args:
        mm: Shape (N,), ascending.
        area_mm2: Shape (N,): how much surface each stands for.
    """

    mm: Floats
    area_mm2: Floats

    @property
    def mean_mm(self) -> float:
        return float((self.mm * self.area_mm2).sum() / self.area_mm2.sum())

    def percentile_mm(self, percent: float) -> float:
        """The smallest distance within which so much of the area lies."""
        share = np.cumsum(self.area_mm2)
        # A little less, lest rounding of the sum carries 100 % beyond the end.
        place = int(np.searchsorted(share, (percent / 100 - 1e-12) * share[-1]))
        return float(self.mm[min(place, len(self.mm) - 1)])

    def area_within_mm2(self, tolerance_mm: float) -> float:
        return float(self.area_mm2[self.mm <= tolerance_mm].sum())


@dataclass(frozen=True, eq=False)
class SurfaceDistances:
    """Two surfaces, measured.

    Args:
        from_reference: Distances from the reference's surface to the prediction's.
        from_prediction: The other way.
        cut: Whether the field of view cuts either body.
    """

    from_reference: Directed
    from_prediction: Directed
    cut: bool

    @property
    def assd_mm(self) -> float:
        return self._pooled.mean_mm

    @property
    def median_mm(self) -> float:
        return self._pooled.percentile_mm(50)

    @property
    def sd_mm(self) -> float:
        """Standard deviation over both surfaces, by area."""
        pooled = self._pooled
        return float(np.sqrt(np.average((pooled.mm - pooled.mean_mm) ** 2, weights=pooled.area_mm2)))

    @property
    def hd_mm(self) -> float:
        return float(max(self.from_reference.mm[-1], self.from_prediction.mm[-1]))

    def robust_hd_mm(self, percent: float = 95) -> float:
        """HD95, or another percentile: the larger of the two directed ones."""
        return max(self.from_reference.percentile_mm(percent), self.from_prediction.percentile_mm(percent))

    def surface_dice(self, tolerance_mm: float) -> float:
        pooled = self._pooled
        return pooled.area_within_mm2(tolerance_mm) / float(pooled.area_mm2.sum())

    def surface_overlap(self, tolerance_mm: float) -> float:
        """The share of the prediction's surface near the reference's."""
        predicted = self.from_prediction
        return predicted.area_within_mm2(tolerance_mm) / float(predicted.area_mm2.sum())

    @cached_property
    def _pooled(self) -> Directed:
        mm = np.concatenate((self.from_reference.mm, self.from_prediction.mm))
        area = np.concatenate((self.from_reference.area_mm2, self.from_prediction.area_mm2))
        order = np.argsort(mm, kind="stable")
        return Directed(mm[order], area[order])


def surface_distances(
    reference: NDArray[Any], prediction: NDArray[Any], grid: Grid, *, sigma_voxels: float = SIGMA_VOXELS
) -> SurfaceDistances | None:
    """Measure the surfaces of two masks against each other.

    Args:
        reference: Shape (I, J, K), non-zero inside.
        prediction: The same shape.
        grid: Where both lie.
        sigma_voxels: Smoothing; see `meshes.isosurface`.

    Returns:
        The distances; None if a mask is empty, or all its surface lies on the border of the field of view.
    """
    with ThreadPoolExecutor(2) as pool:
        bodies = list(pool.map(lambda mask: isosurface(mask, grid, sigma_voxels=sigma_voxels), (reference, prediction)))
        cuts = [_cut(body, grid) for body in bodies]
        if any(len(cut.own.triangles) == 0 for cut in cuts):
            return None
        there, back = pool.map(lambda source, target: _directed(source, target, grid), cuts, cuts[::-1])
    return SurfaceDistances(there, back, any(body.cut for body in bodies))


@dataclass(frozen=True, eq=False)
class _Cut:
    """A body's surface, taken apart where the field of view cuts it.

    Args:
        own: The surface within the field of view.
        faces: The flat ends at each face of the field of view, in the order of `beyond_faces`.
        rims: These and the slopes that lead to them from the surface within.
    """

    own: Surface
    faces: tuple[Surface, ...]
    rims: tuple[Surface, ...]


def _cut(body: Isosurface, grid: Grid) -> _Cut:
    points, triangles = body.surface.points_mm, body.surface.triangles
    at_border = triangles[body.on_border]
    beyond = beyond_faces(grid.to_index(points), grid.shape)[at_border]
    faces, rims = (
        tuple(Surface(points, at_border[touching(beyond[..., face], axis=1)]) for face in range(6))
        for touching in (np.all, np.any)
    )
    return _Cut(Surface(points, triangles[~body.on_border]), faces, rims)


def _directed(source: _Cut, target: _Cut, grid: Grid) -> Directed:
    points, triangles = source.own.points_mm, source.own.triangles
    a, b, c = (points[triangles[:, n]] for n in range(3))
    third = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 6
    area: Floats = np.bincount(triangles.ravel(), np.repeat(third, 3), minlength=len(points)).astype(np.float64)
    there = np.flatnonzero(area > 0)
    mm = distances_to(points[there], target.own)
    for face, rim, height_mm in zip(target.faces, source.rims, _heights_mm(points[there], grid), strict=True):
        # A target that goes on through the border ends nowhere nearer than its cut face: for a body that stops short of
        # the border, that is its end. A body that leaves the view close by is not behind the target there but beside
        # it: the way to the target is sideways, partly out of view, and the face right ahead would be too near.
        near = np.flatnonzero(height_mm < mm)
        if len(near) and len(face.triangles):
            face_mm = distances_to(points[there[near]], face)
            if len(rim.triangles):
                face_mm[distances_to(points[there[near]], rim) < _OWN_CUT * face_mm] = np.inf
            mm[near] = np.minimum(mm[near], face_mm)
    order = np.argsort(mm, kind="stable")
    return Directed(mm[order], area[there][order])


def _heights_mm(points_mm: Floats, grid: Grid) -> Floats:
    """How far points (N, 3) lie within each face of the field of view: shape (6, N), in the order of `beyond_faces`."""
    index = grid.to_index(points_mm)
    # Planes of an axis lie this far apart; on a sheared grid that is less than its spacing.
    step_mm = 1 / np.linalg.norm(np.linalg.inv(grid.affine)[:3, :3], axis=1)
    return np.concatenate(((index + 0.5) * step_mm, (np.array(grid.shape) - 0.5 - index) * step_mm), axis=1).T
