"""Organs of the upper abdomen: liver, spleen, kidneys, stomach and bowel.

World of the abdomen: x right, y anterior, z up; the origin is the centre of the second lumbar vertebra's body.
Sizes at scale 1 go with a trunk 310 mm wide.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from condyle.phantoms.body import Body
from condyle.phantoms.part import body, mirrored_bodies
from condyle.phantoms.solids import (
    Solid,
    capsule,
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


def kidney(
    center_mm: NDArray[np.float64], scale: float, enhanced: bool, rng: np.random.Generator
) -> tuple[Body, Solid]:
    """A right kidney's cortex and its solid; `kidney_inside` gives what lies within."""
    k = scale
    tilt = rotation((0, 1, 0), -14) @ rotation((0, 0, 1), 25)
    bean = difference(
        ellipsoid(center_mm, np.array((27, 23, 54)) * k, tilt),
        ellipsoid(center_mm + tilt @ (np.array((-27, 6, 0)) * k), np.array((15, 9, 15)) * k, tilt),
        blend_mm=9 * k,
    )
    solid = uneven(bean, rng, 0.8 * k, 30)
    return body("kidney_right", "kidney_cortex" + _phase(enhanced), solid), solid


def kidney_inside(center_mm: NDArray[np.float64], whole: Solid, scale: float, enhanced: bool) -> tuple[Body, ...]:
    """Medullary pyramids around the sinus, and the sinus fat, of a right kidney."""
    k = scale
    tilt = rotation((0, 1, 0), -14) @ rotation((0, 0, 1), 25)
    rays = [(np.cos(a), 0.55 * s, 1.9 * np.sin(a)) for a in np.deg2rad((-65, -40, -14, 14, 40, 65)) for s in (-1, 1)]
    pyramids = [ellipsoid(center_mm + tilt @ (np.array(ray) * 14.5 * k), np.array((6.2, 5.4, 6.2)) * k) for ray in rays]
    medulla = intersection(union(*pyramids), offset(whole, -5.5 * k))
    sinus = ellipsoid(center_mm + tilt @ (np.array((-9, 3, 0)) * k), np.array((13, 7, 26)) * k, tilt)
    pelvis = ellipsoid(center_mm + tilt @ (np.array((-11, 4, -4)) * k), np.array((9, 4, 9)) * k, tilt)
    return (
        body("kidney_right", "kidney_medulla" + _phase(enhanced), culled(medulla)),
        body("kidney_right", "fat", intersection(sinus, offset(whole, -3 * k))),
        body("kidney_right", "water", intersection(pelvis, offset(whole, -3 * k))),
    )


def kidneys(right_mm: NDArray[np.float64], left_mm: NDArray[np.float64], scale: float, enhanced: bool,
            rng: np.random.Generator) -> tuple[tuple[Body, ...], Solid]:  # fmt: skip
    """Both kidneys; the left one is built on the right and mirrored, with an uneven surface of its own."""
    right, right_solid = kidney(right_mm, scale, enhanced, rng)
    at_right = left_mm * (-1, 1, 1)
    left, left_solid = kidney(at_right, scale * rng.normal(1.03, 0.02), enhanced, rng)
    bodies = (right, *kidney_inside(right_mm, right_solid, scale, enhanced))
    bodies += mirrored_bodies((left, *kidney_inside(at_right, left_solid, scale, enhanced)))
    return bodies, union(culled(right_solid), culled(mirrored(left_solid)))


def liver(cavity: Solid, keep_clear: Solid, scale: float, enhanced: bool, rng: np.random.Generator) -> tuple[Body, ...]:
    """Right and left lobe under the dome of the cavity, with portal and hepatic veins."""
    k = scale
    lobes = union(
        ellipsoid(np.array((84, 2, 46)) * k, np.array((64, 84, 90)) * k, rotation((0, 1, 0), 10)),
        ellipsoid(np.array((8, 50, 76)) * k, np.array((82, 38, 34)) * k, rotation((0, 1, 0), -14)),
        blend_mm=22 * k,
    )
    below = [
        ellipsoid(np.array((4, -22, 16)) * k, np.array((52, 58, 62)) * k),
        ellipsoid(np.array((46, -32, -16)) * k, np.array((27, 32, 36)) * k),
        capsule(np.array((46, 42, -30)) * k, np.array((38, 22, 44)) * k, 11 * k),
    ]
    whole = intersection(
        difference(uneven(lobes, rng, 2.0 * k, 60), *below, offset(keep_clear, 3), blend_mm=8 * k),
        offset(cavity, -2.5),
        blend_mm=5,
    )
    portal = np.array([(16, 6, 30), (34, 8, 48), (60, 6, 56), (88, 0, 50), (105, -10, 40)]) * k
    hepatic = np.array([(18, -8, 92), (48, 2, 84), (80, 16, 66), (98, 30, 40)]) * k
    left = np.array([(34, 8, 48), (30, 36, 66), (5, 52, 74), (-30, 58, 78)]) * k
    trees = ((portal, (5.5, 5, 4, 2.8, 1.8)), (hepatic, (5, 4, 3, 1.8)), (left, (4, 3, 2.2, 1.5)))
    veins = union(*(smooth_tube(line, radii) for line, radii in trees))
    inside = intersection(culled(veins), offset(whole, -3))
    return (
        body("liver", "liver" + _phase(enhanced), whole),
        body("liver", "blood" + _phase(enhanced), inside),
        body("", "water", culled(capsule(np.array((47, 44, -22)) * k, np.array((41, 28, 26)) * k, 10 * k))),
    )


def spleen(
    cavity: Solid, keep_clear: Solid, scale: float, enhanced: bool, rng: np.random.Generator
) -> tuple[Body, ...]:
    """A crescent behind the stomach on the left."""
    k = scale
    center = np.array((-108, -28, 72)) * k
    bowl = difference(
        ellipsoid(center, np.array((34, 50, 54)) * k, rotation((0, 0, 1), -25)),
        ellipsoid(center + np.array((42, 22, -6)) * k, np.array((36, 44, 62)) * k, rotation((0, 0, 1), -25)),
        blend_mm=7 * k,
    )
    clear = difference(uneven(bowl, rng, 1.2 * k, 40), offset(keep_clear, 3), blend_mm=5)
    whole = intersection(clear, offset(cavity, -2.5), blend_mm=4)
    return (body("spleen", "spleen" + _phase(enhanced), whole),)


def stomach_and_bowel(cavity: Solid, scale: float, rng: np.random.Generator) -> tuple[Body, ...]:
    """Stomach and colon with content and gas that has risen to the front, and loops of small bowel."""
    k = scale
    stomach = smooth_tube(
        np.array([(-52, -12, 92), (-68, 18, 70), (-56, 48, 36), (-18, 60, 14), (22, 50, 12)]) * k,
        np.array([24, 31, 26, 18, 12]) * k, 10,
    )  # fmt: skip
    colon = np.array([(104, 10, -96), (108, 18, -60), (92, 50, -34), (40, 78, -38), (-30, 80, -30), (-84, 52, -6),
                      (-116, 8, 0), (-120, -12, -46), (-112, -8, -96)]) * k  # fmt: skip
    colon += rng.normal(0, 4, colon.shape)
    large = uneven(smooth_tube(colon, rng.uniform(15, 21, len(colon)) * k, 26), rng, 1.5, 26)
    loops: list[Body] = []
    for _ in range(6):
        knots = rng.uniform((-72, 12, -100), (72, 66, -46), (6, 3)) * k
        loop = smooth_tube(knots, 10.5 * k, 14)
        loops += _hollow(intersection(loop, offset(cavity, -4)), 2.0, 64 * k)
    level = float(rng.uniform(52, 66)) * k
    return (
        *loops,
        *_hollow(intersection(large, offset(cavity, -3)), 2.0, float(rng.uniform(30, 60)) * k),
        *_hollow(intersection(uneven(stomach, rng, 1.2, 30), offset(cavity, -4)), 3.2, level),
    )


def vessels(scale: float, enhanced: bool) -> tuple[Body, ...]:
    """Aorta and inferior vena cava in front of the spine."""
    k = scale
    down = np.array([(-6, 29, -80), (-7, 31, -20), (-8, 28, 60), (-6, 20, 150)]) * k
    up = np.array([(18, 26, -80), (20, 30, -20), (24, 28, 40), (20, 4, 110), (16, 6, 150)]) * k
    aorta, cava = smooth_tube(down, np.array([9, 9.5, 11, 12]) * k), smooth_tube(up, 11 * k)
    renal = [smooth_tube(np.array([(x, 28, 4), (2.6 * x, 16, 2), (4.6 * x, -4, 0)]) * k, 3 * k, 5) for x in (10, -10)]
    blood = "blood" + _phase(enhanced)
    return tuple(body("", blood, culled(solid)) for solid in (*renal, cava, aorta))


def _hollow(solid: Solid, wall_mm: float, level_mm: float) -> list[Body]:
    """A hollow organ: wall, content, and gas above a level along y (the patient lies on the back)."""
    whole = culled(solid)
    inside = offset(whole, -wall_mm)
    gas = intersection(inside, half_space((0, level_mm, 0), (0, -1, 0)))
    return [body("", "bowel_wall", whole), body("", "bowel_content", inside), body("", "gas", gas)]


def _phase(enhanced: bool) -> str:
    return "_enhanced" if enhanced else ""
