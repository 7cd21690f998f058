"""Generalised Dice loss (Sudre et al. 2017): one Dice of all channels, each weighed by 1 / its volume squared."""

from __future__ import annotations

import torch
from torch import Tensor

from condyle.losses.compared import Compared
from condyle.losses.dice import SMOOTH


def generalized_dice(compared: Compared, batch: bool = False) -> Tensor:
    """Of all channels, background too. One that is absent weighs as much as the smallest that is there."""
    sums = compared.sums.over_batch() if batch else compared.sums
    present = sums.true > 0
    infinity = torch.full_like(sums.true, torch.inf)
    smallest = torch.where(present, sums.true, infinity).amin(1, keepdim=True)
    # In units of the smallest volume weights lie between 0 and 1, and nothing runs out of single precision.
    weight = torch.where(present, smallest / sums.true, 1).square()
    overlap = (weight * sums.overlap).sum(1)
    volume = (weight * (sums.predicted + sums.true)).sum(1)
    return 1 - ((2 * overlap + SMOOTH) / (volume + SMOOTH)).mean()
