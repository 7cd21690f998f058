"""The prediction's surface, and how far each point of it lies from the truth's: outside is positive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.meshes.isosurface import isosurface
from condyle.meshes.simplify import fewer_triangles
from condyle.reports.case import PREDICTION, TRUTH, Structure
from condyle.space import Grid, cropped_grid
from condyle.space.surface import Surface

#: Triangles a surface is drawn with, all surfaces of a case together, and each whatever their number.
TRIANGLES, TRIANGLES_OF_CASE, _FEWEST = 20_000, 60_000, 1_500

#: Where the colours may end, in mm.
SCALES = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)


@dataclass(frozen=True, eq=False)
class ColoredSurface:
    """A surface to be looked at.

    Args:
        surface: RAS mm.
        signed_mm: float64 (N,), one a point: outside of the truth is positive. NaN where the field of view cuts the
            body, and everywhere if there is nothing to measure against.
        shows: Whose surface it is: the truth's if the prediction has none.
    """

    surface: Surface
    signed_mm: NDArray[np.float64]
    shows: int


def triangles_for(surfaces: int) -> int:
    """Triangles for each of so many surfaces of a case."""
    return max(_FEWEST, min(TRIANGLES, TRIANGLES_OF_CASE // max(1, surfaces)))


def colored_surface(
    structure: Structure, grid: Grid, bit: int = PREDICTION, *, triangles: int = TRIANGLES
) -> ColoredSurface | None:
    """The surface of a structure, coloured.

    Args:
        structure: On the case's own grid.
        grid: That grid.
        bit: Which prediction.
        triangles: At most so many.

    Returns:
        None if neither truth nor prediction has the structure.
    """
    here = cropped_grid(grid, structure.box) if not structure.empty else grid
    bodies = {which: isosurface(structure.mask(which), here).surface for which in (TRUTH, bit)}
    there = [which for which in (bit, TRUTH) if len(bodies[which].triangles)]
    if not there:
        return None
    shown = bodies[there[0]]
    points, faces = fewer_triangles(shown.points_mm, shown.triangles, triangles)
    signed_mm = np.full(len(points), np.nan)
    if len(there) == 2:
        signed_mm = signed_distances_mm(points, bodies[TRUTH])
        signed_mm[_beyond(points, here)] = np.nan
    return ColoredSurface(Surface(points, faces), signed_mm, there[0])


def signed_distances_mm(points_mm: NDArray[np.float64], surface: Surface) -> NDArray[np.float64]:
    """Distance (N,) of points (N, 3) from a closed surface, positive outside."""
    from vtkmodules.util import numpy_support
    from vtkmodules.vtkCommonCore import vtkDoubleArray, vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
    from vtkmodules.vtkFiltersCore import vtkImplicitPolyDataDistance

    to_vtk: Any = numpy_support.numpy_to_vtk
    to_ids: Any = numpy_support.numpy_to_vtkIdTypeArray
    corners, cells, body = vtkPoints(), vtkCellArray(), vtkPolyData()
    corners.SetDataTypeToDouble()
    corners.SetData(to_vtk(np.ascontiguousarray(surface.points_mm), deep=True))
    cells.SetData(3, to_ids(np.ascontiguousarray(surface.triangles, np.int64).ravel(), deep=True))
    body.SetPoints(corners)
    body.SetPolys(cells)
    field = vtkImplicitPolyDataDistance()
    field.SetInput(body)
    out = vtkDoubleArray()
    field.FunctionValue(to_vtk(np.ascontiguousarray(points_mm, np.float64), deep=True), out)
    vtk_to_numpy: Any = numpy_support.vtk_to_numpy
    return np.array(vtk_to_numpy(out), np.float64)


def scale_for(surfaces: Sequence[ColoredSurface]) -> float:
    """Where the colours end, in mm: the first of `SCALES` that holds 95 % of all points. One for the whole page."""
    parts = [np.abs(s.signed_mm[np.isfinite(s.signed_mm)]) for s in surfaces]
    everything = np.concatenate([*parts, np.zeros(1)])
    reach = float(np.percentile(everything, 95))
    return next((mm for mm in SCALES if mm >= reach), SCALES[-1])


def _beyond(points_mm: NDArray[np.float64], grid: Grid) -> NDArray[np.bool_]:
    """Points past the outermost centres: the lid that closes a body at the border of the field of view."""
    index = grid.to_index(points_mm)
    last = np.array(grid.shape) - 1
    margin = np.where(last == 0, 0.26, 1e-3)  # a single slice has its surface half-way to its faces
    outside: NDArray[np.bool_] = np.any((index < -margin) | (index > last + margin), axis=1)
    return outside
