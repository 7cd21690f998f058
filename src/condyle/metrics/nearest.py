"""How far points are from a surface of triangles.

The nearest corner of the surface is found first (a k-d tree), then the nearest point on the triangles around it.
Where that point lies on the rim of those triangles the nearest may be beyond: then the triangles around several
near corners are tried.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.space.surface import Surface

Floats = NDArray[np.float64]

#: Points worked on at a time; what is computed for them fits into the cache.
_CHUNK = 8192

#: Corners tried where the nearest may not be enough, and where those are not either.
_MORE = (8, 64)


@dataclass(frozen=True, eq=False)
class _Fans:
    """The triangles around each corner (apex), as seen from it.

    The fan of apex `n` is the rows `first[n] : first[n] + count[n]` of the rest: offsets `b` and `c` to the other
    two corners of a triangle, their products, and one over their determinant (0 for a triangle without area).
    """

    first: NDArray[np.intp]
    count: NDArray[np.intp]
    b: Floats
    c: Floats
    bb: Floats
    bc: Floats
    cc: Floats
    per_det: Floats


def distances_to(points_mm: Floats, surface: Surface) -> Floats:
    """The distance of each point from the nearest point on any triangle.

    Args:
        points_mm: Shape (N, 3).
        surface: At least one triangle. Points that no triangle uses do not count.

    Returns:
        Shape (N,), in mm; never too small. It is what trying every triangle gives where the surface is smooth on
        the scale of its triangles; on a ragged one (a mask of noise) it may be too large, by an edge at most.
    """
    from scipy.spatial import cKDTree

    used = np.zeros(len(surface.points_mm), bool)
    used[surface.triangles] = True
    corners = surface.points_mm[used]
    fans = _fans(corners, (np.cumsum(used) - 1)[surface.triangles])
    tree = cKDTree(corners, balanced_tree=False, compact_nodes=False)
    parts = [points_mm[n : n + _CHUNK] for n in range(0, len(points_mm), _CHUNK)]
    return np.concatenate([_distances(part, corners, fans, tree) for part in parts] or [np.empty(0)])


def _distances(points: Floats, corners: Floats, fans: _Fans, tree: Any) -> Floats:
    squared, on_rim = _to_fans(points, tree.query(points)[1], corners, fans)
    again = np.flatnonzero(on_rim)
    for k in _MORE:
        if not len(again) or k > len(corners):
            break
        away, near = tree.query(points[again], k=k)
        tried, _ = _to_fans(np.repeat(points[again], k, axis=0), near.ravel(), corners, fans)
        squared[again] = np.minimum(squared[again], tried.reshape(-1, k).min(axis=1))
        # A corner further than the surface is no hint any more.
        again = again[away[:, -1] ** 2 < squared[again]]
    return np.sqrt(squared)


def _fans(corners: Floats, triangles: NDArray[np.intp]) -> _Fans:
    from scipy.sparse import csr_array

    # Counting sort by apex: as CSR rows of a matrix whose entries are the places in `triangles`.
    places = np.arange(triangles.size)
    sorted_ = csr_array((places, (triangles.ravel(), places)), shape=(len(corners), triangles.size))
    row, place = np.divmod(sorted_.indices, 3)
    apex = corners[triangles[row, place]]
    b = corners[triangles[row, (place + 1) % 3]] - apex
    c = corners[triangles[row, (place + 2) % 3]] - apex
    bb, bc, cc = _dot(b, b), _dot(b, c), _dot(c, c)
    determinant = bb * cc - bc * bc
    sound = determinant > 1e-12 * bb * cc
    per_det = np.divide(1, determinant, where=sound, out=np.zeros_like(bb))
    first = sorted_.indptr.astype(np.intp)
    return _Fans(first[:-1], np.diff(first), b, c, bb, bc, cc, per_det)


def _to_fans(
    points: Floats, apexes: NDArray[np.intp], corners: Floats, fans: _Fans
) -> tuple[Floats, NDArray[np.bool_]]:
    """Squared distance of each point from the fan of its apex, and whether the nearest is on the fan's rim."""
    count = fans.count[apexes]
    starts = np.cumsum(count) - count
    rows = np.repeat(fans.first[apexes] - starts, count) + np.arange(count.sum())
    p = points - corners[apexes]
    inner, rim = _to_triangles(np.repeat(p, count, axis=0), np.repeat(_dot(p, p), count), rows, fans)
    inner, rim = np.minimum.reduceat(inner, starts), np.minimum.reduceat(rim, starts)
    return np.maximum(np.minimum(inner, rim), 0), rim <= inner


def _to_triangles(p: Floats, pp: Floats, rows: NDArray[np.intp], fans: _Fans) -> tuple[Floats, Floats]:
    """Squared distances of points, as seen from the apex, from triangles: all but the edge b-c, and that edge.

    The nearest point of the plane is `s b + t c`; where it lies outside the triangle, an edge is nearer.
    """
    bb, bc, cc, per_det = fans.bb[rows], fans.bc[rows], fans.cc[rows], fans.per_det[rows]
    pb, pc = _dot(p, fans.b[rows]), _dot(p, fans.c[rows])
    s, t = (pb * cc - pc * bc) * per_det, (pc * bb - pb * bc) * per_det
    within = (s >= 0) & (t >= 0) & (s + t <= 1) & (per_det > 0)
    inner = np.where(within, pp - s * pb - t * pc, pp)
    np.minimum(inner, _to_edge(pp, pb, bb), out=inner)
    np.minimum(inner, _to_edge(pp, pc, cc), out=inner)
    rim = _to_edge(pp - 2 * pb + bb, pc - pb - bc + bb, bb - 2 * bc + cc)
    return inner, rim


def _to_edge(pp: Floats, pe: Floats, ee: Floats) -> Floats:
    """Squared distances from the edge 0-e, of a point p, by their products."""
    along = np.clip(np.divide(pe, ee, where=ee > 0, out=np.zeros_like(pe)), 0, 1)
    return pp - along * (2 * pe - along * ee)


def _dot(a: Floats, b: Floats) -> Floats:
    return np.einsum("ij,ij->i", a, b)
