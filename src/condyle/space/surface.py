"""A surface of triangles in the patient."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Surface:
    """Triangles between points.

    Args:
        points_mm: float64 (N, 3), RAS mm.
        triangles: int32 (M, 3), each row three positions in `points_mm`.

    Raises:
        ValueError: if a shape is wrong, a point is not finite, or a triangle names a point that is not there.
    """

    points_mm: NDArray[np.float64]
    triangles: NDArray[np.int32]

    def __post_init__(self) -> None:
        for name, array in (("points_mm", self.points_mm), ("triangles", self.triangles)):
            if array.ndim != 2 or array.shape[1] != 3:
                raise ValueError(f"{name} has three columns, got shape {array.shape}")
        if not np.isfinite(self.points_mm).all():
            raise ValueError("a point is not finite")
        if len(self.triangles) and (self.triangles.min() < 0 or self.triangles.max() >= len(self.points_mm)):
            raise ValueError(f"a triangle names a point that is not among the {len(self.points_mm)}")
