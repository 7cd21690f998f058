"""Gamma curves: intensities, from their least to their largest, to a power."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from condyle.augment.brick import Act, Range, Shape, around_one

#: Ranges and deviations below this are those of an even image.
EVEN = 1e-7


@dataclass(frozen=True)
class Gamma:
    """A power, drawn on both sides of 1, after which mean and deviation are what they were.

    Args:
        exponent: Its limits.
        inverted: Bend the curve from the bright end.
    """

    exponent: Range
    inverted: bool = False

    def draw(self, shape: Shape, rng: np.random.Generator) -> Act:
        return partial(bend, exponent=around_one(rng, self.exponent), inverted=self.inverted)


def bend(image: Tensor, *, exponent: float, inverted: bool) -> None:
    """Apply a gamma curve between the least and the largest value; mean and deviation are kept."""
    low, high = torch.aminmax(image)
    extent = (high - low).clamp(min=EVEN)
    mean, deviation = image.mean(), image.std()
    # From 0 up: a power of a number that rounding has left below 0 is not one.
    if inverted:
        image.neg_().add_(high)
    else:
        image.sub_(low)
    image.div_(extent).pow_(exponent)
    scale = deviation / image.std().clamp(min=EVEN)
    if inverted:
        scale = -scale
    shift = mean - scale * image.mean()
    image.mul_(scale).add_(shift)
