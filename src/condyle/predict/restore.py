"""From the prepared grid back to the scan's, plane after plane, never with all scores at once.

Scores are interpolated linearly and the labels chosen there, as nnU-Net does. But where the eight scores around a
place all choose the same label, every mean of them does too: only places where labels meet need the work.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from condyle.predict.decide import Rule, Scores, choose, painted, probabilities
from condyle.predict.scratch import nameless
from condyle.predict.way import Axis, Way
from condyle.space.grid import Grid
from condyle.space.separable import interpolate

#: Contested places weighed at once.
_CHUNK = 1 << 15

Labels = NDArray[np.uint8] | NDArray[np.uint16]


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
    return way.to_target(_labels(planes, way, rule, None))


def restored_with_probabilities(
    planes: Iterable[Scores],
    source: Grid,
    target: Grid,
    rule: Rule,
    *,
    separate: int | None = None,
    scratch: Path | None = None,
) -> tuple[Labels, Scores]:
    """The labels and the probabilities behind them, in one go; other arguments as `restored_labels`.

    Args:
        scratch: A folder for the probabilities, where memory is short: they are then a map of a file without a name.

    Returns:
        The labels, and float32 (K, *target.shape). Outside the source's field of view background is certain.
    """
    way = Way.between(source, target, separate)
    shape = (len(rule.ids), *way.shape)
    p = np.zeros(shape, np.float32) if scratch is None else nameless(scratch, shape)[0]
    if not rule.regions:
        p[0] = 1
    return way.to_target(_labels(planes, way, rule, p)), way.to_target(p)


def _labels(planes: Iterable[Scores], way: Way, rule: Rule, p: Scores | None) -> Labels:
    """Labels of the way's shape; probabilities go to `p` (K, *way.shape)."""
    table = painted(rule)
    out = np.zeros(way.shape, table.dtype)
    within = (way.axes[1].span, way.axes[2].span)
    for row, below, above in _rows(planes, way.axes[0], rule):
        weight = float(way.axes[0].weight[row])
        out[row][within] = table[_chosen(below, above, weight, way, rule)][within]
        if p is not None:
            scores = below.dense(way) if weight == 0 else (1 - weight) * below.dense(way) + weight * above.dense(way)
            p[(slice(None), row, *within)] = probabilities(scores, rule)[(slice(None), *within)]
    return out


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
