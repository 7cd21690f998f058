"""Where structures are, so that patches can be drawn around them without looking through the whole case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Voxels kept of each label; nnU-Net's number.
MOST = 10_000

Positions = Mapping[int, NDArray[np.int32]]


def sample_positions(
    labels: NDArray[Any], ids: Sequence[int], rng: np.random.Generator, most: int = MOST
) -> tuple[dict[int, NDArray[np.int32]], dict[int, int]]:
    """Random voxels of each label, each at most once.

    Args:
        labels: Label map (I, J, K).
        ids: Which labels. 0 stands for all background, marked or not (ids below 0 are marks of it).
        rng: Where random numbers come from.
        most: How many voxels of a label at most.

    Returns:
        Indices (n, 3) in no order, and the number of voxels, by id; only ids that are there.
    """
    positions, voxels = {}, {}
    for id_ in ids:
        flat = np.flatnonzero(labels <= 0 if id_ == 0 else labels == id_)
        if len(flat):
            chosen = flat if len(flat) <= most else rng.choice(flat, most, replace=False)
            positions[id_] = np.stack(np.unravel_index(chosen, labels.shape), 1).astype(np.int32)
            voxels[id_] = len(flat)
    return positions, voxels


def as_table(positions: Positions) -> NDArray[np.int32]:
    """All positions as rows (id, i, j, k), for a file."""
    rows = [np.insert(where, 0, id_, axis=1) for id_, where in positions.items()]
    return np.concatenate([np.empty((0, 4), np.int32), *rows]).astype(np.int32)


def from_table(table: NDArray[np.int32]) -> dict[int, NDArray[np.int32]]:
    """The inverse of `as_table`."""
    return {int(id_): table[table[:, 0] == id_, 1:] for id_ in np.unique(table[:, 0])}
