"""Parts of a subject: a few bodies, the outer solid they fill, and landmarks; and parts put somewhere else.

Bones are built as right ones, in a frame of their own. A left bone is the mirror image of a right one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from condyle.phantoms.body import Body
from condyle.phantoms.solids import Matrix, Solid, mirrored, moved

_OTHER = {"right": "left", "left": "right"}


@dataclass(frozen=True)
class Part:
    """One bone or organ.

    Args:
        bodies: In painting order.
        solid: What they fill together.
        points_mm: Landmarks by name, each (3,).
    """

    bodies: tuple[Body, ...]
    solid: Solid
    points_mm: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)


def body(name: str, tissue: str, solid: Solid) -> Body:
    """A body of a solid; the name may be "" for what belongs to no structure."""
    return Body(name, tissue, solid.distance_mm, solid.bounds_mm)


def moved_part(part: Part, rotation: Matrix, shift_mm: ArrayLike = (0, 0, 0)) -> Part:
    """A part turned about the origin, then shifted."""
    shift = np.asarray(shift_mm, np.float64)
    bodies = tuple(_with_solid(b, moved(_solid(b), rotation, shift)) for b in part.bodies)
    points = {name: rotation @ point + shift for name, point in part.points_mm.items()}
    return Part(bodies, moved(part.solid, rotation, shift), points)


def mirrored_part(part: Part) -> Part:
    """The mirror image across x = 0, under the other side's name."""
    points = {name: point * (-1, 1, 1) for name, point in part.points_mm.items()}
    return Part(mirrored_bodies(part.bodies), mirrored(part.solid), points)


def mirrored_bodies(bodies: Iterable[Body]) -> tuple[Body, ...]:
    """Mirror images across x = 0; right structures become left ones and the reverse."""
    return tuple(replace(_with_solid(b, mirrored(_solid(b))), name=other_side(b.name)) for b in bodies)


def other_side(name: str) -> str:
    """`femur_left` of `femur_right`; a name without a side stays."""
    return "_".join(_OTHER.get(word, word) for word in name.split("_"))


def _solid(b: Body) -> Solid:
    return Solid(b.distance_mm, b.bounds_mm)


def _with_solid(b: Body, solid: Solid) -> Body:
    return replace(b, distance_mm=solid.distance_mm, bounds_mm=solid.bounds_mm)
