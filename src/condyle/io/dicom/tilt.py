"""Undoing gantry tilt: a sheared stack of slices onto a rectangular grid.

A tilted gantry scans parallel slices whose origins drift sideways: each slice lies right, but the stack is no
box. The box grid keeps the planes of the slices; within its plane each slice is interpolated linearly. What
was seen at a place in the patient is seen there after.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from condyle.space import Grid, Volume


def untilted(volume: Volume, *, fill: float | None = None, ids: bool = False) -> Volume:
    """The volume on a rectangular grid.

    Args:
        volume: Slices along k; axes i and j at a right angle, k at any angle to them.
        fill: Value where no slice was; the smallest of the volume if None, 0 for ids.
        ids: The values are ids of a label map: each slice is moved to the nearest whole pixel, and no id is new.

    Returns:
        A volume of the same type with the same slices, i and j spacing, large enough to hold all slices.
        Its k axis is normal to the slices. Whole-number types are rounded.
    """
    step = volume.affine[:3, 2]
    in_plane = volume.affine[:3, :2]
    # How many pixels each slice drifts against the one before, along i and j.
    drift = np.array([step @ axis / (axis @ axis) for axis in in_plane.T])
    drifts = np.arange(volume.shape[2])[:, None] * drift
    # The box begins at the least drifted pixel and grows by the whole range of drift.
    start = np.floor(drifts.min(axis=0) + 1e-6)
    grow = np.ceil(drifts.max(axis=0) - 1e-6) - start
    affine = np.array(volume.affine)
    affine[:3, 2] = step - in_plane @ drift
    affine[:3, 3] += in_plane @ start
    shape = (volume.shape[0] + int(grow[0]), volume.shape[1] + int(grow[1]), volume.shape[2])
    shifts = np.floor(drifts - start + 0.5) if ids else drifts - start
    outside = (0 if ids else volume.array.min()) if fill is None else fill
    out = np.full(shape, outside, dtype=volume.array.dtype)
    for k, shift in enumerate(shifts):
        out[:, :, k] = _shifted(volume.array[:, :, k], shift, shape[:2], float(outside), out.dtype)
    return Volume(out, Grid(shape, affine))


def _shifted(
    image: NDArray[np.generic],
    shift: NDArray[np.float64],
    shape: tuple[int, int],
    outside: float,
    dtype: np.dtype[np.generic],
) -> NDArray[np.generic]:
    """An image moved by a fraction of pixels into a larger frame; bilinear."""
    whole = np.floor(shift + 1e-9).astype(int)
    part = np.clip(shift - whole, 0, 1)
    # One pixel of margin on each side carries the blend of the image's edge with the outside.
    padded = np.full((shape[0] + 1, shape[1] + 1), outside, dtype=np.float64)
    i, j = whole + 1
    padded[i : i + image.shape[0], j : j + image.shape[1]] = image
    rows = (1 - part[0]) * padded[1:] + part[0] * padded[:-1]
    moved = (1 - part[1]) * rows[:, 1:] + part[1] * rows[:, :-1]
    return (np.rint(moved) if dtype.kind in "iu" else moved).astype(dtype)
