"""On which side of the patient each sided structure lies, whatever its name says.

Hips and thighs tell their side by their place: of two partners the right one has the larger x; a single hip has the
sacrum beside it. Lower legs may be crossed: they are on the side of the bone they touch, as kneecaps are. Other sided
structures are compared with their partners.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from condyle.labels import Labels, Side, Structure, without_side

#: Places (n, 3) in RAS mm, spread over a structure.
Places = NDArray[np.float64]

#: Bone to the one that it touches, from the trunk outwards.
_TOUCHES = {"femur": "hip", "patella": "femur", "tibia": "femur", "fibula": "tibia"}
#: These cannot be crossed.
_TRUNK = ("hip", "femur")
_MIDDLE = "sacrum"
#: Bones that touch are nearer than this, cartilage and coarse voxels included.
TOUCH_MM = 25.0


def lies_on(places: Mapping[str, Places], labels: Labels) -> dict[str, Side | None]:
    """Where each sided structure lies; None where nothing tells.

    Args:
        places: Of each structure that is there.
        labels: The table.
    """
    out: dict[str, Side | None] = {}
    order = {bone: n for n, bone in enumerate(("hip", *_TOUCHES))}
    sided = [s for s in labels.structures if s.side is not None and s.name in places]
    for structure in sorted(sided, key=lambda s: order.get(without_side(s.name), len(order))):
        by_place = _by_place(structure, places)
        by_touch = _by_touch(structure, places, labels, out)
        first, second = (by_place, by_touch) if without_side(structure.name) in _TRUNK else (by_touch, by_place)
        out[structure.name] = first or second
    return out


def _by_place(structure: Structure, places: Mapping[str, Places]) -> Side | None:
    """Beside its partner, else beside the sacrum."""
    other = structure.mirror if structure.mirror in places else None
    if other is None and without_side(structure.name) == "hip" and _MIDDLE in places:
        other = _MIDDLE
    if other is None:
        return None
    return "right" if places[structure.name][:, 0].mean() > places[other][:, 0].mean() else "left"


def _by_touch(
    structure: Structure, places: Mapping[str, Places], labels: Labels, known: Mapping[str, Side | None]
) -> Side | None:
    """On the side of the bone it touches, which is where that lies or, if nothing tells, what its name says."""
    bone = _TOUCHES.get(without_side(structure.name))
    there = [s for s in labels.structures if s.side and without_side(s.name) == bone and s.name in places]
    gaps = [_gap_mm(places[structure.name], places[s.name]) for s in there]
    if not gaps or min(gaps) > TOUCH_MM:
        return None
    nearest = there[int(np.argmin(gaps))]
    return known.get(nearest.name) or nearest.side


def _gap_mm(a: Places, b: Places) -> float:
    return float(np.sqrt(((a[:, None] - b[None]) ** 2).sum(-1).min()))
