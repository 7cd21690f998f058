"""Choosing a threshold from the scan itself."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: A scan that reaches below this is a CT in HU with air in it.
_AIR_PRESENT_HU = -500
#: What is left out of such a scan before bone is told from the rest.
_AIR_HU = -200


def otsu(values: NDArray[Any], bins: int = 1024) -> float:
    """The value that best parts the histogram in two: it maximises the variance between the parts.

    Returns:
        The upper edge of the last bin of the lower part.

    Reference: Otsu, "A threshold selection method from gray-level histograms", IEEE SMC 1979.
    """
    counts, edges = np.histogram(values, bins)
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)[:-1].astype(float)
    above = counts.sum() - below
    sums = np.cumsum(counts * centres)
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = sums[:-1] / below - (sums[-1] - sums[:-1]) / above
        between = np.nan_to_num(below * above * gap**2)
    # Where a wide gap lies between the parts, any value in it is as good: take its middle.
    best = np.flatnonzero(between >= between.max() * (1 - 1e-9))
    return float(edges[1:-1][best].mean())


def bone_threshold(scan: NDArray[Any]) -> float:
    """Otsu's threshold between bone and what lies around it.

    In a CT the air is left out first, for otherwise the best parting is between air and everything else.
    """
    if scan.min() < _AIR_PRESENT_HU:
        return otsu(scan[scan > _AIR_HU])
    return otsu(scan)
