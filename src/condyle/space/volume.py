"""An array and where it lies. They travel together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.space.axes import Affine
from condyle.space.grid import Grid


@dataclass(frozen=True, eq=False)
class Volume:
    """A scan or a label map: one value a voxel, and the grid the voxels lie on.

    Args:
        array: Shape (I, J, K), any real type. Not copied; treat it as read-only.
        grid: Its grid, of the same shape.

    Raises:
        ValueError: if array and grid differ in shape.
    """

    array: NDArray[Any]
    grid: Grid

    def __post_init__(self) -> None:
        if self.array.shape != self.grid.shape:
            raise ValueError(f"array has shape {self.array.shape}, its grid {self.grid.shape}")

    @classmethod
    def of(cls, array: NDArray[Any], affine: Affine) -> Volume:
        """A volume from an array (I, J, K) and an affine."""
        i, j, k = array.shape
        return cls(array, Grid((i, j, k), affine))

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.grid.shape

    @property
    def affine(self) -> Affine:
        return self.grid.affine

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        return self.grid.spacing_mm

    def with_array(self, array: NDArray[Any]) -> Volume:
        """Other values on the same grid."""
        return Volume(array, self.grid)

    def value_at(self, world_mm: NDArray[np.float64]) -> NDArray[Any]:
        """Values (...) of the voxels nearest to world positions (..., 3).

        Raises:
            IndexError: if a position lies outside the grid.
        """
        index = np.rint(self.grid.to_index(world_mm)).astype(int)
        if (index < 0).any() or (index >= np.array(self.shape)).any():
            raise IndexError("a position lies outside the volume")
        i, j, k = np.moveaxis(index, -1, 0)
        values: NDArray[Any] = self.array[i, j, k]
        return values
