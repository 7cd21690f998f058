"""Sampling a label map between its voxels: each corner of the cell votes, the heaviest label wins.

This is linear interpolation of every label's own 0/1 image followed by the argmax, without making those
images: in a cell whose eight corners agree nothing has to be weighed, and nearly all cells are such. A
label value is never averaged. Ties go to the nearest voxel's label.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Contested positions weighed at once: eight corners of them stay within a few MB.
_CHUNK = 1 << 17
_CORNERS = tuple(product((0, 1), repeat=3))


def vote(labels: NDArray[Any], positions: tuple[NDArray[np.float64], ...]) -> NDArray[Any]:
    """The label at fractional positions.

    Args:
        labels: Label map (I, J, K) of an integer type. Beyond its edges it goes on with its edge values.
        positions: Indices along i, j and k; three arrays that broadcast to the shape of the result, so that a
            rectangular raster is given by shapes (A, 1, 1), (1, B, 1), (1, 1, C).

    Returns:
        Labels of the broadcast shape.
    """
    below = [np.clip(np.floor(x).astype(np.intp), 0, n - 1) for x, n in zip(positions, labels.shape, strict=True)]
    nearest = [
        np.clip(np.floor(x + 0.5).astype(np.intp), 0, n - 1) for x, n in zip(positions, labels.shape, strict=True)
    ]
    out = _pick(labels, nearest)
    contested = np.flatnonzero(_pick(_disagreeing_cells(labels), below))
    flat = out.reshape(-1)
    for start in range(0, len(contested), _CHUNK):
        chosen = contested[start : start + _CHUNK]
        index = np.unravel_index(chosen, out.shape)
        at = [np.broadcast_to(x, out.shape)[index] for x in positions]
        flat[chosen] = _weigh(labels, at, flat[chosen])
    return out


def _pick(array: NDArray[Any], index: list[NDArray[np.intp]]) -> NDArray[Any]:
    """`array[index]`; a raster is picked axis by axis, which is much faster."""
    shape = np.broadcast_shapes(*(i.shape for i in index))
    if sum(i.size for i in index) == sum(shape):
        for axis, i in enumerate(index):
            array = np.take(array, i.ravel(), axis)
        return array
    picked: NDArray[Any] = array[tuple(index)]
    return picked


def _disagreeing_cells(labels: NDArray[Any]) -> NDArray[np.bool_]:
    """For each voxel whether the cell between it and its upper neighbours holds more than one label."""
    out = np.zeros(labels.shape, bool)
    for axis in range(3):
        lower = tuple(slice(None, -1) if a == axis else slice(None) for a in range(3))
        upper = tuple(slice(1, None) if a == axis else slice(None) for a in range(3))
        out[lower] |= labels[lower] != labels[upper]
    # An edge of the cell that does not touch its lowest corner: look one step along the two other axes.
    for axis in range(3):
        lower = tuple(slice(None, -1) if a == axis else slice(None) for a in range(3))
        upper = tuple(slice(1, None) if a == axis else slice(None) for a in range(3))
        out[lower] |= out[upper]
    return out


def _weigh(labels: NDArray[Any], at: list[NDArray[np.float64]], nearest: NDArray[Any]) -> NDArray[Any]:
    """The heaviest label at positions (N,) along each axis; `nearest` (N,) wins ties."""
    floors = [np.floor(x) for x in at]
    fractions = [(x - f).astype(np.float32) for x, f in zip(at, floors, strict=True)]
    votes, weights = [], []
    for corner in _CORNERS:
        index = [
            np.clip(f.astype(np.intp) + step, 0, n - 1) for f, step, n in zip(floors, corner, labels.shape, strict=True)
        ]
        votes.append(labels[tuple(index)])
        weights.append(np.prod([t if step else 1 - t for t, step in zip(fractions, corner, strict=True)], axis=0))
    best = nearest.copy()
    # The nearest label keeps its place unless another is heavier by more than rounding.
    heaviest = _total(best, votes, weights) + 1e-6
    for vote_ in votes:
        total = _total(vote_, votes, weights)
        better = total > heaviest
        best[better] = vote_[better]
        np.maximum(heaviest, total, out=heaviest)
    return best


def _total(label: NDArray[Any], votes: list[NDArray[Any]], weights: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    """The weight of all corners that vote for `label`, position by position."""
    total = np.zeros(len(label), np.float32)
    for vote_, weight in zip(votes, weights, strict=True):
        total += weight * (vote_ == label)
    return total
