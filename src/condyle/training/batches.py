"""Batches of augmented patches, made ahead by threads while the network learns.

Every patch follows from (seed, epoch, its number in the epoch) alone: how many threads or processes share the work, and
where a training was interrupted, plays no part.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from condyle.augment import Augmentation, sample_generator
from condyle.errors import ConfigError, DataError
from condyle.losses.compared import IGNORE
from condyle.losses.targets import target_of
from condyle.prepare.prepare import OUTSIDE
from condyle.training.distributed import World
from condyle.training.found import FoundBefore
from condyle.training.patches import (
    Cases,
    PatchCase,
    Size,
    Spot,
    cut,
    known_voxel,
    random_start,
    source_start,
    start_round,
    structure_voxel,
    tiles,
)

ALONE = World()


class Batch(NamedTuple):
    """What a step learns from.

    Attributes:
        image: float32 (B, C, *patch).
        target: As `condyle.losses` takes it.
    """

    image: Tensor
    target: Tensor


@dataclass(frozen=True)
class Batches:
    """The patches of some cases, in batches.

    Args:
        cases: Prepared cases by id.
        ids: Those to draw from. Which of them go together into training or validation is the caller's concern.
        patch: What the network sees; two sizes for a 2-D network, which sees part of one slice of the first axis.
        batch: Patches a batch, of all processes together.
        table: From label ids to the target, see `losses.targets`.
        iterations: Batches an epoch, of random cases at random places. 0: once through all patches that cover all
            cases, in random order; the last batch is filled up with the first ones.
        oversample: Share of each batch, at its end, that is centred on a voxel of a random structure of its case, as
            nnU-Net does; if some voxels are ignored, the others are centred on voxels that are not. Neither with
            `iterations` 0.
        augment: What is done to each sample, for patches of this size; nothing if None.
        found: What the stage before found, in channels behind the image's; None for a network that sees the scan alone.
        seed: Start of every random number.
        workers: Threads that make patches.
        ahead: Batches that are made before they are needed.
    """

    cases: Cases
    ids: tuple[str, ...]
    patch: tuple[int, ...]
    batch: int
    table: Tensor
    iterations: int = 250
    oversample: float = 1 / 3
    augment: Augmentation | None = None
    found: FoundBefore | None = None
    seed: int = 0
    workers: int = 2
    ahead: int = 3

    def __post_init__(self) -> None:
        if not self.ids:
            raise DataError("batches", expected="one case or more", got="none")
        if len(self.patch) not in {2, 3} or (self.augment is not None and self.augment.patch != self.patch):
            got = str(self.patch) if self.augment is None else f"{self.patch}, augmented to {self.augment.patch}"
            raise ConfigError("batches: patch", expected="one patch of 2 or 3 sizes", got=got)
        if min(self.batch, self.workers, self.ahead, self.iterations + 1) < 1:
            got = f"{self.batch}, {self.workers}, {self.ahead}, {self.iterations}"
            raise ConfigError("batches: batch, workers, ahead, iterations", expected="1, 1, 1, 0 or more", got=got)

    def __len__(self) -> int:
        """Batches an epoch."""
        return self.iterations or -(-len(self._tiles) // self.batch)

    def over(self, epochs: Iterable[int], *, first: int = 0, world: World = ALONE) -> Generator[Batch, None, None]:
        """All batches of some epochs, one epoch after another without a pause.

        Args:
            epochs: Their numbers.
            first: Number of the first batch of the first epoch.
            world: Gives each process its share of each batch.
        """
        numbers = ((epoch, step) for epoch in epochs for step in range(len(self)))
        for _ in range(first):
            next(numbers)
        threads = torch.get_num_threads()
        pool = ThreadPoolExecutor(self.workers, "patches", initializer=torch.set_num_threads, initargs=(1,))
        waiting: deque[list[Future[Batch]]] = deque()
        try:
            for epoch, step in numbers:
                share = world.share(self.batch)
                waiting.append([pool.submit(self.sample, epoch, step * self.batch + n) for n in share])
                if len(waiting) > self.ahead:
                    yield _joined(waiting.popleft())
            while waiting:
                yield _joined(waiting.popleft())
        finally:
            pool.shutdown(cancel_futures=True)
            # That each of them computes by itself is also noted for all threads to come.
            torch.set_num_threads(threads)

    def sample(self, epoch: int, number: int) -> Batch:
        """One patch, as a batch without its first axis.

        Args:
            epoch: Which.
            number: Of the patch in the epoch.
        """
        rng = sample_generator(self.seed, epoch, number)
        spot = self._spot(epoch, number, rng)
        case = self._cases[spot.case]
        drawn = None
        if self.augment is not None:
            drawn = self.augment.draw(rng, case.image.shape[0])
        source = _size(self.patch if drawn is None else drawn.region)
        start = source_start(spot.start, _size(self.patch), source)
        image = torch.from_numpy(cut(case.image, start, source, 0.0))
        labels = torch.from_numpy(cut(case.labels, start, source, OUTSIDE).astype(np.int16))
        if len(self.patch) == 2:
            image, labels = image[:, 0], labels[0]
        if drawn is not None:
            image, labels = drawn(image, labels)
        if self.found is not None:
            image = torch.cat((image, self.found.channels(spot.case, start, source, drawn, rng)))
        return Batch(image, target_of(labels[None], self.table)[0])

    @property
    def structures(self) -> int:
        """How many structures or regions the targets tell apart."""
        return int(self.table.max()) if self.table.ndim == 1 else len(self.table)

    def _spot(self, epoch: int, number: int, rng: np.random.Generator) -> Spot:
        if not self.iterations:
            order = np.random.default_rng((self.seed, epoch)).permutation(len(self._tiles))
            return self._tiles[order[number % len(order)]]
        id_ = self.ids[rng.integers(len(self.ids))]
        case, patch = self._cases[id_], _size(self.patch)
        voxel = None
        if number % self.batch >= round(self.batch * (1 - self.oversample)):
            voxel = structure_voxel(case, self._foreground, rng)
        elif self._unknown:
            voxel = known_voxel(case, self._unknown, rng)
        shape = case.labels.shape
        start = random_start(shape, patch, rng) if voxel is None else start_round(voxel, shape, patch)
        return Spot(id_, start)

    @cached_property
    def _cases(self) -> dict[str, PatchCase]:
        return {id_: self.cases[id_] for id_ in self.ids}

    @cached_property
    def _tiles(self) -> list[Spot]:
        patch = _size(self.patch)
        return [Spot(id_, start) for id_, case in self._cases.items() for start in tiles(case.labels.shape, patch)]

    @cached_property
    def _foreground(self) -> set[int]:
        """The ids that are more than background, and not ignored."""
        return self._ids(((self.table > 0) & (self.table != IGNORE)).reshape(-1, self.table.shape[-1]).any(0))

    @cached_property
    def _unknown(self) -> set[int]:
        """The ignored ids."""
        return self._ids((self.table == IGNORE).reshape(-1, self.table.shape[-1]).any(0))

    def _ids(self, entries: Tensor) -> set[int]:
        """Ids of entries of the table, of which the first is `OUTSIDE`'s."""
        return {int(n) + OUTSIDE for n in entries.nonzero()}


def _size(patch: tuple[int, ...]) -> Size:
    i, j, k = (1, *patch) if len(patch) == 2 else patch
    return i, j, k


def _joined(samples: list[Future[Batch]]) -> Batch:
    images, targets = zip(*(s.result() for s in samples), strict=True)
    return Batch(torch.stack(images), torch.stack(targets))
