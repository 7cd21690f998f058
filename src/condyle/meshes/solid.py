"""Triangles as solids of manifold3d, which cuts them without ever leaving a hole.

Manifold (Lalish, https://github.com/elalish/manifold) guarantees a closed, manifold result of every cut
of closed, manifold input.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from condyle.meshes.shape import Points, Triangles

if TYPE_CHECKING:
    from manifold3d import Manifold


def solid(points: Points, triangles: Triangles) -> Manifold:
    """A solid of a closed surface."""
    from manifold3d import Manifold, Mesh64

    return Manifold(Mesh64(np.ascontiguousarray(points, np.float64), np.ascontiguousarray(triangles, np.uint64)))


def is_sound(points: Points, triangles: Triangles) -> bool:
    """Whether manifold3d takes the surface for a solid."""
    from manifold3d import Error

    made = solid(points, triangles)
    return bool(made.status() == Error.NoError and not made.is_empty())


def triangles_of(made: Manifold) -> tuple[Points, Triangles]:
    """Points (N, 3) and triangles (M, 3) of a solid; none where it is empty."""
    if made.is_empty():
        return np.empty((0, 3)), np.empty((0, 3), np.int32)
    mesh = made.to_mesh64()
    return np.array(mesh.vert_properties[:, :3]), np.asarray(mesh.tri_verts).astype(np.int32)


def within(made: Manifold, low: NDArray[np.float64], high: NDArray[np.float64]) -> Manifold:
    """The part of a solid inside a box; its cut faces are flat."""
    for axis in range(3):
        toward = [0.0, 0.0, 0.0]
        for sign, bound in ((1.0, low[axis]), (-1.0, -high[axis])):
            toward[axis] = sign
            box = np.array(made.bounding_box()).reshape(2, 3)
            if sign * box[0 if sign > 0 else 1, axis] < bound:
                made = made.trim_by_plane(toward, bound)
    return made
