"""What differs between two versions of a label map, in ml and mm."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.labels import Labels
from condyle.meshes.boxes import joined_box
from condyle.space import Box, Grid, bounding_box


@dataclass(frozen=True)
class StructureChange:
    """How one structure changed.

    Args:
        before_ml: Its volume before; `after_ml` likewise.
        after_ml: See there.
        added_ml: Volume that it gained.
        removed_ml: Volume that it lost.
        largest_mm: The farthest that its outline moved: of the voxels that were added, or removed, the one farthest
            from what was, or is, the structure. None where it is new or gone.
    """

    before_ml: float
    after_ml: float
    added_ml: float
    removed_ml: float
    largest_mm: float | None


@dataclass(frozen=True)
class Changed:
    """All that changed.

    Args:
        voxels: How many have another label.
        largest_mm: The largest of the structures'; None if none has one.
        structures: By name; those that did not change are left out.
    """

    voxels: int
    largest_mm: float | None
    structures: dict[str, StructureChange]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def changed(before: NDArray[Any] | None, after: NDArray[Any], grid: Grid, labels: Labels) -> Changed:
    """Compare two label maps.

    Args:
        before: Shape (I, J, K); None if there was none.
        after: The same shape.
        grid: Where both lie.
        labels: Names of the ids.
    """
    old = np.zeros_like(after) if before is None else before
    box = bounding_box(old != after)
    if box is None:
        return Changed(0, 0.0, {})
    differs = (old != after)[box.slices]
    ids = set(np.unique(old[box.slices][differs]).tolist()) | set(np.unique(after[box.slices][differs]).tolist())
    names = {s.id: s.name for s in labels.structures}
    found = {names.get(id_, f"label {id_}"): _structure(id_, old, after, box, grid) for id_ in sorted(ids - {0})}
    known = [s.largest_mm for s in found.values() if s.largest_mm is not None]
    return Changed(int(np.count_nonzero(differs)), max(known, default=None), found)


def _structure(id_: int, before: NDArray[Any], after: NDArray[Any], box: Box, grid: Grid) -> StructureChange:
    """How one structure changed; all that changed at all lies in `box`."""
    whole = bounding_box(before == id_)
    # Both versions lie in here: a small part of most scans.
    here = (box if whole is None else joined_box((whole, box))).slices
    old, new = before[here] == id_, after[here] == id_
    ml = grid.voxel_volume_mm3 / 1000
    added, removed = new & ~old, old & ~new
    counts = [int(np.count_nonzero(mask)) for mask in (old, new, added, removed)]
    largest = None
    if counts[0] and counts[1]:
        largest = round(max(_farthest_mm(added, old, grid), _farthest_mm(removed, new, grid)), 3)
    before_ml, after_ml, added_ml, removed_ml = (round(count * ml, 4) for count in counts)
    return StructureChange(before_ml, after_ml, added_ml, removed_ml, largest)


def _farthest_mm(voxels: NDArray[np.bool_], mask: NDArray[np.bool_], grid: Grid) -> float:
    """The largest distance of a voxel from a mask that is not empty; 0 where there is no voxel."""
    if not voxels.any():
        return 0.0
    from scipy.spatial import KDTree

    border = mask & ~_eroded(mask)
    distances, _ = KDTree(grid.to_world(np.argwhere(border))).query(grid.to_world(np.argwhere(voxels)))
    return float(np.max(distances))


def _eroded(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Voxels whose six neighbours are all in the mask; none at the rim of the array."""
    out = np.zeros_like(mask)
    inner = (slice(1, -1),) * 3
    kept = mask[inner].copy()
    for axis in range(3):
        for step in (slice(None, -2), slice(2, None)):
            kept &= mask[tuple(step if a == axis else slice(1, -1) for a in range(3))]
    out[inner] = kept
    return out
