"""Sharpening."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from torch import Tensor

from condyle.augment.brick import Act, Range, Shape, uniform
from condyle.augment.shift import add_neighbours


@dataclass(frozen=True)
class Sharpen:
    """The difference from the nearest neighbours, added.

    Args:
        strength: Limits of its weight.
    """

    strength: Range

    def draw(self, shape: Shape, rng: np.random.Generator) -> Act:
        return partial(sharpen, strength=uniform(rng, self.strength))


def sharpen(image: Tensor, *, strength: float) -> None:
    """Subtract the discrete Laplacian, times a strength; edges go on."""
    axes = range(1, image.ndim)
    out = image * (1 + 2 * len(axes) * strength)
    for axis in axes:
        add_neighbours(out, image, axis, 1, weight=-strength, border="edge")
    image.copy_(out)
