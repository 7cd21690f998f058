"""What augmentation is made of.

* **brick**: the settings of one kind of change.
* **draw**: a brick takes all the random numbers it needs for one sample from the generator it is handed. What comes
  back is an **act**: a function with these numbers bound to it (`functools.partial`, so that they can be looked at).
* **act**: changes an image (C, *patch) in place, on any device, with no chance left in it.

How often a brick is used is no matter of the brick: `Sometimes`, `OneOf` and `PerChannel` wrap it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
from torch import Tensor

Shape = tuple[int, ...]
Range = tuple[float, float]
Act = Callable[[Tensor], None]


class Brick(Protocol):
    """Settings from which acts are drawn."""

    def draw(self, shape: Shape, rng: np.random.Generator) -> Act | None:
        """An act for an image of `shape` (C, *patch), or None for no change."""
        ...


@dataclass(frozen=True)
class Sometimes:
    """A brick that is used with a probability."""

    p: float
    brick: Brick

    def draw(self, shape: Shape, rng: np.random.Generator) -> Act | None:
        return self.brick.draw(shape, rng) if rng.random() < self.p else None


@dataclass(frozen=True)
class OneOf:
    """One brick of several, each as likely."""

    bricks: tuple[Brick, ...]

    def draw(self, shape: Shape, rng: np.random.Generator) -> Act | None:
        return self.bricks[rng.integers(len(self.bricks))].draw(shape, rng)


@dataclass(frozen=True)
class PerChannel:
    """A brick with random numbers of its own for each channel, on each with a probability."""

    brick: Brick
    p: float = 1.0

    def draw(self, shape: Shape, rng: np.random.Generator) -> Act | None:
        one = (1, *shape[1:])
        drawn = [self.brick.draw(one, rng) if rng.random() < self.p else None for _ in range(shape[0])]
        return partial(on_channels, acts=drawn) if any(drawn) else None


def on_channels(image: Tensor, *, acts: Sequence[Act | None]) -> None:
    """Each act on its own channel."""
    for channel, act in enumerate(acts):
        if act is not None:
            act(image[channel : channel + 1])


def uniform(rng: np.random.Generator, limits: Range) -> float:
    """A number between two."""
    return float(rng.uniform(*limits))


def around_one(rng: np.random.Generator, limits: Range) -> float:
    """A factor that is below 1 as often as above it, however far the limits are from 1."""
    low, high = limits
    return uniform(rng, (low, 1.0) if rng.random() < 0.5 else (1.0, high))
