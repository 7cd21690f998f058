"""Augmentation, ready to use: from a region of a scan to a training patch.

    augmentation = build("nnunet", patch, Mirroring.of(labels, side_axis, dim))
    drawn = augmentation.draw(sample_generator(seed, epoch, n), channels=1)
    image, labels = drawn(*cut_from_scan(drawn.region))

Drawing comes first, so that no more of the scan need be read than the patch will show: most patches are not rotated,
and a rotated one needs just the box around it. A patch thus has an empty margin only where the scan ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from condyle.augment.brick import Act, Shape
from condyle.augment.mirror import Mirroring, swap_labels
from condyle.augment.sets import SETS, AugmentSet
from condyle.augment.warp import OUTSIDE, Placement, placed
from condyle.errors import ConfigError
from condyle.recipe import AugmentName

NO_MIRRORING = Mirroring()


def sample_generator(seed: int, epoch: int, index: int) -> np.random.Generator:
    """The generator of one sample: the same whichever process makes it, in whatever order or batch.

    Args:
        seed: Of the training.
        epoch: From 0.
        index: Of the sample in its epoch.
    """
    return np.random.default_rng([seed, epoch, index])


@dataclass(frozen=True, eq=False)
class Drawn:
    """All that is done to one sample, no chance left in it.

    Args:
        patch: Size of the result.
        placement: Where its voxels are found.
        swap: Pairs of ids that change places.
        acts: Changes of intensities, in order.
        channels: How many of the image's channels are intensities; those behind only move.
        masked: Channels that are 0 outside the scan's non-zero region and stay so.
    """

    patch: Shape
    placement: Placement
    swap: tuple[tuple[int, int], ...] = ()
    acts: tuple[Act, ...] = ()
    channels: int = 1
    masked: tuple[int, ...] = ()

    @property
    def region(self) -> Shape:
        """The size of the region of the scan that the patch shows."""
        return self.placement.region(self.patch)

    def __call__(self, image: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Make the patch.

        Args:
            image: float32 (C, *size), the patch in its middle. `size` is `region` or larger; where it is smaller, the
                image counts as 0 beyond and the labels as background.
            labels: int16 or int32 (*size), on the same device. -1 is background outside the scan's non-zero region.

        Returns:
            Image (C, *patch) and labels (*patch), background 0 throughout, in memory of their own.

        Raises:
            ConfigError: on another type or shape.
        """
        _check(image, labels, self.patch, self.channels)
        image, labels = self._moved(image, labels)
        for act in self.acts:
            act(image[: self.channels])
        if self.masked:
            outside = labels == OUTSIDE
            for channel in self.masked:
                image[channel].masked_fill_(outside, 0)
        return image, labels.clamp_(min=0)

    def moved(self, labels: Tensor) -> Tensor:
        """Another label map of the same region, moved as the first; arguments and result as its labels."""
        return self._moved(torch.empty((0, *labels.shape), device=labels.device), labels)[1].clamp_(min=0)

    def _moved(self, image: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        image, labels = placed(image, labels, self.placement, self.patch)
        if self.swap:
            swap_labels(labels, self.swap)
        return image, labels


@dataclass(frozen=True)
class Augmentation:
    """A set of augmentations for patches of one size.

    Args:
        bricks: What may be done.
        patch: Size of the patches, 2 or 3 axes.
        mirroring: Which axes may be mirrored, and what that does to labels.
        masked: Channels normalised inside the scan's non-zero region alone; outside they stay 0.
    """

    bricks: AugmentSet
    patch: Shape
    mirroring: Mirroring = NO_MIRRORING
    masked: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if len(self.patch) not in {2, 3} or min(self.patch) < 1:
            raise ConfigError("augment: patch", expected="2 or 3 sizes above 0", got=str(self.patch))
        if max((*self.mirroring.axes, self.mirroring.side or 0)) >= len(self.patch):
            got = f"{self.mirroring.axes} in a patch of {len(self.patch)}"
            raise ConfigError("augment: mirror", expected="axes of the patch", got=got)

    @property
    def source_size(self) -> Shape:
        """One size of region for all samples, where a loader cannot cut to measure: nnU-Net's rule.

        The few draws that would show more have an empty margin, as in nnU-Net.
        """
        sizes = [self.patch, *(turn.reach(self.patch) for turn in self.bricks.turns)]
        return tuple(max(axis) for axis in zip(*sizes, strict=True))

    def draw(self, rng: np.random.Generator, channels: int = 1) -> Drawn:
        """Draw all random numbers of one sample.

        Args:
            rng: Where they come from; see `sample_generator`.
            channels: Of the image that are intensities.
        """
        dim, mirroring = len(self.patch), self.mirroring
        matrix = np.eye(dim)
        for turn in self.bricks.turns:
            matrix = matrix @ turn.draw(self.patch, rng, mirroring.side)
        arrows = self.bricks.elastic.draw(self.patch, rng) if self.bricks.elastic else None
        swap: Sequence[tuple[int, int]] = ()
        if self.bricks.mirrors:
            mirrored = mirroring.draw(dim, rng)
            matrix, swap = matrix @ mirrored, mirroring.swap if mirroring.swaps(mirrored) else ()
        drawn = [brick.draw((channels, *self.patch), rng) for brick in self.bricks.bricks]
        acts = tuple(act for act in drawn if act is not None)
        return Drawn(self.patch, Placement(matrix, arrows), tuple(swap), acts, channels, self.masked)

    def __call__(self, image: Tensor, labels: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Draw and make one patch; see `Drawn`. All channels count as intensities."""
        return self.draw(rng, image.shape[0])(image, labels)


def build(
    name: AugmentName, patch: Sequence[int], mirroring: Mirroring | None = None, masked: Sequence[int] = ()
) -> Augmentation:
    """A named set (see `sets`) for patches of one size.

    Args:
        name: Of the set.
        patch: Size of the patches.
        mirroring: Which axes may be mirrored; none if not given.
        masked: Channels normalised inside the scan's non-zero region alone.

    Raises:
        ConfigError: on an unknown name, or axes that are not the patch's.
    """
    if name not in SETS:
        raise ConfigError("augment", expected=f"one of {', '.join(SETS)}", got=name)
    return Augmentation(SETS[name], tuple(patch), mirroring or NO_MIRRORING, tuple(masked))


def _check(image: Tensor, labels: Tensor, patch: Shape, channels: int) -> None:
    if image.dtype != torch.float32 or labels.dtype not in {torch.int16, torch.int32}:
        got = f"{image.dtype} and {labels.dtype}"
        raise ConfigError("augment", expected="a float32 image and int16 or int32 labels", got=got)
    if image.shape[1:] != labels.shape or labels.ndim != len(patch) or image.shape[0] < channels:
        got = f"{tuple(image.shape)} and {tuple(labels.shape)}"
        expected = f"an image ({channels} or more, *size) and labels (*size) of {len(patch)} axes"
        raise ConfigError("augment", expected=expected, got=got)
