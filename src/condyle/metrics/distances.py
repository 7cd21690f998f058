"""How far two surfaces are apart: measured once, reduced many ways.

The surfaces are those of `meshes.isosurface`, between the voxels; the faces where the field of view cuts the body
are left out of both. From each corner of either surface the distance to the nearest point of the other is taken,
and weighs as much as the surface around that corner has area. So neither the fineness nor the direction of the
voxels weighs.

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

from condyle.meshes.isosurface import SIGMA_VOXELS, Isosurface, isosurface
from condyle.metrics.nearest import distances_to
from condyle.space import Grid
from condyle.space.surface import Surface

Floats = NDArray[np.float64]


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
        open_ = [_without_border(body) for body in bodies]
        if any(len(surface.triangles) == 0 for surface in open_):
            return None
        there, back = pool.map(_directed, open_, open_[::-1])
    return SurfaceDistances(there, back, any(body.cut for body in bodies))


def _without_border(body: Isosurface) -> Surface:
    return Surface(body.surface.points_mm, body.surface.triangles[~body.on_border])


def _directed(source: Surface, target: Surface) -> Directed:
    a, b, c = (source.points_mm[source.triangles[:, n]] for n in range(3))
    third = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 6
    area: Floats = np.bincount(source.triangles.ravel(), np.repeat(third, 3), minlength=len(source.points_mm)).astype(
        np.float64
    )
    there = np.flatnonzero(area > 0)
    mm = distances_to(source.points_mm[there], target)
    order = np.argsort(mm, kind="stable")
    return Directed(mm[order], area[there][order])
