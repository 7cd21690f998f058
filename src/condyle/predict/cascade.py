"""A cascade: the second network sees, beside the scan, what the first one found, a channel a structure.

The first network's label map goes through `prepare` with the scan, as labels; that puts it on the second's grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def cascaded(array: NDArray[np.float32], found: NDArray[Any], ids: Sequence[int]) -> NDArray[np.float32]:
    """The input of a cascade's second network.

    Args:
        array: The prepared scan (C, *spatial).
        found: The first network's labels on the same grid (*spatial).
        ids: Structures that get a channel, in the order the network was trained with.

    Returns:
        float32 (C + len(ids), *spatial): behind the scan one channel a structure, 1 where it was found.
    """
    out = np.empty((len(array) + len(ids), *array.shape[1:]), np.float32)
    out[: len(array)] = array
    for channel, id_ in zip(out[len(array) :], ids, strict=True):
        channel[...] = found == id_
    return out
