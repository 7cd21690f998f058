"""The way from the grid of the scores back to the scan's: for each axis, which samples lie around a position."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.errors import DataError
from condyle.space.grid import Grid
from condyle.space.route import Route

#: Beyond the outermost faces by rounding only is still inside, in voxels.
_SLACK = 1e-4


@dataclass(frozen=True)
class Axis:
    """Where the target's positions along one source axis fall: between samples `low` and `high`.

    Args:
        low: Sample below, per position.
        high: Sample above.
        weight: Of `high`; `low` has the rest.
        inside: Whether the position lies within the source's field of view.
    """

    low: NDArray[np.intp]
    high: NDArray[np.intp]
    weight: NDArray[np.float32]
    inside: NDArray[np.bool_]

    @classmethod
    def of(cls, coordinates: NDArray[np.float64], size: int, *, nearest: bool) -> Axis:
        """From positions in voxels, which go on with the edge values beyond the first and last sample."""
        inside = (coordinates >= -0.5 - _SLACK) & (coordinates <= size - 0.5 + _SLACK)
        x = np.clip(np.floor(coordinates + 0.5) if nearest else coordinates, 0, size - 1)
        low = np.minimum(np.floor(x).astype(np.intp), size - 1)
        return cls(low, np.minimum(low + 1, size - 1), (x - low).astype(np.float32), inside)

    @property
    def span(self) -> slice:
        """The positions inside; they follow one another."""
        found = np.flatnonzero(self.inside)
        return slice(int(found[0]), int(found[-1]) + 1) if len(found) else slice(0, 0)

    @property
    def positions(self) -> NDArray[np.float64]:
        return np.asarray(self.low + self.weight, np.float64)


@dataclass(frozen=True)
class Way:
    """The way from a source grid to a target whose axes run along it."""

    axes: tuple[Axis, Axis, Axis]
    target_axes: tuple[int, int, int]

    @classmethod
    def between(cls, source: Grid, target: Grid, separate: int | None = None) -> Way:
        """The way between two grids.

        Args:
            source: Of the scores; its axes in the order of their array.
            target: Where labels are wanted.
            separate: A source axis along which the nearest sample is taken (nnU-Net's separate z).

        Raises:
            DataError: if the grids are oblique to each other.
        """
        route = Route.between(source, target)
        if route is None:
            raise DataError("grid", expected="a grid along the axes of the prepared scan", got=str(target))
        x, y, z = (
            Axis.of(c, n, nearest=axis == separate)
            for axis, (c, n) in enumerate(zip(route.coordinates, source.shape, strict=True))
        )
        return cls((x, y, z), route.target_axes)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of the target, in the order of the source's axes."""
        a, b, c = (len(axis.low) for axis in self.axes)
        return a, b, c

    def to_target(self, array: NDArray[Any]) -> NDArray[Any]:
        """The last three axes from the source's order to the target's."""
        n = array.ndim - 3
        return array.transpose([*range(n), *(n + a for a in self.target_axes)])
