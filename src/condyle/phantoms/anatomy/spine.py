"""Lumbar vertebrae with their discs, and the sacrum.

Each vertebra is built around the centre of its body, x right, y anterior, z up, for a body 48 mm wide, then scaled,
tilted and put in its place.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from condyle.phantoms.body import Body
from condyle.phantoms.part import Part, body
from condyle.phantoms.solids import (
    Solid,
    capsule,
    culled,
    difference,
    moved,
    offset,
    plate,
    rotation,
    round_cone,
    uneven,
    union,
)
from condyle.phantoms.solids.loft import Ridge, Section, loft

#: Height of a vertebral body, and of the disc below it, at scale 1.
BODY_MM, DISC_MM = 27.0, 10.0


def spine(
    centers_mm: Sequence[ArrayLike], tilts_deg: Sequence[float], scale: float, rng: np.random.Generator
) -> tuple[Body, ...]:
    """Vertebrae `spine` with discs between them.

    Args:
        centers_mm: Centres of the vertebral bodies, top down.
        tilts_deg: How far the top of each is tilted forward.
        scale: Size relative to a body 48 mm wide.
        rng: Makes surfaces uneven.
    """
    discs: list[Body] = []
    bones: list[Body] = []
    for center, tilt in zip(centers_mm, tilts_deg, strict=True):
        turn = rotation((1, 0, 0), -tilt)
        shift = np.asarray(center, np.float64)
        disc = culled(moved(_disc(scale), turn, shift))
        bone = culled(moved(uneven(_vertebra(scale), rng, 0.4, 16), turn, shift))
        discs.append(body("", "intervertebral_disc", disc))
        bones.append(body("spine", "cortical_bone", bone))
        bones.append(body("spine", "trabecular_bone", offset(bone, -1.2)))
        bones.append(body("", "synovial_fluid", culled(moved(_canal(scale), turn, shift))))
    return (*discs, *bones)


def sacrum(top_mm: ArrayLike, tilt_deg: float, scale: float, keep_clear: Solid, rng: np.random.Generator) -> Part:
    """The sacrum below the middle of its upper face, 2 mm clear of another solid (the hip bones)."""
    k = scale
    wings = (Ridge(0, 6 * k, 30), Ridge(180, 6 * k, 30))
    rough = loft(
        [
            Section(-108 * k, (7 * k, 5 * k), (0, -14 * k)),
            Section(-84 * k, (18 * k, 7 * k), (0, -23 * k)),
            Section(-55 * k, (30 * k, 12 * k), (0, -24 * k), ridges=wings),
            Section(-25 * k, (40 * k, 20 * k), (0, -16 * k), ridges=wings),
            Section(-8 * k, (42 * k, 23 * k), (0, -8 * k), ridges=wings),
            Section(0, (30 * k, 18 * k), (0, 0)),
        ],
        cap_mm=6 * k,
    )
    crest = plate(np.array([(0, -30, -8), (0, -42, -30), (0, -38, -70)]) * k, 5 * k)
    solid = moved(uneven(union(rough, crest, blend_mm=8 * k), rng, 0.6, 20), rotation((1, 0, 0), -tilt_deg), top_mm)
    solid = difference(solid, offset(keep_clear, 2), blend_mm=2)
    bodies = (body("sacrum", "cortical_bone", solid), body("sacrum", "trabecular_bone", offset(solid, -1.3)))
    return Part(bodies, solid, {"top": np.asarray(top_mm, np.float64)})


def _vertebra(k: float) -> Solid:
    half = BODY_MM / 2 * k
    behind = (Ridge(-90, -4 * k, 25),)
    block = loft(
        [
            Section(-half, (24 * k, 17.5 * k), ridges=behind),
            Section(0, (21.5 * k, 15.5 * k), ridges=behind),
            Section(half, (24 * k, 17.5 * k), ridges=behind),
        ],
        cap_mm=2 * k,
    )
    arch: list[Solid] = [plate(np.array([(0, -42, 6), (0, -42, -13), (0, -70, -9)]) * k, 3.2 * k)]
    for side in (-1, 1):

        def at(x: float, y: float, z: float, sign: int = side) -> np.ndarray:
            return np.array([sign * x, y, z]) * k

        arch += [
            capsule(at(14, -10, 5), at(16, -29, 5), 4.5 * k),
            capsule(at(15, -31, 2), at(0, -41, -3), 4.2 * k),
            round_cone(at(17, -29, 4), at(36, -36, 6), 5 * k, 3.2 * k),
            capsule(at(15.5, -33, 14), at(15.5, -35, -24), 4.8 * k),
        ]
    return union(block, *arch, blend_mm=3 * k)


def _disc(k: float) -> Solid:
    middle = -(BODY_MM + DISC_MM) / 2 * k
    reach = DISC_MM / 2 * k + 2
    sections = [Section(middle + z, (23.5 * k, 17 * k), ridges=(Ridge(-90, -4 * k, 25),)) for z in (-reach, 0, reach)]
    return loft(sections, cap_mm=1)


def _canal(k: float) -> Solid:
    reach = (BODY_MM + DISC_MM) / 2 * k + 1
    return loft([Section(z, (9 * k, 7 * k), (0, -24 * k)) for z in (-reach, reach)], cap_mm=0.1)
