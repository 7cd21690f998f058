"""The part of a scan that is not padding: its **non-zero region**.

Scans are often padded with 0, or cut free from what surrounds the body. The non-zero region is every voxel that is
not 0 in some channel, and every 0 that such voxels enclose (nnU-Net's definition; paths go through faces).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.space import Box, bounding_box

Mask = NDArray[np.bool_]


def nonzero_box(channels: Sequence[NDArray[Any]]) -> Box | None:
    """The smallest box around the non-zero region, or None where every voxel is 0.

    Args:
        channels: Arrays of one shape (I, J, K).
    """
    # What is enclosed lies within the box of what encloses it: holes need not be filled here.
    return bounding_box(_nonzero(channels))


def nonzero_region(channels: Sequence[NDArray[Any]]) -> Mask:
    """The non-zero region, bool (I, J, K), of arrays of that shape."""
    mask = _nonzero(channels)
    if all(np.take(mask, end, axis).all() for axis in range(3) for end in (0, -1)):
        # Nothing leads in from the border: every 0 is enclosed.
        return np.ones_like(mask)
    return ~_joined_to_border(~mask)


def _nonzero(channels: Sequence[NDArray[Any]]) -> Mask:
    mask: Mask = channels[0] != 0
    for channel in channels[1:]:
        mask |= channel != 0
    return mask


def _joined_to_border(mask: Mask) -> Mask:
    """The connected parts of a mask that reach the border of the array."""
    from scipy.ndimage import label

    parts, found = label(mask)
    reaches = np.zeros(found + 1, bool)
    for axis in range(3):
        for end in (0, -1):
            reaches[np.take(parts, end, axis)] = True
    reaches[0] = False
    return reaches[parts]
