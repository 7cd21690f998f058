"""Interpolation along one axis as a banded matrix.

Interpolating with B-splines is linear and separable: along each axis the new samples are a matrix times
the old ones. The matrix of cubic B-splines is the spline prefilter (a recursive filter whose response
falls by 0.27 a sample) followed by four weights, so all but a narrow band of it is zero to the eye of
single precision. Multiplying by blocks of that band is much faster than filtering and gathering voxel by
voxel, and the numbers are the same.

Reference: Unser, "Splines: a perfect fit for signal and image processing", IEEE SPM 1999.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Order = Literal[0, 1, 3]

#: Weights below this do not reach single precision and are left out of the band.
_NEGLIGIBLE = 1e-8
#: Rows of a block: small blocks multiply fewer zeros, large ones keep the processor busy.
_ROWS = 32
#: Samples of edge value put around the signal before the prefilter. Its response has fallen to 1e-7 there,
#: and scipy.ndimage uses as many, whose numbers are thus met at the edges too.
_EDGE = 12


@dataclass(frozen=True)
class Block:
    """Rows `start` to `stop` of the operator, which need samples `first` to `last` only."""

    start: int
    stop: int
    first: int
    last: int
    weights: NDArray[np.float32]


@dataclass(frozen=True)
class AxisOperator:
    """Takes the samples along an axis to `n_out` samples, as blocks of a banded matrix."""

    n_out: int
    blocks: tuple[Block, ...]


def axis_operator(n_in: int, coordinates: NDArray[np.float64], order: Order) -> AxisOperator:
    """The operator that samples a signal at fractional positions.

    Args:
        n_in: Length of the signal. Beyond its ends it goes on with its end values.
        coordinates: Positions in units of samples, ascending or descending.
        order: 0 nearest, 1 linear, 3 cubic B-spline.
    """
    matrix = _matrix(n_in, np.clip(coordinates, -0.5, n_in - 0.5), order)
    blocks = []
    for start in range(0, len(matrix), _ROWS):
        rows = matrix[start : start + _ROWS]
        used = np.flatnonzero((np.abs(rows) > _NEGLIGIBLE).any(axis=0))
        first, last = int(used[0]), int(used[-1]) + 1
        weights = np.ascontiguousarray(rows[:, first:last], np.float32)
        blocks.append(Block(start, start + len(rows), first, last, weights))
    return AxisOperator(len(matrix), tuple(blocks))


def _matrix(n_in: int, x: NDArray[np.float64], order: Order) -> NDArray[np.float64]:
    """The full matrix (n_out, n_in) in double precision."""
    if order == 0:
        return np.eye(n_in)[np.clip(np.floor(x + 0.5).astype(int), 0, n_in - 1)]
    if order == 1:
        left = np.floor(x).astype(int)
        basis = np.eye(n_in)
        weight = (x - left)[:, None]
        below, above = np.clip(left, 0, n_in - 1), np.clip(left + 1, 0, n_in - 1)
        return (1 - weight) * basis[below] + weight * basis[above]
    return _cubic_matrix(n_in, x)


def _cubic_matrix(n_in: int, x: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.ndimage import spline_filter1d

    padded = np.pad(np.eye(n_in), ((_EDGE, _EDGE), (0, 0)), mode="edge")
    coefficients = spline_filter1d(padded, order=3, axis=0, mode="nearest")
    left = np.floor(x).astype(int)
    t = (x - left)[:, None]
    weights = ((1 - t) ** 3 / 6, (4 - 6 * t**2 + 3 * t**3) / 6, (1 + 3 * t + 3 * t**2 - 3 * t**3) / 6, t**3 / 6)
    return np.sum([w * coefficients[left + _EDGE + n - 1] for n, w in enumerate(weights)], axis=0)
