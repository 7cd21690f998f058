"""What the first stage of a cascade found, as the second sees it in training: a channel a structure, in 3-D.

It is moved as the patch is moved, with sides swapped where the patch is mirrored, and mistakes are planted into it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from condyle.augment import Drawn
from condyle.augment.mistakes import Mistakes
from condyle.training.patches import Readable, Size, cut


@dataclass(frozen=True)
class FoundBefore:
    """The first stage's label maps.

    Args:
        cases: By case, on the grid of the prepared image. Of a case that is learned from it must be what a network
            made of it that was not trained on it.
        ids: Structures that have a channel, in the order of `Plan.cascade`.
        mistakes: Planted into them, for learning alone.
    """

    cases: Mapping[str, Readable]
    ids: tuple[int, ...]
    mistakes: Mistakes | None = None

    def channels(self, case: str, start: Size, source: Size, drawn: Drawn | None, rng: np.random.Generator) -> Tensor:
        """The channels of a patch.

        Args:
            case: Its id.
            start: First voxel of the region it is made from.
            source: Size of the region.
            drawn: What was done to the image.
            rng: Goes on after what was drawn for the image.

        Returns:
            float32 (structures, *patch), 1 where it was found.
        """
        labels = torch.from_numpy(cut(self.cases[case], start, source, 0).astype(np.int16)).clamp_(min=0)
        if drawn is not None:
            labels = drawn.moved(labels)
        if self.mistakes is not None:
            for mistake in self.mistakes.draw(self.ids, rng):
                mistake(labels.numpy())
        return torch.stack([labels == id_ for id_ in self.ids]).float()
