"""How many numbers a network has."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from condyle.config import NetConfig
from condyle.nets.build import build


@dataclass(frozen=True)
class ParameterCount:
    """Numbers of a network.

    Attributes:
        total: All parameters.
        with_statistics: Parameters and running means and variances, which is what Keras calls parameters.
    """

    total: int
    with_statistics: int


def count(net: nn.Module) -> ParameterCount:
    """The parameter counts of a network."""
    total = sum(p.numel() for p in net.parameters())
    statistics = sum(b.numel() for b in net.buffers() if b.is_floating_point())
    return ParameterCount(total, total + statistics)


def parameters(config: NetConfig) -> int:
    """Learned numbers of a network that is only planned: no memory is taken for them."""
    with torch.device("meta"):
        return count(build(config)).total
