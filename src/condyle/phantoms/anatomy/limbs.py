"""Whole lower bodies and knees: bones and joints from `leg`, clothed with `flesh`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from condyle.phantoms.anatomy.femur_shape import femur_measures
from condyle.phantoms.anatomy.flesh import placed_layers, shank, thigh
from condyle.phantoms.anatomy.hip import hip, hip_cartilage
from condyle.phantoms.anatomy.leg import Leg, LegShape, leg
from condyle.phantoms.anatomy.pelvis import pelvis_inside, pelvis_surfaces
from condyle.phantoms.anatomy.spine import sacrum, spine
from condyle.phantoms.anatomy.table import table
from condyle.phantoms.body import Body, Subject
from condyle.phantoms.part import Part, body, mirrored_bodies, mirrored_part, moved_part
from condyle.phantoms.solids import Matrix, Solid, culled, mirrored, moved, offset, rotation, union

#: Thickness of the skin.
SKIN_MM = 1.8


def knee(shape: LegShape, rng: np.random.Generator, *, side: str = "right") -> Subject:
    """One knee in the femur's knee frame: 200 mm of thigh and shank around the joint."""
    limb = leg(shape, rng)
    skin, fat, muscle, inside = _clothes(limb, rng)
    bodies = (*_layers(skin, fat, muscle), *inside, *limb.soft.bodies, *(b for bone in limb.bones for b in bone.bodies))
    if side == "left":
        bodies = mirrored_bodies(bodies)
    return Subject(bodies, femur_measures(shape.femur) | {"flexion_deg": shape.flexion_deg})


def lower_body(right: LegShape, left: LegShape, rng: np.random.Generator, *, with_table: bool = True) -> Subject:
    """Pelvis and both legs, on a table or not.

    Args:
        right: Measures of the right leg.
        left: Of the left leg, as if it were a right one.
        rng: Pose and uneven surfaces.
        with_table: Whether a CT table lies beneath.
    """
    k = max(right.femur.scale, right.hip.scale)
    legs = [_posed_leg(right, rng), _mirrored_leg(_posed_leg(left, rng))]
    trunk_fat, trunk_muscle = pelvis_surfaces(k, right.fat_mm * 1.5)
    trunk = (offset(trunk_fat, SKIN_MM), trunk_fat, trunk_muscle)
    skin, fat, muscle = (
        union(culled(of_trunk), union(culled(of_right), culled(of_left)), blend_mm=25 * k)
        for of_trunk, of_right, of_left in zip(trunk, legs[0].surfaces, legs[1].surfaces, strict=True)
    )
    bones = [bone for posed in legs for bone in posed.bones]
    bodies = (
        *_layers(skin, fat, muscle),
        *(b for posed in legs for b in posed.flesh.bodies),
        *pelvis_inside(muscle, k),
        *(b for posed in legs for b in posed.joints.bodies),
        *_axial(bones, k, rng),
        *(b for bone in bones for b in bone.bodies),
    )
    if with_table:
        low, high = skin.bounds_mm
        bodies = (*table(-114 * k - right.fat_mm * 1.5, (low[2] - 200, high[2] + 50)), *bodies)
    return Subject(bodies, _measures(right, "right") | _measures(left, "left"))


@dataclass(frozen=True)
class _PosedLeg:
    """A leg with its hip bone in the legs' world; `surfaces` are those of skin, fat and muscle."""

    surfaces: tuple[Solid, Solid, Solid]
    flesh: Part
    joints: Part
    bones: tuple[Part, ...]


def _posed_leg(shape: LegShape, rng: np.random.Generator) -> _PosedLeg:
    """A right leg, its foot turned out a little, its head in the cup."""
    pose = rotation((0, 1, 0), 1.5 + rng.normal(0, 1.0)) @ rotation((0, 0, 1), rng.normal(8, 5))
    limb = leg(shape, rng)
    hip_center = np.array([shape.hip.half_distance_mm, 0, 0])
    shift = hip_center - pose @ shape.femur.head_center_mm
    skin, fat, muscle, inside = _clothes(limb, rng)
    socket = moved_part(hip(shape.hip, rng), np.eye(3), hip_center)
    lining = moved_part(hip_cartilage(shape.hip), np.eye(3), hip_center)
    soft = moved_part(limb.soft, pose, shift)
    return _PosedLeg(
        (moved(skin, pose, shift), moved(fat, pose, shift), moved(muscle, pose, shift)),
        moved_part(Part(inside, muscle), pose, shift),
        Part((*soft.bodies, *lining.bodies), soft.solid),
        (socket, *(moved_part(bone, pose, shift) for bone in limb.bones)),
    )


def _mirrored_leg(posed: _PosedLeg) -> _PosedLeg:
    skin, fat, muscle = (mirrored(s) for s in posed.surfaces)
    bones = tuple(mirrored_part(bone) for bone in posed.bones)
    return _PosedLeg((skin, fat, muscle), mirrored_part(posed.flesh), mirrored_part(posed.joints), bones)


def _measures(shape: LegShape, side: str) -> dict[str, float]:
    """The leg's measures, the side before the unit: `head_radius_right_mm`."""
    named = femur_measures(shape.femur) | {"joint_space_mm": shape.hip.joint_space_mm}
    split = {name: name.rsplit("_", 1) for name in named}
    return {f"{split[name][0]}_{side}_{split[name][1]}": value for name, value in named.items()}


def _clothes(limb: Leg, rng: np.random.Generator) -> tuple[Solid, Solid, Solid, tuple[Body, ...]]:
    """Skin, fat and muscle surfaces of a leg in its knee frame, and the muscles in it."""
    shape = limb.shape
    k, fat_mm = shape.femur.scale, shape.fat_mm
    head = shape.femur.head_center_mm
    upper = thigh(float(head[2]), head[:2] * 0.7, k, fat_mm, rng)
    lower = shank(shape.shank.length_mm, k, fat_mm, rng)
    turn, origin = limb.shank_turn, limb.shank_origin_mm
    skin_below, muscle_below = placed_layers(lower, turn, origin)
    fat = union(culled(upper.skin), culled(skin_below), blend_mm=20 * k)
    muscle = union(culled(upper.muscle), culled(muscle_below))
    inside = (*upper.inside, *moved_part(Part(lower.inside, lower.skin), turn, origin).bodies)
    return offset(fat, SKIN_MM), fat, muscle, inside


def _layers(skin: Solid, fat: Solid, muscle: Solid) -> tuple[Body, ...]:
    return body("", "skin", skin), body("", "fat", fat), body("", "muscle", muscle)


def _axial(bones: list[Part], k: float, rng: np.random.Generator) -> tuple[Body, ...]:
    """Sacrum between the hip bones, and the last lumbar vertebrae above it."""
    hips = union(*(culled(b.solid) for b in bones if b.bodies[0].name.startswith("hip")))
    top: Matrix = np.array((0, -22, 88)) * k
    centers = [np.array(c) * k for c in ((0, -2, 185), (0, -4, 148), (0, -13, 112))]
    column = spine(centers, [-2, 6, 20], k, rng)
    last = union(*(culled(Solid(b.distance_mm, b.bounds_mm)) for b in column if b.name and b.tissue == "cortical_bone"))
    return (*column, *sacrum(top, 34, k, union(hips, last), rng).bodies)
