"""Where a map lies in a patch: any place, size and lie that a person may have in a scanner, and some nobody has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.phantoms.solids import rotation
from condyle.space import Grid

Matrix = NDArray[np.float64]
Size = tuple[int, int, int]

#: Distance between independent arrows of the bending, in mm, and between the nodes it is kept on.
_ARROWS_MM, _NODES_MM = 70.0, 18.0


@dataclass(frozen=True)
class View:
    """What a network sees.

    Args:
        patch: Voxels along the tensor axes.
        spacing_mm: Along the tensor axes.
        axes: RAS axis (0 right, 1 anterior, 2 superior) of each tensor axis.
    """

    patch: Size
    spacing_mm: tuple[float, float, float]
    axes: tuple[int, int, int] = (2, 1, 0)

    @property
    def size_mm(self) -> NDArray[np.float64]:
        """Of the patch."""
        return np.array(self.patch) * self.spacing_mm


@dataclass(frozen=True, eq=False)
class Pose:
    """Where each place of a patch is found in a map.

    Args:
        matrix: 3 x 3, from mm along the tensor axes, counted from the patch's middle, to mm in RAS of the map.
        centre_mm: RAS of the map, what is seen in the middle.
        arrows_mm: float32 (3, a, b, c) in RAS, added on a lattice over the patch.
        mirrored: Whether left and right are exchanged.
        thicker_mm: How far every bone grows beyond the map's. Joint spaces close as it does.
    """

    matrix: Matrix
    centre_mm: Matrix
    arrows_mm: NDArray[np.float32]
    mirrored: bool
    thicker_mm: float = 0.0

    def frame(self, view: View, grid: Grid, size: Size) -> Matrix:
        """(3, 4), from indices of a result that fills the patch with so many voxels to indices of the map."""
        step = view.size_mm / size
        steps = self.matrix * step
        first = self.centre_mm - steps @ ((np.array(size) - 1) / 2)
        back = np.linalg.inv(grid.affine)
        return np.column_stack([back[:3, :3] @ steps, back[:3, :3] @ first + back[:3, 3]])

    def arrows(self, grid: Grid) -> NDArray[np.float32]:
        """The bending in voxels of the map."""
        back = np.linalg.inv(grid.affine)[:3, :3].astype(np.float32)
        return np.ascontiguousarray(np.einsum("xy,yabc->xabc", back, self.arrows_mm))


def drawn_pose(view: View, centre_mm: Matrix, rng: np.random.Generator) -> Pose:
    """A random pose with a place of the map in the middle of the patch.

    Args:
        view: The patch.
        centre_mm: The place.
        rng: Everything else.
    """
    turn_deg = rng.normal(0, 5, 3) if rng.random() < 0.8 else rng.uniform(-28, 28, 3)
    turn = np.eye(3)
    for axis, angle in zip(np.eye(3), turn_deg, strict=True):
        turn = turn @ rotation(axis, float(angle))
    scale = float(np.exp(rng.normal(0, 0.09))) * np.exp(rng.normal(0, 0.035, 3))
    mirrored = bool(rng.random() < 0.5)
    flip = np.diag([-1.0 if mirrored else 1.0, 1.0, 1.0])
    to_ras = np.eye(3)[:, list(view.axes)]
    # Larger people show fewer of their own millimetres.
    matrix = turn @ np.diag(1 / scale) @ flip @ to_ras
    thicker_mm = float(np.clip(rng.normal(0.5, 1.0), -1, 3))
    return Pose(matrix, np.asarray(centre_mm, np.float64), _bending(view, rng), mirrored, thicker_mm)


def _bending(view: View, rng: np.random.Generator) -> NDArray[np.float32]:
    """Smooth random shifts, none of which folds space."""
    from scipy.ndimage import zoom

    strength = float(rng.uniform(0.3, 1.0))
    nodes = np.maximum(2, np.ceil(view.size_mm / _NODES_MM).astype(int) + 1)
    out = np.zeros((3, *nodes), np.float32)
    # Long waves may be high, short ones less so; a small patch shows a part of a wave, which is lower.
    for length_mm, height_mm in ((2 * _ARROWS_MM, 6.0), (_ARROWS_MM, 2.0)):
        few = np.maximum(3, np.round(view.size_mm / length_mm).astype(int) + 1)
        steep = min(1.0, float((view.size_mm / (few - 1) / length_mm).min()))
        arrows = np.asarray(rng.normal(0, strength * steep * height_mm, (3, *few)), np.float32)
        out += np.stack([zoom(part, nodes / few, order=3, mode="nearest", grid_mode=False) for part in arrows])
    return out


def swapped(labels: NDArray[np.integer[Any]], table: dict[int, int]) -> NDArray[np.int16]:
    """Labels with left and right exchanged."""
    lookup = np.arange(max(table) + 1, dtype=np.int16)
    for old, new in table.items():
        lookup[old] = new
    return lookup[labels]
