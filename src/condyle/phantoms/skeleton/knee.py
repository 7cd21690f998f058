"""The soft parts of a knee whose bones are given surfaces.

A modelled knee (`anatomy.knee_joint`) is laid over the bones: its frame and its size are found from the condyles and
the plateau.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from condyle.phantoms.anatomy.knee_joint import knee_joint
from condyle.phantoms.body import Body
from condyle.phantoms.part import Part, body, mirrored_part, moved_part
from condyle.phantoms.skeleton.posed import Bone
from condyle.phantoms.solids import Solid, ellipsoid, intersection, offset, uneven, union

Matrix = NDArray[np.float64]

#: Of the modelled knee at scale 1: width of its femur, and how far its condyles reach behind the frame's origin.
_WIDTH_MM, _BEHIND_MM = 82.0, 38.0
#: Of its plateau: how far the middle of its outline lies behind the frame's origin.
_PLATEAU_BEHIND_MM = 7.0
#: Where the two plateaus lie on either side of their middle, clear of the spines between them.
_PLATEAUS_MM = (12.0, 28.0)
#: Surfaces of different people do not fit: what is so near to both bones is cartilage too.
_BETWEEN_MM = 6.0
#: Mirrors left and right.
_FLIP = np.diag([-1.0, 1.0, 1.0])


@dataclass(frozen=True)
class Knee:
    """Soft parts, in painting order.

    Args:
        fat: Around the joint and behind the thigh bone above it; muscles and vessels are painted over it.
        inside: All that is painted over muscles: fluid, cartilage, menisci, ligaments, tendons.
    """

    fat: Body
    inside: tuple[Body, ...]


def knee(
    femur: tuple[Bone, Solid], patella: tuple[Bone, Solid], tibia: tuple[Bone, Solid], muscle: Solid,
    rng: np.random.Generator,
) -> Knee:  # fmt: skip
    """The soft parts of one knee.

    Args:
        femur: In place, and what it fills.
        patella: Of the same side, and so is the tibia.
        tibia: See `patella`.
        muscle: Outline of the muscles, which fat does not leave.
        rng: Makes no two knees alike.
    """
    left = femur[0].name.endswith("left")
    turn, origin_mm, scale = _condyles(femur[0])
    to_knee = turn.T

    def there(bone: tuple[Bone, Solid]) -> Part:
        """A bone in the frame of a right knee."""
        part = moved_part(Part((), bone[1], _landmarks(bone[0])), to_knee, -to_knee @ origin_mm)
        return mirrored_part(part) if left else part

    def back(part: Part) -> tuple[Body, ...]:
        return moved_part(mirrored_part(part) if left else part, turn, origin_mm).bodies

    shin, plateau_mm = _plateau(tibia[0])
    shin, plateau_mm = to_knee @ shin, to_knee @ (plateau_mm - origin_mm)
    if left:
        shin, plateau_mm = _FLIP @ shin @ _FLIP, _FLIP @ plateau_mm
    joint = knee_joint(scale, (there(femur), there(patella), there(tibia)), shin, plateau_mm)
    between = intersection(*(offset(bone, _BETWEEN_MM * scale) for _, bone in (femur, tibia)))
    around = _fat(scale, rng)
    (fat,) = back(Part((body("", "fat", around),), around))
    covered = intersection(Solid(fat.distance_mm, fat.bounds_mm), offset(muscle, -1.0))
    return Knee(body("", "fat", covered), (body("", "cartilage", between), *back(joint)))


def _fat(scale: float, rng: np.random.Generator) -> Solid:
    """Around the joint, in the hollow behind it, and under the tendon above the kneecap; in the knee's frame."""
    places = (((0, 2, 8), (58, 48, 48)), ((0, -30, 40), (28, 24, 66)), ((2, 26, 66), (24, 9, 28)))
    parts = [ellipsoid(np.array(at) * scale, np.array(half) * scale * rng.uniform(0.8, 1.2, 3)) for at, half in places]
    return uneven(union(*parts, blend_mm=10), rng, 2.0, 40)


def _condyles(femur: Bone) -> tuple[Matrix, Matrix, float]:
    """The knee's directions (columns: right, forward, up), its origin in RAS mm, and its size."""
    turn = _directions(femur)
    points = femur.surface.points_mm @ turn
    low = points[:, 2].min()
    ends = points[points[:, 2] < low + 45]
    first, last = ends[:, 0].min(), ends[:, 0].max()
    scale = float((last - first) / _WIDTH_MM)
    origin = np.array(((first + last) / 2, ends[:, 1].min() + _BEHIND_MM * scale, low))
    return turn, turn @ origin, scale


def _plateau(tibia: Bone) -> tuple[Matrix, Matrix]:
    """The shin's directions, and the middle of its plateaus in RAS mm."""
    turn = _directions(tibia)
    points = tibia.surface.points_mm @ turn
    top = points[points[:, 2] > points[:, 2].max() - 25]
    x, y = (top[:, :2].min(0) + top[:, :2].max(0)) / 2
    aside = np.abs(top[:, 0] - x)
    z = top[(aside > _PLATEAUS_MM[0]) & (aside < _PLATEAUS_MM[1]), 2].max()
    return turn, turn @ np.array((x, y + _PLATEAU_BEHIND_MM, z))


def _landmarks(bone: Bone) -> dict[str, Matrix]:
    """Where tendons are fixed, RAS mm."""
    turn = _directions(bone)
    points = bone.surface.points_mm @ turn
    heights = points[:, 2]
    if bone.name.startswith("patella"):
        ends = {"apex": heights < heights.min() + 3, "base": heights > heights.max() - 3}
        return {name: turn @ points[there].mean(0) for name, there in ends.items()}
    if bone.name.startswith("tibia"):
        front = points[(heights < heights.max() - 35) & (heights > heights.max() - 55)]
        return {"tuberosity": turn @ front[front[:, 1].argmax()]}
    return {}


def _directions(bone: Bone) -> Matrix:
    """Right, forward and up of a bone, as columns."""
    return bone.axes[:, [2, 0, 1]]
