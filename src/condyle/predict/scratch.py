"""The planes in work: a ring of them, in memory, on a device, or in a file that is gone when work ends."""

from __future__ import annotations

import mmap
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True)
class Planes:
    """A ring of sums: plane `n` of the scan lies at `n` modulo the ring's length until it is taken.

    Args:
        ring: Shape (depth, K, j, k), zeros.
        file: The mapped file below the ring, if it lies in one.
    """

    ring: Tensor
    file: mmap.mmap | None = None

    @property
    def device(self) -> torch.device:
        return self.ring.device

    def plane(self, n: int) -> Tensor:
        """Plane `n` (K, j, k), to add to."""
        return self.ring[n % len(self.ring)]

    def take(self, n: int, total: Tensor) -> NDArray[np.float32]:
        """Plane `n` divided by the sum of weights (j, k); its place in the ring is free again."""
        plane = self.plane(n)
        out: NDArray[np.float32] = (plane / total).cpu().numpy()
        plane.zero_()
        self.release()
        return out

    def release(self) -> None:
        """Let go of the file's pages in memory; they stay in the file."""
        if self.file is not None:
            self.file.madvise(mmap.MADV_DONTNEED)


def new_planes(depth: int, plane: tuple[int, ...], device: torch.device, folder: Path | None) -> Planes:
    """An empty ring of `depth` planes.

    Args:
        depth: How many.
        plane: Shape of each.
        device: Where the ring lies, unless in a file.
        folder: Put it into a file here, without a name: it is gone however the process ends.
    """
    if folder is None:
        return Planes(torch.zeros((depth, *plane), device=device))
    array, file = nameless(folder, (depth, *plane))
    return Planes(torch.from_numpy(array), file)


def nameless(folder: Path, shape: tuple[int, ...]) -> tuple[NDArray[np.float32], mmap.mmap]:
    """An array of zeros in a file that has no name, and the mapping below it."""
    size = 4 * int(np.prod(shape))
    with tempfile.TemporaryFile(dir=folder) as file:
        file.truncate(size)
        mapped = mmap.mmap(file.fileno(), size)
    array: NDArray[Any] = np.frombuffer(mapped, np.float32).reshape(shape)
    return array, mapped
