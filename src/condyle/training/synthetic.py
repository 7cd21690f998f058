"""Batches of pictures that are drawn, not cut from scans.

Every pair follows from (seed, epoch, its number in the epoch) alone, as in `batches`.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from condyle.augment import sample_generator
from condyle.augment.mistakes import Mistakes
from condyle.config import Channel
from condyle.losses.targets import target_of
from condyle.phantoms.synthetic.draw import Pair, drawn_pair
from condyle.phantoms.synthetic.pose import View
from condyle.phantoms.synthetic.stored import StoredMap
from condyle.prepare.normalize import normalized
from condyle.training.batches import ALONE, Batch, Batches
from condyle.training.distributed import World

#: How far scans that show the same part of a body differ in their deviation and mean: gain and offset.
_GAIN, _OFFSET = 0.12, 0.15
#: Epochs in which easy pictures give way to all kinds. In 1500 steps, 12 minutes, a network that finds what is where
#: came to Dice .47 on pictures of new bodies so, and to .35 without.
EASY_EPOCHS = 10
#: What a first stage gets wrong, in voxels of the second.
MISTAKES = Mistakes(p_edges=0.3, p_parts=0.3, p_each=0.3, radius=(1.0, 4.0), p_nothing=0.03, balls=2)


@dataclass(frozen=True)
class SyntheticBatches(Batches):
    """Batches of drawn pictures; `ids` are of maps, and `cases` and `augment` are not looked at.

    Args:
        maps: Maps by id.
        spacing_mm: Of the patch along the tensor axes.
        axes: RAS axis of each tensor axis.
        channel: How pictures are normalised.
        roughly: Structures of which the network is also shown what a first stage might have found, a channel each.
        easy_epochs: In so many epochs easy pictures give way to all kinds.
    """

    maps: Mapping[str, StoredMap] = field(default_factory=dict)
    spacing_mm: tuple[float, float, float] = (3.0, 3.0, 3.0)
    axes: tuple[int, int, int] = (2, 1, 0)
    channel: Channel = field(default_factory=lambda: Channel("scan", "zscore"))
    roughly: tuple[int, ...] = ()
    easy_epochs: int = EASY_EPOCHS

    def over(self, epochs: Iterable[int], *, first: int = 0, world: World = ALONE) -> Generator[Batch, None, None]:
        """As `Batches.over`. The network leaves a core to those who draw.

        Threads that wait for each other in every layer wait for the slowest, and one that shares its core is slow: on
        two cores a step beside which pictures were drawn took .95 s with two threads and .31 s with one.
        """
        from threadpoolctl import threadpool_limits

        threads = torch.get_num_threads()
        torch.set_num_threads(max(1, threads - 1))
        try:
            with threadpool_limits(1, user_api="blas"):
                yield from super().over(epochs, first=first, world=world)
        finally:
            torch.set_num_threads(threads)

    def sample(self, epoch: int, number: int) -> Batch:
        """One pair, as a batch without its first axis; arguments as `Batches.sample`."""
        rng = sample_generator(self.seed, epoch, number)
        i, j, k = self.patch
        view = View((i, j, k), self.spacing_mm, self.axes)
        stored = self.maps[self.ids[rng.integers(len(self.ids))]]
        # Trainings count from 1. Epoch 0 is validation's, which shows what will come.
        easy = epoch > 0 and bool(rng.random() * self.easy_epochs >= epoch)
        pair = drawn_pair(stored, view, rng, easy=easy)
        labels = torch.from_numpy(pair.labels)
        image = torch.from_numpy(_normalized(pair, self.channel, rng))[None]
        if self.roughly:
            image = torch.cat((image, _found(pair, self.roughly, rng)))
        return Batch(image, target_of(labels[None], self.table)[0])


def _found(pair: Pair, ids: tuple[int, ...], rng: np.random.Generator) -> Tensor:
    """What a first stage might have found: outlines a little off, and now and then a mistake."""
    found = pair.rough.copy()
    for mistake in MISTAKES.draw(ids, rng):
        mistake(found)
    return torch.from_numpy(np.stack([found == id_ for id_ in ids])).float()


def _normalized(pair: Pair, channel: Channel, rng: np.random.Generator) -> NDArray[np.float32]:
    """As the scan would be, 0 outside of it."""
    out = np.zeros(pair.image.shape, np.float32)
    inside = pair.image[pair.seen.slices]
    if channel.normalize == "zscore":
        gain, offset = np.exp(rng.normal(0, _GAIN)), rng.normal(0, _OFFSET)
        scale = max(float(pair.around.std()), 1e-8)
        out[pair.seen.slices] = gain * (inside - pair.around.mean()) / scale + offset
    else:
        out[pair.seen.slices] = normalized(inside, channel)
    return out
