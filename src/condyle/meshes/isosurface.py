"""The surface of a binary mask, placed between voxel centres.

A mask is a smooth body seen through voxels: the surface of the body passes somewhere between the centres inside
and the centres outside, and a staircase of voxel faces is not it. Here the mask is smoothed, the level one half
of the result is the surface, and two things keep it true:

* **It separates the same voxel centres as the mask.** Where smoothing would carry the surface over a centre, it
  stays just beside it. So nothing vanishes, not even one voxel, and no point strays further than one voxel.
* **It does not shrink.** A Gaussian moves a curved surface towards its centre of curvature, by
  `sigma^2 x (mean curvature)` to first order. The difference of two Gaussians used here does not: of all sums
  `a G(sigma) + (1 - a) G(sqrt(2) sigma)` it is the one in which the first order cancels, `a = 2 + sqrt(2)`.

Smoothing is tied to the voxels: sigma is a number of voxels, one voxel being the geometric mean of the finest and
the coarsest spacing. It is as long in mm along every axis, so that slices far apart are joined by slopes, not by
steps.

Bias on volume (proved in the tests): a ball loses 0.3 % at a radius of 20 voxels, 0.8 % at 10, 3 % at 5, 9 % at 3.
Plates thinner than 1.5 voxels lose thickness, down to almost none for a plate of one voxel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.space import Grid, bounding_box
from condyle.space.surface import Surface

#: Smoothing in voxels. More makes smooth bodies smoother and costs thin plates.
SIGMA_VOXELS = 1.5

#: Weight of the narrow Gaussian; see the head of this file.
_NARROW = 2 + np.sqrt(2)

#: A centre's value stays this far from one half, on its own side.
_APART = 0.02

#: Gaussians end here, in sigmas.
_TRUNCATE = 2.5

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Isosurface:
    """The surface of a mask, and where the field of view cut it.

    Args:
        surface: Closed; triangles face outward (counter-clockwise seen from outside).
        on_border: bool (M,), one a triangle: it closes the body at the border of the grid, beyond the centres
            of the outermost voxels. Such a triangle is no surface of the body.
    """

    surface: Surface
    on_border: NDArray[np.bool_]

    @property
    def cut(self) -> bool:
        """Whether the field of view cuts the body."""
        return bool(self.on_border.any())


def isosurface(mask: NDArray[Any], grid: Grid, *, sigma_voxels: float = SIGMA_VOXELS) -> Isosurface:
    """The smooth surface of a binary mask, in patient space.

    Args:
        mask: Shape (I, J, K), non-zero inside. It may be empty: the surface has no triangles then.
        grid: Places the voxels; any axes, oblique and sheared too. An axis of one voxel is a slice as thick as
            its spacing, cut by the border on both sides.
        sigma_voxels: Smoothing, in geometric means of the finest and the coarsest spacing; 0 is none.

    Returns:
        The surface. A body at the border of the grid is closed half a voxel beyond the outermost centres.
    """
    box = bounding_box(mask)
    if box is None:
        return Isosurface(Surface(np.zeros((0, 3)), np.zeros((0, 3), np.int32)), np.zeros(0, bool))
    spacing = np.array(grid.spacing_mm)
    sigma = sigma_voxels * np.sqrt(spacing.min() * spacing.max()) / spacing
    box = box.grown(1, grid.shape)
    inside = mask[box.slices] != 0
    field = _separating(inside, _smoothed(inside, sigma))
    flat = [axis for axis in range(3) if grid.shape[axis] == 1]
    for axis in flat:
        field = np.repeat(field, 2, axis)
    index, triangles = flying_edges(_capped(field))
    index -= 1
    for axis in flat:
        index[:, axis] = (index[:, axis] - 0.5) / 2
    index += box.start
    beyond: NDArray[np.bool_] = np.any(beyond_faces(index, grid.shape), axis=1)
    if np.linalg.det(grid.affine[:3, :3]) < 0:
        triangles = triangles[:, ::-1]
    surface = Surface(grid.to_world(index), np.ascontiguousarray(triangles))
    return Isosurface(surface, np.any(beyond[triangles], axis=1))


def beyond_faces(index: NDArray[np.float64], shape: tuple[int, int, int]) -> NDArray[np.bool_]:
    """Which points of such a surface lie beyond the outermost centres, at which face of the field of view.

    Args:
        index: Shape (N, 3), fractional indices.
        shape: Of the grid.

    Returns:
        bool (N, 6): the low faces of i, j, k, then the high ones.
    """
    last = np.array(shape) - 1.0
    # A slice alone has its own surface a quarter of a voxel to either side of its centre.
    margin = np.where(last == 0, 0.25, 0.0) + 1e-4
    return np.concatenate((index < -margin, index > last + margin), axis=1)


def _separating(inside: NDArray[np.bool_], field: Floats) -> Floats:
    """The field with the centres inside above one half, the others below."""
    np.maximum(field, 0.5 + _APART, out=field, where=inside)
    np.minimum(field, 0.5 - _APART, out=field, where=~inside)
    return field


def _capped(field: Floats) -> Floats:
    """One more layer all around, such that the level one half lies half-way to it: a flat cap.

    Where the outermost layer is outside the body, as it is but at the border of the grid, that is a plain zero.
    """
    edge = np.pad(field, 1, mode="edge")
    out = np.where(edge > 0.5, 1 - edge, 0)
    out[1:-1, 1:-1, 1:-1] = field
    return out


def _smoothed(inside: NDArray[np.bool_], sigma: NDArray[np.float64]) -> Floats:
    """The sum of both Gaussians. The block goes on as its outermost layer: zero, or cut by the border of the grid."""
    from scipy.ndimage import gaussian_filter

    field: Floats = inside.astype(np.float32, order="C")
    if not sigma.any():
        return field
    narrow: Floats = gaussian_filter(field, sigma, mode="nearest", truncate=_TRUNCATE)
    wide: Floats = gaussian_filter(field, sigma * np.sqrt(2), mode="nearest", truncate=_TRUNCATE)
    narrow *= np.float32(_NARROW)
    wide *= np.float32(1 - _NARROW)
    narrow += wide
    return narrow


def flying_edges(field: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Points (N, 3) in index space and outward triangles (M, 3) of the level one half (Schroeder et al. 2015)."""
    from vtkmodules.util import numpy_support
    from vtkmodules.vtkCommonDataModel import vtkImageData
    from vtkmodules.vtkFiltersCore import vtkFlyingEdges3D

    numpy_to_vtk: Any = numpy_support.numpy_to_vtk
    vtk_to_numpy: Any = numpy_support.vtk_to_numpy
    # VTK runs along the first axis fastest: in its eyes the axes are (k, j, i).
    image = vtkImageData()
    image.SetDimensions(*field.shape[::-1])
    image.GetPointData().SetScalars(numpy_to_vtk(field.reshape(-1)))
    edges = vtkFlyingEdges3D()
    edges.SetInputData(image)
    edges.SetValue(0, 0.5)
    edges.ComputeNormalsOff()
    edges.ComputeScalarsOff()
    edges.Update()
    out = edges.GetOutput()
    points = vtk_to_numpy(out.GetPoints().GetData()).astype(np.float64)[:, ::-1]
    triangles = vtk_to_numpy(out.GetPolys().GetConnectivityArray()).reshape(-1, 3)
    # Reversing the axes mirrors the triangles.
    return np.ascontiguousarray(points), np.ascontiguousarray(triangles[:, ::-1], np.int32)
