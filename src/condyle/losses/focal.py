"""Focal loss (Lin et al. 2017): cross-entropy in which voxels that are right already count for little."""

from __future__ import annotations

import torch
from torch import Tensor

from condyle.losses.compared import Compared, Regions

#: Weight of the whole (of what lies inside, for regions), and how fast easy voxels fade.
ALPHA, GAMMA = 0.25, 2


def focal(compared: Compared, batch: bool = False) -> Tensor:
    """As segmentation-models for Keras has it, averaged over voxels and channels.

    Classes: `-alpha (1 - p)^gamma log p` of the right channel, nothing of the others. Regions: the same inside, and
    `-(1 - alpha) p^gamma log(1 - p)` outside.
    """
    del batch
    surprise = compared.surprise()
    # 1 - exp(-s) loses all digits where s is small; expm1 keeps them.
    values = ALPHA * (-torch.expm1(-surprise)) ** GAMMA * surprise
    if isinstance(compared, Regions):
        outside = 1 - compared.inside
        return compared.mean(values * (compared.inside + (1 - ALPHA) / ALPHA * outside))
    return compared.mean(values) / compared.logits.shape[1]
