"""Turning and flipping axes, affine along.

Going from one orientation (see `axes`) to another only permutes and flips axes: values are never interpolated.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from condyle.errors import ConfigError
from condyle.space.axes import LETTERS, ORIENTATIONS, world_axes
from condyle.space.grid import Grid
from condyle.space.volume import Volume


def reorient(volume: Volume, orientation: str) -> Volume:
    """The same voxels at the same places with the axes in another order.

    Args:
        volume: Any volume.
        orientation: One of the 48 of `ORIENTATIONS`, e.g. `LPS`.

    Raises:
        ConfigError: if the orientation is not one of the 48.
    """
    if orientation not in ORIENTATIONS:
        raise ConfigError(
            "orientation", expected="three letters such as RAS or LPS, one of each pair R/L, A/P, S/I", got=orientation
        )
    now = volume.grid.orientation
    pair_of = {letter: axis for axis, letters in enumerate(LETTERS) for letter in letters}
    source = [[pair_of[c] for c in now].index(pair_of[c]) for c in orientation]
    out = permute(volume, (source[0], source[1], source[2]))
    return flip(out, [axis for axis in range(3) if orientation[axis] != now[source[axis]]])


def permute(volume: Volume, axes: tuple[int, int, int]) -> Volume:
    """Axis `n` of the result is axis `axes[n]` of the volume; places are kept."""
    affine = volume.affine[:, [*axes, 3]]
    return Volume.of(volume.array.transpose(axes), affine)


def flip(volume: Volume, axes: Sequence[int]) -> Volume:
    """The named array axes run the other way; each voxel stays where it is in the patient."""
    flips = np.eye(4)
    for axis in axes:
        flips[axis, axis] = -1
        flips[axis, 3] = volume.shape[axis] - 1
    return Volume.of(np.flip(volume.array, tuple(axes)), volume.affine @ flips)


def side_axis(grid: Grid, dim: int = 3) -> int | None:
    """The axis of a network's patches that runs along the patient's left-right.

    Args:
        grid: Of a prepared scan, axes in tensor order.
        dim: 2 for a network that sees slices across the first tensor axis; None if left-right is across them.
    """
    axis = world_axes(grid.affine).index(0) - (3 - dim)
    return axis if axis >= 0 else None
