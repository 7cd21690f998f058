"""How the learning rate falls: pure functions of how far training is.

* **progress**: the share of the training that is over, from 0 to 1: of its steps, or of its minutes.
* **falls**: how often `plateau` has cut the rate so far; the one thing about a rate that depends on how learning went.
"""

from __future__ import annotations

from collections.abc import Callable
from math import cos, pi

from condyle.recipe import Recipe, Schedule

#: Epochs without improvement after which `plateau` cuts the rate, and what it cuts it to.
PLATEAU_EPOCHS = 10
PLATEAU_FACTOR = 0.1


def poly(t: float) -> float:
    """nnU-Net's: to 0, nearly linearly."""
    return (1 - t) ** 0.9


def cosine(t: float) -> float:
    """Half a cosine, from 1 to 0 (I. Loshchilov, F. Hutter, "SGDR", ICLR 2017, without restarts)."""
    return (1 + cos(pi * t)) / 2


def linear(t: float) -> float:
    """To half, as in the study of children's legs."""
    return 1 - t / 2


def constant(t: float) -> float:
    """The same all along."""
    del t
    return 1.0


#: A new schedule is a function and a line here. What `plateau` does is in its falls.
SCHEDULES: dict[Schedule, Callable[[float], float]] = {
    "poly": poly,
    "cosine": cosine,
    "linear": linear,
    "plateau": constant,
    "constant": constant,
}


def rate_at(recipe: Recipe, progress: float, falls: int = 0) -> float:
    """The learning rate.

    During the warm-up it rises linearly from 0; the schedule runs over what is left.

    Args:
        recipe: Its `rate`, `schedule` and `warmup`.
        progress: From 0 to 1.
        falls: See above.
    """
    if progress < recipe.warmup:
        return recipe.rate * progress / recipe.warmup
    left = (min(progress, 1.0) - recipe.warmup) / (1 - recipe.warmup)
    return recipe.rate * SCHEDULES[recipe.schedule](left) * PLATEAU_FACTOR**falls
