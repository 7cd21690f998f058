"""Cross-entropy: how surprised the network is by what is right, averaged over known voxels."""

from __future__ import annotations

from torch import Tensor

from condyle.losses.compared import Compared, Regions


def cross_entropy(compared: Compared, batch: bool = False) -> Tensor:
    """Softmax cross-entropy of classes; binary cross-entropy of regions, averaged over voxels and regions."""
    del batch
    return compared.mean(compared.surprise())


def nnunet_cross_entropy(compared: Compared, batch: bool = False) -> Tensor:
    """The same, with nnU-Net's weight: where voxels may be ignored, regions are summed and not averaged."""
    regions = compared.logits.shape[1] if isinstance(compared, Regions) and compared.ignores else 1
    return regions * cross_entropy(compared, batch)
