"""Contrast: intensities further from their mean, or nearer to it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from condyle.augment.brick import Act, Range, Shape, around_one


@dataclass(frozen=True)
class Contrast:
    """Distances from the mean times a factor.

    Args:
        factor: Its limits, on both sides of 1.
        keep_range: Clip to the range there was before.
    """

    factor: Range
    keep_range: bool = True

    def draw(self, shape: Shape, rng: np.random.Generator) -> Act:
        return partial(stretch, factor=around_one(rng, self.factor), keep_range=self.keep_range)


def stretch(image: Tensor, *, factor: float, keep_range: bool) -> None:
    """Multiply distances from the mean; the mean stays, but for clipping."""
    mean = image.mean()
    low, high = torch.aminmax(image)
    image.mul_(factor).add_(mean * (1 - factor))
    if keep_range:
        image.clamp_(low, high)
