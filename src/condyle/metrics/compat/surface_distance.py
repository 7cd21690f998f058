"""DeepMind's surface-distance 0.1 (Nikolov et al. 2021).

Between each 2 x 2 x 2 voxels lies a surface element if they are not all alike. Its area is that of the marching
cubes triangles that pass midway between inside and outside; its place is the corner where the eight voxels meet.
Distances go from corner to corner.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.metrics.compat.voxels import Floats, Mask, Spacing, as_masks, distance_map, joint_box

#: Which bit of a neighbourhood's code each of its voxels sets.
_BITS = 1 << np.arange(7, -1, -1).reshape(2, 2, 2)


@dataclass(frozen=True)
class SurfelScores:
    """What the library's functions return.

    Args:
        average_mm: `compute_average_surface_distance`: from the reference, and from the prediction.
        robust_hausdorff_mm: `compute_robust_hausdorff` at 95 %.
        hausdorff_mm: The same at 100 %.
        surface_dice: `compute_surface_dice_at_tolerance`.
        surface_overlap: `compute_surface_overlap_at_tolerance`: of the reference, and of the prediction.
    """

    average_mm: tuple[float, float]
    robust_hausdorff_mm: float
    hausdorff_mm: float
    surface_dice: float
    surface_overlap: tuple[float, float]


def surfel_scores(
    reference: NDArray[Any], prediction: NDArray[Any], spacing_mm: Spacing, tolerance_mm: float = 1.0
) -> SurfelScores:
    """What the library gives for a pair of masks.

    Args:
        reference: Shape (I, J, K), non-zero inside.
        prediction: The same shape.
        spacing_mm: Along i, j, k.
        tolerance_mm: Of surface Dice and surface overlap.

    Returns:
        Its scores. Where a mask is empty distances are infinite, where both are NaN.
    """
    masks = as_masks(reference, prediction)
    box = joint_box(*masks)
    if box is None:
        nan = float("nan")
        return SurfelScores((nan, nan), float("inf"), float("inf"), nan, (nan, nan))
    areas = np.linalg.norm(_normals() * _faces_mm2(spacing_mm), axis=2).sum(1)
    codes = [_codes(mask[box.slices]) for mask in masks]
    borders = [(code != 0) & (code != 255) for code in codes]
    maps = [distance_map(b, spacing_mm) if b.any() else np.full(b.shape, np.inf) for b in borders]
    far, area = [], []
    for n in (0, 1):
        mm, weight = maps[1 - n][borders[n]], areas[codes[n][borders[n]]]
        order = np.lexsort((weight, mm))
        far.append(mm[order])
        area.append(weight[order])
    total = area[0].sum() + area[1].sum()
    within = [float(w[d <= tolerance_mm].sum()) for d, w in zip(far, area, strict=True)]
    return SurfelScores(
        average_mm=(_mean(far[0], area[0]), _mean(far[1], area[1])),
        robust_hausdorff_mm=max(_percentile(d, w, 95) for d, w in zip(far, area, strict=True)),
        hausdorff_mm=max(_percentile(d, w, 100) for d, w in zip(far, area, strict=True)),
        surface_dice=(within[0] + within[1]) / total,
        surface_overlap=(_share(within[0], area[0]), _share(within[1], area[1])),
    )


def _codes(mask: Mask) -> NDArray[np.uint8]:
    """The code of the eight voxels around each corner, the outermost corners included."""
    padded = np.pad(mask, 1).astype(np.uint8)
    i, j, k = (n + 1 for n in mask.shape)
    out = np.zeros((i, j, k), np.uint8)
    for (a, b, c), bit in np.ndenumerate(_BITS):
        out |= padded[a : a + i, b : b + j, c : c + k] * np.uint8(bit)
    return out


def _faces_mm2(spacing_mm: Spacing) -> Floats:
    i, j, k = spacing_mm
    return np.array([j * k, i * k, i * j])


@cache
def _normals() -> Floats:
    """Shape (256, 5, 3): for each code the normals of its triangles, as long as their area between unit voxels.

    A code of more than four voxels has the triangles of the code of the others.
    """
    from vtkmodules.util import numpy_support
    from vtkmodules.vtkCommonDataModel import vtkImageData
    from vtkmodules.vtkFiltersCore import vtkMarchingCubes

    numpy_to_vtk: Any = numpy_support.numpy_to_vtk
    vtk_to_numpy: Any = numpy_support.vtk_to_numpy
    out = np.zeros((256, 5, 3))
    for code in range(1, 255):
        fewer = code if code.bit_count() <= 4 else 255 - code
        image = vtkImageData()
        image.SetDimensions(2, 2, 2)
        values = ((_BITS & fewer) > 0).astype(np.uint8).ravel(order="F")
        image.GetPointData().SetScalars(numpy_to_vtk(values, deep=True))
        cubes = vtkMarchingCubes()
        cubes.SetInputData(image)
        cubes.SetValue(0, 0.5)
        cubes.ComputeNormalsOff()
        cubes.Update()
        points = vtk_to_numpy(cubes.GetOutput().GetPoints().GetData()).astype(np.float64)
        triangles = vtk_to_numpy(cubes.GetOutput().GetPolys().GetConnectivityArray()).reshape(-1, 3)
        a, b, c = (points[triangles[:, n]] for n in range(3))
        out[code, : len(triangles)] = np.cross(b - a, c - a) / 2
    return out


def _mean(mm: Floats, area: Floats) -> float:
    return float((mm * area).sum() / area.sum()) if len(area) else float("nan")


def _share(within: float, area: Floats) -> float:
    return within / float(area.sum()) if len(area) else float("nan")


def _percentile(mm: Floats, area: Floats, percent: float) -> float:
    if not len(mm):
        return float("inf")
    place = int(np.searchsorted(np.cumsum(area) / area.sum(), percent / 100))
    return float(mm[min(place, len(mm) - 1)])
