"""The right hip bone: wing of the ilium, acetabulum, ischium, pubis and the foramen they leave.

**Hip frame**: origin at the centre of the acetabulum, which is the centre of the femoral head, x lateral, y anterior,
z up. Sizes at scale 1 go with hip centres 176 mm apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from condyle.errors import ConfigError
from condyle.phantoms.part import Part, body
from condyle.phantoms.solids import (
    Solid,
    culled,
    difference,
    half_space,
    intersection,
    offset,
    plate,
    round_cone,
    smooth_tube,
    sphere,
    tube,
    uneven,
    union,
)

#: Where the cup opens: to the side, down and forward (45 deg inclination, 18 deg anteversion).
OPENING = np.array([0.673, 0.309, -0.672])

_CREST = [(33, 40, 76), (46, 24, 108), (48, -6, 130), (32, -40, 130), (-4, -66, 112), (-34, -80, 88), (-40, -70, 58)]
_BASE = [(-22, -40, 42), (-6, -20, 26), (4, 6, 30), (12, 30, 36)]
_FOSSA = [(31, 12, 84), (20, -26, 92)]


@dataclass(frozen=True)
class HipShape:
    """Measures of one hip bone.

    Args:
        head_radius_mm: Of the femoral head the cup is made for.
        joint_space_mm: Between the head and the bone of the cup.
        half_distance_mm: From the hip centre to the middle of the body.
        wing_mm: Thickness of the iliac wing.
        cortex_mm: Thickness of the cortex.
    """

    head_radius_mm: float = 24.0
    joint_space_mm: float = 3.6
    half_distance_mm: float = 88.0
    wing_mm: float = 8.5
    cortex_mm: float = 1.4

    def __post_init__(self) -> None:
        if not (self.joint_space_mm > 0 and 2 * self.cortex_mm < self.wing_mm):
            raise ConfigError("hip", expected="a joint space and a wing thicker than two cortices", got=str(self))

    @property
    def scale(self) -> float:
        return self.half_distance_mm / 88

    @property
    def cup_radius_mm(self) -> float:
        return self.head_radius_mm + self.joint_space_mm


def hip(shape: HipShape, rng: np.random.Generator) -> Part:
    """A right hip bone in the hip frame; landmarks `asis`, `symphysis`, `tuberosity`."""
    k, cup_mm = shape.scale, shape.cup_radius_mm
    cup = intersection(sphere((0, 0, 0), cup_mm + 6.5 * k), half_space(OPENING * 2, OPENING), blend_mm=3 * k)
    rough = union(culled(_ilium(k, shape.wing_mm / 2)), cup, culled(_ischium_and_pubis(k)), blend_mm=8 * k)
    middle = half_space((-shape.half_distance_mm + 2.5, 0, 0), (-1, 0, 0))
    # The cup is cut last and stays an exact sphere around the head's centre.
    whole = difference(
        intersection(uneven(rough, rng, 0.4 * k, 24), middle, blend_mm=3 * k),
        sphere((0, 0, 0), cup_mm),
        # Room for the neck of the femur to leave.
        round_cone(OPENING * 0.6 * cup_mm, OPENING * 80, 0.9 * cup_mm, 1.2 * cup_mm),
    )
    bodies = (
        body("hip_right", "cortical_bone", whole),
        body("hip_right", "trabecular_bone", offset(whole, -shape.cortex_mm)),
    )
    points = {
        "asis": np.array(_CREST[0]) * k,
        "symphysis": np.array((-88.0, 42, -8)) * k,
        "tuberosity": np.array((-22.0, -33, -66)) * k,
    }
    return Part(bodies, whole, points)


def hip_cartilage(shape: HipShape) -> Part:
    """What fills the joint space inside the cup: cartilage, a film of fluid, cartilage. The head is painted over it."""
    inside = half_space(OPENING * 2, OPENING)
    middle = shape.head_radius_mm + 0.5 * shape.joint_space_mm
    shells = [("cartilage", shape.cup_radius_mm), ("synovial_fluid", middle + 0.3), ("cartilage", middle - 0.3)]
    solids = [intersection(sphere((0, 0, 0), radius), inside) for _, radius in shells]
    return Part(tuple(body("", t, solid) for (t, _), solid in zip(shells, solids, strict=True)), solids[0])


def _ilium(k: float, half_mm: float) -> Solid:
    """The wing as a fan of triangles around two points of the fossa, a thick crest, and the body above the cup."""
    crest, base, (front, back) = np.array(_CREST) * k, np.array(_BASE) * k, np.array(_FOSSA) * k
    ring = np.vstack([crest, base])
    corners = [
        (point, following, front if point[1] + following[1] > -30 * k else back)
        for point, following in zip(ring, np.roll(ring, -1, axis=0), strict=True)
    ]
    bridges = [(front, back, crest[2]), (front, back, base[1])]
    wing = union(*(plate(c, half_mm) for c in [*corners, *bridges]), blend_mm=1)
    return union(
        wing,
        smooth_tube(crest, np.array([5.5, 6, 6.5, 6, 6.5, 7.5, 7]) * k, 14),
        tube(np.vstack([crest[-1], base[0], base[1]]), np.array([7, 7.5, 13]) * k),
        round_cone(base[2] * 0.9, base[3], 13 * k, 6 * k),
        blend_mm=7 * k,
    )


def _ischium_and_pubis(k: float) -> Solid:
    ischium = tube(
        np.array([(-10, -20, -4), (-14, -34, -28), (-22, -32, -52), (-42, -8, -58), (-66, 24, -38), (-81, 38, -14)])
        * k,
        np.array([17, 12, 13.5, 7, 5.5, 8]) * k,
        blend_mm=5 * k,
    )
    pubis = tube(
        np.array([(-16, 14, 4), (-46, 30, 8), (-80, 40, -2), (-82, 40, -18)]) * k,
        np.array([14, 7, 8.5, 7]) * k,
        blend_mm=5 * k,
    )
    return union(ischium, pubis, blend_mm=5 * k)
