"""Small measures of triangles: normals, area, enclosed volume."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Triangles = NDArray[np.int32]


def area_vectors(points: Points, triangles: Triangles) -> Points:
    """For each triangle (M, 3) its normal, as long as its area."""
    a, b, c = (points[triangles[:, n]] for n in range(3))
    out: Points = np.cross(b - a, c - a) / 2
    return out


def point_normals(points: Points, triangles: Triangles) -> Points:
    """For each point (N, 3) the unit normal of the triangles around it, weighed by area; zero without any."""
    vectors = area_vectors(points, triangles)
    corners = triangles.ravel()
    summed: Points = np.stack([np.bincount(corners, np.repeat(v, 3), len(points)) for v in vectors.T], axis=1)
    return unit(summed)


def unit(vectors: Points) -> Points:
    """Vectors (..., 3) of length one; those of no length stay zero."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    out: Points = np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)
    return out


def area(points: Points, triangles: Triangles) -> float:
    """Area of all triangles, in squared units of the points."""
    return float(np.linalg.norm(area_vectors(points, triangles), axis=1).sum())


def enclosed_volume(points: Points, triangles: Triangles) -> float:
    """Volume inside a closed surface whose triangles face outward, in cubed units of the points."""
    if not len(triangles):
        return 0.0
    # Seen from its own middle, so that far from the world's origin no digits are lost.
    near = points - points.mean(axis=0)
    a, b, c = (near[triangles[:, n]] for n in range(3))
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)


def shells_of(points: Points, triangles: Triangles) -> tuple[NDArray[np.intp], Points]:
    """The closed shells of a surface, joined by the points they share.

    Returns:
        For each triangle (M,) the number of its shell; for each shell the volume inside, below 0 where it faces inward.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    if not len(triangles):
        return np.empty(0, np.intp), np.empty(0)
    links = coo_matrix(
        (np.ones(2 * len(triangles), bool), (triangles[:, [0, 1]].ravel(), triangles[:, [1, 2]].ravel())),
        (len(points),) * 2,
    )
    _, shell_of = connected_components(links, directed=False)
    # Points that no triangle uses are no shells.
    _, of_triangle = np.unique(shell_of[triangles[:, 0]], return_inverse=True)
    near = points - points.mean(axis=0)
    a, b, c = (near[triangles[:, n]] for n in range(3))
    volumes: Points = np.bincount(of_triangle, np.einsum("ij,ij->i", a, np.cross(b, c)) / 6).astype(np.float64)
    return of_triangle, volumes


def winding(point: Points, points: Points, triangles: Triangles) -> float:
    """How often a closed surface goes around a point (3,): 1 inside, 0 outside.

    Reference: van Oosterom and Strackee, "The solid angle of a plane triangle", IEEE TBME 1983.
    """
    a, b, c = (points[triangles[:, n]] - point for n in range(3))
    la, lb, lc = (np.linalg.norm(v, axis=1) for v in (a, b, c))
    across = np.einsum("ij,ij->i", a, np.cross(b, c))
    along = la * lb * lc + (a * b).sum(1) * lc + (b * c).sum(1) * la + (c * a).sum(1) * lb
    return float(np.arctan2(across, along).sum() / (2 * np.pi))
