"""Gaussian noise."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from condyle.augment.brick import Act, Range, Shape, uniform


@dataclass(frozen=True)
class Noise:
    """Noise of its own in every voxel, of one strength.

    Args:
        sigma: Limits of its standard deviation (nnU-Net calls it a variance and uses it as a deviation).
    """

    sigma: Range

    def draw(self, shape: Shape, rng: np.random.Generator) -> Act:
        return partial(add_noise, sigma=uniform(rng, self.sigma), seed=int(rng.integers(2**63)))


def add_noise(image: Tensor, *, sigma: float, seed: int) -> None:
    """Add normal noise. A seed gives one field of noise on each kind of device."""
    source = torch.Generator(image.device).manual_seed(seed)
    image.add_(torch.empty_like(image).normal_(generator=source), alpha=sigma)
