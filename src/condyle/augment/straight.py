"""Cutting, turning by quarters and mirroring: voxels in another order, values as they are."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from condyle.augment.brick import Shape
from condyle.augment.turn import Matrix


def cut(volume: Tensor, size: Shape, fill: int) -> Tensor:
    """The middle of a volume; where it is too small it is filled up on both sides.

    Args:
        volume: Any shape whose last axes are those of `size`.
        size: Of the result.
        fill: What lies beyond the edges.

    Returns:
        A view where nothing had to be filled up.
    """
    dim = len(size)
    starts = [(have - want) // 2 for have, want in zip(volume.shape[-dim:], size, strict=True)]
    beyond = [
        (max(0, -start), max(0, want + start - have))
        for start, have, want in zip(starts, volume.shape[-dim:], size, strict=True)
    ]
    inner = tuple(slice(max(0, start), max(0, start + want)) for start, want in zip(starts, size, strict=True))
    kept = volume[(slice(None),) * (volume.ndim - dim) + inner]
    if not any(max(sides) for sides in beyond):
        return kept
    return pad(kept, [n for sides in reversed(beyond) for n in sides], value=fill)


def reordered(volume: Tensor, matrix: Matrix) -> Tensor:
    """A volume through a straight matrix (see `turn`), in memory of its own.

    Args:
        volume: Any shape whose last axes are those of the matrix.
        matrix: (dim, dim) of 0, 1 and -1.
    """
    ahead = volume.ndim - len(matrix)
    source = np.abs(matrix).argmax(0)
    mirrored = [ahead + axis for axis, old in enumerate(source) if matrix[old, axis] < 0]
    turned = volume.permute(*range(ahead), *(ahead + int(old) for old in source))
    if mirrored:
        return turned.flip(mirrored).contiguous()
    return turned.clone(memory_format=torch.contiguous_format)
