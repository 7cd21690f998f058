"""Batches of pictures that are drawn, not cut from scans.

Every pair follows from (seed, epoch, its number in the epoch) alone, as in `batches`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from condyle.augment import sample_generator
from condyle.config import Channel
from condyle.losses.targets import target_of
from condyle.phantoms.synthetic.draw import Pair, drawn_pair
from condyle.phantoms.synthetic.pose import View
from condyle.phantoms.synthetic.stored import StoredMap
from condyle.prepare.normalize import normalized
from condyle.training.batches import Batch, Batches

#: How far the normalisation of a patch is from that of the whole scan it might come from: gain and offset.
_GAIN, _OFFSET = 0.12, 0.15


@dataclass(frozen=True)
class SyntheticBatches(Batches):
    """Batches of drawn pictures; `ids` are of maps, and `cases` and `augment` are not looked at.

    Args:
        maps: Maps by id.
        spacing_mm: Of the patch along the tensor axes.
        axes: RAS axis of each tensor axis.
        channel: How pictures are normalised.
    """

    maps: Mapping[str, StoredMap] = field(default_factory=dict)
    spacing_mm: tuple[float, float, float] = (3.0, 3.0, 3.0)
    axes: tuple[int, int, int] = (2, 1, 0)
    channel: Channel = field(default_factory=lambda: Channel("scan", "zscore"))

    def sample(self, epoch: int, number: int) -> Batch:
        """One pair, as a batch without its first axis; arguments as `Batches.sample`."""
        rng = sample_generator(self.seed, epoch, number)
        i, j, k = self.patch
        view = View((i, j, k), self.spacing_mm, self.axes)
        pair = drawn_pair(self.maps[self.ids[rng.integers(len(self.ids))]], view, rng)
        labels = torch.from_numpy(pair.labels)
        image = torch.from_numpy(_normalized(pair, self.channel, rng))
        return Batch(image[None], target_of(labels[None], self.table)[0])


def _normalized(pair: Pair, channel: Channel, rng: np.random.Generator) -> NDArray[np.float32]:
    """As the scan would be, 0 outside of it."""
    out = np.zeros(pair.image.shape, np.float32)
    inside = normalized(pair.image[pair.seen.slices], channel)
    if channel.normalize != "ct":
        inside *= np.float32(np.exp(rng.normal(0, _GAIN)))
        inside += np.float32(rng.normal(0, _OFFSET))
    out[pair.seen.slices] = inside
    return out
