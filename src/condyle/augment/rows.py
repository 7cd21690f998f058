"""Compiled loops that read rows of a patch from a volume at places between its voxels.

A row's places lie a fixed step apart, so it is known beforehand which part of it has all its neighbours inside the
volume: there nothing is checked. Of the eight neighbours of a place (the last axis fastest) intensities are `mixed`
and labels `voted` on.

Numba compiles these functions when they are first called (some seconds) and keeps the result in its cache on disk.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

Array = NDArray[Any]
Single = np.float32
Eight = tuple[Any, Any, Any, Any, Any, Any, Any, Any]

#: Compiled without Python's lock, so that threads run side by side.
compiled = njit(nogil=True, cache=True, fastmath=True, error_model="numpy")

#: Places are singles: so near to the edge a place may be rounded to the other side of it.
NEAR = 1e-3


@compiled
def mixed(values: Eight, fz: Any, fy: Any, fx: Any) -> Any:
    """The linear mean of eight neighbours, at fractions of a voxel from the first."""
    a = values[0] + fx * (values[1] - values[0])
    b = values[2] + fx * (values[3] - values[2])
    c = values[4] + fx * (values[5] - values[4])
    d = values[6] + fx * (values[7] - values[6])
    near, far = a + fy * (b - a), c + fy * (d - c)
    return near + fz * (far - near)


@compiled
def heaviest(labels: Eight, fz: Any, fy: Any, fx: Any) -> Any:
    """The label that has most linear weight among eight neighbours; on a tie the first."""
    gz, gy, gx = Single(1) - fz, Single(1) - fy, Single(1) - fx
    a, b, c, d = gz * gy, gz * fy, fz * gy, fz * fy
    weights = (a * gx, a * fx, b * gx, b * fx, c * gx, c * fx, d * gx, d * fx)
    best, most = labels[0], Single(-1)
    for n in range(8):
        total = Single(0)
        for m in range(8):
            if labels[m] == labels[n]:
                total += weights[m]
        # More by rounding alone is a tie.
        if total > most + Single(1e-6):
            best, most = labels[n], total
    return best


@compiled
def voted(labels: Eight, fz: Any, fy: Any, fx: Any) -> Any:
    """What eight neighbours agree on, or else the heaviest label."""
    a, b, c, d, e, f, g, h = labels
    if (a == b) & (a == c) & (a == d) & (a == e) & (a == f) & (a == g) & (a == h):
        return a
    return heaviest(labels, fz, fy, fx)


@compiled
def span(start: float, step: float, size: int, count: int) -> tuple[int, int]:
    """From which to (not with) which step places surely have both neighbours along one axis.

    Args:
        start: The first place.
        step: From one to the next.
        size: Of the axis.
        count: Steps in the row.
    """
    if size < 2:
        return 0, 0
    if abs(step) < 1e-9:
        return 0, count if 0 <= start <= size - 1 - NEAR else 0
    ends = (NEAR - start) / step, (size - 1 - NEAR - start) / step
    return max(0, math.ceil(min(ends))), min(count, math.floor(max(ends)) + 1)


@compiled
def neighbour(volume: Array, z: int, y: int, x: int, beyond: Any) -> Any:
    """A voxel, or what lies beyond the edges."""
    if 0 <= z < volume.shape[0] and 0 <= y < volume.shape[1] and 0 <= x < volume.shape[2]:
        return volume[z, y, x]
    return beyond


@compiled
def eight_of(volume: Array, z: int, y: int, x: int, beyond: Any) -> Eight:
    """All neighbours, wherever they are."""
    return (
        neighbour(volume, z, y, x, beyond), neighbour(volume, z, y, x + 1, beyond),
        neighbour(volume, z, y + 1, x, beyond), neighbour(volume, z, y + 1, x + 1, beyond),
        neighbour(volume, z + 1, y, x, beyond), neighbour(volume, z + 1, y, x + 1, beyond),
        neighbour(volume, z + 1, y + 1, x, beyond), neighbour(volume, z + 1, y + 1, x + 1, beyond),
    )  # fmt: skip


@compiled
def in_memory(volume: Array) -> Array:
    """The stretch of memory a volume lies in, whatever lies between its rows; along a row voxels are neighbours."""
    last = (volume.shape[0] - 1) * volume.strides[0] + (volume.shape[1] - 1) * volume.strides[1]
    return as_strided(volume, (last // volume.itemsize + volume.shape[2],), (volume.itemsize,))


@compiled
def inner_part(volume: Array, start: Array, step: Array, count: int) -> tuple[int, int, int]:
    """From which to (not with) which step a row lies surely inside, and how far behind a voxel the next slice is.

    In the last slice, the only one in 2-D, there is none behind; where it has no weight, 0 takes its place.
    """
    begin, end, back = 0, count, volume.strides[0] // volume.itemsize
    if step[0] == 0 and start[0] == volume.shape[0] - 1:
        back = 0
    else:
        begin, end = span(start[0], step[0], volume.shape[0], count)
    for axis in range(1, 3):
        low, high = span(start[axis], step[axis], volume.shape[axis], count)
        begin, end = max(begin, low), min(end, high)
    return (begin, end, back) if begin < end else (0, 0, back)


@compiled
def eight_inside(flat: Array, first: Any, line: Any, back: Any) -> Eight:
    """The eight neighbours of a place inside, by the first one's index and the steps to the next line and plane."""
    # Indices without a sign save the question whether they count from the end.
    p, right = np.uint32(first), np.uint32(1)
    q, r = p + np.uint32(line), p + np.uint32(back)
    s = q + np.uint32(back)
    return flat[p], flat[p + right], flat[q], flat[q + right], flat[r], flat[r + right], flat[s], flat[s + right]


@compiled
def intensity_row(volume: Array, place: Array, step: Array, inner: tuple[int, int, int], row: Array) -> None:
    """One row of intensities; `inner` is from `inner_part`."""
    begin, end, back = inner
    flat, z0, y0, x0, dz, dy, dx = in_memory(volume), place[0], place[1], place[2], step[0], step[1], step[2]
    plane, line = np.int32(volume.strides[0] // volume.itemsize), np.int32(volume.strides[1] // volume.itemsize)
    for k in range(begin, end):
        z, y, x = z0 + dz * Single(k), y0 + dy * Single(k), x0 + dx * Single(k)
        i, j, n = np.int32(z), np.int32(y), np.int32(x)
        eight = eight_inside(flat, i * plane + j * line + n, line, back)
        row[k] = mixed(eight, z - Single(i), y - Single(j), x - Single(n))
    for part in ((0, begin), (end, len(row))):
        for k in range(*part):
            z, y, x = z0 + dz * Single(k), y0 + dy * Single(k), x0 + dx * Single(k)
            i, j, n = math.floor(z), math.floor(y), math.floor(x)
            eight = eight_of(volume, i, j, n, volume.dtype.type(0))
            row[k] = mixed(eight, z - Single(i), y - Single(j), x - Single(n))


@compiled
def read_intensities(volume: Array, frame: Array, out: Array, first: int, last: int) -> None:
    """Slices first..last of a patch of intensities, 0 beyond the edges.

    Args:
        volume: float32 (D, H, W), contiguous along W, over fewer than 2^31 voxels in memory.
        frame: (3, 4): steps in the volume for a step along each axis of the patch, and where its first voxel is found.
        out: (I, J, K).
        first: Slice.
        last: Not with it.
    """
    step = frame[:, 2].copy()
    for i in range(first, last):
        for j in range(out.shape[1]):
            start = frame[:, 3] + frame[:, 0] * i + frame[:, 1] * j
            inner = inner_part(volume, start, step, out.shape[2])
            intensity_row(volume, start.astype(np.float32), step.astype(np.float32), inner, out[i, j])


@compiled
def label_row(volume: Array, place: Array, step: Array, inner: tuple[int, int, int], row: Array) -> None:
    """One row of labels; `inner` is from `inner_part`."""
    begin, end, back = inner
    flat, z0, y0, x0, dz, dy, dx = in_memory(volume), place[0], place[1], place[2], step[0], step[1], step[2]
    plane, line = np.int32(volume.strides[0] // volume.itemsize), np.int32(volume.strides[1] // volume.itemsize)
    for k in range(begin, end):
        z, y, x = z0 + dz * Single(k), y0 + dy * Single(k), x0 + dx * Single(k)
        i, j, n = np.int32(z), np.int32(y), np.int32(x)
        eight = eight_inside(flat, i * plane + j * line + n, line, back)
        row[k] = voted(eight, z - Single(i), y - Single(j), x - Single(n))
    for part in ((0, begin), (end, len(row))):
        for k in range(*part):
            z, y, x = z0 + dz * Single(k), y0 + dy * Single(k), x0 + dx * Single(k)
            i, j, n = math.floor(z), math.floor(y), math.floor(x)
            eight = eight_of(volume, i, j, n, volume.dtype.type(-1))
            row[k] = voted(eight, z - Single(i), y - Single(j), x - Single(n))


@compiled
def read_labels(volume: Array, frame: Array, out: Array, first: int, last: int) -> None:
    """Slices first..last of a patch of labels, -1 beyond the edges; arguments as `read_intensities`."""
    step = frame[:, 2].copy()
    for i in range(first, last):
        for j in range(out.shape[1]):
            start = frame[:, 3] + frame[:, 0] * i + frame[:, 1] * j
            inner = inner_part(volume, start, step, out.shape[2])
            label_row(volume, start.astype(np.float32), step.astype(np.float32), inner, out[i, j])
