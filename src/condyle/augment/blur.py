"""Gaussian blur."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from torch import Tensor

from condyle.augment.brick import Act, Range, Shape, uniform
from condyle.augment.shift import add_neighbours


@dataclass(frozen=True)
class Blur:
    """A blur, axis after axis.

    Args:
        sigma: Limits of the kernel's standard deviation, in voxels.
        same: One deviation for all axes, instead of one an axis.
    """

    sigma: Range
    same: bool = False

    def draw(self, shape: Shape, rng: np.random.Generator) -> Act:
        axes = len(shape) - 1
        drawn = [uniform(rng, self.sigma) for _ in range(1 if self.same else axes)]
        return partial(blur, sigmas=tuple(drawn * axes)[:axes])


def blur(image: Tensor, *, sigmas: tuple[float, ...]) -> None:
    """Blur along each axis; beyond its edges the image is reflected."""
    now = image
    for axis, sigma in enumerate(sigmas, start=1):
        weights = kernel(sigma, image.shape[axis])
        out = now * weights[0]
        for distance in range(1, len(weights)):
            add_neighbours(out, now, axis, distance, weight=weights[distance], border="reflect")
        now = out
    image.copy_(now)


def kernel(sigma: float, size: int) -> list[float]:
    """Weights of the centre and of the neighbours at 1, 2, ... voxels; all of them, twice the neighbours, make 1.

    It ends after three deviations, to the nearest odd length, as nnU-Net's does; at least one neighbour enters.

    Args:
        sigma: Standard deviation in voxels.
        size: Of the axis: no neighbour lies further than its other end.
    """
    radius = max(1, round((6 * sigma - 0.5) / 2))
    weights = np.exp(-0.5 * (np.arange(min(radius, size - 1) + 1) / sigma) ** 2)
    return [float(w) for w in weights / (2 * weights.sum() - weights[0])]
