"""Flesh around a skeleton: muscle, fat and skin of the trunk and legs, from the places of the joints.

The shapes are plain: round cones along the limbs, blended. They give scans the right amount of soft tissue, not
anatomy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from condyle.phantoms.body import Body, Distances, Points
from condyle.phantoms.part import body
from condyle.phantoms.solids import (
    Field,
    Solid,
    capsule,
    intersection,
    offset,
    round_cone,
    sphere,
    uneven,
    union,
    waves,
)
from condyle.phantoms.solids.lattice import baked, joined

Matrix = NDArray[np.float64]

#: Thinnest layer of flesh over a bone: at the shin, the kneecap and the crest of the hip bone.
OVER_BONE_MM = 2.5
SKIN_MM = 1.8
#: Share of the fat that is missing where skin lies on bone, over the kneecap and along the shin, and how far around at
#: least: the more fat, the farther, so that skin has no steps.
_LEAN, _LEAN_MM = 0.75, 40.0
#: Fineness of the lattice the outline of the muscles is kept on.
STEP_MM = 4.0


def flesh(
    frames: Mapping[str, Matrix], bones: Sequence[Solid], scale: float, fat_mm: float, rng: np.random.Generator
) -> tuple[Body, ...]:
    """Skin, fat, muscle, and the fat between muscles, in painting order.

    Args:
        frames: 4 x 4 of each body of the model: origin and directions (forward, up, right) in RAS mm.
        bones: All bones; they are covered whatever the shapes below say.
        scale: Size of the person, 1 for the model itself.
        fat_mm: Thickness of the fat under the skin; less over kneecaps and shins.
        rng: Source of the unevenness.
    """
    parts = [*_trunk(frames, scale)]
    for letter in "rl":
        parts += _leg(frames, letter, scale)
    shape = uneven(union(*parts, blend_mm=35 * scale), rng, 2.0, 60)
    reach = 1.5 * fat_mm + SKIN_MM + 10
    corners = np.concatenate([shape.bounds_mm, *(bone.bounds_mm for bone in bones)])
    muscles = baked(shape, STEP_MM, np.array([corners.min(0) - reach, corners.max(0) + reach]))
    for bone in bones:
        muscles = joined(muscles, offset(bone, OVER_BONE_MM), blend_mm=8, reach_mm=reach)
    muscle = muscles.solid
    layer = offset(uneven(offset(muscle, fat_mm), rng, 0.12 * fat_mm, 80), _minus_lean(frames, scale, fat_mm))
    return (
        body("", "skin", offset(layer, SKIN_MM)),
        body("", "fat", layer),
        body("", "muscle", muscle),
        body("", "fat", intersection(offset(muscle, -2.0), _sheets(muscle.bounds_mm, rng))),
    )


def _minus_lean(frames: Mapping[str, Matrix], scale: float, fat_mm: float) -> Field:
    """Minus the fat that is missing over kneecaps and shins."""
    lines = []
    for letter in "rl":
        tibia = frames[f"tibia_{letter}"]
        kneecap, ankle = _at(tibia, (50, 15, 0)), frames[f"talus_{letter}"][:3, 3]
        tuberosity = _at(tibia, (40, -60, 0))
        lines += [capsule(kneecap, tuberosity, 0.0), capsule(tuberosity, ankle, 0.0)]
    away, reach_mm = union(*lines), np.float32(_LEAN_MM * scale + fat_mm)

    def missing(points: Points) -> Distances:
        near = np.exp(-((away(points) / reach_mm) ** 2))
        return np.asarray(np.float32(-_LEAN * fat_mm) * near, np.float32)

    return missing


def _sheets(bounds_mm: Matrix, rng: np.random.Generator) -> Solid:
    """Wavy sheets about two millimetres thick, some centimetres apart: fat between muscles."""
    length_mm, half_mm = 110.0, 1.1
    # An amplitude of length / 2 pi makes the field's slope about 1, so that it measures mm.
    field = waves(rng, length_mm / (2 * np.pi), length_mm)
    # Its steepest places are cut down to a slope below 1.3, as samplers expect.
    return Solid(lambda p: (np.abs(field(p)) - np.float32(half_mm)) / np.float32(2.8), bounds_mm)


def _trunk(frames: Mapping[str, Matrix], scale: float) -> list[Solid]:
    pelvis, torso = frames["pelvis"], frames["torso"]
    low, top = _at(pelvis, (-55, -20, 0)), _at(torso, (20, 330, 0))
    out = []
    for side in (-1, 1):
        right = pelvis[:3, 2] / np.linalg.norm(pelvis[:3, 2])
        aside = side * 55 * scale * right
        out.append(round_cone(low + aside, top + aside, 98 * scale, 92 * scale))
    return out


def _leg(frames: Mapping[str, Matrix], letter: str, scale: float) -> list[Solid]:
    out = 1 if letter == "r" else -1
    femur, tibia, talus = (frames[f"{name}_{letter}"] for name in ("femur", "tibia", "talus"))
    toes = frames[f"toes_{letter}"]
    hip, knee, ankle = femur[:3, 3], tibia[:3, 3], talus[:3, 3]
    thigh = _at(femur, (-5, -110, 8 * out))
    calf = _at(tibia, (-22, -120, 0))
    return [
        sphere(_at(femur, (-35, 0, 0)), 82 * scale),
        round_cone(thigh, knee, 72 * scale, 46 * scale),
        round_cone(hip, thigh, 76 * scale, 72 * scale),
        round_cone(_at(tibia, (-8, 10, 0)), calf, 46 * scale, 48 * scale),
        round_cone(calf, ankle, 48 * scale, 27 * scale),
        capsule(_at(talus, (-25, -25, 0)), ankle, 26 * scale),
        round_cone(_at(talus, (15, -15, 0)), toes[:3, 3], 28 * scale, 18 * scale),
    ]


def _at(frame: Matrix, place_mm: tuple[float, float, float]) -> Matrix:
    """World position of a place (forward, up, right, in mm before scaling) in a body's frame, which is in metres."""
    return np.asarray(frame[:3, :3] @ (np.array(place_mm) / 1000) + frame[:3, 3])
