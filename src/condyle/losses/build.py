"""The names of losses, and the one function that makes any of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from condyle.errors import ConfigError
from condyle.losses.compared import Classes, Compared, Regions
from condyle.losses.cross_entropy import cross_entropy, nnunet_cross_entropy
from condyle.losses.dice import dice, dice_of_all, dice_present, dice_squared
from condyle.losses.focal import focal
from condyle.losses.generalized_dice import generalized_dice
from condyle.losses.tversky import tversky
from condyle.recipe import LossName

Term = Callable[[Compared, bool], Tensor]

#: A loss is the sum of its terms. A new one is a file and a line here.
LOSSES: dict[LossName, tuple[Term, ...]] = {
    "ce": (cross_entropy,),
    "bce": (cross_entropy,),
    "dice": (dice,),
    "dice_ce": (dice, nnunet_cross_entropy),
    "dice_present_ce": (dice_present, nnunet_cross_entropy),
    "dice_squared": (dice_squared,),
    "focal": (focal,),
    "dice_focal": (dice_of_all, focal),
    "tversky": (tversky,),
    "generalized_dice": (generalized_dice,),
}


@dataclass(frozen=True)
class Loss:
    """A callable `(logits, target) -> scalar`; see `condyle.losses` for the contract.

    Args:
        terms: What it sums.
        classes: Channels it expects.
        regions: Whether channels are regions.
        ignores: Whether targets may hold `IGNORE`.
        batch_dice: Whether overlaps are summed over the batch.
    """

    terms: tuple[Term, ...]
    classes: int
    regions: bool
    ignores: bool
    batch_dice: bool

    def __call__(self, logits: Tensor, target: Tensor) -> Tensor:
        """The value.

        Args:
            logits: (B, K, *size).
            target: (B, *size) channels, or (B, K, *size) regions.

        Raises:
            ConfigError: if channels or sizes do not fit.
        """
        wanted = logits.shape if self.regions else (logits.shape[0], *logits.shape[2:])
        if logits.shape[1] != self.classes or target.shape != wanted:
            expected = f"logits of {self.classes} channels and a target of shape {tuple(wanted)}"
            raise ConfigError("loss", expected=expected, got=f"{tuple(logits.shape)} and {tuple(target.shape)}")
        with torch.autocast(logits.device.type, enabled=False):
            precise = logits if logits.dtype == torch.float64 else logits.float()
            kind = Regions if self.regions else Classes
            compared = kind(precise.flatten(2), target.flatten(2 if self.regions else 1), self.ignores)
            return sum((term(compared, self.batch_dice) for term in self.terms), start=precise.new_zeros(()))


def build(
    name: str, *, classes: int, regions: bool = False, ignore: int | None = None, batch_dice: bool = True
) -> Loss:
    """The loss of a name.

    Args:
        name: One of `LOSSES`. `ce` means binary cross-entropy where channels are regions.
        classes: Channels of the network's output, background included.
        regions: Whether these are regions, which may overlap.
        ignore: The label table's ignore id, or None if it has none. Targets mark such voxels `IGNORE`, whatever the
            id; without one no time is spent on looking.
        batch_dice: Sum overlaps over the batch as if it were one sample. nnU-Net does in 2-D, and in 3-D where a patch
            is small beside a scan. `dice_focal` always does.

    Raises:
        ConfigError: if there is no such loss, or it does not go with such outputs.
    """
    if name not in LOSSES:
        raise ConfigError("loss", expected=f"one of {', '.join(LOSSES)}", got=name)
    if name == "bce" and not regions:
        hint = "Take ce, or score regions."
        raise ConfigError("loss: bce", expected="regions", got="classes, of which one is right", hint=hint)
    if classes < (1 if regions else 2):
        expected = "one region or more" if regions else "background and one structure or more"
        raise ConfigError(f"loss: {name}", expected=expected, got=f"{classes} channels")
    return Loss(LOSSES[name], classes, regions, ignore is not None, batch_dice)
