"""The right tibia, fibula and patella.

Tibia and fibula are built in the **plateau frame**: origin midway between the plateaus at their surface, x lateral,
y anterior, z up along the shaft. The patella is built in the knee frame of the femur it slides on.
Sizes at scale 1 are those of a 76 mm wide plateau.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from condyle.errors import ConfigError
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
    offset,
    round_cone,
    smooth_tube,
    sphere,
    tube,
    uneven,
    union,
)
from condyle.phantoms.solids.loft import Ridge, Section, loft


@dataclass(frozen=True)
class ShankShape:
    """Measures of one lower leg.

    Args:
        length_mm: Of the tibia, plateau to ankle joint.
        plateau_width_mm: Of the tibia, side to side.
        shaft_radius_mm: Of the tibia at mid-shaft, without its three edges.
        cortex_mm: Of the tibia at mid-shaft.
        thin_cortex_mm: At the plateau and the ankle.
    """

    length_mm: float = 365.0
    plateau_width_mm: float = 76.0
    shaft_radius_mm: float = 10.0
    cortex_mm: float = 5.0
    thin_cortex_mm: float = 1.3

    def __post_init__(self) -> None:
        if not 0.3 < self.thin_cortex_mm < self.cortex_mm < 0.8 * self.shaft_radius_mm:
            raise ConfigError(
                "shank", expected="0.3 mm < thin cortex < cortex < 0.8 x shaft radius", got=f"cortex {self.cortex_mm}"
            )

    @property
    def scale(self) -> float:
        return self.plateau_width_mm / 76


def tibia(shape: ShankShape, rng: np.random.Generator) -> Part:
    """A right tibia in the plateau frame; landmarks `knee_center`, `ankle_center`, `tuberosity`, `mid_shaft`."""
    length, k = shape.length_mm, shape.scale
    points = {
        "knee_center": np.zeros(3),
        "ankle_center": np.array([0.0, -3, -length]),
        "tuberosity": np.array([3.0, 23, -42]) * k,
        "mid_shaft": np.array([0.0, -2, -length / 2]),
    }
    whole = uneven(_tibia_solid(shape), rng, 0.35 * k, 22)
    thickness = _tapered(
        [-length, -length + 30 * k, -0.7 * length, -0.35 * length, -70 * k, -35 * k, 0],
        [shape.thin_cortex_mm, 1.5 * shape.thin_cortex_mm, *[shape.cortex_mm] * 2, 0.6 * shape.cortex_mm]
        + [shape.thin_cortex_mm] * 2,
    )
    canal = capsule((0, -3, -length + 50 * k), (0, -3, -70 * k), 20 * k)
    return _long_bone("tibia_right", whole, thickness, uneven(canal, rng, 2, 30), points)


def fibula(shape: ShankShape, tibia_solid: Solid, rng: np.random.Generator) -> Part:
    """A right fibula in the plateau frame, nowhere nearer to the tibia than 1.5 mm."""
    length, k = shape.length_mm, shape.scale
    line = [
        ((35 * k, -17 * k, -21 * k), 9.5),
        ((37 * k, -19 * k, -40 * k), 6.4),
        ((35 * k, -20 * k, -0.3 * length), 5.8),
        ((31 * k, -15 * k, -0.6 * length), 6.2),
        ((27 * k, -9 * k, -0.87 * length), 6.3),
        ((28 * k, -8 * k, -length + 2), 9.0),
        ((27 * k, -7 * k, -length - 18 * k), 6.5),
    ]
    rough = smooth_tube([p for p, _ in line], [r * k for _, r in line])
    whole = difference(uneven(rough, rng, 0.3 * k, 20), offset(culled(tibia_solid), 1.5), blend_mm=1)
    mid, thin = 0.45 * shape.cortex_mm, 0.8 * shape.thin_cortex_mm
    thickness = _tapered([-length, -0.85 * length, -0.7 * length, -0.3 * length, -45 * k, -25 * k],
                         [thin, thin, mid, mid, thin, thin])  # fmt: skip
    canal = tube([p for p, _ in line[1:5]], 5 * k)
    return _long_bone("fibula_right", whole, thickness, canal, {"head": np.array(line[0][0])})


def patella(femur_solid: Solid, scale: float, rng: np.random.Generator, *, gap_mm: float = 5.0) -> Part:
    """A right patella in the knee frame, its back shaped to the femur at `gap_mm` from it."""
    k = scale
    rough = union(
        ellipsoid(np.array((3, 40, 33)) * k, np.array((22, 12, 19)) * k),
        round_cone(np.array((3, 41, 26)) * k, np.array((3, 42, 12)) * k, 9 * k, 4.5 * k),
        blend_mm=6 * k,
    )
    whole = difference(uneven(rough, rng, 0.3 * k, 16), offset(femur_solid, gap_mm), blend_mm=3 * k)
    bodies = (
        body("patella_right", "cortical_bone", whole),
        body("patella_right", "trabecular_bone", offset(whole, -1.4 * k)),
    )
    points = {"apex": np.array((3.0, 42, 9)) * k, "base": np.array((3.0, 41, 50)) * k}
    return Part(bodies, whole, points)


def _tibia_solid(shape: ShankShape) -> Solid:
    length, k, r = shape.length_mm, shape.scale, shape.shaft_radius_mm

    def edges(front: float, behind: float) -> tuple[Ridge, ...]:
        return Ridge(80, front * k, 26), Ridge(205, behind * k, 28), Ridge(322, behind * k, 28)

    notch = (Ridge(-90, -6 * k, 20),)

    def section(
        z: float, radii: tuple[float, float], at: tuple[float, float], ridges: tuple[Ridge, ...] = (), power: float = 2
    ) -> Section:
        return Section(z, radii, (at[0] * k, at[1] * k), ridges=ridges, power=power)

    shaft = loft(
        [
            section(-length, (19 * k, 15 * k), (-1, -3), (), 2.4),
            section(-length + 10 * k, (22 * k, 17 * k), (-1, -3), (), 2.4),
            section(-length + 32 * k, (15 * k, 13.5 * k), (-1, -2), (), 2.1),
            section(-0.78 * length, (r, r), (0, -2), edges(2, 1), 2),
            section(-0.5 * length, (r, r), (0, -3), edges(6, 3.5), 2),
            section(-0.3 * length, (1.12 * r, 1.1 * r), (0, -4), edges(7.5, 4.5), 2),
            section(-62 * k, (16.5 * k, 15 * k), (0, -3), edges(6, 3), 2),
            section(-40 * k, (25 * k, 19 * k), (0.5, -4), edges(4, 1), 2.1),
            section(-18 * k, (35.5 * k, 23.5 * k), (0.5, -6), notch, 2.3),
            section(0, (37 * k, 24.5 * k), (0, -7), notch, 2.4),
        ],
        cap_mm=5 * k,
    )
    spines = [round_cone(np.array((x, -6, -7)) * k, np.array((0.8 * x, -6, 4)) * k, 6.5 * k, 2.5 * k) for x in (-6, 6)]
    tuberosity = round_cone(np.array((3, 16, -38)) * k, np.array((2, 13, -56)) * k, 8 * k, 6 * k)
    malleolus = round_cone((-17 * k, -2 * k, -length + 14 * k), (-20 * k, 0, -length - 8 * k), 9 * k, 6.5 * k)
    dish = sphere(np.array((-22, -8, 83)) * k, 84.5 * k)
    return difference(union(shaft, *spines, tuberosity, malleolus, blend_mm=6 * k), dish, blend_mm=2 * k)


def _long_bone(name: str, whole: Solid, thickness: Field, canal: Solid, points: dict[str, np.ndarray]) -> Part:
    inner = offset(whole, lambda p: -thickness(p))
    bodies = (
        body(name, "cortical_bone", whole),
        body(name, "trabecular_bone", inner),
        body(name, "yellow_marrow", intersection(inner, canal)),
    )
    return Part(bodies, whole, points)


def _tapered(heights_mm: list[float], values_mm: list[float]) -> Field:
    """A thickness that depends on z alone."""

    def thickness(p: Points) -> Distances:
        return np.interp(p[..., 2], heights_mm, values_mm).astype(np.float32)

    return thickness
