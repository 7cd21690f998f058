"""Median filter."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial, reduce

import numpy as np
import torch
from torch import Tensor

from condyle.augment.brick import Act, Shape


@dataclass(frozen=True)
class Median:
    """The median of neighbours along each axis in turn.

    The median of a whole cube, which nnU-Net takes, is nearly the same image for thirty times the work.

    Args:
        sizes: From how many neighbours up to (not with) how many.
    """

    sizes: tuple[int, int]

    def draw(self, shape: Shape, rng: np.random.Generator) -> Act:
        return partial(medians, size=int(rng.integers(*self.sizes)))


def medians(image: Tensor, *, size: int) -> None:
    """Replace each voxel by the median of `size` voxels around it, axis after axis; edges go on."""
    now = image
    for axis in range(1, image.ndim):
        last = image.shape[axis] - 1
        place = torch.arange(last + 1, device=image.device)
        around = range(-(size // 2), size - size // 2)
        now = middle([now.index_select(axis, (place + by).clamp(0, last)) for by in around])
    image.copy_(now)


def middle(images: list[Tensor]) -> Tensor:
    """Voxel by voxel the median of several images; of an even number the upper one."""
    left = images
    for _ in range(len(images) // 2):
        least, *others = left
        left = []
        for other in others:
            left.append(torch.maximum(least, other))
            least = torch.minimum(least, other)
    return reduce(torch.minimum, left)
