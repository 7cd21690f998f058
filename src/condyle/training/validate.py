"""A quick look at how good a network is, on validation patches: loss and pseudo-Dice.

* **pseudo-Dice**: Dice of all validation patches taken as one image. It follows learning well and costs little, but it
  is not the Dice of whole scans.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from condyle.losses.compared import IGNORE
from condyle.training.batches import Batches
from condyle.training.distributed import World

Outputs = Tensor | tuple[Tensor, ...]


@dataclass(frozen=True)
class Validation:
    """What was found.

    Attributes:
        loss: Mean over the batches.
        dice: Of each structure or region, NaN where it is in no patch and was found in none.
    """

    loss: float
    dice: tuple[float, ...]


@torch.no_grad()
def validate(
    forward: Callable[[Tensor], Outputs], loss: Callable[[Tensor, Tensor], Tensor], batches: Batches, world: World
) -> Validation:
    """Loss and pseudo-Dice. The patches are those of epoch 0 each time, so that epochs can be compared.

    Args:
        forward: The network, not training: from images to logits.
        loss: Of (logits, target).
        batches: Where the patches come from.
        world: Among whom the work is shared.
    """
    losses, counts = [], []
    for image, target in batches.over([0], world=world):
        outputs = forward(image)
        logits = world.gathered(outputs if isinstance(outputs, Tensor) else outputs[0]).float()
        truth = world.gathered(target.to(logits.device))
        losses.append(float(loss(logits, truth)))
        counts.append(overlaps(logits, truth))
    both, sizes = torch.stack(counts).sum(0)
    # 0 / 0, a structure that is nowhere, is NaN.
    return Validation(sum(losses) / len(losses), tuple((2 * both / sizes).tolist()))


def overlaps(logits: Tensor, target: Tensor) -> Tensor:
    """What Dice is made of: voxels in both prediction and truth, and the sum of voxels in either.

    Args:
        logits: (B, K, *size).
        target: (B, *size) channels or (B, K, *size) regions; `IGNORE` counts nowhere.

    Returns:
        float64 (2, structures): without background of classes, all of regions.
    """
    if target.ndim == logits.ndim:
        known = target[:, :1] != IGNORE
        found, true = (logits > 0) & known, (target > 0) & known
        axes = (0, *range(2, logits.ndim))
        both, sizes = (found & true).sum(axes), found.sum(axes) + true.sum(axes)
    else:
        known = target != IGNORE
        kinds = logits.shape[1]
        found, true = logits.argmax(1)[known], target[known].long()
        both = torch.bincount(found[found == true], minlength=kinds)[1:]
        sizes = (torch.bincount(found, minlength=kinds) + torch.bincount(true, minlength=kinds))[1:]
    return torch.stack((both, sizes)).double()
