"""From a closed surface to the voxels inside it.

A line along k through each column of voxel centres crosses the surface; each crossing raises or lowers the
**winding number** by one, as the triangle faces the one way or the other. Inside is where it is not zero.
So closed parts that overlap are united, and a cavity whose wall faces inward is outside.

Whether a line meets a triangle is decided in index space, edge by edge with half-open ends (the winding number
of a point in a polygon: Sunday, "Inclusion of a point in a polygon", 2001). The two ends of a shared edge are
always taken in the same order: rounding then errs the same way for both its triangles, so that no line slips
between them or is counted twice.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from condyle.errors import DataError
from condyle.space import Grid
from condyle.space.surface import Surface

#: Pairs of triangle and column tested at a time; bounds the memory.
_BATCH = 1 << 20

#: A triangle is tested on the columns of its bounding box and this much around it (in voxels), so that rounding
#: in an edge decides alike for both its triangles.
_MARGIN = 1e-6

_Ints = NDArray[np.int64]
_Floats = NDArray[np.float64]


def voxelize(surface: Surface, grid: Grid) -> NDArray[np.bool_]:
    """Which voxel centres lie inside a closed surface.

    Args:
        surface: Closed: every edge joins two triangles (or an even number) that run along it in opposite
            directions. Points at equal positions are one. It may reach beyond the grid.
        grid: Any grid, oblique and sheared ones too.

    Returns:
        bool, of the grid's shape.

    Raises:
        DataError: if the surface has holes, or neighbouring triangles face opposite ways.
    """
    points, triangles = _welded(surface)
    open_edges, twisted_edges = _unsound_edges(triangles)
    if open_edges:
        raise DataError(
            "surface", expected="a closed one", got=f"{open_edges} open edges", hint="Fill its holes first."
        )
    if twisted_edges:
        raise DataError(
            "surface",
            expected="triangles that all face outward",
            got=f"{twisted_edges} edges whose triangles face opposite ways",
            hint="Make its orientation consistent first.",
        )
    index = grid.to_index(points)
    # One layer more than the grid takes what is crossed behind the last voxel.
    steps = np.zeros((*grid.shape[:2], grid.shape[2] + 1), np.int16)
    for batch in _batches(index, triangles, grid.shape):
        _add_crossings(steps, index, *batch)
    inside: NDArray[np.bool_] = np.cumsum(steps, axis=2, dtype=np.int16)[..., :-1] != 0
    return inside


def open_edge_count(surface: Surface) -> int:
    """Number of edges that bound an odd number of triangles: 0 for a closed surface."""
    return _unsound_edges(_welded(surface)[1])[0]


def _welded(surface: Surface) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Points at equal positions joined, triangles without three different points dropped."""
    points, names = np.unique(surface.points_mm, axis=0, return_inverse=True)
    triangles = names.reshape(-1)[surface.triangles].reshape(-1, 3)
    a, b, c = triangles.T
    return points, triangles[(a != b) & (b != c) & (c != a)]


def _unsound_edges(triangles: NDArray[np.int64]) -> tuple[int, int]:
    """Number of edges with an odd number of triangles; of the others, those not run along equally either way."""
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    forward = edges[:, 0] < edges[:, 1]
    _, which = np.unique(np.sort(edges, axis=1), axis=0, return_inverse=True)
    which = which.reshape(-1)
    count, balance = np.bincount(which), np.bincount(which, np.where(forward, 1, -1))
    odd = count % 2 == 1
    return int(odd.sum()), int(((balance != 0) & ~odd).sum())


def _batches(index: _Floats, triangles: _Ints, shape: tuple[int, int, int]) -> Iterator[tuple[_Ints, _Ints, _Ints]]:
    """Pairs of a triangle (P, 3) and the i and j (P,) of a column of its bounding box, some at a time."""
    corners = index[triangles][..., :2]
    last = np.array(shape[:2]) - 1
    first_ij = np.clip(np.ceil(corners.min(axis=1) - _MARGIN), 0, last + 1).astype(np.int64)
    last_ij = np.clip(np.floor(corners.max(axis=1) + _MARGIN), -1, last).astype(np.int64)
    width, height = np.maximum(last_ij - first_ij + 1, 0).T
    pairs = width * height
    batch_of = np.cumsum(pairs) // _BATCH
    for batch in np.split(np.arange(len(triangles)), np.flatnonzero(np.diff(batch_of)) + 1):
        owner = np.repeat(batch, pairs[batch])
        nth = np.arange(len(owner)) - np.repeat(np.cumsum(pairs[batch]) - pairs[batch], pairs[batch])
        yield triangles[owner], first_ij[owner, 0] + nth % width[owner], first_ij[owner, 1] + nth // width[owner]


def _add_crossings(steps: NDArray[np.int16], index: _Floats, triangles: _Ints, i: _Ints, j: _Ints) -> None:
    """Add to `steps` the change of the winding number at the first voxel behind each crossing."""
    turns = sum(_passes(index, triangles[:, n], triangles[:, (n + 1) % 3], i, j) for n in range(3))
    hit = np.flatnonzero(turns)
    i, j, corners = i[hit], j[hit], index[triangles[hit]]
    k = np.clip(np.ceil(_height(corners, i, j)), 0, steps.shape[2] - 1).astype(np.int64)
    np.add.at(steps, (i, j, k), np.asarray(turns)[hit].astype(np.int16))


def _passes(index: _Floats, start: _Ints, end: _Ints, i: _Ints, j: _Ints) -> _Ints:
    """+1 where the edge passes column (i, j) upward in j at larger i, -1 downward, 0 elsewhere."""
    low, high = index[np.minimum(start, end)], index[np.maximum(start, end)]
    above = high[:, 1] > j
    spans = above != (low[:, 1] > j)
    rise = np.where(spans, high[:, 1] - low[:, 1], 1.0)
    at_i = low[:, 0] + (j - low[:, 1]) / rise * (high[:, 0] - low[:, 0])
    upward = np.where(above == (start < end), 1, -1)
    return np.where(spans & (i < at_i), upward, 0)


def _height(corners: _Floats, i: _Ints, j: _Ints) -> _Floats:
    """The k at which the planes of triangles (P, 3, 3) meet columns; never beyond a triangle's own corners."""
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    normal = np.cross(b - a, c - a)
    upright = normal[:, 2] == 0
    slope = normal[:, :2] / np.where(upright, 1.0, normal[:, 2])[:, None]
    k = a[:, 2] - slope[:, 0] * (i - a[:, 0]) - slope[:, 1] * (j - a[:, 1])
    out: _Floats = np.clip(k, corners[..., 2].min(axis=1), corners[..., 2].max(axis=1))
    return out
