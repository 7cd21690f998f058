"""Arms beside the trunk, or folded over it: what lies in many scans of trunk and hips, and looks like a leg.

Plain shapes along the line from shoulder to fingers. All their bones are `other_bone`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from condyle.phantoms.body import Body
from condyle.phantoms.part import body
from condyle.phantoms.solids import Matrix, Solid, capsule, culled, offset, round_cone, smooth_tube, sphere, union

SKIN_MM = 1.6


def arm(joints_mm: ArrayLike, scale: float, fat_mm: float, rng: np.random.Generator) -> tuple[Body, ...]:
    """One arm.

    Args:
        joints_mm: Shape (4, 3): shoulder, elbow, wrist and knuckles.
        scale: Size, 1 for an adult of 1.75 m.
        fat_mm: Under the skin.
        rng: Thickness of bones and flesh, and how the forearm is turned.
    """
    shoulder, elbow, wrist, knuckles = np.asarray(joints_mm, np.float64)
    k = scale * float(rng.uniform(0.85, 1.15))
    aside = _across(np.asarray(wrist - elbow), rng)
    muscle = union(
        round_cone(shoulder, elbow, 42 * k, 34 * k),
        round_cone(elbow, wrist, 36 * k, 21 * k),
        round_cone(wrist, knuckles, 22 * k, 17 * k),
        blend_mm=10,
    )
    hand = _hand(wrist, knuckles, aside, k, rng)
    fat = union(offset(muscle, 0.6 * fat_mm), *(culled(offset(bone, 4.0)) for bone in hand))
    out = [
        body("", "skin", offset(fat, SKIN_MM)),
        body("", "fat", fat),
        body("", "muscle", muscle),
    ]
    wall_mm = float(rng.uniform(1.2, 3.5))
    for bone in (_humerus(shoulder, elbow, k), *_forearm(elbow, wrist, aside, k)):
        out += _layers(bone, wall_mm * k)
    for bone in hand:
        out += _layers(bone, 1.2)
    return tuple(out)


def _layers(bone: Solid, wall_mm: float) -> list[Body]:
    near = culled(bone)
    return [body("other_bone", "cortical_bone", near), body("other_bone", "trabecular_bone", offset(near, -wall_mm))]


def _humerus(shoulder: Matrix, elbow: Matrix, k: float) -> Solid:
    line = shoulder + np.linspace(0, 1, 6)[:, None] * (elbow - shoulder)
    return smooth_tube(line, np.array([22, 15, 11, 10.5, 12, 19]) * k, 10)


def _forearm(elbow: Matrix, wrist: Matrix, aside: Matrix, k: float) -> tuple[Solid, Solid]:
    """Radius and ulna."""
    line = elbow + np.linspace(0.04, 0.97, 5)[:, None] * (wrist - elbow)
    apart = np.array([10, 12, 13, 11, 11])[:, None] * k * aside
    radius = smooth_tube(line + apart, np.array([10.5, 7, 7.5, 8, 13]) * k, 10)
    ulna = smooth_tube(line - apart, np.array([13, 8.5, 7, 6, 7]) * k, 10)
    return radius, ulna


def _hand(wrist: Matrix, knuckles: Matrix, aside: Matrix, k: float, rng: np.random.Generator) -> list[Solid]:
    """Two rows of carpal bones, and five rays of three pieces."""
    along = (knuckles - wrist) / np.linalg.norm(knuckles - wrist)
    out = [
        sphere(wrist + along * (6 + 11 * row) * k + aside * step * k, float(rng.uniform(5.5, 7.5)) * k)
        for row in (0, 1)
        for step in (-15, -2, 11)
    ]
    for ray in range(5):
        spread = aside * (ray - 2) * 15 * k
        ends = [wrist + along * mm * k + spread * (0.6 + 0.4 * mm / 90) for mm in (25, 68, 74, 104, 110, 130)]
        out += [capsule(ends[n], ends[n + 1], 4.6 * k) for n in (0, 2, 4)]
    return out


def _across(along: Matrix, rng: np.random.Generator) -> Matrix:
    """A random direction across another."""
    across = np.cross(along, rng.normal(size=3))
    return np.asarray(across / np.linalg.norm(across))
