"""What every mesh format is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from condyle.labels import Color
from condyle.space.surface import Surface

Space = Literal["RAS", "LPS"]


@dataclass(frozen=True, eq=False)
class Part:
    """A surface in RAS mm, and how it is called and painted."""

    name: str
    color: Color
    surface: Surface


def points_in(part: Part, space: Space) -> NDArray[np.float32]:
    """Points (N, 3) in mm in the world a file is to have.

    LPS is RAS turned by half a turn about z, so triangles go on facing outward.
    """
    signs = np.array([-1, -1, 1] if space == "LPS" else [1, 1, 1])
    # Minus zero would be another byte for the same place.
    return (part.surface.points_mm * signs).astype(np.float32) + np.float32(0)


def joined(parts: list[Part], space: Space) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Points and triangles of all parts as one soup."""
    points = [points_in(part, space) for part in parts]
    first = np.cumsum([0, *map(len, points)])
    triangles = [part.surface.triangles + n for part, n in zip(parts, first[:-1].tolist(), strict=True)]
    return (
        np.concatenate([np.empty((0, 3), np.float32), *points]),
        np.concatenate([np.empty((0, 3), np.int32), *triangles]).astype(np.int32),
    )
