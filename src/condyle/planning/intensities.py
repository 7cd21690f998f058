"""How intensities are distributed, exactly, in little memory.

A **distribution** is a list of levels in ascending order and the weight of each. Whole-number scans stay exact.
Where there are too many different values, neighbours are joined in groups of equal weight: a percentile is then off
by less than one part in 65,536 of the voxels, whatever outliers there are.

nnU-Net draws the same number of foreground voxels from every case, with replacement. What it estimates in this way
is the distribution in which every case weighs the same, and that is the one taken here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: More levels than this are joined to as many.
MOST_LEVELS = 1 << 16

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Intensity:
    """The intensities of foreground voxels over a dataset, each case weighing the same.

    Args:
        mean: Mean.
        std: Standard deviation.
        median: 50th percentile.
        low: 0.5th percentile.
        high: 99.5th percentile.
        min: Smallest value.
        max: Largest value.
    """

    mean: float
    std: float
    median: float
    low: float
    high: float
    min: float
    max: float


@dataclass(frozen=True, eq=False)
class Distribution:
    """Levels and their weights.

    Args:
        levels: Values in ascending order, each once.
        weights: Weight of each, above 0.
        squares: Mean square of the values within each level, which joining would else lose.
        min: Smallest value, which a joined level no longer tells.
        max: Largest value.
    """

    levels: Floats
    weights: Floats
    squares: Floats
    min: float
    max: float

    @classmethod
    def of(cls, values: NDArray[Any]) -> Distribution:
        """Of the values of a case, one or more, its weights adding up to 1."""
        levels, counts = np.unique(values, return_counts=True)
        levels = levels.astype(np.float64)
        return _made(levels, counts.astype(np.float64) / values.size, levels**2)

    @classmethod
    def joined(cls, parts: Sequence[Distribution]) -> Distribution:
        """Of several cases together."""
        levels, place = np.unique(np.concatenate([p.levels for p in parts]), return_inverse=True)
        weights = np.concatenate([p.weights for p in parts])
        squares = np.concatenate([p.squares for p in parts])
        weight: Floats = np.bincount(place, weights).astype(np.float64)
        made = _made(levels, weight, np.bincount(place, weights * squares) / weight)
        return cls(made.levels, made.weights, made.squares, min(p.min for p in parts), max(p.max for p in parts))

    def percentile(self, percent: float) -> float:
        """The smallest level at or below which lies this much of the weight."""
        reached = np.cumsum(self.weights)
        # Sums of many weights are a little off: half a voxel in a thousand million does not count.
        at = np.searchsorted(reached, percent / 100 * reached[-1] * (1 - 1e-12))
        return float(self.levels[min(int(at), len(self.levels) - 1)])

    def summary(self) -> Intensity:
        """Its numbers."""
        total = self.weights.sum()
        mean = float((self.weights * self.levels).sum() / total)
        # About the mean, so that no small difference of large numbers is taken.
        inner = self.squares - self.levels**2
        variance = float((self.weights * ((self.levels - mean) ** 2 + inner)).sum() / total)
        low, median, high = (self.percentile(p) for p in (0.5, 50.0, 99.5))
        return Intensity(mean, max(variance, 0.0) ** 0.5, median, low, high, self.min, self.max)


def _made(levels: Floats, weights: Floats, squares: Floats) -> Distribution:
    """A distribution of at most `MOST_LEVELS`; neighbours are joined by equal weight where there are more."""
    ends = float(levels[0]), float(levels[-1])
    if len(levels) > MOST_LEVELS:
        middle = np.cumsum(weights) - weights / 2
        group = (middle / weights.sum() * MOST_LEVELS).astype(np.int64)
        start = np.flatnonzero(np.diff(group, prepend=-1))
        joined = np.add.reduceat(weights, start)
        levels = np.add.reduceat(weights * levels, start) / joined
        squares = np.add.reduceat(weights * squares, start) / joined
        weights = joined
    return Distribution(levels, weights, squares, *ends)
