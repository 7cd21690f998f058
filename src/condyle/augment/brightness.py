"""Brighter or darker: by a factor, by an offset."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from torch import Tensor

from condyle.augment.brick import Act, Range, Shape, around_one


@dataclass(frozen=True)
class Brightness:
    """Intensities times a factor.

    Args:
        factor: Its limits, on both sides of 1.
    """

    factor: Range

    def draw(self, shape: Shape, rng: np.random.Generator) -> Act:
        return partial(multiply, factor=around_one(rng, self.factor))


@dataclass(frozen=True)
class Offset:
    """Intensities plus a number from a normal distribution around 0.

    Args:
        sigma: Its standard deviation.
    """

    sigma: float

    def draw(self, shape: Shape, rng: np.random.Generator) -> Act:
        return partial(add, offset=float(rng.normal(0, self.sigma)))


def multiply(image: Tensor, *, factor: float) -> None:
    """Multiply in place."""
    image.mul_(factor)


def add(image: Tensor, *, offset: float) -> None:
    """Add in place."""
    image.add_(offset)
