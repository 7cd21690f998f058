"""What a phantom is made of: bodies with signed distances, stacked into a subject.

* **body**: a region of one tissue and one name, given by its signed distance in mm (negative inside).
* **subject**: bodies in painting order; where two overlap the later one wins. World is RAS mm.

The truth is exact: a voxel has the name and the tissue of the last body its centre lies in.
"""

from __future__ import annotations

from collections.abc import Callable
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

#: Edge, in voxels, of the largest blocks that are judged as a whole by the distance at their centre.
BLOCK = 16

#: The eight halves of a block, in steps of half its edge.
_HALVES = np.indices((2, 2, 2)).reshape(3, -1).T

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

    Each body is evaluated inside its bounds only, and there only close to its surface.

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

    Blocks are judged as a whole by the distance at their centre; those the surface may cross are halved
    along every axis, down to single voxels. So most work is done next to the surface.

    Args:
        distance_mm: As in `Body`.
        grid: Places the voxels.
        box: Part of the grid.
    """
    size = np.subtract(box.stop, box.start)
    count = -(-size // BLOCK)
    inside = np.zeros(count * BLOCK, bool)
    first = np.indices(tuple(count)).reshape(3, -1).T * BLOCK
    place = _Place.of(grid, box)
    edge = BLOCK
    while edge > 1:
        reach_mm = STEEPEST * float(np.linalg.norm((edge - 1) * np.array(grid.spacing_mm))) / 2
        at_centre = place.evaluate(distance_mm, first + (edge - 1) / 2)
        _blocks(inside, edge)[tuple(first[at_centre < -reach_mm].T // edge)] = True
        near = first[np.abs(at_centre) <= reach_mm]
        edge //= 2
        first = (near[:, None] + _HALVES * edge).reshape(-1, 3)
    inside[tuple(first.T)] = place.evaluate(distance_mm, first) < 0
    i, j, k = size
    return inside[:i, :j, :k]


def _blocks(array: NDArray[np.bool_], edge: int) -> NDArray[np.bool_]:
    """A view of an array as (block index, voxel within the block), three axes each."""
    split = [n for length in array.shape for n in (length // edge, edge)]
    return array.reshape(split).transpose(0, 2, 4, 1, 3, 5)


@dataclass(frozen=True)
class _Place:
    """From indices within a box to single precision mm."""

    step: NDArray[np.float32]
    origin: NDArray[np.float32]

    @classmethod
    def of(cls, grid: Grid, box: Box) -> _Place:
        origin = grid.to_world(np.array(box.start))
        return cls(grid.affine[:3, :3].T.astype(np.float32), origin.astype(np.float32))

    def evaluate(self, distance_mm: Distance, index: NDArray[Any]) -> Distances:
        """Distances (N,) at fractional indices (N, 3), chunk by chunk."""
        parts = [np.empty(0, np.float32)]
        for start in range(0, len(index), CHUNK_POINTS):
            points = index[start : start + CHUNK_POINTS].astype(np.float32) @ self.step
            points += self.origin
            parts.append(distance_mm(points))
        return np.concatenate(parts)
