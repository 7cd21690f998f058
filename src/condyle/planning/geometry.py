"""The scans as the network is to see them: order of axes, spacing, and the size that follows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from condyle.planning.fingerprint import Fingerprint
from condyle.planning.spacing import Floats, Order, resampled_median, target_spacing, tensor_order
from condyle.recipe import Recipe

#: The axes of a RAS volume in the order of everything that follows: k, j, i.
KJI: Order = (2, 1, 0)


@dataclass(frozen=True, eq=False)
class Geometry:
    """How scans are turned and resampled.

    Args:
        axes: Which axis of a RAS volume is each tensor axis.
        spacing_mm: Along the tensor axes.
        shape: Median number of voxels along the tensor axes; halves are possible.
        cases: How many scans there are.
    """

    axes: Order
    spacing_mm: Floats
    shape: Floats
    cases: int

    @property
    def voxels(self) -> float:
        """Of the median scan."""
        return float(np.prod(self.shape))

    def at(self, fingerprint: Fingerprint, spacing_mm: Floats) -> Geometry:
        """The same axes with another spacing."""
        spacings, shapes = (_columns(rows, self.axes) for rows in (fingerprint.spacings_mm, fingerprint.shapes))
        return replace(self, spacing_mm=spacing_mm, shape=resampled_median(spacings, shapes, spacing_mm))


def geometry(fingerprint: Fingerprint, recipe: Recipe) -> Geometry:
    """The recipe's spacing, or else the one that suits the scans; the coarsest axis comes first."""
    spacings, shapes = (_columns(rows, KJI) for rows in (fingerprint.spacings_mm, fingerprint.shapes))
    target = np.asarray(recipe.spacing_mm) if recipe.spacing_mm else target_spacing(spacings, shapes)
    shape = resampled_median(spacings, shapes, target)
    order = list(tensor_order(target, shape))
    i, j, k = (KJI[axis] for axis in order)
    return Geometry((i, j, k), target[order], shape[order], len(fingerprint.cases))


def _columns(rows: tuple[tuple[float, float, float], ...], axes: Order) -> Floats:
    """(cases, 3) with its columns in another order."""
    table: Floats = np.asarray(rows, np.float64)[:, list(axes)]
    return table
