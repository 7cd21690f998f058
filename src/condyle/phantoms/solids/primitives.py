"""Single shapes with exact, or to first order exact, distances."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from condyle.phantoms.body import Distances, Points
from condyle.phantoms.solids.solid import Matrix, Solid, around, float32, hull, length, vector

_EVERYWHERE = np.array([[-np.inf] * 3, [np.inf] * 3])


def sphere(center_mm: ArrayLike, radius_mm: float) -> Solid:
    """A ball."""
    c = vector(center_mm)
    return Solid(lambda p: length(p - c) - np.float32(radius_mm), around([c], radius_mm))


def ellipsoid(center_mm: ArrayLike, radii_mm: ArrayLike, rotation: Matrix | None = None) -> Solid:
    """An ellipsoid; the columns of `rotation` are its axes.

    Outside the distance is the first-order estimate `f / |grad f|`, which never is too long. Inside it is
    no deeper than the height of the surface over the point, along the shortest axis.
    """
    c, r = vector(center_mm), vector(radii_mm)
    turn = (np.eye(3) if rotation is None else rotation).astype(np.float32)
    short = int(r.argmin())

    def distance(p: Points) -> Distances:
        q = ((p - c) @ turn) / r
        k0 = length(q)
        first_order = k0 * (k0 - 1) / np.maximum(length(q / r), np.float32(1e-9))
        along = np.abs(q[..., short])
        height = np.sqrt(np.maximum(1 - k0 * k0 + along * along, 0)) - along
        return float32(np.where(k0 < 1, np.maximum(first_order, -r[short] * height), first_order))

    reach = np.sqrt(((turn * r) ** 2).sum(1))
    return Solid(distance, np.array([c - reach, c + reach], np.float64))


def round_cone(a_mm: ArrayLike, b_mm: ArrayLike, radius_a_mm: float, radius_b_mm: float) -> Solid:
    """A capsule from `a` to `b` whose radius changes linearly."""
    a, b = vector(a_mm), vector(b_mm)
    axis = b - a
    squared = np.float32(max(float(axis @ axis), 1e-12))
    growth = np.float32(radius_b_mm - radius_a_mm)
    flatten = np.float32(1 / np.sqrt(1 + float(growth) ** 2 / float(squared)))

    def distance(p: Points) -> Distances:
        q = p - a
        h = float32(np.clip(q @ axis / squared, 0, 1))
        return float32((length(q - h[..., None] * axis) - np.float32(radius_a_mm) - growth * h) * flatten)

    ends = [around([a], radius_a_mm), around([b], radius_b_mm)]
    return Solid(distance, hull(ends))


def capsule(a_mm: ArrayLike, b_mm: ArrayLike, radius_mm: float) -> Solid:
    """All points within a radius of the segment from `a` to `b`."""
    return round_cone(a_mm, b_mm, radius_mm, radius_mm)


def plate(corners_mm: ArrayLike, radius_mm: float) -> Solid:
    """All points within a radius of a triangle (3, 3)."""
    a, b, c = np.asarray(corners_mm, np.float32)
    normal = np.cross(b - a, c - a)
    normal /= np.linalg.norm(normal)
    edges = [(a, b - a), (b, c - b), (c, a - c)]

    def distance(p: Points) -> Distances:
        squared = np.full(p.shape[:-1], np.inf, np.float32)
        above = np.ones(p.shape[:-1], bool)
        for start, edge in edges:
            q = p - start
            h = np.clip(q @ edge / (edge @ edge), 0, 1)
            off = q - h[..., None] * edge
            squared = np.minimum(squared, np.einsum("...i,...i", off, off))
            above &= q @ np.cross(normal, edge) >= 0
        return float32(np.where(above, np.abs((p - a) @ normal), np.sqrt(squared)) - np.float32(radius_mm))

    return Solid(distance, around([a, b, c], radius_mm))


def box(center_mm: ArrayLike, half_mm: ArrayLike, round_mm: float = 0) -> Solid:
    """A block with half edges `half_mm`; its edges are rounded within it."""
    c, h = vector(center_mm), vector(half_mm)

    def distance(p: Points) -> Distances:
        q = np.abs(p - c) - (h - np.float32(round_mm))
        return float32(length(np.maximum(q, 0)) + np.minimum(q.max(-1), 0) - np.float32(round_mm))

    return Solid(distance, np.array([c - h, c + h], np.float64))


def cylinder(a_mm: ArrayLike, b_mm: ArrayLike, radius_mm: float) -> Solid:
    """A cylinder with flat ends at `a` and `b`."""
    a, b = vector(a_mm), vector(b_mm)
    height = np.linalg.norm(b - a).astype(np.float32)
    axis = (b - a) / height

    def distance(p: Points) -> Distances:
        q = p - a
        along = q @ axis
        across = length(q - along[..., None] * axis) - np.float32(radius_mm)
        beyond = np.maximum(-along, along - height)
        out: Distances = np.hypot(np.maximum(across, 0), np.maximum(beyond, 0))
        return out + np.minimum(np.maximum(across, beyond), 0)

    return Solid(distance, around([a, b], radius_mm))


def torus(center_mm: ArrayLike, axis: ArrayLike, ring_mm: float, radius_mm: float) -> Solid:
    """A ring of radius `ring_mm` around an axis, `radius_mm` thick."""
    c, n = vector(center_mm), vector(axis)
    n /= np.linalg.norm(n)

    def distance(p: Points) -> Distances:
        q = p - c
        along = q @ n
        across = length(q - along[..., None] * n)
        return float32(np.hypot(across - np.float32(ring_mm), along) - np.float32(radius_mm))

    return Solid(distance, around([c], ring_mm + radius_mm))


def half_space(point_mm: ArrayLike, normal: ArrayLike) -> Solid:
    """Everything on the side of a plane that its normal points away from."""
    a, n = vector(point_mm), vector(normal)
    n /= np.linalg.norm(n)
    return Solid(lambda p: float32((p - a) @ n), _EVERYWHERE)
