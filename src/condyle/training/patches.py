"""Where training patches lie in a scan, and cutting them out.

* **patch**: what the network sees of a scan at once; (1, a, b) for a 2-D network: part of one slice.
* **source**: the region round a patch that is cut out, larger where augmentation turns it, so that no corner is empty.
* **spot**: a case and the first voxel of a patch in it. A scan shorter than the patch has it in its middle.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from condyle.space import Box

Size = tuple[int, int, int]


class Readable(Protocol):
    """An array (..., three spatial axes) that may lie on disk."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def read(self, box: Box) -> NDArray[Any]:
        """The voxels of a box that lies within it."""
        ...


class PatchCase(Protocol):
    """What sampling needs of a prepared case; `data.store` has such.

    Attributes:
        image: float32 (C, *tensor axes).
        labels: Integers (*tensor axes), -1 for background outside the scan.
        positions: Some voxels (n, 3) of each label id that is there.
        voxels: How many there are of each.
    """

    @property
    def image(self) -> Readable: ...

    @property
    def labels(self) -> Readable: ...

    @property
    def positions(self) -> Mapping[int, NDArray[Any]]: ...

    @property
    def voxels(self) -> Mapping[int, int]: ...


class Cases(Protocol):
    """Prepared cases by id: a store, or a table."""

    def __getitem__(self, id_: str, /) -> PatchCase: ...


@dataclass(frozen=True)
class Spot:
    """Where a patch lies: the case's id and the first voxel."""

    case: str
    start: Size


def random_start(shape: Sequence[int], patch: Size, rng: np.random.Generator) -> Size:
    """A patch anywhere in a scan; all places are equally likely."""
    i, j, k = (int(rng.integers(low, high + 1)) for low, high in map(_range, shape, patch))
    return i, j, k


def start_round(voxel: Sequence[int], shape: Sequence[int], patch: Size) -> Size:
    """The patch with this voxel at its centre, or as near to it as the patch can stay within the scan."""
    ranges = map(_range, shape, patch)
    i, j, k = (min(max(int(v) - p // 2, low), high) for v, p, (low, high) in zip(voxel, patch, ranges, strict=True))
    return i, j, k


def structure_voxel(case: PatchCase, ids: Collection[int], rng: np.random.Generator) -> Sequence[int] | None:
    """A voxel of one of these structures, each of which is equally likely, however small. None where none is there."""
    there = [id_ for id_ in case.positions if id_ in ids]
    return _voxel(case, there[rng.integers(len(there))], rng) if there else None


def known_voxel(case: PatchCase, unknown: Collection[int], rng: np.random.Generator) -> Sequence[int] | None:
    """Any voxel that somebody labelled, background included, all equally likely. None where nobody did."""
    there = [id_ for id_ in case.positions if id_ not in unknown]
    if not there:
        return None
    counts = np.array([case.voxels[id_] for id_ in there], float)
    return _voxel(case, there[rng.choice(len(there), p=counts / counts.sum())], rng)


def _voxel(case: PatchCase, id_: int, rng: np.random.Generator) -> Sequence[int]:
    voxels = case.positions[id_]
    found: Sequence[int] = voxels[rng.integers(len(voxels))].tolist()
    return found


def tiles(shape: Sequence[int], patch: Size) -> list[Size]:
    """Patches that cover a scan, as few as do, evenly spread."""
    return list(product(*(_tiles(n, p) for n, p in zip(shape, patch, strict=True))))  # type: ignore[arg-type]


def source_start(start: Size, patch: Size, source: Size) -> Size:
    """First voxel of the source region with the patch in its middle."""
    i, j, k = (a - (s - p) // 2 for a, p, s in zip(start, patch, source, strict=True))
    return i, j, k


def cut(array: Readable, start: Size, size: Size, fill: float) -> NDArray[Any]:
    """A region of an array (..., i, j, k), always a copy.

    Args:
        array: The last three axes are those of `start`.
        start: First voxel; may lie outside, but the region reaches into the array.
        size: Of the region.
        fill: Value of what lies outside.
    """
    ends = (a + s for a, s in zip(start, size, strict=True))
    i0, j0, k0 = (max(a, 0) for a in start)
    i1, j1, k1 = (min(e, n) for e, n in zip(ends, array.shape[-3:], strict=True))
    box = Box((i0, j0, k0), (i1, j1, k1))
    part = array.read(box)
    if part.shape[-3:] == size:
        return part
    out = np.full((*part.shape[:-3], *size), fill, part.dtype)
    i, j, k = (slice(b - a, e - a) for a, b, e in zip(start, box.start, box.stop, strict=True))
    out[..., i, j, k] = part
    return out


def _range(n: int, p: int) -> tuple[int, int]:
    """First and last start of a patch of length `p` on an axis of length `n`."""
    return (0, n - p) if n >= p else (-((p - n) // 2), -((p - n) // 2))


def _tiles(n: int, p: int) -> list[int]:
    low, high = _range(n, p)
    count = -(-n // p)
    return [low + round((high - low) * m / max(count - 1, 1)) for m in range(count)]
