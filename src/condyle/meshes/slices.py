"""Thick slices: a label map on a finer grid, its outlines led from slice to slice.

Reference: Raya and Udupa, "Shape-based interpolation of multidimensional objects", IEEE TMI 1990. Each outline
is turned into a signed distance within its slice; distances are interpolated between slices, and the label that
lies deepest wins.
"""

from __future__ import annotations

from math import ceil

import numpy as np
from numpy.typing import NDArray

from condyle.meshes.boxes import boxes_of
from condyle.space import Box, Volume
from condyle.space.grid import Grid
from condyle.space.separable import Orders, interpolate

#: Slices thicker than this many in-plane voxels are worth it.
THICK = 1.5

#: Outlines are smoothed by this many pixels, but for pixels at least this part of half a pixel from them.
_SOFT = 1.0
_KEPT = 0.1

#: Voxels of the finer grid at most; beyond it slices are divided less finely.
_MOST_VOXELS = 1 << 26


def thick_axis(spacing_mm: tuple[float, float, float]) -> int | None:
    """The axis along which slices are thicker than `THICK` voxels of the next coarsest axis, or None."""
    order = np.argsort(spacing_mm)
    return int(order[2]) if spacing_mm[order[2]] > THICK * spacing_mm[order[1]] else None


def refined(volume: Volume) -> Volume:
    """The label map with thick slices divided, or as it is where there are none.

    Args:
        volume: A label map.

    Returns:
        A label map in which every slice of the given one lies unchanged between new ones. A structure ends
        half a slice beyond its last, as before.
    """
    axis = thick_axis(volume.spacing_mm)
    if axis is None or volume.shape[axis] < 2:
        return volume
    coarser = sorted(volume.spacing_mm)[1]
    wanted = min(volume.spacing_mm[axis] / coarser, _MOST_VOXELS / volume.array.size)
    # An odd number of parts keeps both the old slices and the outer faces of the grid where they are.
    parts = max(3, 2 * round((wanted - 1) / 2) + 1)
    shape = tuple(n * parts if a == axis else n for a, n in enumerate(volume.shape))
    out = np.zeros(shape, volume.array.dtype)
    deepest = _between(_depth(volume.array == 0, axis, volume.spacing_mm), axis, parts)
    for id_, tight in boxes_of(volume.array).items():
        box = _with_surroundings(tight, volume, axis)
        depth = _between(_depth(volume.array[box.slices] == id_, axis, volume.spacing_mm), axis, parts)
        where = tuple(slice(s.start * parts, s.stop * parts) if a == axis else s for a, s in enumerate(box.slices))
        wins = depth > deepest[where]
        out[where][wins] = id_
        deepest[where][wins] = depth[wins]
    affine = np.array(volume.affine)
    affine[:3, 3] -= affine[:3, axis] * (parts // 2) / parts
    affine[:3, axis] /= parts
    i, j, k = out.shape
    return Volume(out, Grid((i, j, k), affine))


def _with_surroundings(box: Box, volume: Volume, axis: int) -> Box:
    """The box and all around it that may become part of its structure: two slices, and as far within slices."""
    reach = [2 if a == axis else ceil(2 * volume.spacing_mm[axis] / s) for a, s in enumerate(volume.spacing_mm)]
    i, j, k = (max(0, a - r) for a, r in zip(box.start, reach, strict=True))
    a, b, c = (min(n, a + r) for a, r, n in zip(box.stop, reach, volume.shape, strict=True))
    return Box((i, j, k), (a, b, c))


def _between(depth: NDArray[np.float32], axis: int, parts: int) -> NDArray[np.float32]:
    """Depth with each slice divided into an odd number of parts."""
    coordinates = [np.arange(n, dtype=np.float64) for n in depth.shape]
    coordinates[axis] = (np.arange(depth.shape[axis] * parts) - parts // 2) / parts
    i, j, k = coordinates
    # Cubic between slices: straight lines would leave a kink at every slice.
    orders: tuple[Orders, Orders, Orders] = ((3, 1, 1), (1, 3, 1), (1, 1, 3))
    return interpolate(depth, (i, j, k), orders[axis])


def _depth(mask: NDArray[np.bool_], axis: int, spacing_mm: tuple[float, float, float]) -> NDArray[np.float32]:
    """How deep in mm each voxel lies inside the mask within its slice; negative outside.

    Farther than twice the slice thickness counts as that: so a structure's end lies midway between its last
    slice and the next one, and a structure in no slice nearby is nowhere near.
    """
    from scipy.ndimage import distance_transform_edt, gaussian_filter

    plane_mm = [s for a, s in enumerate(spacing_mm) if a != axis]
    most = 2 * spacing_mm[axis]
    out = np.empty(mask.shape, np.float32)
    for inside, result in zip(np.moveaxis(mask, axis, 0), np.moveaxis(out, axis, 0), strict=True):
        if inside.all() or not inside.any():
            result[...] = most if inside.any() else -most
            continue
        half = min(plane_mm) / 2
        deep = distance_transform_edt(inside, plane_mm)
        shallow = distance_transform_edt(~inside, plane_mm)
        result[...] = np.where(inside, deep - half, half - shallow)
        # The steps of the pixels would be drawn out into ridges between slices. Pixels keep their sides.
        soft = gaussian_filter(np.clip(result, -most, most), _SOFT)
        result[...] = np.where(inside, np.maximum(soft, _KEPT * half), np.minimum(soft, -_KEPT * half))
    np.clip(out, -most, most, out=out)
    return out
