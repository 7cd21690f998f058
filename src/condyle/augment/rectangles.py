"""Boxes without content."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from torch import Tensor

from condyle.augment.brick import Act, Shape


@dataclass(frozen=True)
class Rectangles:
    """Boxes filled with their own mean.

    Args:
        count: From how many up to (not with) how many.
        share: From the how manieth part of an axis up to (not with) the how manieth part: 10, 3 for p / 10 to p / 3.
    """

    count: tuple[int, int] = (1, 5)
    share: tuple[int, int] = (10, 3)

    def draw(self, shape: Shape, rng: np.random.Generator) -> Act:
        boxes = tuple(self._box(shape[1:], rng) for _ in range(rng.integers(*self.count)))
        return partial(blank, boxes=boxes)

    def _box(self, patch: Shape, rng: np.random.Generator) -> tuple[slice, ...]:
        sides = []
        for n in patch:
            least = max(1, n // self.share[0])
            size = int(rng.integers(least, max(least + 1, n // self.share[1])))
            start = int(rng.integers(0, n - size + 1))
            sides.append(slice(start, start + size))
        return tuple(sides)


def blank(image: Tensor, *, boxes: tuple[tuple[slice, ...], ...]) -> None:
    """Fill each box with its mean."""
    for box in boxes:
        part = image[(slice(None), *box)]
        part.fill_(part.mean())
