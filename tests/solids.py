"""Bodies with known volume and surface, drawn into label maps on any grid."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.spatial.transform import Rotation

from condyle.space import Grid, Volume

#: Signed distance in mm of world points (..., 3), negative inside.
Distance = Callable[[np.ndarray], np.ndarray]


def ball(centre: tuple[float, float, float], radius: float) -> Distance:
    return lambda x: np.linalg.norm(x - centre, axis=-1) - radius


def torus(radius: float, thickness: float) -> Distance:
    return lambda x: np.hypot(np.hypot(x[..., 0], x[..., 1]) - radius, x[..., 2]) - thickness


def cylinder(radius: float, axis: int = 2) -> Distance:
    """Endless, along a world axis."""
    return lambda x: np.linalg.norm(np.delete(x, axis, axis=-1), axis=-1) - radius


def grid_around(
    half_mm: float, spacing: tuple[float, float, float], turn_deg: tuple[float, float, float] = (0, 0, 0)
) -> Grid:
    """A grid whose middle is near, not at, the world's origin."""
    shape = np.ceil(2 * half_mm / np.array(spacing)).astype(int)
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", turn_deg, degrees=True).as_matrix() * spacing
    affine[:3, 3] = -affine[:3, :3] @ ((shape - 1) / 2 + [0.13, -0.29, 0.21])
    return Grid((int(shape[0]), int(shape[1]), int(shape[2])), affine)


def drawn(grid: Grid, *bodies: Distance) -> Volume:
    """A label map: 1 in the first body, 2 in the second where the first is not, and so on."""
    world = grid.to_world(np.stack(np.indices(grid.shape), axis=-1))
    out = np.zeros(grid.shape, np.uint8)
    for id_, body in reversed(list(enumerate(bodies, 1))):
        out[body(world) < 0] = id_
    return Volume(out, grid)
