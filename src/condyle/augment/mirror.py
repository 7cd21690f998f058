"""Mirroring that keeps left and right.

A scan mirrored along the patient's left-right shows a left femur on the right: to a network it must be called a right
one, so sided labels become their partners. Where a sided structure has no partner among the labels (one leg alone was
labelled), the mirrored scan would show bone that nobody labelled; then that axis is never mirrored. Along other axes
left stays left, and labels stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from condyle.augment.turn import Matrix
from condyle.errors import ConfigError
from condyle.labels import Labels


@dataclass(frozen=True)
class Mirroring:
    """Along which axes patches are mirrored, and what that does to labels.

    Args:
        axes: Of the patch, each mirrored as often as not.
        side: The axis along left-right, where labels have sides; nothing else may carry left to the right along it.
        swap: Pairs of ids that change places when that axis is mirrored.
    """

    axes: tuple[int, ...] = ()
    side: int | None = None
    swap: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, labels: Labels, side_axis: int | None, dim: int, wanted: Sequence[int] | None = None) -> Mirroring:
        """Safe mirroring for a label table.

        Args:
            labels: With sides and partners.
            side_axis: The axis of the patch along the patient's left-right; None where it is none of them.
            dim: Axes of the patch.
            wanted: Those to be mirrored where that is safe; all of them if None.

        Raises:
            ConfigError: if an axis is not one of the patch.
        """
        wanted = _checked(range(dim) if wanted is None else wanted, dim)
        _checked([] if side_axis is None else [side_axis], dim)
        sided = [s for s in labels.structures if s.side is not None or s.mirror is not None]
        if side_axis is None or not sided:
            return cls(wanted)
        if any(s.mirror is None for s in sided):
            return cls(tuple(axis for axis in wanted if axis != side_axis), side_axis)
        pairs = tuple((old, new) for old, new in labels.mirror_table().items() if old < new)
        return cls(wanted, side_axis, pairs)

    @classmethod
    def unsafe(cls, dim: int, wanted: Sequence[int] | None = None) -> Mirroring:
        """nnU-Net's way, for comparison: any axis, labels as they are."""
        return cls(_checked(range(dim) if wanted is None else wanted, dim))

    def draw(self, dim: int, rng: np.random.Generator) -> Matrix:
        """A matrix with -1 for each mirrored axis."""
        signs = np.ones(dim)
        for axis in self.axes:
            signs[axis] = rng.choice((-1.0, 1.0))
        return np.diag(signs)

    def swaps(self, matrix: Matrix) -> bool:
        """Whether a drawn matrix exchanges left and right."""
        return bool(self.swap) and self.side is not None and matrix[self.side, self.side] < 0


def swap_labels(labels: Tensor, swap: Sequence[tuple[int, int]]) -> None:
    """Exchange ids in place; every other id stays."""
    low, high = (int(n) for n in torch.aminmax(labels))
    table = torch.arange(low, high + 1, dtype=labels.dtype, device=labels.device)
    for a, b in swap:
        for old, new in ((a, b), (b, a)):
            if low <= old <= high:
                table[old - low] = new
    labels.copy_(table[(labels - low).long()])


def _checked(axes: Sequence[int], dim: int) -> tuple[int, ...]:
    if len(set(axes)) < len(axes) or not set(axes) <= set(range(dim)):
        raise ConfigError("augment: mirror", expected=f"axes below {dim}, each once", got=str(tuple(axes)))
    return tuple(axes)
