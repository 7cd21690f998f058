"""A network for processors: coarse enough to see most of a scan at once, small enough to learn in minutes.

* **level**: the spacing up to which all finer axes are coarsened; axes coarser than it stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from condyle.planning.families import FAMILIES, Family
from condyle.planning.fingerprint import StructureFacts
from condyle.planning.spacing import Floats

#: Voxels of the median scan, at most, on the quick network's grid.
MOST_VOXELS = 88**3
#: A slab must stay this many voxels thick; rods and balls, whose thickness counts less, stay twice and three times so.
LEAST_VOXELS_THICK = 2.0

#: Memory of a training step by nnU-Net's yardstick; its two patches have about 75^3 voxels each.
_STEP_GB = 0.43
#: 16 to 128 channels; one convolution where the image is full size, and one a stage on the way up.
FAMILY = Family(
    kind="plain_unet",
    blocks=(1, 2),
    decoder_blocks=(1,),
    reference_gb=_STEP_GB,
    reference={dim: maps * _STEP_GB / 8 for dim, maps in FAMILIES["plain"].reference.items()},
    largest_share=1.0,
    shrinks_to_least=False,
    first=16,
    most=(128, 128),
    most_stages=5,
)


def level_for_size(target_mm: Floats, median_shape: Floats) -> float:
    """The level at which the median scan has no more than `MOST_VOXELS`; the finest target where it has anyway."""
    extent_mm, order = target_mm * median_shape, np.argsort(target_mm)
    levels = []
    for count in (1, 2, 3):
        # As if just the `count` finest axes were coarsened.
        most = MOST_VOXELS / float(np.prod(median_shape[order[count:]]))
        levels.append((float(np.prod(extent_mm[order[:count]])) / most) ** (1 / count))
    # So many are, as stay finer than the next axis.
    ends = (*target_mm[order[1:]].tolist(), float("inf"))
    level = next(level for level, end in zip(levels, ends, strict=True) if level <= end)
    return max(level, float(target_mm.min()))


def level_for_structures(structures: Sequence[StructureFacts]) -> float:
    """The level at which the thinnest structure is still a few voxels thick; infinite if none was found."""
    found = [s.thickness_mm for s in structures if s.cases]
    return min(found, default=float("inf")) / LEAST_VOXELS_THICK


def quick_spacing(target_mm: Floats, median_shape: Floats, structures: Sequence[StructureFacts]) -> Floats:
    """As coarse as the scan's size asks for and its structures allow, and never finer than the target."""
    level = min(level_for_size(target_mm, median_shape), level_for_structures(structures))
    return np.maximum(target_mm, level)


def share_seen(patch: Sequence[int], shape: Sequence[float]) -> float:
    """Share of the median scan that a patch covers, at most 1."""
    return prod(min(p / n, 1.0) for p, n in zip(patch, shape, strict=True))
