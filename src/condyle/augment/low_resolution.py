"""A scan of lower resolution: fewer voxels, and back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from torch import Tensor
from torch.nn.functional import interpolate

from condyle.augment.brick import Act, Range, Shape, uniform
from condyle.augment.plane import turning_axes


@dataclass(frozen=True)
class LowResolution:
    """Every axis shrunk by one factor; an axis across thick slices (see `plane`) is left alone.

    Args:
        factor: Its limits.
    """

    factor: Range

    def draw(self, shape: Shape, rng: np.random.Generator) -> Act:
        factor, patch = uniform(rng, self.factor), shape[1:]
        shrunk = turning_axes(patch)
        size = tuple(max(1, round(n * factor)) if axis in shrunk else n for axis, n in enumerate(patch))
        return partial(coarsen, size=size)


def coarsen(image: Tensor, *, size: tuple[int, ...]) -> None:
    """Take the nearest of fewer voxels, then interpolate linearly."""
    few = interpolate(image[None], size, mode="nearest-exact")
    image.copy_(interpolate(few, image.shape[1:], mode="trilinear" if len(size) == 3 else "bilinear")[0])
