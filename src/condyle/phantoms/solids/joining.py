"""Solids made of solids: joined, cut, grown and shrunk."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np
from numpy.typing import ArrayLike

from condyle.phantoms.body import Distances, Points
from condyle.phantoms.solids.primitives import round_cone
from condyle.phantoms.solids.solid import Field, Solid, grown, hull, length

#: Beyond this distance outside a solid only a lower bound of the distance is worked out.
FAR_MM = 12.0


def union(*solids: Solid, blend_mm: float = 0) -> Solid:
    """What lies in any of the solids; fillets of `blend_mm` are added where they meet."""
    if len(solids) == 1:
        return solids[0]

    def distance(p: Points) -> Distances:
        return reduce(lambda d, solid: smooth_min(d, solid(p), blend_mm), solids[1:], solids[0](p))

    return Solid(distance, grown(hull([s.bounds_mm for s in solids]), blend_mm / 4))


def intersection(*solids: Solid, blend_mm: float = 0) -> Solid:
    """What lies in all of the solids; edges are rounded off by the blend."""
    lower = np.max([s.bounds_mm[0] for s in solids], 0)
    upper = np.maximum(lower, np.min([s.bounds_mm[1] for s in solids], 0))
    return Solid(lambda p: _cut(p, solids[0], solids[1:], 1, blend_mm), np.array([lower, upper]))


def difference(solid: Solid, *cuts: Solid, blend_mm: float = 0) -> Solid:
    """What is left of a solid when others are cut away; the cut's edges are rounded by the blend."""
    return Solid(lambda p: _cut(p, solid, cuts, -1, blend_mm), solid.bounds_mm)


def _cut(p: Points, solid: Solid, others: Sequence[Solid], sign: int, blend_mm: float) -> Distances:
    """The largest of a solid's distance and the signed ones of others.

    Points already `FAR_MM` outside are left alone: the others could only carry them further out.
    """
    out = solid(p)
    for other in others:
        near = out < FAR_MM
        if near.all():
            out = -smooth_min(-out, -sign * other(p), blend_mm)
        elif near.any():
            out[near] = -smooth_min(-out[near], -sign * other(p[near]), blend_mm)
    return out


def smooth_min(a: Distances, b: Distances, blend_mm: float) -> Distances:
    """The smaller of two distances; up to a quarter of the blend less where they are alike."""
    out: Distances = np.minimum(a, b)
    if blend_mm > 0:
        k = np.float32(blend_mm)
        out -= np.maximum(k - np.abs(a - b), 0) ** 2 / (4 * k)
    return out


def offset(solid: Solid, by_mm: float | Field) -> Solid:
    """A solid grown by so many mm everywhere, or by a field of them; shrunk where negative.

    A field may only shrink, or grow by less than 5 mm.
    """
    if isinstance(by_mm, float | int):
        amount = np.float32(by_mm)
        return Solid(lambda p: solid(p) - amount, grown(solid.bounds_mm, float(by_mm)))
    field = by_mm
    return Solid(lambda p: solid(p) - field(p), grown(solid.bounds_mm, 5))


def culled(solid: Solid) -> Solid:
    """The same solid, faster: far from its box the distance to the box stands in for its own, which is longer."""
    low, high = solid.bounds_mm.astype(np.float32)

    def distance(p: Points) -> Distances:
        out = length(np.maximum(np.maximum(low - p, p - high), 0))
        near = out < FAR_MM
        if near.any():
            out[near] = solid(p[near])
        return out

    return Solid(distance, solid.bounds_mm)


def tube(points_mm: ArrayLike, radii_mm: ArrayLike, blend_mm: float = 0) -> Solid:
    """Round cones along a polyline (n, 3) with a radius (n) at each point."""
    points = np.asarray(points_mm, np.float64)
    radii = np.broadcast_to(np.asarray(radii_mm, np.float64), len(points))
    steps = range(len(points) - 1)
    return union(*(round_cone(points[i], points[i + 1], radii[i], radii[i + 1]) for i in steps), blend_mm=blend_mm)


def smooth_tube(points_mm: ArrayLike, radii_mm: ArrayLike, count: int = 16) -> Solid:
    """A tube along a cubic spline through points (n, 3) and radii (n), made of `count` round cones."""
    from scipy.interpolate import CubicSpline, PchipInterpolator

    points = np.asarray(points_mm, np.float64)
    radii = np.broadcast_to(np.asarray(radii_mm, np.float64), len(points))
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    where = np.linspace(0, along[-1], count + 1)
    return tube(CubicSpline(along, points)(where), PchipInterpolator(along, radii)(where))
