"""Fewer triangles, to a budget, and sound all the same."""

from __future__ import annotations

import numpy as np

from condyle.meshes.deviation import Samples, distance_mm, samples
from condyle.meshes.shape import Points, Triangles
from condyle.meshes.solid import is_sound

#: Parts of the triangles that are tried, fewest first, for a budget of millimetres.
_KEPT = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7)

#: How much more is kept each time a result is not sound.
_LESS = 1.4

#: A body keeps this many triangles whatever the budget of millimetres.
_FEWEST = 50


def fewer_triangles(points: Points, triangles: Triangles, count: int) -> tuple[Points, Triangles]:
    """A closed surface of at most `count` triangles, by quadric edge collapse (Garland and Heckbert 1997).

    Where the result would not be sound, more triangles are kept; at the end all of them.
    """
    from fast_simplification import simplify

    centre = points.mean(axis=0) if len(points) else np.zeros(3)
    near = (points - centre).astype(np.float32)
    kept = float(count)
    while kept < len(triangles):
        less_points, less = simplify(near, triangles, target_count=int(kept))
        out = np.asarray(less_points, np.float64) + centre, np.asarray(less, np.int32)
        if len(out[1]) and is_sound(*out):
            return out
        kept *= _LESS
    return points, triangles


def simplified(points: Points, triangles: Triangles, within_mm: float) -> tuple[Points, Triangles]:
    """A closed surface of as few triangles as keep within so many mm of the given one, either way."""
    rng = np.random.default_rng(0)
    before: Samples = samples(points, triangles, rng)
    for part in _KEPT:
        less = fewer_triangles(points, triangles, max(int(part * len(triangles)), _FEWEST))
        if distance_mm(before, less).max(initial=0) <= within_mm and (
            distance_mm(samples(*less, rng), (points, triangles)).max(initial=0) <= within_mm
        ):
            return less
    return points, triangles
