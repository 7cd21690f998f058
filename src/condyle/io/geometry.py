"""The door every header's geometry passes: checked, repaired where that is safe, said where it was."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from condyle.errors import DataError
from condyle.space import Affine, Grid, orthonormalized
from condyle.space.grid import ORTHONORMAL_TOLERANCE

log = logging.getLogger("condyle")

#: Direction matrices off by up to this much are rounding of some exporter, and are repaired.
REPAIRABLE = 1e-3

#: Converts a world point between RAS and LPS, either way.
FLIP_XY = np.diag([-1.0, -1.0, 1.0, 1.0])


def checked_grid(path: Path, shape: tuple[int, ...], affine: Affine) -> Grid:
    """The grid a file's header describes.

    Args:
        path: The file, for the error.
        shape: As stored; must have three axes.
        affine: 4 x 4, index to RAS mm, as the header says.

    Returns:
        The grid. A direction matrix that is not quite orthonormal (error up to `REPAIRABLE`) is replaced by
        the nearest one that is, and a warning says so. Larger errors are a shear and are kept.

    Raises:
        DataError: if the shape is not 3-D, or the affine is not finite or singular.
    """
    if len(shape) != 3:
        raise DataError(
            path,
            expected="a 3-D volume",
            got=f"{len(shape)} axes {tuple(shape)}",
            hint="Split it into one file per channel or time point first.",
        )
    try:
        grid = Grid((shape[0], shape[1], shape[2]), affine)
    except ValueError as error:
        raise DataError(
            path, expected="a header that places the voxels in space", got=str(error), hint="Export the scan again."
        ) from error
    error_size = grid.orthonormality_error
    if ORTHONORMAL_TOLERANCE < error_size <= REPAIRABLE:
        log.warning("%s: axes off a right angle by %.1e in the header; repaired.", path, error_size)
        return Grid(grid.shape, orthonormalized(grid.affine))
    return grid


def refuse_sheared(path: Path, grid: Grid, format_name: str) -> None:
    """Raise a `DataError` if the grid is sheared: `format_name` has no way to say so."""
    if grid.is_sheared:
        raise DataError(
            path,
            expected=f"axes at right angles, as {format_name} needs",
            got=f"a sheared grid (off by {grid.orthonormality_error:.2g})",
            hint="Write NIfTI or NRRD, or resample it first.",
        )
