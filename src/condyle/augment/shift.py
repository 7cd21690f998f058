"""Weighted neighbours of every voxel along an axis, without a padded copy."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

#: How an image goes on beyond its edge: `reflect` c b | a b c, `edge` a a | a b c.
Border = Literal["reflect", "edge"]


def add_neighbours(out: Tensor, image: Tensor, axis: int, distance: int, *, weight: float, border: Border) -> None:
    """Add to `out` the two neighbours at a distance along an axis, times a weight.

    Args:
        out: Shape of `image`, other memory.
        image: Any shape.
        axis: Along which.
        distance: In voxels, above 0 and below the size of the axis.
        weight: Of both neighbours.
        border: What lies beyond the edge.
    """
    size = image.shape[axis]
    inner = size - distance
    out.narrow(axis, distance, inner).add_(image.narrow(axis, 0, inner), alpha=weight)
    out.narrow(axis, 0, inner).add_(image.narrow(axis, distance, inner), alpha=weight)
    if border == "reflect":
        first, last = image.narrow(axis, 1, distance).flip(axis), image.narrow(axis, inner - 1, distance).flip(axis)
    else:
        first, last = image.narrow(axis, 0, 1), image.narrow(axis, size - 1, 1)
    out.narrow(axis, 0, distance).add_(first, alpha=weight)
    out.narrow(axis, inner, distance).add_(last, alpha=weight)
