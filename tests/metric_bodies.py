"""Bodies whose surfaces are a known distance apart, drawn on any grid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from condyle.space import Grid
from solids import Distance

Spacing = tuple[float, float, float]

#: Isotropic, and coarse along one axis.
ISOTROPIC: tuple[Spacing, ...] = ((0.5, 0.5, 0.5), (0.75, 0.75, 0.75), (1.0, 1.0, 1.0))
COARSE: tuple[Spacing, ...] = ((0.75, 0.75, 1.5), (1.0, 1.0, 3.0), (0.5, 0.5, 3.0))


def ellipsoid(axes: tuple[float, float, float]) -> Distance:
    """Exact signed distance: the nearest point is found by bisection."""
    squared = np.array(axes) ** 2

    def distance(x: np.ndarray) -> np.ndarray:
        low, high = np.full(x.shape[:-1], -squared.min() + 1e-9), np.linalg.norm(x * axes, axis=-1)
        for _ in range(50):
            middle = (low + high) / 2
            above = ((x * axes / (middle[..., None] + squared)) ** 2).sum(-1) > 1
            low, high = np.where(above, middle, low), np.where(above, high, middle)
        foot = x * squared / (((low + high) / 2)[..., None] + squared)
        return np.sign((x**2 / squared).sum(-1) - 1) * np.linalg.norm(x - foot, axis=-1)

    return distance


def rod(radius: float) -> Distance:
    """An endless cylinder along no axis of the world."""
    along = np.array([0.1, 0.2, 1]) / np.sqrt(1.05)
    return lambda x: np.linalg.norm(x - (x @ along)[..., None] * along, axis=-1) - radius


def plane(x: np.ndarray) -> np.ndarray:
    """Half of space."""
    return x @ np.array([0.36, 0.48, 0.8])


def shell(inner: float, outer: float) -> Distance:
    """A hollow ball."""
    return lambda x: np.abs(np.linalg.norm(x, axis=-1) - (inner + outer) / 2) - (outer - inner) / 2


def grid_of(half_mm: float, spacing: Spacing, turn_deg: tuple[float, float, float] = (0, 0, 0)) -> Grid:
    """A cube around the origin, whose middle lies between voxels in no special way."""
    shape = np.ceil(2 * half_mm / np.array(spacing)).astype(int)
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", turn_deg, degrees=True).as_matrix() * spacing
    affine[:3, 3] = -affine[:3, :3] @ ((shape - 1) / 2 + [0.13, -0.29, 0.21])
    return Grid((int(shape[0]), int(shape[1]), int(shape[2])), affine)


def mask(grid: Grid, body: Distance, swollen_mm: float = 0) -> NDArray[np.bool_]:
    """The voxels whose centres lie in a body, or in it swollen by so much."""
    return body(grid.to_world(np.stack(np.indices(grid.shape), -1))) < swollen_mm


def volume_mm3(points: np.ndarray, triangles: np.ndarray) -> float:
    """What a closed surface encloses; negative if it faces inward."""
    a, b, c = (points[triangles[:, n]] - points.mean(0) for n in range(3))
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)


def is_closed(triangles: np.ndarray) -> bool:
    """Whether each edge joins two triangles that run along it in opposite directions."""
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    there = {tuple(e) for e in edges.tolist()}
    return len(there) == len(edges) and all((b, a) in there for a, b in there)
