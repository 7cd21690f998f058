"""Samples for the tests of augmentation."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from condyle.augment.brick import Act


def sample(size: tuple[int, ...], channels: int = 1, dtype: torch.dtype = torch.int16) -> tuple[Tensor, Tensor]:
    """Noise with blobs, and labels with holes in their numbering: 0, 2, 5, 9 and OUTSIDE."""
    source = torch.Generator().manual_seed(sum(size))
    image = torch.randn((channels, *size), generator=source)
    blobs = torch.zeros(size)
    for axis, n in enumerate(size):
        wave = torch.sin(torch.arange(n) * (0.5 + 0.2 * axis))
        blobs = blobs + wave.reshape([-1 if a == axis else 1 for a in range(len(size))])
    ids = torch.tensor([-1, 0, 2, 5, 9])
    labels = ids[torch.bucketize(blobs, torch.tensor([-1.0, 0.0, 0.6, 1.2]))]
    return image + blobs, labels.to(dtype)


def numbers(act: Act | None) -> dict[str, Any]:
    """What was drawn for an act."""
    assert isinstance(act, partial)
    return act.keywords


def rng(index: int = 0) -> np.random.Generator:
    """A generator."""
    return np.random.default_rng(index)
