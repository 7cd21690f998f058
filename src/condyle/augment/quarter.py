"""Quarter turns and axes in another order, which move voxels without interpolating."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from condyle.augment.brick import Shape
from condyle.augment.turn import Matrix


@dataclass(frozen=True)
class QuarterTurn:
    """Up to three quarter turns in the plane of two axes of the same size.

    Args:
        p: How often.
    """

    p: float

    def draw(self, patch: Shape, rng: np.random.Generator, side: int | None) -> Matrix:
        axes = _equal_axes(patch, side)
        out = np.eye(len(patch))
        if rng.random() < self.p and len(axes) > 1:
            a, b = rng.choice(axes, 2, replace=False)
            quarter = np.eye(len(patch))
            quarter[[a, b, a, b], [a, b, b, a]] = 0, 0, -1, 1
            out = np.linalg.matrix_power(quarter, int(rng.integers(4)))
        return out

    def reach(self, patch: Shape) -> Shape:
        return patch


@dataclass(frozen=True)
class Transpose:
    """Axes of the same size in any order.

    Args:
        p: How often.
    """

    p: float

    def draw(self, patch: Shape, rng: np.random.Generator, side: int | None) -> Matrix:
        axes = _equal_axes(patch, side)
        order = np.arange(len(patch))
        if rng.random() < self.p and len(axes) > 1:
            order[axes] = rng.permutation(axes)
        return np.eye(len(patch))[order]

    def reach(self, patch: Shape) -> Shape:
        return patch


@dataclass(frozen=True)
class Views:
    """The scan as cut along each of its axes in turn, each as likely; the patch may have any shape.

    After the low-field knee study, which trained on axial, coronal and sagittal stacks.
    """

    def draw(self, patch: Shape, rng: np.random.Generator, side: int | None) -> Matrix:
        orders = [order for order in _views(len(patch)) if side is None or order[side] == side]
        # Axis n of the patch is axis order[n] of the scan.
        return np.eye(len(patch))[:, list(orders[rng.integers(len(orders))])]

    def reach(self, patch: Shape) -> Shape:
        return (max(patch),) * len(patch)


def _views(dim: int) -> list[Shape]:
    """Each axis once to the front, the others as they were."""
    return [(first, *(axis for axis in range(dim) if axis != first)) for first in range(dim)]


def _equal_axes(patch: Shape, side: int | None) -> list[int]:
    """The largest set of axes of one size, left-right not among them."""
    free = [axis for axis in range(len(patch)) if axis != side]
    groups = [[axis for axis in free if patch[axis] == n] for n in patch]
    return max(groups, key=len)
