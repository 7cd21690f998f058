"""The way from one grid to another: axis by axis where their axes run along each other, else point by point."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.space.grid import Grid
from condyle.space.separable import Coordinates
from condyle.space.volume import Volume

#: Positions this far beyond the outermost voxel faces still count as inside: rounding of affines.
_SLACK_VOXELS = 1e-4
#: Target slices sampled at once.
_SLAB = 16


@dataclass(frozen=True)
class Route:
    """How to get to a grid whose axes run along the source's: positions along each source axis, axis order."""

    coordinates: Coordinates
    target_axes: tuple[int, int, int]

    @classmethod
    def between(cls, source: Grid, target: Grid) -> Route | None:
        """The route, or None where the grids are oblique to each other."""
        step = np.linalg.inv(source.affine) @ target.affine
        linear = step[:3, :3]
        along = np.abs(linear).argmax(axis=0)
        if sorted(along) != [0, 1, 2]:
            return None
        straight = np.zeros((3, 3))
        straight[along, range(3)] = linear[along, range(3)]
        if np.abs((linear - straight) * target.shape).max() > _SLACK_VOXELS:
            return None
        by_source = np.argsort(along)
        # Rounded, so that a position midway between two voxels is midway in spite of the affines' rounding.
        x, y, z = (np.round(linear[a, b] * np.arange(target.shape[b]) + step[a, 3], 9) for a, b in enumerate(by_source))
        return cls((x, y, z), (int(along[0]), int(along[1]), int(along[2])))

    def to_target(self, array: NDArray[Any]) -> NDArray[Any]:
        """From the source's axis order to the target's."""
        return array.transpose(self.target_axes)


def slabs(source: Grid, target: Grid) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """Slab after slab of the target: its slice, and the source indices (..., 3) of its voxels."""
    step = np.linalg.inv(source.affine) @ target.affine
    _, nj, nk = target.shape
    for start in range(0, target.shape[0], _SLAB):
        rows = np.arange(start, min(start + _SLAB, target.shape[0]))
        index = np.stack(np.meshgrid(rows, np.arange(nj), np.arange(nk), indexing="ij"), -1)
        yield slice(start, start + len(rows)), index @ step[:3, :3].T + step[:3, 3]


def with_outside(array: NDArray[Any], volume: Volume, grid: Grid, outside: float | None) -> NDArray[Any]:
    """The array with every voxel beyond the volume's field of view set to `outside`."""
    limit = np.array(volume.shape) - 0.5 + _SLACK_VOXELS
    corners = volume.grid.to_index(grid.corners_mm())
    if (corners >= -0.5 - _SLACK_VOXELS).all() and (corners <= limit).all():
        return array
    value = volume.array.min() if outside is None else outside
    for slab, index in slabs(volume.grid, grid):
        beyond = ((index < -0.5 - _SLACK_VOXELS) | (index > limit)).any(axis=-1)
        array[slab][beyond] = value
    return array
