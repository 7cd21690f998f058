"""How far a training is: all that is decided from, and nothing else, so that it can be stored and gone on with."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from math import isfinite, nan
from typing import Any

from condyle.recipe import Recipe
from condyle.training.history import Epoch
from condyle.training.schedule import PLATEAU_EPOCHS
from condyle.training.validate import Validation
from condyle.training.watch import Peak

#: Weight of the past in the smoothed pseudo-Dice, as in nnU-Net.
SMOOTHING = 0.9


@dataclass
class Progress:
    """Where a training is.

    Attributes:
        epochs: What has happened in each epoch that is over.
        step: Steps done in the epoch that is not.
        steps: Steps done in all.
        losses: Of the epoch that is not over.
        skipped: Steps of it that were left out.
        rate: Learning rate of the last step.
        seconds: Trained so far, over all parts of the training.
        began_s: Of these, when the epoch began.
        energy_kj: Used so far by the whole machine, over all parts; NaN where it is not told.
        began_kj: Of these, when the epoch began.
        best: The best smoothed pseudo-Dice.
        best_epoch: Number of its epoch, 0 for none.
        falls: How often the rate has been cut.
        fell_epoch: After which epoch it was cut last.
        why: What ended it; empty while it is not over.
    """

    epochs: list[Epoch] = field(default_factory=list)
    step: int = 0
    steps: int = 0
    losses: list[float] = field(default_factory=list)
    skipped: int = 0
    rate: float = 0.0
    seconds: float = 0.0
    began_s: float = 0.0
    energy_kj: float = 0.0
    began_kj: float = 0.0
    best: float = float("-inf")
    best_epoch: int = 0
    falls: int = 0
    fell_epoch: int = 0
    why: str = ""

    @property
    def epoch(self) -> int:
        """Number of the epoch that is not over, from 1."""
        return len(self.epochs) + 1

    def took(self, loss: float | None, rate: float) -> None:
        """Note a step; its loss is None where it was left out."""
        self.step += 1
        self.steps += 1
        self.rate = rate
        if loss is None:
            self.skipped += 1
        else:
            self.losses.append(loss)

    def end_epoch(self, recipe: Recipe, found: Validation | None, names: tuple[str, ...], memory: Peak) -> bool:
        """Close the epoch; cut the rate if it is time to.

        Args:
            recipe: How the rate falls.
            found: In validation, if there is one.
            names: Of the structures.
            memory: What it took.

        Returns:
            Whether it is the best so far.
        """
        dice = dict(zip(names, found.dice, strict=True)) if found else {}
        mean, smoothed = self._smoothed(dice)
        best = smoothed > self.best
        if best:
            self.best, self.best_epoch = smoothed, self.epoch
        self.epochs.append(
            Epoch(
                epoch=self.epoch,
                steps=self.steps,
                rate=self.rate,
                loss=sum(self.losses) / len(self.losses) if self.losses else nan,
                val_loss=found.loss if found else nan,
                dice=dice,
                mean_dice=mean,
                smoothed_dice=smoothed,
                seconds=self.seconds - self.began_s,
                ram_gib=memory.ram_gib,
                vram_gib=memory.vram_gib,
                skipped=self.skipped,
                energy_kj=self.energy_kj - self.began_kj,
            )
        )
        self.step, self.losses, self.skipped = 0, [], 0
        self.began_s, self.began_kj = self.seconds, self.energy_kj
        done = len(self.epochs)
        if recipe.schedule == "plateau" and done - max(self.best_epoch, self.fell_epoch) >= PLATEAU_EPOCHS:
            self.falls, self.fell_epoch = self.falls + 1, done
        return best

    def verdict(self, recipe: Recipe) -> str:
        """Why the training is over after the last epoch, the budget of time aside; empty if it is not."""
        done = len(self.epochs)
        if recipe.patience and done - self.best_epoch >= recipe.patience:
            return f"no improvement for {recipe.patience} epochs"
        return f"all {recipe.epochs} epochs are done" if not recipe.minutes and done >= recipe.epochs else ""

    def _smoothed(self, dice: dict[str, float]) -> tuple[float, float]:
        """The mean pseudo-Dice, and its running average; an epoch without any leaves the average as it was."""
        known = [value for value in dice.values() if isfinite(value)]
        before = self.epochs[-1].smoothed_dice if self.epochs else nan
        if not known:
            return nan, before
        mean = sum(known) / len(known)
        return mean, SMOOTHING * before + (1 - SMOOTHING) * mean if isfinite(before) else mean

    def to_plain(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    @classmethod
    def from_plain(cls, data: dict[str, Any]) -> Progress:
        """The inverse of `to_plain`."""
        return cls(**{**data, "epochs": [Epoch(**e) for e in data["epochs"]]})
