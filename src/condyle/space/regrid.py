"""Grids of other shapes and spacings over the same field of view, and nnU-Net's rule for anisotropic ones."""

from __future__ import annotations

from math import prod

import numpy as np

from condyle.space.grid import Grid
from condyle.space.separable import Orders
from condyle.space.spline import Order

#: Spacings that differ by more than this factor make a scan anisotropic (nnU-Net's threshold).
ANISOTROPY = 3.0


def resized_grid(grid: Grid, shape: tuple[int, int, int]) -> Grid:
    """A grid of another shape over the same field of view: outer voxel faces stay where they are."""
    scale = np.array(grid.shape) / np.array(shape)
    step = np.diag([*scale, 1.0])
    step[:3, 3] = 0.5 * (scale - 1)
    return Grid(shape, grid.affine @ step)


def spaced_grid(grid: Grid, spacing_mm: tuple[float, float, float]) -> Grid:
    """The grid over the same field of view whose spacing is nearest to the one asked for.

    As a field of view holds a whole number of voxels, the spacing that results may differ a little; the
    affine tells the true one. The shape is nnU-Net's: `round(n * old / new)`, at least 1.
    """
    i, j, k = (
        max(1, round(n * old / new)) for n, old, new in zip(grid.shape, grid.spacing_mm, spacing_mm, strict=True)
    )
    return resized_grid(grid, (i, j, k))


def voxels_at(grid: Grid, spacing_mm: tuple[float, float, float]) -> float:
    """About how many voxels `spaced_grid` would have; as a float, as it may be more than any integer of the machine."""
    axes = zip(grid.shape, grid.spacing_mm, spacing_mm, strict=True)
    return prod(max(1.0, n * old / new) for n, old, new in axes)


def separate_axis(source_mm: tuple[float, float, float], target_mm: tuple[float, float, float]) -> int | None:
    """The axis along which an anisotropic scan is not to be interpolated, or None.

    nnU-Net's rule: if the coarsest spacing, of the source or else of the target, is more than
    `ANISOTROPY` times the finest and belongs to one axis alone, slices along that axis stay as they are.
    """
    for spacing in (source_mm, target_mm):
        if max(spacing) / min(spacing) > ANISOTROPY:
            coarsest = [axis for axis in range(3) if spacing[axis] == max(spacing)]
            return coarsest[0] if len(coarsest) == 1 else None
    return None


def orders_with_separate(axis: int | None, order: Order) -> Orders:
    """`order` along every axis, but nearest along the separate one."""
    a, b, c = (0 if n == axis else order for n in range(3))
    return a, b, c
