"""Changes that are strong in one place and fade: a gradient of brightness, a local gamma curve.

Where and how wide is a **bump**: a Gaussian, brought to 0..1 over the patch.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from condyle.augment.brick import Act, Range, Shape, uniform
from condyle.augment.gamma import EVEN


@dataclass(frozen=True)
class Bump:
    """Centre and standard deviation along each axis, in voxels from the first voxel's middle."""

    centre: tuple[float, ...]
    sigma: tuple[float, ...]

    @classmethod
    def drawn(cls, patch: Shape, rng: np.random.Generator) -> Bump:
        """nnU-Net's: centres up to half a patch outside, widths of a sixth to one patch, evenly in the logarithm."""
        centre = tuple(n * uniform(rng, (-0.5, 1.5)) for n in patch)
        sigma = tuple(float(np.exp(uniform(rng, (np.log(max(1, n // 6)), np.log(max(2, n)))))) for n in patch)
        return cls(centre, sigma)

    def on(self, image: Tensor) -> Tensor:
        """Its values, 0..1, of the shape of one channel."""
        out, least = torch.ones((), device=image.device), 1.0
        for axis, (n, centre, sigma) in enumerate(zip(image.shape[1:], self.centre, self.sigma, strict=True)):
            # The distance to the nearest voxel is taken off, so that a bump far outside does not vanish in rounding.
            middles = torch.arange(n, dtype=torch.float64)
            squares = ((middles - centre) / sigma) ** 2
            along = torch.exp(-0.5 * (squares - squares.min()))
            least *= float(along.min())
            size = [1] * (image.ndim - 1)
            size[axis] = n
            out = out * along.to(image.device, torch.float32).reshape(size)
        return out.sub_(least).div_(max(1 - least, EVEN))


@dataclass(frozen=True)
class Gradient:
    """A bump added, up or down.

    Args:
        strength: Limits of its height, as a distance from 0.
    """

    strength: Range = (1.0, 5.0)

    def draw(self, shape: Shape, rng: np.random.Generator) -> Act:
        height = uniform(rng, self.strength) * (-1 if rng.random() < 0.5 else 1)
        return partial(add_bump, bump=Bump.drawn(shape[1:], rng), height=height)


@dataclass(frozen=True)
class LocalGamma:
    """A gamma curve whose effect fades.

    Args:
        low: Limits of exponents below 1.
        high: Limits of exponents above 1, as likely.
    """

    low: Range = (0.01, 0.8)
    high: Range = (1.5, 4.0)

    def draw(self, shape: Shape, rng: np.random.Generator) -> Act:
        exponent = uniform(rng, self.low if rng.random() < 0.5 else self.high)
        return partial(bend_locally, bump=Bump.drawn(shape[1:], rng), exponent=exponent)


def add_bump(image: Tensor, *, bump: Bump, height: float) -> None:
    """Add a bump of a height."""
    image.add_(bump.on(image), alpha=height)


def bend_locally(image: Tensor, *, bump: Bump, exponent: float) -> None:
    """Between the least and the largest value: the image where the bump is 0, its power where it is 1."""
    low, high = torch.aminmax(image)
    extent = (high - low).clamp(min=EVEN)
    image.sub_(low).div_(extent)
    image.lerp_(image.pow(exponent), bump.on(image).expand_as(image))
    image.mul_(extent).add_(low)
