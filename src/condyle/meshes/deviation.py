"""How far two surfaces lie apart, and how thick a body's walls are, at points sampled evenly by area."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.meshes.shape import Points, Triangles, area_vectors, unit

#: Points a surface is sampled at.
SAMPLES = 5_000

#: Rays from the surface inward start this part of the body's size below it.
_BELOW = 1e-6

#: A wall's two faces look away from each other within this angle; else it is an edge, not a wall.
_OPPOSITE_DEG = 45.0


@dataclass(frozen=True, eq=False)
class Samples:
    """Points on a surface, each standing for the same area, and the unit normals there; float64 (N, 3)."""

    points: Points
    normals: Points


def samples(
    points: Points,
    triangles: Triangles,
    rng: np.random.Generator,
    *,
    count: int = SAMPLES,
    of: NDArray[np.bool_] | None = None,
) -> Samples:
    """Points spread evenly by area over a surface (systematic sampling along the running area).

    Args:
        points: (N, 3).
        triangles: (M, 3).
        rng: Random numbers.
        count: How many points.
        of: bool (M,), the triangles to sample; all of them if None.
    """
    vectors = area_vectors(points, triangles)
    weights = np.linalg.norm(vectors, axis=1)
    if of is not None:
        weights = weights * of
    running = np.cumsum(weights)
    if not len(running) or running[-1] <= 0:
        return Samples(np.empty((0, 3)), np.empty((0, 3)))
    places = (np.arange(count) + rng.random()) * running[-1] / count
    chosen = np.minimum(np.searchsorted(running, places), len(running) - 1)
    u, v = rng.random((2, count))
    over = u + v > 1
    u[over], v[over] = 1 - u[over], 1 - v[over]
    a, b, c = (points[triangles[chosen, n]] for n in range(3))
    return Samples(a + u[:, None] * (b - a) + v[:, None] * (c - a), unit(vectors[chosen]))


def distance_mm(start: Samples, surface: tuple[Points, Triangles]) -> NDArray[np.float64]:
    """Distance (N,) of each sample from a surface, exact."""
    from vtkmodules import vtkCommonCore

    reference: Any = vtkCommonCore.reference
    if not len(surface[1]):
        return np.full(len(start.points), np.inf)
    nearest, cell, part, squared = [0.0, 0.0, 0.0], reference(0), reference(0), reference(0.0)
    out = np.empty(len(start.points))
    locator = _locator(*surface)
    for n, point in enumerate(start.points.tolist()):
        locator.FindClosestPoint(point, nearest, cell, part, squared)
        out[n] = squared.get()
    return np.sqrt(out)


def wall_mm(start: Samples, surface: tuple[Points, Triangles]) -> NDArray[np.float64]:
    """Thickness of the body below each sample, straight inward to the opposite face.

    Samples below which no face looks away within 45 degrees are left out: those lie beside an edge.

    Returns:
        (N,) or fewer.
    """
    from vtkmodules import vtkCommonCore

    reference: Any = vtkCommonCore.reference
    points, triangles = surface
    if not len(triangles) or not len(start.points):
        return np.empty(0)
    size = float(np.linalg.norm(np.ptp(points, axis=0)))
    normals = unit(area_vectors(points, triangles))
    along, part, cell = reference(0.0), reference(0), reference(0)
    hit, local = [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]
    first = start.points - _BELOW * size * start.normals
    last = start.points - 2 * size * start.normals
    limit = np.cos(np.radians(180 - _OPPOSITE_DEG))
    out = []
    locator = _locator(points, triangles)
    for a, b, normal, origin in zip(first.tolist(), last.tolist(), start.normals, start.points.tolist(), strict=True):
        met = locator.IntersectWithLine(a, b, 0.0, along, hit, local, part, cell)
        if met and normals[cell.get()] @ normal < limit:
            out.append(math.dist(hit, origin))
    return np.array(out)


def _locator(points: Points, triangles: Triangles) -> Any:
    """VTK's search tree over triangles."""
    from vtkmodules.util import numpy_support
    from vtkmodules.vtkCommonCore import vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData, vtkStaticCellLocator

    numpy_to_vtk: Any = numpy_support.numpy_to_vtk
    numpy_to_ids: Any = numpy_support.numpy_to_vtkIdTypeArray
    corners, cells, mesh = vtkPoints(), vtkCellArray(), vtkPolyData()
    corners.SetDataTypeToDouble()
    corners.SetData(numpy_to_vtk(np.ascontiguousarray(points), deep=True))
    cells.SetData(3, numpy_to_ids(np.ascontiguousarray(triangles, np.int64).ravel(), deep=True))
    mesh.SetPoints(corners)
    mesh.SetPolys(cells)
    locator = vtkStaticCellLocator()
    locator.SetDataSet(mesh)
    locator.BuildLocator()
    return locator
