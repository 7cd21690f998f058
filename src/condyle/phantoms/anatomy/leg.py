"""One right leg: its bones, joined at the knee.

It is built in the knee frame of its femur.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from condyle.phantoms.anatomy.femur import femur
from condyle.phantoms.anatomy.femur_shape import FemurShape
from condyle.phantoms.anatomy.growth import femur_plates, tibia_plates, with_growth_plates
from condyle.phantoms.anatomy.hip import HipShape
from condyle.phantoms.anatomy.knee_joint import distal, knee_joint
from condyle.phantoms.anatomy.shank import ShankShape, fibula, patella, tibia
from condyle.phantoms.part import Part, moved_part
from condyle.phantoms.solids import Matrix, rotation

#: From the lowest point of the condyles to the plateau, at scale 1: two layers of cartilage and a film of fluid.
KNEE_GAP_MM = 5.2


@dataclass(frozen=True)
class LegShape:
    """Measures of one leg.

    Args:
        femur: Of the thigh bone.
        shank: Of the lower leg.
        hip: Of the hip bone.
        flexion_deg: Of the knee, 0 to 20.
        fat_mm: Under the skin at mid-thigh.
        growing: Whether growth plates are open.
    """

    femur: FemurShape = field(default_factory=FemurShape)
    shank: ShankShape = field(default_factory=ShankShape)
    hip: HipShape = field(default_factory=HipShape)
    flexion_deg: float = 0.0
    fat_mm: float = 12.0
    growing: bool = False


@dataclass(frozen=True)
class Leg:
    """A right leg in its knee frame: bones, what lies in the joint, and where the shank points."""

    shape: LegShape
    femur: Part
    patella: Part
    tibia: Part
    fibula: Part
    soft: Part
    shank_turn: Matrix
    shank_origin_mm: Matrix

    @property
    def bones(self) -> tuple[Part, ...]:
        return self.femur, self.patella, self.tibia, self.fibula


def leg(shape: LegShape, rng: np.random.Generator) -> Leg:
    """Femur, patella, tibia, fibula, cartilage, menisci and ligaments of a right leg in the knee frame."""
    k = shape.femur.scale
    turn = rotation((1, 0, 0), -shape.flexion_deg)
    pivot = np.array((0, -10, 24)) * k
    origin = pivot + turn @ (np.array((0, 0, -KNEE_GAP_MM * k)) - pivot)
    thigh_bone = femur(shape.femur, rng)
    shin = tibia(shape.shank, rng)
    side = fibula(shape.shank, shin.solid, rng)
    cap = patella(distal(thigh_bone.solid, k), k, rng, gap_mm=5.0 * k)
    if shape.growing:
        thigh_bone = with_growth_plates(thigh_bone, femur_plates(shape.femur), rng)
        shin = with_growth_plates(shin, tibia_plates(shape.shank), rng)
    shin, side = moved_part(shin, turn, origin), moved_part(side, turn, origin)
    soft = knee_joint(k, (thigh_bone, cap, shin), turn, origin)
    return Leg(shape, thigh_bone, cap, shin, side, soft, turn, origin)
