"""Metal in bone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from condyle.errors import ConfigError
from condyle.phantoms.body import Body, Subject, sample
from condyle.phantoms.part import body
from condyle.phantoms.solids import cylinder
from condyle.phantoms.views import bounds_of, grid_over

#: Fineness at which the shaft's axis is looked for.
_STEP_MM = 2.5
#: Heights between which a shaft is straight enough for a nail, as parts of the visible bone.
_FROM, _TO = 0.15, 0.72


def with_nail(subject: Subject, bone: str, *, radius_mm: float = 5.0) -> Subject:
    """The subject with a titanium nail along the shaft of a bone.

    The axis runs through the middles of the bone's cross-sections; the nail counts as part of the bone, as in
    most label sets.

    Args:
        subject: With the bone upright.
        bone: A structure's name, e.g. `femur_right`.
        radius_mm: Of the nail.

    Raises:
        ConfigError: if the subject has no such bone.
    """
    if bone not in subject.names:
        raise ConfigError("metal", expected=f"one of {', '.join(subject.names)}", got=bone)
    bodies = tuple(b for b in subject.bodies if b.name == bone)
    grid = grid_over(bounds_of(subject, bone), "RAS", (_STEP_MM,) * 3)
    inside = sample(Subject(bodies), grid)[1] > 0
    heights = np.flatnonzero(inside.any(axis=(0, 1)))
    ends = [heights[round(part * (len(heights) - 1))] for part in (_FROM, _TO)]
    low, high = (grid.to_world([*np.argwhere(inside[:, :, k]).mean(0), k]) for k in ends)
    nail: Body = body(bone, "titanium", cylinder(tuple(low), tuple(high), radius_mm))
    return replace(subject, bodies=(*subject.bodies, nail))
