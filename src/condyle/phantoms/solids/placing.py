"""Solids put somewhere else."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from condyle.phantoms.solids.solid import Matrix, Solid, float32, vector


def mirrored(solid: Solid) -> Solid:
    """The mirror image across the plane x = 0: right becomes left."""
    flip = np.array([-1, 1, 1], np.float32)
    low, high = solid.bounds_mm
    return Solid(lambda p: solid(p * flip), np.array([[-high[0], *low[1:]], [-low[0], *high[1:]]]))


def moved(solid: Solid, rotation: Matrix, shift_mm: ArrayLike = (0, 0, 0)) -> Solid:
    """A solid turned about the origin, then shifted."""
    turn, shift = rotation.astype(np.float32), vector(shift_mm)
    corners = np.stack(np.meshgrid(*solid.bounds_mm.T, indexing="ij"), -1).reshape(8, 3)
    placed = corners @ rotation.T + shift
    return Solid(lambda p: solid(float32((p - shift) @ turn)), np.array([placed.min(0), placed.max(0)]))


def rotation(axis: ArrayLike, angle_deg: float) -> Matrix:
    """The 3 x 3 matrix that turns about an axis, right-handed (Rodrigues' formula)."""
    x, y, z = np.asarray(axis, np.float64) / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = np.deg2rad(angle_deg)
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross)
