"""Hip joints of other people than the one whose surfaces these are.

The model joins surfaces of different people: its sockets are shallow and thick of floor, and the heads lie beside them.
A person's head lies deep in the socket, a few millimetres from the inside of the pelvis.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from condyle.phantoms.body import Distances, Points
from condyle.phantoms.solids import Field, half_space, intersection, offset, sphere
from condyle.phantoms.solids.lattice import Lattice, grid_points, joined
from condyle.space.surface import Surface

Matrix = NDArray[np.float64]

#: Where the floor of a right socket lies, seen from its middle: RAS, inclined by 45 and turned forward by 20 degrees
#: (Murray, J Bone Joint Surg Br 1993; 75:228).
_TO_FLOOR = np.array([-0.66, -0.34, 0.66])
#: On the floor's side of the joint nothing of a femur is so near but the head.
_NEAR_MM = 30.0
#: Over how much bone beyond the head the cortex of the femur, and of the socket, becomes as thick as elsewhere.
_NECK_MM, _ROOF_MM = 10.0, 14.0


@dataclass(frozen=True)
class HipJoint:
    """Both hips of a person.

    Args:
        inwards_mm: How far the femora are moved towards the midline.
        forwards_mm: And to the front.
        upwards_mm: And up.
        larger_mm: How far the heads grow.
        floor_mm: Bone between the head's cartilage and the inside of the pelvis, at least.
        over_mm: How far the socket reaches over the head's equator, at least; negative where it ends before.
        roof_mm: How much thicker the socket's cortex is over the head, where the load goes through.
        bare_mm: How much thinner the head's cortex is than that of the femur's other end.
    """

    inwards_mm: float
    forwards_mm: float
    upwards_mm: float
    larger_mm: float
    floor_mm: float
    over_mm: float
    roof_mm: float = 0.0
    bare_mm: float = 0.0

    def shift_mm(self, side: str) -> Matrix:
        """How a leg is moved, RAS."""
        return np.array([-self.inwards_mm if side == "right" else self.inwards_mm, self.forwards_mm, self.upwards_mm])


def drawn_hip_joint(rng: np.random.Generator) -> HipJoint:
    """From the model's own to heads that nearly break through the socket's floor, or are held by an old rim."""
    return HipJoint(
        inwards_mm=float(rng.uniform(0, 12)),
        forwards_mm=float(rng.normal(-1, 2)),
        upwards_mm=float(rng.normal(0, 2)),
        larger_mm=float(np.clip(rng.normal(0.5, 1.2), 0, 3.5)),
        floor_mm=float(rng.uniform(2.5, 6)),
        over_mm=float(rng.normal(1, 3)),
        roof_mm=float(rng.uniform(1.5, 6)),
        bare_mm=float(rng.uniform(0, 1.4)),
    )


def fitted(
    femur: Lattice, hip: Lattice, joint: HipJoint, head: tuple[Matrix, float], gap_mm: float
) -> tuple[Lattice, Lattice]:
    """A femur and a hip bone that fit: a round head, and a socket around it.

    Args:
        femur: In its new place.
        hip: Of the same side.
        joint: How they are to meet.
        head: As `head_of` finds it.
        gap_mm: Cartilage between them.
    """
    middle_mm, radius_mm = head[0], head[1] + joint.larger_mm
    femur = joined(femur, sphere(middle_mm, radius_mm), blend_mm=6, reach_mm=8)
    to_floor = _to_floor(middle_mm)
    shell = sphere(middle_mm, radius_mm + gap_mm + joint.floor_mm)
    cup = intersection(shell, half_space(middle_mm - joint.over_mm * to_floor, -to_floor))
    hip = joined(hip, cup, blend_mm=6, reach_mm=8)
    taken = offset(femur.solid, gap_mm)(grid_points(hip.grid))
    return femur, Lattice(np.maximum(hip.nodes, -taken), hip.grid, hip.bounds_mm)


def walls(joint: HipJoint, head: tuple[Matrix, float]) -> tuple[Field, Field]:
    """How much thicker the cortex of a femur and of its hip bone is around their joint, in mm.

    In scans with thick slices the bright arc over a head (the sourcil) is all that parts it from the socket: the head's
    own shell hardly shows.

    Args:
        joint: Of this person.
        head: As `head_of` finds it.
    """
    middle_mm, radius_mm = head[0], head[1] + joint.larger_mm
    ball = sphere(middle_mm, radius_mm)

    def near(points: Points, over_mm: float) -> Distances:
        """1 in the head, less and less beyond it."""
        return np.asarray(np.exp(-((np.maximum(0, ball(points)) / over_mm) ** 2)), np.float32)

    def femur_mm(points: Points) -> Distances:
        return np.asarray(-joint.bare_mm * near(points, _NECK_MM), np.float32)

    def hip_mm(points: Points) -> Distances:
        above = np.clip((points[..., 2] - middle_mm[2]) / radius_mm, 0, 1)
        return np.asarray(joint.roof_mm * above * near(points, _ROOF_MM), np.float32)

    return femur_mm, hip_mm


def head_of(femur: Surface, joint_mm: Matrix) -> tuple[Matrix, float]:
    """Middle in RAS mm and radius in mm of the ball that fits the inner half of a femur's head best.

    Args:
        femur: Whole, RAS mm.
        joint_mm: Where about the middle is.
    """
    points = femur.points_mm - joint_mm
    head = points[(np.linalg.norm(points, axis=1) < _NEAR_MM) & (points @ _to_floor(joint_mm) > 0)]
    # |p - c|^2 = r^2 is linear in c and r^2 - |c|^2.
    system = np.column_stack([2 * head, np.ones(len(head))])
    x, y, z, rest = np.linalg.lstsq(system, (head**2).sum(1))[0]
    middle = np.array([x, y, z])
    return joint_mm + middle, float(np.sqrt(rest + middle @ middle))


def _to_floor(joint_mm: Matrix) -> Matrix:
    return _TO_FLOOR * (1 if joint_mm[0] > 0 else -1, 1, 1)
