"""The right femur.

It is built in the shaft frame and the knee frame of `femur_shape` and returned in the latter. Sizes at scale 1 are
those of an 82 mm wide distal femur; those of the proximal end scale with the head.
"""

from __future__ import annotations

import numpy as np

from condyle.phantoms.anatomy.femur_shape import FemurShape
from condyle.phantoms.body import Distances, Points
from condyle.phantoms.part import Part, body
from condyle.phantoms.solids import (
    Field,
    Solid,
    capsule,
    culled,
    difference,
    ellipsoid,
    intersection,
    moved,
    offset,
    round_cone,
    sphere,
    tube,
    uneven,
    union,
)
from condyle.phantoms.solids.loft import Ridge, Section, loft


def femur(shape: FemurShape, rng: np.random.Generator) -> Part:
    """A right femur in the knee frame: cortex, trabecular bone and the marrow canal.

    Args:
        shape: Its measures.
        rng: Makes its surface uneven, by about half a millimetre; the head stays an exact sphere.

    Returns:
        Bodies of `femur_right`; landmarks `head_center`, `shaft_origin`, `mid_shaft` and `knee_center`.
    """
    turn, origin = shape.shaft_turn, shape.shaft_origin_mm
    rest = union(
        culled(moved(_proximal(shape), turn, origin)),
        culled(moved(_shaft(shape), turn, origin)),
        culled(_distal(shape.scale)),
        blend_mm=7,
    )
    head = sphere(shape.head_center_mm, shape.head_radius_mm)
    # The head is joined last, with a small blend and no unevenness, so that it stays an exact sphere.
    whole = union(uneven(rest, rng, 0.35 * shape.scale, 22), head, blend_mm=1.5)
    inner = offset(whole, _minus_thickness(shape))
    dense = intersection(inner, sphere(shape.head_center_mm + np.array((0, 0, 2)), 0.86 * shape.head_radius_mm))
    canal = intersection(inner, uneven(moved(_canal(shape), turn, origin), rng, 2.5, 32))
    name = "femur_right"
    bodies = (
        body(name, "cortical_bone", whole),
        body(name, "trabecular_bone", inner),
        body(name, "dense_trabecular_bone", dense),
        body(name, "yellow_marrow", canal),
    )
    middle = (0, shape.bow_mm, -shape.shaft_length_mm / 2)
    points = {
        "head_center": shape.head_center_mm,
        "shaft_origin": origin,
        "mid_shaft": turn @ middle + origin,
        "knee_center": np.zeros(3),
    }
    return Part(bodies, whole, points)


def _proximal(shape: FemurShape) -> Solid:
    """Neck and trochanters in the shaft frame."""
    s = shape.head_radius_mm / 24
    length, r = shape.neck_length_mm, shape.neck_radius_mm
    axis = shape.neck_axis
    forward = np.array([0, 1, 0]) - axis[1] * axis
    forward /= np.linalg.norm(forward)
    neck = loft(
        [
            Section(-4 * s, (1.12 * r, 0.88 * r), (-0.30 * r, 0)),
            Section(0.25 * length, (1.08 * r, 0.86 * r), (-0.16 * r, 0)),
            Section(0.55 * length, (r, 0.82 * r), (0, 0)),
            Section(0.75 * length, (1.05 * r, 0.95 * r), (0, 0)),
            Section(length - 4, (0.82 * shape.head_radius_mm, 0.80 * shape.head_radius_mm)),
        ]
    )
    tip_mm = 21 + 0.1 * length
    great = np.array([(6, -1, -32), (11, -4, -12), (15, -8, 6), (14, -10, 17), (9, -13, tip_mm)]) * s
    small = np.array([(-7, -8, -50), (-13, -15, -44)]) * s
    whole = union(
        moved(neck, np.column_stack([np.cross(forward, axis), forward, axis])),
        tube(great, np.array([15, 14.5, 13, 11, 7.5]) * s, blend_mm=4),
        round_cone(np.array((-4, 1, -16)) * s, np.array((-2, 0, -52)) * s, 15 * s, 15 * s),
        round_cone(small[0], small[1], 10 * s, 6 * s),
        blend_mm=7 * s,
    )
    fossa = sphere(np.array((-1, -17, 15)) * s, 7 * s)
    return difference(whole, fossa, blend_mm=5 * s)


def _shaft(shape: FemurShape) -> Solid:
    """The bowed shaft in the shaft frame, with the linea aspera behind, flaring into the condyles."""
    length, r, k = shape.shaft_length_mm, shape.shaft_radius_mm, shape.scale
    rough = (Ridge(-95, 0.2 * r, 14),)

    def section(z_mm: float, radii: tuple[float, float], y_mm: float = 0, ridges: tuple[Ridge, ...] = ()) -> Section:
        bow = shape.bow_mm * 0.5 * (1 - np.cos(2 * np.pi * z_mm / length))
        return Section(z_mm, radii, (0, bow + y_mm), ridges=ridges, power=2.2)

    def size(x: float, y: float) -> tuple[float, float]:
        return x * k, y * k

    return loft(
        [
            section(-length + 24 * k, size(34, 18), -4 * k),
            section(-length + 42 * k, size(33, 20), -3 * k),
            section(-length + 60 * k, size(27, 18.5), -1 * k),
            section(-length + 80 * k, size(21.5, 16.5)),
            section(-length + 110 * k, (1.2 * r, 1.1 * r)),
            section(-0.58 * length, (r, r), 0, rough),
            section(-0.42 * length, (r, r), 0, rough),
            section(-0.25 * length, (1.04 * r, 1.02 * r), 0, rough),
            section(-60 * k, (1.14 * r, 1.1 * r)),
            section(-25 * k, (1.2 * r, 1.15 * r)),
        ]
    )


def _distal(k: float) -> Solid:
    """The condyles in the knee frame: two rounded rollers, the groove in front and the notch behind."""

    def roller(center: tuple[float, float, float], radii: tuple[float, float, float]) -> Solid:
        return ellipsoid(np.array(center) * k, np.array(radii) * k)

    lateral = [roller((24, -15, 21), (14, 21, 21)), roller((23, 1, 28), (15.5, 30, 28))]
    medial = [roller((-25, -17, 21.5), (14, 21, 21.5)), roller((-23.5, -2, 27), (15.5, 29, 27))]
    block = roller((0, 3, 36), (31, 20, 23))
    epicondyles = [roller((35, -5, 28), (7, 11, 12)), roller((-34.5, -6, 29), (7.5, 12, 13))]
    notch = capsule(np.array((0, -45, 15)) * k, np.array((0, 0, 7)) * k, 10 * k)
    return difference(union(*lateral, *medial, block, *epicondyles, blend_mm=5 * k), notch, blend_mm=4 * k)


def _canal(shape: FemurShape) -> Solid:
    """A generous hull of the marrow canal in the shaft frame."""
    k = shape.scale
    return capsule((0, 0.5 * shape.bow_mm, -shape.shaft_length_mm + 115 * k), (0, 0.5 * shape.bow_mm, -80 * k), 25 * k)


def _minus_thickness(shape: FemurShape) -> Field:
    """Minus the thickness of the cortex in the knee frame: by height along the shaft, more at the calcar."""
    length, k, s = shape.shaft_length_mm, shape.scale, shape.head_radius_mm / 24
    thick, thin = shape.cortex_mm, shape.thin_cortex_mm
    heights = [-length + 45 * k, -length + 75 * k, -0.66 * length, -0.55 * length, -0.3 * length, -65 * k, -25 * s, 0]
    values = [thin, thin + 0.5, 0.8 * thick, thick, thick, 0.75 * thick, 1.6 * thin, thin]
    axis = shape.shaft_turn[:, 2].astype(np.float32)
    origin = shape.shaft_origin_mm.astype(np.float32)
    calcar = (shape.shaft_turn @ (-17 * s, 4 * s, -22 * s) + shape.shaft_origin_mm).astype(np.float32)

    def minus_thickness(p: Points) -> Distances:
        along = np.interp((p - origin) @ axis, heights, values)
        away = p - calcar
        extra = 1.8 * np.exp(-np.einsum("...i,...i", away, away) / np.float32((14 * s) ** 2))
        return np.asarray(-along - extra, np.float32)

    return minus_thickness
