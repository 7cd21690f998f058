"""Deep supervision: coarser outputs of a network are judged too, against coarser targets, each half as heavily."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class DeepSupervision:
    """A loss for all outputs of a network at once.

    Args:
        loss: For one output and its target.
    """

    loss: Callable[[Tensor, Tensor], Tensor]

    def __call__(self, outputs: Sequence[Tensor], target: Tensor) -> Tensor:
        """The weighted sum.

        Args:
            outputs: Logits (B, K, *size), finest first, as a network gives while it trains.
            target: Of the finest; the others' are made here.
        """
        heard = [(weight, out) for weight, out in zip(weights(len(outputs)), outputs, strict=True) if weight]
        targets = downsampled(target, [tuple(out.shape[2:]) for _, out in heard])
        values = [weight * self.loss(out, t) for (weight, out), t in zip(heard, targets, strict=True)]
        return torch.stack(values).sum()


def weights(outputs: int) -> tuple[float, ...]:
    """nnU-Net's: each output half of the one before, the coarsest not at all (unless it is the only one); sum 1."""
    raw = [0.5**n for n in range(max(outputs - 1, 1))]
    return (*(w / sum(raw) for w in raw), *([0.0] * (outputs - len(raw))))


def downsampled(target: Tensor, sizes: Sequence[tuple[int, ...]]) -> list[Tensor]:
    """A target on coarser grids over the same field of view.

    Each voxel takes the value of the voxel that its centre lies in; of two equally near ones the later, as in
    PyTorch's `nearest-exact`, which nnU-Net uses. No value appears that was not there.

    Args:
        target: (..., *size), any type.
        sizes: Each as many axes as `size`.

    Returns:
        A target of each size, in order; itself where the size is its own.
    """
    out = []
    for size in sizes:
        coarse = target
        for axis, wanted in zip(range(-len(size), 0), size, strict=True):
            there = target.shape[axis]
            if wanted != there:
                # The centre of voxel n lies at (n + 1/2) there / wanted; in whole numbers nothing is rounded.
                index = (2 * torch.arange(wanted, device=target.device) + 1) * there // (2 * wanted)
                coarse = coarse.index_select(axis, index)
        out.append(coarse)
    return out
