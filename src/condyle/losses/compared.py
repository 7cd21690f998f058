"""Logits beside a target: what losses are made of, worked out once however many terms draw on it.

`Classes` (softmax, one channel is right) and `Regions` (sigmoid, any number are) answer the same questions, so that a
loss is one formula for both. Space is flat here: N is the number of voxels of a sample.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional

from condyle.losses.softmax import softmax_parts

#: What a target holds in a voxel that nobody labelled.
IGNORE = -100


@dataclass(frozen=True, eq=False)
class Sums:
    """Sums over known voxels, (B, K) each.

    Args:
        overlap: Of the probability where the target is.
        predicted: Of the probability, or of its square.
        true: Of the target: its voxels.
    """

    overlap: Tensor
    predicted: Tensor
    true: Tensor

    def of(self, channels: slice) -> Sums:
        """Of some channels."""
        return Sums(self.overlap[:, channels], self.predicted[:, channels], self.true[:, channels])

    def over_batch(self) -> Sums:
        """Of all samples together, (1, K)."""
        return Sums(*(x.sum(0, keepdim=True) for x in (self.overlap, self.predicted, self.true)))


@dataclass(frozen=True, eq=False)
class Compared(ABC):
    """Logits and target of a batch.

    Args:
        logits: (B, K, N), single or double precision.
        target: (B, N) channels or (B, K, N) regions; ignored voxels hold `IGNORE`.
        ignores: Whether the target may hold `IGNORE`.
    """

    logits: Tensor
    target: Tensor
    ignores: bool

    @property
    @abstractmethod
    def known(self) -> Tensor | None:
        """Whether a voxel is not ignored, (B, 1, N); None where all are known."""

    @property
    @abstractmethod
    def foreground(self) -> slice:
        """The channels that are not background."""

    @property
    @abstractmethod
    def sums(self) -> Sums:
        """What overlap losses need, of all channels."""

    @abstractmethod
    def probabilities(self) -> Tensor:
        """(B, K, N)."""

    @abstractmethod
    def surprise(self) -> Tensor:
        """`-log` of the probability of what is right; classes (B, 1, N), regions (B, K, N)."""

    def mean(self, values: Tensor) -> Tensor:
        """Over known voxels, of values (B, any, N); 0 where there are none."""
        if self.known is None:
            return values.mean()
        return (values * self.known).sum() / (self.known.sum().clamp(min=1) * values.shape[1])

    @property
    def squared_sums(self) -> Sums:
        """`sums` with squares of probabilities in `predicted`."""
        squares = self.probabilities().square()
        predicted = (squares if self.known is None else squares * self.known).sum(2)
        return Sums(self.sums.overlap, predicted, self.sums.true)


class Classes(Compared):
    """Channels exclude each other; the first is background."""

    @cached_property
    def known(self) -> Tensor | None:
        return (self.target != IGNORE)[:, None] if self.ignores else None

    @property
    def foreground(self) -> slice:
        return slice(1, None)

    @cached_property
    def _parts(self) -> tuple[Tensor, Tensor]:
        # Ignored voxels ask for background, and are left out later.
        channel = self.target.clamp(min=0) if self.ignores else self.target
        return softmax_parts(self.logits, channel.long(), self.known)

    @cached_property
    def sums(self) -> Sums:
        # A table of 0 and 1 for every channel would be as large as the logits: what is right in a voxel has one
        # probability, and each channel picks its own of these.
        log_of_right, predicted = self._parts
        right = log_of_right.exp()
        picks = [self.target == k for k in range(self.logits.shape[1])]
        overlap = torch.stack([(right * pick).sum(1) for pick in picks], 1)
        true = torch.stack([pick.sum(1, dtype=right.dtype) for pick in picks], 1)
        return Sums(overlap, predicted, true)

    def probabilities(self) -> Tensor:
        return self.logits.softmax(1)

    def surprise(self) -> Tensor:
        return -self._parts[0][:, None]


class Regions(Compared):
    """Each channel is a question of its own; regions overlap as they like."""

    @cached_property
    def known(self) -> Tensor | None:
        return self.target[:, :1] != IGNORE if self.ignores else None

    @property
    def foreground(self) -> slice:
        return slice(None)

    @cached_property
    def inside(self) -> Tensor:
        """1 inside a region and 0 outside, (B, K, N), of the logits' type."""
        return (self.target > 0).to(self.logits.dtype)

    @cached_property
    def sums(self) -> Sums:
        probability = self.probabilities()
        predicted = (probability if self.known is None else probability * self.known).sum(2)
        return Sums((probability * self.inside).sum(2), predicted, self.inside.sum(2))

    def probabilities(self) -> Tensor:
        return self.logits.sigmoid()

    def surprise(self) -> Tensor:
        return functional.binary_cross_entropy_with_logits(self.logits, self.inside, reduction="none")
