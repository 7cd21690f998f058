"""Parts, holes and smoothing of masks. Parts are joined by faces (6-connected), lengths are in mm."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


def largest_parts(mask: Mask, count: int = 1) -> Mask:
    """The `count` largest connected parts; the whole mask where it has no more than that."""
    from scipy.ndimage import label

    parts, found = label(mask)
    if found <= count:
        return mask
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    keep = np.zeros(len(sizes), bool)
    keep[np.argsort(sizes, kind="stable")[-count:]] = True
    return keep[parts]


def fill_holes(mask: Mask, *, normal: int | None = None) -> Mask:
    """The mask with every cavity filled that no path of faces joins to the border of the array.

    Args:
        mask: Shape (I, J, K).
        normal: Look at each slice across this axis on its own: what is closed in the slice is filled.
    """
    from scipy.ndimage import generate_binary_structure, label

    steps = generate_binary_structure(3, 1)
    axes = [axis for axis in range(3) if axis != normal]
    if normal is not None:
        np.moveaxis(steps, normal, 0)[[0, 2]] = False
    outside, found = label(~mask, steps)
    border = np.zeros(found + 1, bool)
    for axis in axes:
        for end in (0, -1):
            border[np.take(outside, end, axis)] = True
    hole = ~border
    hole[0] = False
    return mask | hole[outside]


def smoothed(mask: Mask, sigma_mm: float, spacing_mm: tuple[float, float, float]) -> Mask:
    """The mask's outline rounded: blurred with a Gaussian, cut at one half.

    Flat outlines stay where they are, where closing and opening would move a staircase outwards. Beyond the
    border the mask goes on.
    """
    from scipy.ndimage import gaussian_filter

    sigma = [sigma_mm / s for s in spacing_mm]
    blurred = gaussian_filter(mask.astype(np.float32), sigma, mode="nearest", truncate=3)
    return np.asarray(blurred >= 0.5)


def closed(mask: Mask, radius_mm: float, spacing_mm: tuple[float, float, float]) -> Mask:
    """Morphological closing with a ball: gaps narrower than its diameter are bridged."""
    return _eroded(_dilated(mask, radius_mm, spacing_mm), radius_mm, spacing_mm)


def opened(mask: Mask, radius_mm: float, spacing_mm: tuple[float, float, float]) -> Mask:
    """Morphological opening with a ball: what is thinner than its diameter goes."""
    return _dilated(_eroded(mask, radius_mm, spacing_mm), radius_mm, spacing_mm)


def _dilated(mask: Mask, radius_mm: float, spacing_mm: tuple[float, float, float]) -> Mask:
    """Every voxel within a ball of the mask, one column of the ball at a time.

    A ball is a stack of lines along k: for each (di, dj) inside its disc, all |dk| up to some height. The
    mask dilated along k by that height is shifted by (di, dj) and joined.
    """
    reach = [int(radius_mm / s + 1e-6) for s in spacing_mm]
    width = [(r, r) for r in reach]
    padded = np.pad(mask, width)
    by_height: dict[int, Mask] = {}
    out = np.zeros_like(padded)
    for di in range(-reach[0], reach[0] + 1):
        for dj in range(-reach[1], reach[1] + 1):
            left = radius_mm**2 - (di * spacing_mm[0]) ** 2 - (dj * spacing_mm[1]) ** 2
            if left < -1e-6:
                continue
            height = int(np.sqrt(max(left, 0)) / spacing_mm[2] + 1e-6)
            if height not in by_height:
                by_height[height] = _dilated_along_k(padded, height)
            out[_ahead(di), _ahead(dj)] |= by_height[height][_ahead(-di), _ahead(-dj)]
    i, j, k = (slice(r, r + n) for r, n in zip(reach, mask.shape, strict=True))
    return out[i, j, k]


def _eroded(mask: Mask, radius_mm: float, spacing_mm: tuple[float, float, float]) -> Mask:
    """Every voxel whose ball lies in the mask; beyond the border of the array the mask goes on."""
    return ~_dilated(~mask, radius_mm, spacing_mm)


def _dilated_along_k(mask: Mask, height: int) -> Mask:
    out = mask.copy()
    for dk in range(1, height + 1):
        out[..., dk:] |= mask[..., :-dk]
        out[..., :-dk] |= mask[..., dk:]
    return out


def _ahead(step: int) -> slice:
    """The part of an axis that is reached by a shift of `step`."""
    return slice(max(0, step), min(0, step) or None)
