"""Where voxels lie in the patient.

Words used everywhere in Condyle:

* **index** `(i, j, k)`: the position of a voxel in an array, whose axes are always in this order.
* **world**: patient space in millimetres, RAS: x grows to the patient's right, y to the front (anterior),
  z to the head (superior).
* **affine**: the 4 x 4 matrix that takes the index of a voxel's centre to world. Its first three columns
  are the steps of one voxel along each axis; their lengths are the **spacing** in mm.
* **grid**: a shape and an affine. Two arrays on one grid may be compared voxel by voxel.

Other conventions (LPS, k-j-i arrays) exist only in the files of `condyle.io`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from condyle.space.axes import Affine, axis_codes

#: A direction matrix this close to orthonormal is taken as it is (headers store single precision).
ORTHONORMAL_TOLERANCE = 1e-5


@dataclass(frozen=True, eq=False)
class Grid:
    """A shape and the affine that places it in the patient.

    Args:
        shape: Number of voxels along i, j, k.
        affine: 4 x 4, index to world (RAS mm). Copied and made read-only.

    Raises:
        ValueError: if the affine is not finite, is singular, or the shape is not three positive numbers.

    Example:
        >>> grid = Grid((4, 4, 2), np.diag([1.0, 1.0, 3.0, 1.0]))
        >>> grid.spacing_mm
        (1.0, 1.0, 3.0)
        >>> grid.orientation
        'RAS'
    """

    shape: tuple[int, int, int]
    affine: Affine

    def __post_init__(self) -> None:
        shape = tuple(int(n) for n in self.shape)
        if len(shape) != 3 or min(shape) < 1:
            raise ValueError(f"a grid has three axes of at least one voxel, got shape {shape}")
        affine = np.array(self.affine, dtype=np.float64)
        if affine.shape != (4, 4) or not np.array_equal(affine[3], (0, 0, 0, 1)):
            raise ValueError(f"an affine is 4 x 4 with last row 0 0 0 1, got {affine.tolist()}")
        if not np.isfinite(affine).all():
            raise ValueError("the affine has values that are not finite")
        lengths = np.linalg.norm(affine[:3, :3], axis=0)
        if lengths.min() == 0 or abs(np.linalg.det(affine[:3, :3] / lengths)) < 1e-3:
            raise ValueError("the affine is singular: an axis has no length, or two axes point the same way")
        affine.setflags(write=False)
        object.__setattr__(self, "shape", shape)
        object.__setattr__(self, "affine", affine)

    @cached_property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance between neighbouring voxel centres along i, j, k."""
        x, y, z = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(x), float(y), float(z)

    @cached_property
    def direction(self) -> NDArray[np.float64]:
        """3 x 3, columns of unit length: where each axis points in world."""
        return self.affine[:3, :3] / np.array(self.spacing_mm)

    @property
    def origin_mm(self) -> NDArray[np.float64]:
        """World position of the centre of voxel (0, 0, 0)."""
        return self.affine[:3, 3]

    @property
    def voxel_volume_mm3(self) -> float:
        """Volume of one voxel; right for sheared grids too."""
        return float(abs(np.linalg.det(self.affine[:3, :3])))

    @property
    def orthonormality_error(self) -> float:
        """Largest absolute entry of `D'D - 1` for the direction matrix `D`: 0 for a rectangular grid."""
        return float(np.abs(self.direction.T @ self.direction - np.eye(3)).max())

    @property
    def is_sheared(self) -> bool:
        """Whether the axes are not at right angles."""
        return self.orthonormality_error > ORTHONORMAL_TOLERANCE

    @property
    def orientation(self) -> str:
        """Three letters, the patient direction each axis points nearest to, e.g. `RAS`, `LPS`, `PIR`."""
        return axis_codes(self.affine)

    def to_world(self, index: ArrayLike) -> NDArray[np.float64]:
        """World positions (..., 3) of indices (..., 3)."""
        return np.asarray(index) @ self.affine[:3, :3].T + self.affine[:3, 3]

    def to_index(self, world_mm: ArrayLike) -> NDArray[np.float64]:
        """Fractional indices (..., 3) of world positions (..., 3)."""
        return (np.asarray(world_mm) - self.affine[:3, 3]) @ np.linalg.inv(self.affine[:3, :3]).T

    def corners_mm(self) -> NDArray[np.float64]:
        """World positions (8, 3) of the centres of the eight corner voxels."""
        ends = np.array([[0, n - 1] for n in self.shape])
        return self.to_world(np.stack(np.meshgrid(*ends, indexing="ij"), -1).reshape(8, 3))

    def distance_mm(self, other: Grid) -> float:
        """How far the same index lies apart on two grids of one shape: the largest over the corners."""
        if self.shape != other.shape:
            return float("inf")
        return float(np.linalg.norm(self.corners_mm() - other.corners_mm(), axis=1).max())

    def matches(self, other: Grid, tolerance_mm: float | None = None) -> bool:
        """Whether both grids have the same voxels, to a hundredth of the finest spacing by default."""
        if tolerance_mm is None:
            tolerance_mm = 0.01 * min(*self.spacing_mm, *other.spacing_mm)
        return self.distance_mm(other) <= tolerance_mm

    def __str__(self) -> str:
        shape = " x ".join(str(n) for n in self.shape)
        spacing = " x ".join(f"{s:.4g}" for s in self.spacing_mm)
        origin = ", ".join(f"{x:.4g}" for x in self.origin_mm)
        return f"{shape} voxels of {spacing} mm, {self.orientation}, origin ({origin}) mm"


def orthonormalized(affine: Affine) -> Affine:
    """The affine with the nearest rotation (or reflection) in place of its direction matrix.

    Spacing and the position of the first voxel stay. The nearest orthonormal matrix in the Frobenius norm
    is `U V'` of the singular value decomposition (Higham 1989).
    """
    spacing_mm = np.linalg.norm(affine[:3, :3], axis=0)
    u, _, vt = np.linalg.svd(affine[:3, :3] / spacing_mm)
    out = np.array(affine, dtype=np.float64)
    out[:3, :3] = u @ vt * spacing_mm
    return out
