"""What a bone of a given surface is made of: cortex, trabecular bone, marrow."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from condyle.phantoms.body import Body, Distances, Points
from condyle.phantoms.part import body
from condyle.phantoms.skeleton.posed import Bone
from condyle.phantoms.solids import Field, Solid, offset

#: Cortex at the ends and in the middle of each kind of bone, mm; the first word of a structure's name.
CORTEX_MM: dict[str, tuple[float, float]] = {
    "femur": (1.6, 6.0), "tibia": (1.6, 5.0), "fibula": (1.2, 2.5), "patella": (1.5, 1.5), "hip": (1.6, 1.6),
    "sacrum": (1.3, 1.3), "spine": (1.2, 1.2), "other": (1.3, 1.3),
}  # fmt: skip


def layers(bone: Bone, solid: Solid, thicker_mm: Field | None = None) -> list[Body]:
    """Cortex, trabecular bone, and in long bones the marrow of the shaft, in painting order.

    Args:
        bone: In place; its first word says how thick its cortex is.
        solid: What it fills.
        thicker_mm: How much thicker its cortex is from place to place, or thinner where negative.
    """
    ends_mm, shaft_mm = CORTEX_MM[bone.name.partition("_")[0]]
    up = bone.axes[:, 1]
    heights = bone.surface.points_mm @ up
    low, high = float(heights.min()), float(heights.max())
    inner = offset(solid, _minus_cortex(up, low, high, ends_mm, shaft_mm))
    if thicker_mm is not None:
        inner = offset(inner, lambda points: -thicker_mm(points))
    out = [body(bone.name, "cortical_bone", solid), body(bone.name, "trabecular_bone", inner)]
    if shaft_mm > ends_mm:
        ends = (low + 0.22 * (high - low), low + 0.76 * (high - low))
        canal = offset(inner, _minus_taper(up, ends))
        out.append(body(bone.name, "yellow_marrow", canal))
    return out


def _minus_taper(up: NDArray[np.float64], ends: tuple[float, float]) -> Field:
    """Minus how much narrower a canal is than the space inside the cortex: more and more beyond its ends."""
    direction, below, above = up.astype(np.float32), np.float32(ends[0]), np.float32(ends[1])

    def narrower(points: Points) -> Distances:
        along = points @ direction
        return np.asarray(-0.5 * np.maximum(0, np.maximum(below - along, along - above)), np.float32)

    return narrower


def _minus_cortex(up: NDArray[np.float64], low: float, high: float, ends_mm: float, shaft_mm: float) -> Field:
    """Minus the thickness of the cortex: thin at the ends, thick in the middle of the shaft."""
    direction = up.astype(np.float32)

    def thickness(points: Points) -> Distances:
        along = np.clip((points @ direction - low) / (high - low), 0, 1)
        # Rises from 0 at an eighth of the length to 1 at three eighths, and falls in the same way.
        t = np.clip((0.5 - np.abs(along - 0.5) - 0.125) * 4, 0, 1)
        return np.asarray(-(ends_mm + (shaft_mm - ends_mm) * t * t * (3 - 2 * t)), np.float32)

    return thickness
