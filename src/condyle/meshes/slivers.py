"""Slivers: shells that belong to no voxel, which cuts along one seam leave between them.

Two structures are cut along the smooth surface of each, and where they touch these surfaces run along one seam, now
the one and now the other a little ahead. What lies between them would go to whichever structure is cut last, be it far
away. Every part of a mask holds voxel centres, and no cut passes one; a shell without a centre of its structure is
such a rest, and goes to the structure whose voxels it lies in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from condyle.meshes.shape import Points, Triangles, area_vectors, shells_of, winding
from condyle.meshes.solid import solid, triangles_of
from condyle.space import bounding_box

if TYPE_CHECKING:
    from manifold3d import Manifold


def grown_into(labels: NDArray[Any], id_: int, before: Sequence[int]) -> NDArray[np.bool_]:
    """The voxels of a structure, and those of structures cut before it that are next to them, across corners too.

    So the structure's own cut runs inside what is gone already, not along the seam with it.

    Args:
        labels: Shape (I, J, K).
        id_: The structure.
        before: Ids of the structures cut before.
    """
    from scipy.ndimage import binary_dilation

    own: NDArray[np.bool_] = labels == id_
    box = bounding_box(own)
    if before and box is not None:
        around = box.grown(1, own.shape).slices
        own[around] |= binary_dilation(own[around], np.ones((3, 3, 3), bool)) & np.isin(labels[around], before)
    return own


def rehomed(
    made: dict[int, Manifold],
    labels: NDArray[Any],
    carried: NDArray[Any],
    spacing_mm: NDArray[np.float64],
    view: tuple[slice, ...],
) -> dict[int, Manifold]:
    """Solids whose slivers were given to the structures that they lie in; where that leaves them apart, dropped.

    Args:
        made: Id to solid, in mm along the array axes from the first voxel.
        labels: Shape (I, J, K).
        carried: The same, carried on into the background.
        spacing_mm: Shape (3,).
        view: The voxels in the field of view.
    """
    out, slivers = {}, {}
    for id_, one in made.items():
        out[id_], slivers[id_] = _parted(one, labels, id_, spacing_mm, view)
    for id_, lost in slivers.items():
        for points, triangles in lost:
            owner = _owner(points, triangles, carried, spacing_mm, [i for i in out if i != id_])
            if owner is not None:
                joined = out[owner] + solid(points, triangles)
                out[owner] = _parted(joined, labels, owner, spacing_mm, view)[0]
    return out


def _parted(
    made: Manifold, labels: NDArray[Any], id_: int, spacing_mm: NDArray[np.float64], view: tuple[slice, ...]
) -> tuple[Manifold, list[tuple[Points, Triangles]]]:
    """A solid without its slivers, and these."""
    points, triangles = triangles_of(made)
    shell_of, volumes = shells_of(points, triangles)
    # Shells that face inward are hollows.
    bodies = np.flatnonzero(volumes > 0)
    if len(bodies) < 2:
        return made, []
    first = np.array([s.start for s in view])
    centres = (_one_centre_a_part(labels[view] == id_) + first) * spacing_mm
    lost = []
    # The small ones first, so that few centres are left to look for in large ones.
    for shell in bodies[np.argsort(volumes[bodies])]:
        own = triangles[shell_of == shell]
        low, high = points[own].min(axis=(0, 1)), points[own].max(axis=(0, 1))
        near = np.flatnonzero(((centres > low) & (centres < high)).all(axis=1))
        found = next((n for n in near if winding(centres[n], points, own) > 0.5), None)
        if found is None:
            lost.append(int(shell))
        else:
            centres = np.delete(centres, found, axis=0)
    if len(lost) == len(bodies):
        lost.pop()
    if not lost:
        return made, []
    return solid(*_used(points, triangles[~np.isin(shell_of, lost)])), [
        _used(points, triangles[shell_of == shell]) for shell in lost
    ]


def _one_centre_a_part(mask: NDArray[np.bool_]) -> NDArray[np.intp]:
    """An index of each part of a mask that is joined by faces: shape (parts, 3)."""
    from scipy.ndimage import label

    numbers, count = label(mask)
    _, places = np.unique(numbers.ravel(), return_index=True)
    # Number 0, before the others, is what is outside.
    return np.stack(np.unravel_index(places[len(places) - count :], mask.shape), axis=1)


def _owner(
    points: Points, triangles: Triangles, carried: NDArray[Any], spacing_mm: NDArray[np.float64], ids: list[int]
) -> int | None:
    """The structure, of some, in whose voxels most of a shell's area lies."""
    middles = np.rint(points[triangles].mean(axis=1) / spacing_mm).astype(int)
    inside = carried[tuple(np.clip(middles, 0, np.array(carried.shape) - 1).T)]
    areas = np.linalg.norm(area_vectors(points, triangles), axis=1)
    of = {id_: float(areas[inside == id_].sum()) for id_ in ids}
    best = max(of, key=lambda id_: of[id_], default=None)
    return best if best is not None and of[best] > 0 else None


def _used(points: Points, triangles: Triangles) -> tuple[Points, Triangles]:
    """A surface without the points that no triangle uses."""
    used, corners = np.unique(triangles, return_inverse=True)
    return points[used], corners.reshape(-1, 3).astype(np.int32)
