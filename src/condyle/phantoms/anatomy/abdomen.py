"""The trunk from the diaphragm to the iliac crests.

World: x right, y anterior, z up; the origin is the centre of the second lumbar vertebra's body. The patient lies on
the back on a curved table.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from condyle.errors import ConfigError
from condyle.phantoms.anatomy import organs
from condyle.phantoms.anatomy.spine import BODY_MM, DISC_MM, spine
from condyle.phantoms.body import Body, Subject
from condyle.phantoms.part import body, mirrored_bodies
from condyle.phantoms.solids import (
    Solid,
    culled,
    difference,
    ellipsoid,
    half_space,
    intersection,
    mirrored,
    offset,
    rotation,
    smooth_tube,
    uneven,
    union,
)
from condyle.phantoms.solids.loft import Ridge, Section, loft

#: Heights between which the trunk is modelled, at scale 1.
BOTTOM_MM, TOP_MM = -130.0, 190.0


@dataclass(frozen=True)
class AbdomenShape:
    """Measures of one trunk.

    Args:
        scale: Size of skeleton and organs; 1 goes with a trunk 310 mm wide without its fat.
        fat_mm: Thickness of the fat under the skin.
        roundness: Depth of the trunk relative to its width.
        enhanced: Whether iodine contrast is in its portal venous phase.
    """

    scale: float = 1.0
    fat_mm: float = 14.0
    roundness: float = 0.68
    enhanced: bool = True

    def __post_init__(self) -> None:
        if not (self.scale > 0 and self.fat_mm > 0 and 0.5 < self.roundness < 1):
            raise ConfigError("abdomen", expected="positive sizes, a roundness of 0.5 to 1", got=str(self))


def abdomen(shape: AbdomenShape, rng: np.random.Generator) -> Subject:
    """A trunk with `liver`, `kidney_left`, `kidney_right`, `spleen` and `spine`; ribs, vessels and bowel unnamed."""
    k = shape.scale
    muscles = uneven(_trunk(shape), rng, 1.2, 90)
    cavity = intersection(difference(offset(muscles, -12 * k), _back(k), blend_mm=8 * k), _ends(k))
    below_dome = intersection(cavity, _dome(k))
    right = np.array((68, -26, -4)) * k + rng.normal(0, 3, 3)
    left = np.array((-66, -24, 10)) * k + rng.normal(0, 3, 3)
    kidneys, kidney_solid = organs.kidneys(right, left, k, shape.enhanced, rng)
    bodies = (
        *_wall(shape, muscles, cavity, k),
        body("", "lung", difference(cavity, offset(below_dome, 2.5))),
        body("", "blood" + ("_enhanced" if shape.enhanced else ""), difference(_heart(k), offset(below_dome, 4))),
        *organs.stomach_and_bowel(below_dome, k, rng),
        *organs.liver(below_dome, kidney_solid, k, shape.enhanced, rng),
        *organs.spleen(below_dome, kidney_solid, k, shape.enhanced, rng),
        *kidneys,
        *organs.vessels(k, shape.enhanced),
        *_lumbar_spine(k, rng),
        *_ribs(muscles, k),
    )
    return Subject(bodies, {"scale": k, "fat_mm": shape.fat_mm})


def _ends(k: float) -> Solid:
    """The slab in which the trunk is modelled."""
    return intersection(half_space((0, 0, TOP_MM * k), (0, 0, 1)), half_space((0, 0, BOTTOM_MM * k), (0, 0, -1)))


def _trunk(shape: AbdomenShape) -> Solid:
    """Outer surface of the muscles: an oval, hollowed along the spine."""
    k = shape.scale
    groove = (Ridge(-90, -7 * k, 12),)
    x, y = 150 * k, 150 * k * shape.roundness

    def section(z: float, wide: float, deep: float, power: float = 2.25) -> Section:
        return Section(z * k, (x * wide, y * deep), (0, 12 * k), power=power, ridges=groove)

    return loft(
        [
            section(BOTTOM_MM - 40, 1.03, 1.0),
            section(-100, 0.97, 0.97),
            section(-40, 0.93, 0.96),
            section(60, 0.98, 1.04),
            section(TOP_MM + 40, 1.0, 1.08),
        ],
        cap_mm=0.1,
    )


def _back(k: float) -> Solid:
    """Spine and the muscles behind and beside it, which the cavity goes around."""
    z = (BOTTOM_MM * 1.1 * k, TOP_MM * 1.1 * k)
    parts = [
        loft([Section(h, (31 * k, 24 * k), (0, 4 * k)) for h in z]),
        loft([Section(h, (68 * k, 34 * k), (0, -72 * k)) for h in z]),
        loft([Section(z[0], (27 * k, 25 * k), (38 * k, -2 * k)), Section(-60 * k, (21 * k, 20 * k), (38 * k, -8 * k)),
              Section(40 * k, (10 * k, 10 * k), (30 * k, -14 * k))]),
    ]  # fmt: skip
    return union(*parts, mirrored(parts[2]), blend_mm=6 * k)


def _dome(k: float) -> Solid:
    """Below the two domes of the diaphragm."""
    right = ellipsoid(np.array((78, 2, -40)) * k, np.array((110, 135, 172)) * k)
    left = ellipsoid(np.array((-78, 2, -40)) * k, np.array((110, 135, 158)) * k)
    return union(right, left, blend_mm=60 * k)


def _heart(k: float) -> Solid:
    return ellipsoid(np.array((-28, 52, 150)) * k, np.array((62, 44, 50)) * k, rotation((0, 1, 0), 25))


def _wall(shape: AbdomenShape, muscles: Solid, cavity: Solid, k: float) -> tuple[Body, ...]:
    """Skin, fat, layered muscle, the muscles of the back, and the fat of the cavity."""
    low, high = muscles.bounds_mm
    flat = Solid(muscles.distance_mm, np.array([[*low[:2], BOTTOM_MM * k], [*high[:2], TOP_MM * k]]))

    def layer(by_mm: float) -> Solid:
        return intersection(offset(flat, by_mm), _ends(k))

    z = (BOTTOM_MM * k, TOP_MM * k)
    erector = loft([Section(h, (30 * k, 21 * k), (37 * k, -55 * k), turn_deg=8) for h in z])
    psoas = loft(
        [
            Section(z[0], (22 * k, 22 * k), (44 * k, 4 * k)),
            Section(-60 * k, (17 * k, 19 * k), (39 * k, -2 * k)),
            Section(45 * k, (6 * k, 8 * k), (30 * k, -10 * k)),
        ]
    )
    deep = [intersection(culled(solid), offset(flat, -3.5)) for solid in (erector, psoas)]
    return (
        body("", "skin", layer(shape.fat_mm + 2)),
        body("", "fat", layer(shape.fat_mm)),
        body("", "muscle", layer(0)),
        body("", "fat", intersection(layer(-3), offset(_back(k), 2))),
        body("", "fat", cavity),
        *(b for part in deep for b in (body("", "muscle", part), *mirrored_bodies([body("", "muscle", part)]))),
    )


def _lumbar_spine(k: float, rng: np.random.Generator) -> tuple[Body, ...]:
    """Eight vertebrae, T10 to L5, on the lumbar curve."""
    step = (BODY_MM + DISC_MM) * k
    levels = np.arange(4, -4, -1)
    centers = [(0.0, -2 * k * (level - 0.3) ** 2 * 0.35, level * step) for level in levels]
    tilts = [float(np.rad2deg(np.arctan(-2 * 0.7 * (level - 0.3) / (BODY_MM + DISC_MM)))) for level in levels]
    return spine(centers, tilts, k, rng)


def _ribs(muscles: Solid, k: float) -> tuple[Body, ...]:
    """Five pairs within the wall, each falling from the spine to the front."""
    out: list[Body] = []
    for level, (top, turn) in enumerate([(178, 100), (148, 92), (116, 82), (84, 60), (52, 30)]):
        angle = np.deg2rad(np.linspace(-76, -76 + 1.35 * turn, 9))
        ray = np.stack([np.cos(angle), np.sin(angle), np.zeros(9)], -1)
        z = top * k - np.linspace(0, 1, 9) ** 1.2 * (30 + 8 * level) * k
        line = ray * 110 * k + np.stack([z * 0, z * 0, z], -1)
        for _ in range(8):  # out or in along the ray, until 6 mm under the surface of the wall
            line -= ray * (muscles(line.astype(np.float32)) + 6 * k)[:, None]
        rib = culled(smooth_tube(line, 4.6 * k, 12))
        pair = (body("", "cortical_bone", rib), body("", "trabecular_bone", offset(rib, -1.3)))
        out += [*pair, *mirrored_bodies(pair)]
    return tuple(out)
