"""A training as a picture: losses, Dice and learning rate over its epochs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from condyle.io.atomic import atomic_file
from condyle.training.history import Epoch

#: With more structures than this their names would cover the lines.
_MOST_NAMES = 12


def write_curves(path: Path, epochs: Sequence[Epoch]) -> None:
    """Draw a training as far as it is, as PNG, in place of the picture before.

    Args:
        path: The picture.
        epochs: One or more.

    Raises:
        DataError: if the disk refuses.
    """
    with atomic_file(path, overwrite=True) as temporary:
        curves(epochs).savefig(temporary, format="png", dpi=120)


def curves(epochs: Sequence[Epoch]) -> Any:
    """Three plots, one below the other, as a Matplotlib figure. Epochs are counted from 1.

    Args:
        epochs: One or more.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.0, 9.0), layout="constrained")
    loss, dice, rate = figure.subplots(3, 1, sharex=True, height_ratios=(2, 2, 1))
    numbers = [e.epoch for e in epochs]
    # A training of one epoch has a point, no line.
    look: dict[str, Any] = {"marker": "o" if len(epochs) == 1 else None}
    loss.plot(numbers, [e.loss for e in epochs], label="training", **look)
    loss.plot(numbers, [e.val_loss for e in epochs], label="validation", **look)
    loss.set_ylabel("loss")
    for name in epochs[-1].dice:
        told = name if len(epochs[-1].dice) <= _MOST_NAMES else None
        dice.plot(numbers, [e.dice[name] for e in epochs], linewidth=0.8, label=told, **look)
    dice.plot(numbers, [e.smoothed_dice for e in epochs], color="black", label="mean, moving average", **look)
    dice.set_ylabel("pseudo-Dice")
    dice.set_ylim(-0.02, 1.02)
    rate.plot(numbers, [e.rate for e in epochs], color="black", **look)
    rate.set_ylabel("learning rate")
    rate.set_xlabel("epoch")
    rate.xaxis.get_major_locator().set_params(integer=True)
    for axes in (loss, dice, rate):
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in (loss, dice):
        for text in axes.legend(frameon=False, fontsize=8, ncols=2).get_texts():
            text.set_parse_math(False)
    return figure
