"""How many numbers a network has."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class ParameterCount:
    """Numbers of a network.

    Attributes:
        trainable: Learned now: parameters that are not frozen.
        total: All parameters.
        with_statistics: Parameters and running means and variances, which is what Keras calls parameters.
    """

    trainable: int
    total: int
    with_statistics: int


def count(net: nn.Module) -> ParameterCount:
    """The parameter counts of a network."""
    total = sum(p.numel() for p in net.parameters())
    statistics = sum(b.numel() for b in net.buffers() if b.is_floating_point())
    trainable = sum(p.numel() for p in net.parameters() if p.requires_grad)
    return ParameterCount(trainable, total, total + statistics)
