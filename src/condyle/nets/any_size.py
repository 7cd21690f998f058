"""The base of every network: takes images of any size, gives logits of the same size.

A network that halves its images five times needs sizes that 32 divides. Others are padded at the far end of each
axis, so that coarser stages keep their place, with the border value: zeros would be a wall of soft tissue round a
CT. Normalisation over an image needs two numbers at least, so the coarsest stage never gets a single one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor, nn
from torch.nn import functional

from condyle.config import NetConfig


class AnySizeNet(nn.Module, ABC):
    """Pads, runs `scores`, cuts.

    Args:
        config: Its `divisor` is what each axis must be divisible by.

    Attributes:
        dims: Numbers of dimensions that the family is made for.
        deepens: Whether it can be trained with deep supervision.
    """

    dims: ClassVar[tuple[int, ...]] = (2, 3)
    deepens: ClassVar[bool] = False

    def __init__(self, config: NetConfig) -> None:
        super().__init__()
        self.divisor = config.divisor
        self.deep_supervision = config.deep_supervision

    @abstractmethod
    def scores(self, x: Tensor, every: bool) -> list[Tensor]:
        """Logits of one divisible size, finest first.

        Args:
            x: Shape (B, C, *size).
            every: Whether to give the coarser outputs too.
        """

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Logits.

        Args:
            x: Shape (B, C, *size).

        Returns:
            (B, K, *size); while training with deep supervision a tuple, finest first, where a stage at 1/n has
            ceil(size / n).
        """
        size = tuple(x.shape[2:])
        padded = padded_size(size, self.divisor)
        every = self.training and self.deep_supervision
        if padded == size:
            outputs = self.scores(x, every)
        else:
            margin = [end for n, p in zip(size, padded, strict=True) for end in (p - n, 0)][::-1]
            whole = self.scores(functional.pad(x, margin, mode="replicate"), every)
            outputs = [_cut(out, size, padded) for out in whole]
        return tuple(outputs) if every else outputs[0]


def padded_size(size: tuple[int, ...], divisor: tuple[int, ...]) -> tuple[int, ...]:
    """The smallest size, no smaller than this, that the divisor divides and whose coarsest stage has two voxels."""
    padded = tuple(-(-n // d) * d for n, d in zip(size, divisor, strict=True))
    return (*padded[:-1], 2 * divisor[-1]) if padded == divisor else padded


def _cut(out: Tensor, size: tuple[int, ...], padded: tuple[int, ...]) -> Tensor:
    for axis, (n, p) in enumerate(zip(size, padded, strict=True), start=2):
        out = out.narrow(axis, 0, -(-n * out.shape[axis] // p))
    return out
