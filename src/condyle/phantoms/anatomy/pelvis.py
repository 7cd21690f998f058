"""Flesh and content of the pelvis, in the legs' world: the origin lies midway between the centres of the hips.

Sizes at scale 1 go with hip centres 176 mm apart.
"""

from __future__ import annotations

import numpy as np

from condyle.phantoms.body import Body
from condyle.phantoms.part import body, mirrored_bodies
from condyle.phantoms.solids import (
    Matrix,
    Solid,
    culled,
    ellipsoid,
    half_space,
    intersection,
    offset,
    rotation,
    smooth_tube,
    union,
)
from condyle.phantoms.solids.loft import Section, loft


def pelvis_surfaces(scale: float, fat_mm: float) -> tuple[Solid, Solid]:
    """Surfaces of fat and muscle of the lower trunk."""
    k = scale
    sections = [(-75, 120, 72, -4), (-30, 150, 92, -10), (20, 158, 100, -12), (90, 150, 98, -8), (230, 140, 94, 0)]

    def trunk(extra_mm: float) -> Solid:
        return loft(
            [Section(z * k, (x * k + extra_mm, y * k + extra_mm), (0, c * k), power=2.4) for z, x, y, c in sections],
            cap_mm=20,
        )

    return trunk(fat_mm), trunk(0)


def pelvis_inside(muscle: Solid, scale: float) -> tuple[Body, ...]:
    """Muscles of both sides in sheets of fat within the muscle surface, and the content of the pelvis."""
    out: list[Body] = []
    for solid in _muscles(scale):
        spindle = culled(intersection(solid, offset(muscle, -1.5)))
        out += [body("", "fat", offset(spindle, 1.5)), body("", "muscle", spindle)]
    return (*out, *mirrored_bodies(out), *_content(scale))


def _muscles(k: float) -> list[Solid]:
    """Right glutei, iliopsoas, obturator and rotators in the legs' world."""

    def at(x: float, y: float, z: float) -> Matrix:
        return np.array((x, y, z)) * k

    return [
        # The three glutei and the tensor of the fascia lata.
        ellipsoid(at(86, -72, 8), at(58, 30, 84), rotation((0, 1, 0), -28) @ rotation((0, 0, 1), 18)),
        ellipsoid(at(136, 4, 66), at(20, 50, 66), rotation((0, 1, 0), 18)),
        ellipsoid(at(146, 36, 36), at(14, 20, 60)),
        # Psoas and iliacus.
        smooth_tube(np.array([(44, 2, 190), (56, 6, 130), (78, 30, 62), (90, 40, 12), (96, 6, -40)]) * k,
                    np.array((24, 26, 22, 17, 10)) * k, 10),
        ellipsoid(at(98, 18, 98), at(15, 38, 48), rotation((0, 1, 0), 25)),
        # The obturators, and the erector of the spine.
        ellipsoid(at(50, 8, -14), at(9, 30, 34), rotation((0, 0, 1), 25)),
        ellipsoid(at(62, 28, -40), at(26, 16, 24)),
        ellipsoid(at(28, -50, 190), at(28, 24, 90)),
    ]  # fmt: skip


def _content(k: float) -> tuple[Body, ...]:
    """Fat, bladder, rectum and a few loops of bowel between the hip bones."""

    def at(x: float, y: float, z: float) -> Matrix:
        return np.array((x, y, z)) * k

    room = union(ellipsoid(at(0, 2, 40), at(62, 62, 75)), ellipsoid(at(0, 30, 160), at(112, 58, 105)), blend_mm=20 * k)
    bladder = ellipsoid(at(0, 28, 18), at(40, 30, 27))
    rectum = smooth_tube([at(0, -42, -30), at(2, -48, 20), at(-6, -30, 60), at(-40, 0, 80)], 15 * k, 8)
    loops = [
        smooth_tube([at(s * 70, 40, 190), at(s * 40, 50, 120), at(s * 55, 30, 90), at(0, 50, 78)], 14 * k, 10)
        for s in (-1, 1)
    ]
    hollow = [b for tube in (rectum, *loops) for b in (body("", "bowel_wall", culled(tube)),
              body("", "bowel_content", culled(offset(tube, -2.5))))]  # fmt: skip
    return (
        body("", "fat", room),
        *hollow,
        body("", "gas", intersection(culled(offset(loops[0], -2.5)), half_space(at(0, 40, 0), (0, -1, 0)))),
        body("", "muscle", bladder),
        body("", "water", offset(bladder, -3 * k)),
    )
