"""Values on another grid: scans, label maps and scores.

Where the axes of the two grids run along each other, which is nearly always so, the work is done one axis
at a time (`separable`); oblique grids are sampled point by point. Both give the same numbers.

Label maps are voted on (`vote`), never averaged.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from condyle.space.grid import Grid
from condyle.space.route import Route, slabs, with_outside
from condyle.space.separable import Orders, interpolate
from condyle.space.volume import Volume
from condyle.space.vote import vote

NEAREST: Orders = (0, 0, 0)
LINEAR: Orders = (1, 1, 1)
CUBIC: Orders = (3, 3, 3)


def resample_image(volume: Volume, grid: Grid, *, orders: Orders = CUBIC, outside: float | None = None) -> Volume:
    """A scan on another grid.

    Along axes that run along each other this equals `skimage.transform.resize(mode="edge")`, nnU-Net's
    resampler, to single precision, overshoot clipped to the range of the scan as there.

    Args:
        volume: Shape (I, J, K), any real type.
        grid: Where values are wanted.
        orders: Interpolation order along each axis of `volume`: 0 nearest, 1 linear, 3 cubic B-spline.
            On oblique grids all three must be equal.
        outside: Value beyond the volume's field of view; its smallest value if None (air, in CT).

    Returns:
        float32 on `grid`; of the volume's own type if all orders are 0.
    """
    if orders == NEAREST:
        return _nearest(volume, grid, outside)
    route = Route.between(volume.grid, grid)
    if route is None:
        array = _interpolate_points(volume, grid, orders)
    else:
        array = route.to_target(interpolate(volume.array, route.coordinates, orders))
    return Volume(with_outside(array, volume, grid, outside), grid)


def resample_labels(volume: Volume, grid: Grid, *, separate: int | None = None) -> Volume:
    """A label map on another grid: linear interpolation of each label's own 0/1 image, the largest wins.

    Args:
        volume: Shape (I, J, K), an integer type.
        grid: Where labels are wanted. Beyond the field of view they are 0.
        separate: An axis of `volume` along which the nearest slice is taken instead.

    Returns:
        Same type, on `grid`; no label appears that was not there.
    """
    route = Route.between(volume.grid, grid)
    if route is None:
        array = np.empty(grid.shape, volume.array.dtype)
        for slab, index in slabs(volume.grid, grid):
            i, j, k = np.moveaxis(index, -1, 0)
            array[slab] = vote(volume.array, (i, j, k))
    else:
        x, y, z = (np.floor(c + 0.5) if axis == separate else c for axis, c in enumerate(route.coordinates))
        array = route.to_target(vote(volume.array, (x[:, None, None], y[None, :, None], z[None, None, :])))
    return Volume(with_outside(array, volume, grid, 0), grid)


def resample_scores(scores: NDArray[np.float32], source: Grid, target: Grid) -> NDArray[np.float32]:
    """Scores or probabilities on another grid, linearly interpolated.

    Args:
        scores: Shape (C, I, J, K) on `source`.
        source: Their grid.
        target: Where they are wanted. Beyond the field of view the edge values go on: what a voxel at
            the rim of the scan is called should not depend on rounding.

    Returns:
        float32 (C, ...) on `target`.
    """
    route = Route.between(source, target)
    if route is None:
        return np.stack([_interpolate_points(Volume(channel, source), target, LINEAR) for channel in scores])
    return np.stack([route.to_target(interpolate(channel, route.coordinates, LINEAR)) for channel in scores])


def _nearest(volume: Volume, grid: Grid, outside: float | None) -> Volume:
    route = Route.between(volume.grid, grid)
    last = np.array(volume.shape) - 1
    if route is not None:
        array = volume.array
        for axis, c in enumerate(route.coordinates):
            array = np.take(array, np.clip(np.floor(c + 0.5).astype(int), 0, last[axis]), axis)
        array = route.to_target(array)
    else:
        array = np.empty(grid.shape, volume.array.dtype)
        for slab, index in slabs(volume.grid, grid):
            i, j, k = np.moveaxis(np.clip(np.floor(index + 0.5).astype(int), 0, last), -1, 0)
            array[slab] = volume.array[i, j, k]
    return Volume(with_outside(array, volume, grid, outside), grid)


def _interpolate_points(volume: Volume, grid: Grid, orders: Orders) -> NDArray[np.float32]:
    from scipy.ndimage import map_coordinates, spline_filter

    if len(set(orders)) > 1:
        raise ValueError("orders that differ by axis need a grid whose axes run along the volume's")
    order = orders[0]
    array = volume.array.astype(np.float32)
    # As in `spline`: edge values go on for 12 samples before the prefilter.
    edge = 12 if order == 3 else 0
    coefficients = np.pad(array, edge, mode="edge")
    if order == 3:
        coefficients = spline_filter(coefficients, 3, output=np.float32, mode="nearest")
    out = np.empty(grid.shape, np.float32)
    for slab, index in slabs(volume.grid, grid):
        inside = np.clip(index, -0.5, np.array(volume.shape) - 0.5)
        points = np.moveaxis(inside + edge, -1, 0)
        out[slab] = map_coordinates(coefficients, points, order=order, mode="nearest", prefilter=False)
    return np.clip(out, array.min(), array.max(), out=out)
