"""Structures that touch: one outer surface, cut into parts that share their faces.

Smoothing each structure for itself would leave gaps and overlaps between them. Instead the union of all that
touch is smoothed as one body, and cut, structure by structure, along the smooth surface of the one carried on
a few voxels beyond the union. A cut leaves the same face on both sides.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.errors import DataError

#: Voxels that a structure is carried on into the background, so that its cut passes through the union's
#: surface instead of running along it.
_BEYOND = 3

#: Limits of what is meshed, each some twenty seconds of work.
_MOST_FACES = 3_000_000
_MOST_SEAMS = 20_000

#: More faces a voxel than this are noise, and cutting it takes longer.
_NOISY = 1.5
_MOST_NOISY_FACES = 500_000


def touching_groups(labels: NDArray[Any], ids: Sequence[int]) -> list[tuple[int, ...]]:
    """The ids in groups of those that share a voxel face, directly or through others; each group ascending.

    Args:
        labels: Label map.
        ids: Ids to look at; others count as background.
    """
    root = {id_: id_ for id_ in ids}

    def find(id_: int) -> int:
        while root[id_] != id_:
            id_ = root[id_]
        return id_

    for axis in range(3):
        lower, upper = _pairs(labels, axis)
        differ = (lower != upper) & (lower != 0) & (upper != 0)
        pairs = np.unique(lower[differ].astype(np.uint32) << 16 | upper[differ])
        for a, b in zip((pairs >> 16).tolist(), (pairs & 0xFFFF).tolist(), strict=True):
            if a in root and b in root:
                root[max(find(a), find(b))] = min(find(a), find(b))
    groups: dict[int, list[int]] = {}
    for id_ in sorted(ids):
        groups.setdefault(find(id_), []).append(id_)
    return [tuple(group) for group in groups.values()]


def carried_on(labels: NDArray[Any]) -> NDArray[Any]:
    """The label map with every structure grown into the background by `_BEYOND` voxels, none into another."""
    out = labels.copy()
    for _ in range(_BEYOND):
        before = out.copy()
        for axis in range(3):
            low, high = _pairs(out, axis)
            from_low, from_high = _pairs(before, axis)
            np.copyto(low, from_high, where=low == 0)
            np.copyto(high, from_low, where=high == 0)
    return out


def refuse_noise(labels: NDArray[Any]) -> None:
    """Raise a `DataError` if a label map has more surface, or more length of seams, than can be meshed in time.

    A **seam** is where two structures and the background meet. Cutting takes most of its time there.
    """
    faces = seams = 0
    voxels = int((labels != 0).sum())
    for axis in range(3):
        lower, upper = _pairs(labels, axis)
        differ = lower != upper
        faces += int(differ.sum())
        for other in range(3):
            if other != axis:
                (a, b), (c, d) = _pairs(lower, other), _pairs(upper, other)
                # The four voxels around an edge: two different structures side by side, and background.
                contact = (a != c) & (a != 0) & (c != 0)
                seams += int((contact & ((b == 0) | (d == 0))).sum())
    most_faces = _MOST_FACES if faces < _NOISY * voxels else _MOST_NOISY_FACES
    if faces > most_faces or seams > _MOST_SEAMS:
        raise DataError(
            "label map",
            expected=f"structures of at most {most_faces:,} voxel faces and {_MOST_SEAMS:,} voxels of seams",
            got=f"{faces:,} and {seams:,}",
            hint="It looks like noise: clean it, or keep its largest parts, first.",
        )


def _pairs(array: NDArray[Any], axis: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Views of all voxels but the last along an axis, and of their upper neighbours."""
    moved = np.moveaxis(array, axis, 0)
    return moved[:-1], moved[1:]
