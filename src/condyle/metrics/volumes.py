"""How large structures are."""

from __future__ import annotations

from condyle.labels import Labels, id_counts
from condyle.space import Volume


def volumes_ml(mask: Volume, labels: Labels) -> dict[str, float]:
    """The volume of each structure of the labels, 0 where it is not there: its voxels, each counted in full."""
    counts = id_counts(mask.array, max(labels.ids, default=0))
    return {s.name: float(counts[s.id]) * mask.grid.voxel_volume_mm3 / 1000 for s in labels.structures}
