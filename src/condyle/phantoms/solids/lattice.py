"""Solids from surfaces of triangles: the signed distance kept on a lattice of points.

* **lattice**: a box-shaped grid around the surface with the signed distance at its nodes; between them it is
  interpolated linearly. Building it once makes any number of look-ups cheap.

Close to the surface the distance comes from the blurred 0/1 mask: an edge blurred by a Gaussian of width `s` has
the value `Phi(-d / s)` at distance `d`, which gives `d` to a fraction of the step. Farther away an
exact distance transform takes over.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, special

from condyle.classical.voxelize import open_edge_count, voxelize
from condyle.errors import DataError
from condyle.phantoms.body import Distances, Points, box_of
from condyle.phantoms.solids import Solid, smooth_min
from condyle.space import Box, Grid, cropped_grid
from condyle.space.surface import Surface

#: Width of the blur, in steps of the lattice.
_BLUR = 1.0
#: The blurred mask gives the distance up to so many widths of the blur.
_TRUSTED = 2.0
#: Layers of nodes evaluated at a time.
_SLAB = 8


@dataclass(frozen=True, eq=False)
class Lattice:
    """A signed distance on a lattice; call it with points.

    Args:
        nodes: float32 (I, J, K), distance in mm.
        grid: Where the nodes are.
        bounds_mm: (2, 3), a box that holds the solid.
    """

    nodes: NDArray[np.float32]
    grid: Grid
    bounds_mm: NDArray[np.float64]

    def __call__(self, points: Points) -> Distances:
        """Distances (...) at points (..., 3); beyond the lattice a little too small, but growing."""
        to_index = np.linalg.inv(self.grid.affine).astype(np.float32)
        index = np.empty((3, *points.shape[:-1]), np.float32)
        beyond_mm2 = np.zeros(points.shape[:-1], np.float32)
        for axis, (count, mm) in enumerate(zip(self.grid.shape, self.grid.spacing_mm, strict=True)):
            along = index[axis]
            np.matmul(points, to_index[axis, :3], out=along)
            along += to_index[axis, 3]
            if along.size and (along.min() < 0 or along.max() > count - 1):
                beyond_mm2 += (np.float32(mm) * (along - np.clip(along, 0, count - 1))) ** 2
        out = np.asarray(ndimage.map_coordinates(self.nodes, index, order=1, mode="nearest"), np.float32)
        far = beyond_mm2 > 0
        out[far] = np.sqrt(out[far] ** 2 + beyond_mm2[far])
        return out

    @property
    def solid(self) -> Solid:
        return Solid(self, self.bounds_mm)


def lattice_of(
    surface: Surface, axes: NDArray[np.float64], step_mm: float, *, margin_mm: float = 8, gap_mm: float = 2
) -> Lattice:
    """The solid inside a surface.

    Args:
        surface: Closed, or with holes and slits of up to twice `gap_mm`.
        axes: 3 x 3, columns are the directions of the lattice; along the bone keeps it small.
        step_mm: Distance between nodes. Details much finer are lost.
        margin_mm: How far beyond the surface the lattice reaches.
        gap_mm: Used on surfaces that are not closed.
    """
    along = surface.points_mm @ axes
    low = along.min(0) - margin_mm
    i, j, k = np.ceil((along.max(0) + margin_mm - low) / step_mm).astype(int) + 1
    affine = np.eye(4)
    affine[:3, :3] = axes * step_mm
    affine[:3, 3] = axes @ low
    grid = Grid((i, j, k), affine)
    try:
        inside = voxelize(surface, grid)
    except DataError:
        inside = filled(surface, grid, gap_mm)
    bounds = np.array([surface.points_mm.min(0) - 1, surface.points_mm.max(0) + 1])
    return Lattice(signed_distance(inside, step_mm), grid, bounds)


def apart(lattice: Lattice, others: Iterable[Lattice], gap_mm: float) -> Lattice:
    """A solid cut back so that half the gap is left to the middle surface between it and each other solid.

    Where two overlap each loses half of the overlap, so cutting both leaves the whole gap between them.
    """
    nodes = lattice.nodes.copy()
    for other in others:
        box = box_of(other.bounds_mm + np.array([[-gap_mm], [gap_mm]]), lattice.grid)
        if box is not None:
            part = cropped_grid(lattice.grid, box)
            cut = (lattice.nodes[box.slices] - other(grid_points(part)) + np.float32(gap_mm)) / 2
            nodes[box.slices] = np.maximum(nodes[box.slices], cut)
    return Lattice(nodes, lattice.grid, lattice.bounds_mm)


def joined(lattice: Lattice, other: Solid, blend_mm: float, reach_mm: float) -> Lattice:
    """The union with a smaller solid; distances are right up to `reach_mm` outside of it."""
    nodes = lattice.nodes.copy()
    box = box_of(other.bounds_mm + np.array([[-reach_mm], [reach_mm]]), lattice.grid)
    if box is not None:
        theirs = other(grid_points(cropped_grid(lattice.grid, box)))
        nodes[box.slices] = smooth_min(nodes[box.slices], theirs, blend_mm)
    hull = np.array(
        [np.minimum(lattice.bounds_mm[0], other.bounds_mm[0]), np.maximum(lattice.bounds_mm[1], other.bounds_mm[1])]
    )
    return Lattice(nodes, lattice.grid, hull)


def baked(solid: Solid, step_mm: float, bounds_mm: NDArray[np.float64]) -> Lattice:
    """Any solid, evaluated once in a box: for those that are smooth and slow."""
    low = bounds_mm[0]
    i, j, k = np.ceil((bounds_mm[1] - low) / step_mm).astype(int) + 1
    affine = np.diag([step_mm, step_mm, step_mm, 1.0])
    affine[:3, 3] = low
    grid = Grid((i, j, k), affine)
    nodes = np.empty(grid.shape, np.float32)
    for n in range(0, k, _SLAB):
        box = Box((0, 0, n), (i, j, min(n + _SLAB, k)))
        nodes[box.slices] = solid(grid_points(cropped_grid(grid, box)))
    return Lattice(nodes, grid, solid.bounds_mm)


def grid_points(grid: Grid) -> Points:
    """Positions (I, J, K, 3) of the nodes of a grid."""
    return np.asarray(grid.to_world(np.moveaxis(np.indices(grid.shape), 0, -1)), np.float32)


def filled(surface: Surface, grid: Grid, gap_mm: float) -> NDArray[np.bool_]:
    """Which nodes lie inside a surface that has holes: those water from outside cannot reach.

    The surface is thickened until its gaps are shut, and what stays dry is thinned by as much.

    Args:
        surface: Any triangles.
        grid: A grid of equal spacing, the surface well within it.
        gap_mm: Thickness added on either side; shuts gaps of twice that.
    """
    step = min(grid.spacing_mm)
    shell = np.zeros(grid.shape, bool)
    i, j, k = np.rint(grid.to_index(_dense_points(surface, 0.5 * step))).astype(int).T
    shell[i, j, k] = True
    thick = ndimage.distance_transform_edt(~shell) * step <= gap_mm
    parts, _ = ndimage.label(~thick)
    dry = parts != parts[0, 0, 0]
    # The shell itself is one node thick: half of it belongs to the inside.
    return np.asarray(ndimage.distance_transform_edt(dry) * step > gap_mm + 0.5 * step)


def signed_distance(inside: NDArray[np.bool_], step_mm: float) -> NDArray[np.float32]:
    """Distance in mm to the surface of a mask on a lattice of equal steps, negative inside, smooth to below a step."""
    far = ndimage.distance_transform_edt(~inside) - ndimage.distance_transform_edt(inside)
    far -= 0.5 * np.sign(far)
    blurred = ndimage.gaussian_filter(inside.astype(np.float32), _BLUR)
    near = -_BLUR * special.ndtri(np.clip(blurred, 1e-6, 1 - 1e-6))
    # The two change places gradually, so that the distance has no step.
    trust = np.clip(_TRUSTED - np.abs(near) / _BLUR + 0.5, 0, 1)
    return np.asarray(step_mm * (trust * near + (1 - trust) * far), np.float32)


def smoothed(surface: Surface, times: int = 2) -> Surface:
    """A closed coarse surface with rounder facets: every triangle becomes four, `times` over.

    The corners stay where they are (modified butterfly scheme, Zorin et al., SIGGRAPH 1996). A surface that is not
    closed comes back as it is.
    """
    if open_edge_count(surface):
        return surface
    from vtkmodules.util import numpy_support
    from vtkmodules.vtkCommonCore import vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
    from vtkmodules.vtkFiltersModeling import vtkButterflySubdivisionFilter

    to_vtk: Any = numpy_support.numpy_to_vtk
    to_numpy: Any = numpy_support.vtk_to_numpy
    points, cells, mesh = vtkPoints(), vtkCellArray(), vtkPolyData()
    points.SetData(to_vtk(surface.points_mm, deep=True))
    cells.SetData(3, to_vtk(surface.triangles.astype(np.int64).ravel(), deep=True))
    mesh.SetPoints(points)
    mesh.SetPolys(cells)
    finer = vtkButterflySubdivisionFilter()
    finer.SetNumberOfSubdivisions(times)
    finer.SetInputData(mesh)
    finer.Update()
    out = finer.GetOutput()
    triangles = to_numpy(out.GetPolys().GetConnectivityArray()).reshape(-1, 3).astype(np.int32)
    return Surface(to_numpy(out.GetPoints().GetData()).astype(np.float64), triangles)


def _dense_points(surface: Surface, distance_mm: float) -> NDArray[np.float64]:
    """Points all over the triangles, neighbours no farther apart than asked."""
    corners = surface.points_mm[surface.triangles]
    longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(1)
    count = np.ceil(longest / distance_mm).astype(int) + 1
    parts = []
    for n in np.unique(count):
        a, b = np.mgrid[: n + 1, : n + 1].reshape(2, -1) / n
        weights = np.stack([a, b, 1 - a - b])[:, a + b <= 1 + 1e-9]
        parts.append(np.einsum("tcx,cw->twx", corners[count == n], weights).reshape(-1, 3))
    return np.concatenate(parts)
