"""A proximal femur without soft tissue, cast in polyurethane at its cut end, beside a calibration phantom.

Frame: the shaft frame of the femur (see `femur`), so z runs along the shaft; left bones are mirrored.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from condyle.phantoms.anatomy.femur import femur
from condyle.phantoms.anatomy.femur_shape import FemurShape, femur_measures
from condyle.phantoms.body import Body, Subject
from condyle.phantoms.part import body, mirrored_bodies, moved_part
from condyle.phantoms.solids import (
    Solid,
    box,
    culled,
    cylinder,
    half_space,
    intersection,
)

RODS = ("rod_0_mgha", "rod_100_mgha", "rod_200_mgha", "rod_400_mgha", "rod_800_mgha")


def proximal_femur(
    shape: FemurShape, rng: np.random.Generator, *, side: str = "right", cut_mm: float = 120.0, block_mm: float = 45.0
) -> Subject:
    """A cut femur in its block.

    Args:
        shape: Measures of the bone, as if it were a right one.
        rng: Its uneven surface and where the phantom lies.
        side: "left" or "right".
        cut_mm: Shaft left below the neck axis.
        block_mm: How much of that is cast.
    """
    whole = femur(shape, rng)
    back = shape.shaft_turn.T
    bone = moved_part(whole, back, -back @ shape.shaft_origin_mm)
    cut = tuple(_cut(b, cut_mm) for b in bone.bodies)
    top = -cut_mm + block_mm
    block = cylinder((2, 0, -cut_mm - 6), (2, 0, top + rng.normal(0, 1.5)), float(rng.uniform(29, 34)))
    bodies = (*_calibration(-shape.head_radius_mm - 40 + rng.normal(0, 2), (-cut_mm, 60)),
              body("", "polyurethane", block), *cut)  # fmt: skip
    if side == "left":
        bodies = mirrored_bodies(bodies)
    measures = femur_measures(shape) | {"cut_mm": cut_mm}
    gone = {"length_mm", "condylar_width_mm", "cortex_mid_shaft_mm"}  # cut away with the rest of the bone
    return Subject(bodies, {n: v for n, v in measures.items() if n not in gone})


def _cut(b: Body, cut_mm: float) -> Body:
    low, high = b.bounds_mm
    above = half_space((0, 0, -cut_mm), (0, 0, -1))
    bounds = np.array([[*low[:2], max(low[2], -cut_mm)], high])
    return replace(b, distance_mm=intersection(Solid(b.distance_mm, bounds), above).distance_mm, bounds_mm=bounds)


def _calibration(y_mm: float, z_mm: tuple[float, float]) -> tuple[Body, ...]:
    """A slab with five rods of known mineral density along z, behind the bone."""
    z0, z1 = z_mm
    slab = box((-10, y_mm, (z0 + z1) / 2), (62, 9, (z1 - z0) / 2), round_mm=3)
    rods = (cylinder((x, y_mm, z0 + 4), (x, y_mm, z1 - 4), 6) for x in np.linspace(-56, 36, len(RODS)))
    return (body("", "pmma", slab), *(body("", t, culled(rod)) for t, rod in zip(RODS, rods, strict=True)))
