"""From the prepared grid back to the scan's, plane after plane, never with all scores at once.

Scores are interpolated linearly and the labels chosen there, as nnU-Net does. But where the eight scores around a
place all choose the same label, every mean of them does too: only places where labels meet need the work.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.errors import DataError
from condyle.predict.decide import Rule, Scores, choose, painted, probabilities
from condyle.predict.scratch import nameless
from condyle.space.grid import Grid
from condyle.space.route import Route
from condyle.space.separable import interpolate

#: Contested places weighed at once.
_CHUNK = 1 << 15
#: Beyond the outermost faces by rounding only is still inside, in voxels.
_SLACK = 1e-4

Labels = NDArray[np.uint8] | NDArray[np.uint16]


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


def restored_labels(
    planes: Iterable[Scores], source: Grid, target: Grid, rule: Rule, *, separate: int | None = None
) -> Labels:
    """Labels on the scan's grid from scores on the prepared one.

    Args:
        planes: Scores (K, *source.shape[1:]), one after another along the source's first axis: an array of all
            scores turned by `each_plane`, or `slide.planes` itself.
        source: Grid of the scores.
        target: Grid of the scan. Outside the source's field of view it is background.
        rule: What channels stand for.
        separate: See `Way.between`.

    Returns:
        Labels of `target`'s shape.
    """
    way = Way.between(source, target, separate)
    table = painted(rule)
    out = np.zeros(way.shape, table.dtype)
    within = (way.axes[1].span, way.axes[2].span)
    for row, below, above in _rows(planes, way.axes[0], rule):
        chosen = _chosen(below, above, float(way.axes[0].weight[row]), way, rule)
        out[row][within] = table[chosen][within]
    return way.to_target(out)


def restored_probabilities(
    planes: Iterable[Scores],
    source: Grid,
    target: Grid,
    rule: Rule,
    *,
    separate: int | None = None,
    scratch: Path | None = None,
) -> Scores:
    """Probabilities on the scan's grid; other arguments as `restored_labels`.

    Args:
        scratch: A folder for them, where memory is short: the result is then a map of a file without a name.

    Returns:
        float32 (K, *target.shape). Outside the source's field of view background is certain.
    """
    way = Way.between(source, target, separate)
    shape = (len(rule.ids), *way.shape)
    out = np.zeros(shape, np.float32) if scratch is None else nameless(scratch, shape)[0]
    if not rule.regions:
        out[0] = 1
    within = (way.axes[1].span, way.axes[2].span)
    for row, below, above in _rows(planes, way.axes[0], rule):
        weight = float(way.axes[0].weight[row])
        scores = below.dense(way) if weight == 0 else (1 - weight) * below.dense(way) + weight * above.dense(way)
        out[(slice(None), row, *within)] = probabilities(scores, rule)[(slice(None), *within)]
    return way.to_target(out)


def each_plane(scores: Scores) -> Iterator[Scores]:
    """The planes of an array of scores (K, *spatial) along its first spatial axis."""
    for n in range(scores.shape[1]):
        yield np.ascontiguousarray(scores[:, n])


class _Plane:
    """One plane of scores (K, j, k) with what is worked out of it, once."""

    def __init__(self, scores: Scores, rule: Rule) -> None:
        self.scores = scores
        self.choice = choose(scores, rule)
        self._dense: Scores | None = None

    def dense(self, way: Way) -> Scores:
        """The scores at every target position of the plane."""
        if self._dense is None:
            _, y, z = way.axes
            channels = np.arange(len(self.scores), dtype=np.float64)
            self._dense = interpolate(self.scores, (channels, y.positions, z.positions), (0, 1, 1))
        return self._dense


def _rows(planes: Iterable[Scores], axis: Axis, rule: Rule) -> Iterator[tuple[int, _Plane, _Plane]]:
    """Every target row inside the field of view, with the two planes around it."""
    waiting: dict[int, list[int]] = {}
    for row in np.flatnonzero(axis.inside).tolist():
        needs = axis.high[row] if axis.weight[row] > 0 else axis.low[row]
        waiting.setdefault(int(needs), []).append(row)
    last: _Plane | None = None
    for n, scores in enumerate(planes):
        plane = _Plane(scores, rule)
        for row in waiting.get(n, []):
            yield row, plane if last is None or axis.low[row] == n else last, plane
        last = plane


def _chosen(below: _Plane, above: _Plane, weight: float, way: Way, rule: Rule) -> NDArray[np.uint16]:
    """The choice at every position of one target row."""
    _, y, z = way.axes
    a, b = below.choice, above.choice
    mixed = a != b
    cell = mixed.copy()
    cell[:-1] |= mixed[1:] | (a[:-1] != a[1:])
    cell[:, :-1] |= mixed[:, 1:] | (a[:, :-1] != a[:, 1:])
    cell[:-1, :-1] |= mixed[1:, 1:] | (a[:-1, :-1] != a[1:, 1:])
    out = a.take(y.low, 0).take(z.low, 1)
    contested = np.flatnonzero(cell.take(y.low, 0).take(z.low, 1))
    flat = out.reshape(-1)
    for start in range(0, len(contested), _CHUNK):
        places = contested[start : start + _CHUNK]
        j, k = np.divmod(places, len(z.low))
        flat[places] = choose(_interpolated(below, above, weight, (y, j), (z, k)), rule)
    return out


def _interpolated(
    below: _Plane,
    above: _Plane,
    weight: float,
    at_j: tuple[Axis, NDArray[np.intp]],
    at_k: tuple[Axis, NDArray[np.intp]],
) -> Scores:
    """Scores (K, n) at n places, in one row, linear along all three axes."""
    (y, j), (z, k) = at_j, at_k
    width = below.scores.shape[2]
    out = np.zeros((len(below.scores), len(j)), np.float32)
    for (plane, wx), upper_j, upper_k in product(((below, 1 - weight), (above, weight)), (False, True), (False, True)):
        if wx == 0:
            continue
        index = (y.high if upper_j else y.low)[j] * width + (z.high if upper_k else z.low)[k]
        w = wx * (y.weight[j] if upper_j else 1 - y.weight[j]) * (z.weight[k] if upper_k else 1 - z.weight[k])
        out += plane.scores.reshape(len(out), -1).take(index, 1) * w
    return out
