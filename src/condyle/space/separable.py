"""Interpolating a whole array by one banded operator an axis, slab by slab on all cores.

The first pass runs along the axes 1 and 2 of one slice after another, while the slice lies in the cache;
the second along axis 0. Each thread multiplies with one BLAS thread: many small products side by side
are faster than one product shared.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.machine import cores
from condyle.space.spline import AxisOperator, Order, axis_operator

Coordinates = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
Orders = tuple[Order, Order, Order]

#: Columns of a slab in the pass along axis 0: 225 rows of 4096 singles are 4 MB, the size of a cache.
_COLUMNS = 4096


def interpolate(array: NDArray[Any], coordinates: Coordinates, orders: Orders) -> NDArray[np.float32]:
    """Sample an array at every combination of positions along its three axes.

    Beyond its edges the array goes on with its edge values. As spline interpolation may overshoot, the result is
    kept within the range of the input; where an axis is of order 0 each of its slices is an image of
    its own, and kept within its own range.

    Args:
        array: Shape (I, J, K), any real type.
        coordinates: Positions along each axis, in voxels.
        orders: Interpolation order along each axis.

    Returns:
        float32, shape (len(c) for c in coordinates), in the memory order of the input.
    """
    if array.flags.f_contiguous and not array.flags.c_contiguous:
        return interpolate(array.T, coordinates[::-1], orders[::-1]).T
    along, across = _slice_axis(orders)
    array = np.moveaxis(array, along, 0)
    first, *rest = (
        axis_operator(array.shape[n], coordinates[axis], orders[axis]) for n, axis in enumerate((along, *across))
    )
    partial = np.empty((array.shape[0], rest[0].n_out, rest[1].n_out), np.float32)
    ranges = np.empty((array.shape[0], 2), np.float32)
    per_slice = orders[along] == 0

    def within_slice(n: int) -> None:
        image = array[n].astype(np.float32)
        ranges[n] = image.min(), image.max()
        _along_columns(rest[1], _along_rows(rest[0], image), partial[n])
        if per_slice:
            np.clip(partial[n], *ranges[n], out=partial[n])

    out = np.empty((first.n_out, partial.shape[1] * partial.shape[2]), np.float32)
    flat = partial.reshape(len(partial), -1)

    def across_slices(n: int) -> None:
        columns = slice(n * _COLUMNS, (n + 1) * _COLUMNS)
        for block in first.blocks:
            part = out[block.start : block.stop, columns]
            np.matmul(block.weights, flat[block.first : block.last, columns], out=part)
            np.clip(part, low, high, out=part)

    _on_all_cores(within_slice, len(partial))
    low, high = ranges[:, 0].min(), ranges[:, 1].max()
    _on_all_cores(across_slices, -(-flat.shape[1] // _COLUMNS))
    return np.moveaxis(out.reshape(first.n_out, *partial.shape[1:]), 0, along)


def _slice_axis(orders: Orders) -> tuple[int, tuple[int, int]]:
    """The axis whose slices are worked on one by one (the one of order 0, if any), and the other two."""
    along = orders.index(0) if 0 in orders else 0
    a, b = (axis for axis in range(3) if axis != along)
    return along, (a, b)


def _along_rows(operator: AxisOperator, image: NDArray[np.float32]) -> NDArray[np.float32]:
    out = np.empty((operator.n_out, image.shape[1]), np.float32)
    for block in operator.blocks:
        np.matmul(block.weights, image[block.first : block.last], out=out[block.start : block.stop])
    return out


def _along_columns(operator: AxisOperator, image: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    for block in operator.blocks:
        np.matmul(image[:, block.first : block.last], block.weights.T, out=out[:, block.start : block.stop])


def _on_all_cores(work: Callable[[int], None], count: int) -> None:
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(cores()) as pool:
        for _ in pool.map(work, range(count)):
            pass
