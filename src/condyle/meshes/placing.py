"""Surfaces from an array's axes into the patient, and into the precision of files."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.meshes.isosurface import Isosurface
from condyle.meshes.shape import Points, Triangles, point_normals
from condyle.space import Grid
from condyle.space.surface import Surface

#: How far points at one place are drawn apart; single precision tells this apart up to 10 m from the origin.
_APART_MM = 2e-3


def in_patient(index: Points, triangles: Triangles, grid: Grid) -> Surface:
    """A surface of fractional indices in the patient; its triangles go on facing outward."""
    if np.linalg.det(grid.affine[:3, :3]) < 0:
        triangles = np.ascontiguousarray(triangles[:, ::-1])
    return Surface(grid.to_world(index), triangles)


def as_stored(surface: Surface, on_border: NDArray[np.bool_]) -> Isosurface:
    """The surface with its points rounded to single precision, as most files store them.

    Neighbours that become one point are joined. Points at one place that are no neighbours, where a cut pinched the
    body, are drawn inward, each to its own side: a program that reads the file would join them. What is checked
    afterwards is what such a program finds.
    """
    rounded = surface.points_mm.astype(np.float32)
    first = _first_of_equal(rounded)
    if first is None:
        return Isosurface(Surface(rounded.astype(np.float64), surface.triangles), on_border)
    names = _named_by_neighbours(first, surface.triangles)
    points = np.empty((names.max() + 1, 3))
    points[names] = rounded
    triangles = names[surface.triangles].astype(np.int32)
    a, b, c = triangles.T
    kept = (a != b) & (b != c) & (c != a)
    kept[kept] = ~_folded(triangles[kept])
    used, corners = np.unique(triangles[kept], return_inverse=True)
    points, triangles = points[used], corners.reshape(-1, 3).astype(np.int32)
    first = _first_of_equal(points.astype(np.float32))
    if first is not None:
        crowded = np.bincount(first, minlength=len(points))[first] > 1
        points[crowded] -= _APART_MM * point_normals(points, triangles)[crowded]
    return Isosurface(Surface(points.astype(np.float32).astype(np.float64), triangles), on_border[kept])


def _named_by_neighbours(first: NDArray[np.intp], triangles: Triangles) -> NDArray[np.intp]:
    """A number for each point, the same for neighbours at one place; `first` tells which are at one place."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    edges = triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    short = edges[first[edges[:, 0]] == first[edges[:, 1]]]
    links = coo_matrix((np.ones(len(short), bool), (short[:, 0], short[:, 1])), (len(first),) * 2)
    names: NDArray[np.intp] = connected_components(links, directed=False)[1].astype(np.intp)
    return names


def _folded(triangles: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Which triangles (M, 3) lie back to back with another on the same three points: a fold without volume."""
    _, which, count = np.unique(np.sort(triangles, axis=1), axis=0, return_inverse=True, return_counts=True)
    out: NDArray[np.bool_] = count[which.reshape(-1)] % 2 == 0
    return out


def _first_of_equal(points: NDArray[np.float32]) -> NDArray[np.intp] | None:
    """For each point the first one equal to it; None if no two are equal."""
    # Zero and minus zero are equal but differ in their bits.
    bits: Any = (points + np.float32(0)).view(np.uint32).astype(np.uint64)
    key = bits[:, 0] * np.uint64(0x9E3779B97F4A7C15) ^ bits[:, 1] * np.uint64(0xC2B2AE3D27D4EB4F) ^ bits[:, 2]
    if len(np.unique(key)) == len(points):
        return None
    _, first, inverse = np.unique(points, axis=0, return_index=True, return_inverse=True)
    out: NDArray[np.intp] = first[inverse.reshape(-1)]
    return out
