"""Where in a label map each structure lies, found in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from condyle.space import Box


def boxes_of(labels: NDArray[Any]) -> dict[int, Box]:
    """Id to the smallest box around its voxels, ascending, for each id above 0 that is there."""
    from scipy.ndimage import find_objects

    found = enumerate(find_objects(labels), 1)
    return {
        id_: Box((i.start, j.start, k.start), (i.stop, j.stop, k.stop))
        for id_, (i, j, k) in ((id_, slices) for id_, slices in found if slices is not None)
    }


def joined_box(boxes: Sequence[Box]) -> Box:
    """The smallest box around one or more boxes."""
    i, j, k = (min(starts) for starts in zip(*(box.start for box in boxes), strict=True))
    a, b, c = (max(stops) for stops in zip(*(box.stop for box in boxes), strict=True))
    return Box((i, j, k), (a, b, c))
