"""Cutting and padding boxes; the affine's origin follows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from condyle.space.axes import Affine
from condyle.space.grid import Grid
from condyle.space.volume import Volume


@dataclass(frozen=True)
class Box:
    """A block of voxels: `start` inclusive, `stop` exclusive, in index order."""

    start: tuple[int, int, int]
    stop: tuple[int, int, int]

    @property
    def slices(self) -> tuple[slice, slice, slice]:
        i, j, k = (slice(a, b) for a, b in zip(self.start, self.stop, strict=True))
        return i, j, k

    def grown(self, voxels: int, shape: tuple[int, int, int]) -> Box:
        """Larger by so many voxels on every side, within an array of `shape`."""
        start = [max(0, a - voxels) for a in self.start]
        stop = [min(n, b + voxels) for b, n in zip(self.stop, shape, strict=True)]
        return Box((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))


def bounding_box(mask: NDArray[Any]) -> Box | None:
    """The smallest box around all non-zero voxels, or None where there are none."""
    ranges = []
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        hits = np.flatnonzero(mask.any(axis=others))
        if not len(hits):
            return None
        ranges.append((int(hits[0]), int(hits[-1]) + 1))
    (i0, i1), (j0, j1), (k0, k1) = ranges
    return Box((i0, j0, k0), (i1, j1, k1))


def crop(volume: Volume, box: Box) -> Volume:
    """The voxels inside a box, where they were."""
    return Volume.of(volume.array[box.slices], _moved(volume.affine, box.start))


def pad(
    volume: Volume,
    before: tuple[int, int, int],
    after: tuple[int, int, int],
    *,
    mode: Literal["constant", "edge"] = "constant",
    value: float = 0,
) -> Volume:
    """More voxels around the volume: a constant, or the nearest edge value."""
    widths = list(zip(before, after, strict=True))
    array = (
        np.pad(volume.array, widths, mode="edge")
        if mode == "edge"
        else np.pad(volume.array, widths, constant_values=value)
    )
    negative = [-n for n in before]
    return Volume.of(array, _moved(volume.affine, (negative[0], negative[1], negative[2])))


def cropped_grid(grid: Grid, box: Box) -> Grid:
    """The grid of the voxels inside a box."""
    i, j, k = (b - a for a, b in zip(box.start, box.stop, strict=True))
    return Grid((i, j, k), _moved(grid.affine, box.start))


def _moved(affine: Affine, index: tuple[int, int, int]) -> Affine:
    out = np.array(affine)
    out[:3, 3] += affine[:3, :3] @ index
    return out
