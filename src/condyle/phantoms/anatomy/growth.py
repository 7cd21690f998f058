"""Growth plates: thin wavy sheets of cartilage across the bones of children."""

from __future__ import annotations

import numpy as np

from condyle.phantoms.anatomy.femur_shape import FemurShape
from condyle.phantoms.anatomy.shank import ShankShape
from condyle.phantoms.part import Part, body
from condyle.phantoms.solids import Matrix, Solid, ellipsoid, intersection, waves

#: A point of the plate, its normal, and how far it reaches from the point in mm.
Plate = tuple[Matrix, Matrix, float]


def femur_plates(shape: FemurShape) -> list[Plate]:
    """In the knee frame: above the condyles, below the head."""
    axis = shape.shaft_turn @ shape.neck_axis
    neck = shape.head_center_mm - 0.45 * shape.head_radius_mm * axis
    return [
        (np.array((0, 0, 37.0)) * shape.scale, np.array((0, 0.1, 1.0)), 60 * shape.scale),
        (neck, axis, 1.3 * shape.head_radius_mm),
    ]


def tibia_plates(shape: ShankShape) -> list[Plate]:
    """In the plateau frame: below the plateau, above the ankle."""
    up = np.array((0, 0.0, 1))
    k = shape.scale
    return [
        (np.array((0, 0, -17.0)) * k, up, 55 * k),
        (np.array((0, 0, -shape.length_mm + 16 * k)), up, 40 * k),
    ]


def with_growth_plates(part: Part, plates: list[Plate], rng: np.random.Generator) -> Part:
    """A bone crossed by wavy plates of growth cartilage, 2.4 mm thick, that stay part of it."""
    name = part.bodies[0].name
    bodies = [
        body(name, "growth_plate", intersection(_sheet(point, normal, 1.2, reach, rng), part.solid))
        for point, normal, reach in plates
    ]
    return Part((*part.bodies, *bodies), part.solid, part.points_mm)


def _sheet(point: Matrix, normal: Matrix, half_mm: float, reach_mm: float, rng: np.random.Generator) -> Solid:
    """A round wavy sheet across a point."""
    n = (normal / np.linalg.norm(normal)).astype(np.float32)
    center, uneven_by = point.astype(np.float32), waves(rng, 1.0, 18)
    within = ellipsoid(point, (reach_mm, reach_mm, reach_mm))
    sheet = Solid(lambda p: np.abs((p - center) @ n + uneven_by(p)) - np.float32(half_mm), within.bounds_mm)
    return intersection(sheet, within)
