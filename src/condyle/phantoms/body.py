"""What a phantom is made of: bodies with signed distances, stacked into a subject.

* **body**: a region of one tissue and one name, given by its signed distance in mm (negative inside).
* **subject**: bodies in painting order; where two overlap the later one wins. World is RAS mm.

The truth is exact: a voxel has the name and the tissue of the last body its centre lies in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.phantoms.tissue import CODES
from condyle.space import Box, Grid

Points = NDArray[np.float32]
Distances = NDArray[np.float32]
Distance = Callable[[Points], Distances]

#: A signed distance may change by at most this much per mm. Exact distances have 1; blends and small smooth
#: displacements a little more.
STEEPEST = 1.3

#: Edge of the blocks that are judged as a whole by the distance at their centre.
BLOCK_MM = 4.0

#: How many points are evaluated at once; keeps intermediate arrays in the processor's cache.
CHUNK_POINTS = 1 << 16


@dataclass(frozen=True)
class Body:
    """One region.

    Args:
        name: The structure it belongs to (`femur_right`, `liver`), or "" if it is part of none.
        tissue: A key of `tissue.TISSUES`.
        distance_mm: Points (..., 3) in RAS mm to signed distances (...), negative inside. The sign is exact;
            the slope is at most `STEEPEST`.
        bounds_mm: Shape (2, 3): lower and upper corner of a box that holds the body.
    """

    name: str
    tissue: str
    distance_mm: Distance
    bounds_mm: NDArray[np.float64]


@dataclass(frozen=True)
class Subject:
    """Bodies in painting order, and what is known of the subject."""

    bodies: tuple[Body, ...]
    #: Ground-truth measures by name, unit in the name: `{"head_radius_mm": 23.1, "neck_shaft_angle_deg": 127.0}`.
    measures: dict[str, float] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """Structure names in order of first appearance."""
        return tuple(dict.fromkeys(b.name for b in self.bodies if b.name))


def sample(subject: Subject, grid: Grid) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The subject at the voxel centres of a grid.

    Each body is evaluated inside its bounds only, and there only in blocks its surface may cross.

    Returns:
        tissue: uint8 (I, J, K), position in `tissue.TISSUES` (0 is air).
        owner: uint8 (I, J, K), 1 + position of the structure in `subject.names`, 0 for none.
    """
    tissue = np.zeros(grid.shape, np.uint8)
    owner = np.zeros(grid.shape, np.uint8)
    ids = {name: i + 1 for i, name in enumerate(subject.names)} | {"": 0}
    for body in subject.bodies:
        box = box_of(body.bounds_mm, grid)
        if box is not None:
            inside = inside_mask(body.distance_mm, grid, box)
            tissue[box.slices][inside] = CODES[body.tissue]
            owner[box.slices][inside] = ids[body.name]
    return tissue, owner


def box_of(bounds_mm: NDArray[np.float64], grid: Grid) -> Box | None:
    """The voxels whose centres may lie inside bounds (2, 3) in mm, or None if the grid misses them."""
    corners = np.stack(np.meshgrid(*bounds_mm.T, indexing="ij"), -1).reshape(8, 3)
    index = grid.to_index(corners)
    start = np.maximum(np.ceil(index.min(0) - 1e-6), 0).astype(int)
    stop = np.minimum(np.floor(index.max(0) + 1e-6) + 1, grid.shape).astype(int)
    if (stop <= start).any():
        return None
    return Box((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))


def inside_mask(distance_mm: Distance, grid: Grid, box: Box) -> NDArray[np.bool_]:
    """Which voxel centres of a box have a negative distance: bool, of the box's shape.

    Args:
        distance_mm: As in `Body`.
        grid: Places the voxels.
        box: Part of the grid.
    """
    start, size = np.array(box.start), np.subtract(box.stop, box.start)
    block = np.clip(np.rint(BLOCK_MM / np.array(grid.spacing_mm)).astype(int), 1, size)
    count = -(-size // block)
    inside = np.zeros(count * block, bool)
    # One view of the same voxels as (block index, voxel within the block).
    split = [n for pair in zip(count, block, strict=True) for n in pair]
    blocks = inside.reshape(split).transpose(0, 2, 4, 1, 3, 5)

    first = np.indices(tuple(count)).reshape(3, -1).T * block + start
    reach_mm = STEEPEST * float(np.linalg.norm((block - 1) * np.array(grid.spacing_mm))) / 2
    at_centre = _evaluate(distance_mm, grid, first + (block - 1) / 2)
    blocks[at_centre.reshape(count) < -reach_mm] = True
    near = np.flatnonzero(np.abs(at_centre) <= reach_mm)
    offsets = np.indices(tuple(block)).reshape(3, -1).T
    for some in _chunks(near, max(1, CHUNK_POINTS // len(offsets))):
        values = _evaluate(distance_mm, grid, first[some, None] + offsets)
        blocks[np.unravel_index(some, tuple(count))] = (values < 0).reshape(-1, *block)
    i, j, k = size
    return inside[:i, :j, :k]


def _evaluate(distance_mm: Distance, grid: Grid, index: NDArray[Any]) -> Distances:
    """Distances (...) at fractional indices (..., 3), chunk by chunk."""
    flat = index.reshape(-1, 3)
    parts = [distance_mm(grid.to_world(some).astype(np.float32)) for some in _chunks(flat, CHUNK_POINTS)]
    return np.concatenate(parts).reshape(index.shape[:-1])


def _chunks(array: NDArray[Any], length: int) -> Iterator[NDArray[Any]]:
    for start in range(0, len(array), length):
        yield array[start : start + length]
