"""A subject sampled once, bones kept as distances so that they can be drawn at any fineness afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from condyle.labels import Labels
from condyle.phantoms.body import STEEPEST, Body, Distances, Subject, box_of, sample
from condyle.phantoms.tissue import CODES
from condyle.space import Box, Grid, cropped_grid

_SIDED = tuple(
    f"{bone}_{side}" for bone in ("femur", "hip", "tibia", "fibula", "patella") for side in ("left", "right")
)
#: The structures of synthetic label maps; fewer than 16, as maps keep their ids in 4 bits.
LABELS = Labels.of({name: n for n, name in enumerate((*_SIDED, "sacrum", "spine", "other_bone"), start=1)})

#: Distances are kept from -REACH to REACH, in steps of it / 127 around 128.
REACH_MM = 10.0
#: Unit of the thickness of the cortex, which is kept in 4 bits beside the bone's id.
WALL_MM = 0.45
#: Tissues only bones are made of.
BONY = ("cortical_bone", "trabecular_bone", "dense_trabecular_bone", "yellow_marrow", "red_marrow", "growth_plate")

#: Edge of the blocks in which the neighbourhood of a surface is looked for, in voxels.
_BLOCK = 4

Planes = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class AnatomyMap:
    """A sampled subject.

    Args:
        planes: uint8 (3, I, J, K). Tissue (position in `TISSUES`); id in `LABELS` of the nearest bone within reach, and
            in the upper 4 bits the thickness of its cortex in steps of `WALL_MM`; distance to its surface in steps of
            `REACH_MM` / 127, 128 at the surface and less inside.
        grid: RAS, of equal spacing.
    """

    planes: Planes
    grid: Grid


def anatomy_map(subject: Subject, grid: Grid) -> AnatomyMap:
    """Sample a subject.

    Every body of `cortical_bone` is a bone, and the body of `trabecular_bone` that follows it its inside. One without a
    name in `LABELS` is an `other_bone`.

    Args:
        subject: The subject.
        grid: RAS, of equal spacing.
    """
    planes = np.zeros((3, *grid.shape), np.uint8)
    planes[0] = sample(subject, grid)[0]
    nearest = np.full(grid.shape, REACH_MM, np.float32)
    for outer, inner in _bones(subject):
        box = box_of(outer.bounds_mm + np.array([[-REACH_MM], [REACH_MM]]), grid)
        if box is None:
            continue
        near = _near(outer, grid, box)
        index = np.argwhere(near)
        points = np.asarray(grid.to_world(index + np.array(box.start)), np.float32)
        distance = _evaluated(outer, points)
        closer = distance < nearest[box.slices][near]
        index, points, distance = index[closer] + np.array(box.start), points[closer], distance[closer]
        at = tuple(index.T)
        nearest[at] = distance
        id_ = LABELS[outer.name if outer.name in LABELS.names else "other_bone"].id
        wall_mm = 0.0 if inner is None else _evaluated(inner, points) - distance
        planes[1][at] = id_ + 16 * np.clip(np.rint(wall_mm / WALL_MM), 0, 15).astype(np.uint8)
    planes[2] = np.clip(np.rint(nearest * (127 / REACH_MM)) + 128, 1, 255).astype(np.uint8)
    return AnatomyMap(planes, grid)


def _bones(subject: Subject) -> Iterator[tuple[Body, Body | None]]:
    """Each bone with its inside."""
    following = (*subject.bodies[1:], None)
    for outer, inner in zip(subject.bodies, following, strict=True):
        if outer.tissue == "cortical_bone":
            own = inner is not None and inner.tissue == "trabecular_bone" and inner.name == outer.name
            yield outer, inner if own else None


def _near(body: Body, grid: Grid, box: Box) -> NDArray[np.bool_]:
    """Which voxels of a box lie in blocks that may come within reach of a body's surface."""
    part = cropped_grid(grid, box)
    count = -(-np.array(part.shape) // _BLOCK)
    centres = np.indices(tuple(count)).reshape(3, -1).T * _BLOCK + (_BLOCK - 1) / 2
    half_mm = STEEPEST * float(np.linalg.norm((_BLOCK - 1) * np.array(grid.spacing_mm))) / 2
    distance = _evaluated(body, np.asarray(part.to_world(centres), np.float32))
    near = (np.abs(distance) < REACH_MM + half_mm).reshape(count)
    i, j, k = part.shape
    near = near | (distance < 0).reshape(count)
    return near.repeat(_BLOCK, 0).repeat(_BLOCK, 1).repeat(_BLOCK, 2)[:i, :j, :k]


def _evaluated(body: Body, points: NDArray[np.float32]) -> Distances:
    parts = [np.empty(0, np.float32)]
    parts += [body.distance_mm(points[n : n + (1 << 16)]) for n in range(0, len(points), 1 << 16)]
    return np.concatenate(parts)


def bony_codes() -> NDArray[np.bool_]:
    """Which of 256 tissue codes only bones have."""
    out = np.zeros(256, bool)
    out[[CODES[name] for name in BONY]] = True
    return out
