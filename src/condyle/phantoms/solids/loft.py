"""Solids swept through cross-sections: shafts, muscles, vertebral bodies, the trunk.

A **section** is a closed curve around a centre at one height z: a superellipse, turned, with **ridges**:
smooth bumps at given angles. A **loft** is what lies between sections; they are joined by a monotone cubic in z.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from condyle.phantoms.body import Distances, Points
from condyle.phantoms.solids import Solid

#: Table resolution of a loft: angles around, and steps along z.
ANGLES, STEPS = 96, 160


@dataclass(frozen=True)
class Ridge:
    """A bump (negative height: a groove) of a section at an angle from +x towards +y."""

    angle_deg: float
    height_mm: float
    width_deg: float = 25


@dataclass(frozen=True)
class Section:
    """The outline at one height.

    Args:
        z_mm: Height.
        radii_mm: Half axes along x and y before turning.
        center_mm: x and y of the centre.
        turn_deg: Rotation of the outline about its centre.
        power: 2 is an ellipse, larger is squarer, smaller nearer to a rhombus.
        ridges: Bumps and grooves.
    """

    z_mm: float
    radii_mm: tuple[float, float]
    center_mm: tuple[float, float] = (0, 0)
    turn_deg: float = 0
    power: float = 2
    ridges: tuple[Ridge, ...] = ()

    def radius_mm(self, angle_rad: NDArray[np.float64]) -> NDArray[np.float64]:
        """Distance of the outline from the centre in each direction."""
        local = angle_rad - np.deg2rad(self.turn_deg)
        a, b = self.radii_mm
        out = (np.abs(np.cos(local) / a) ** self.power + np.abs(np.sin(local) / b) ** self.power) ** (-1 / self.power)
        for ridge in self.ridges:
            away = np.angle(np.exp(1j * (angle_rad - np.deg2rad(ridge.angle_deg))))
            out = out + ridge.height_mm * np.exp(-0.5 * (away / np.deg2rad(ridge.width_deg)) ** 2)
        return np.asarray(out)


def loft(sections: Sequence[Section], cap_mm: float = 3) -> Solid:
    """The solid through sections given in ascending z, flat at both ends, end edges rounded by `cap_mm`.

    The distance is the radial one over the local slope: right to first order at the surface.
    """
    from scipy.interpolate import PchipInterpolator

    heights = np.array([s.z_mm for s in sections], np.float64)
    bottom, top = float(heights[0]), float(heights[-1])
    step = (top - bottom) / STEPS
    z = np.linspace(bottom, top, STEPS + 1)
    angle = np.linspace(0, 2 * np.pi, ANGLES + 1)
    radius = PchipInterpolator(heights, [s.radius_mm(angle) for s in sections])(z)
    center = PchipInterpolator(heights, [s.center_mm for s in sections])(z)
    # Slope of the surface along z (centre line included) and around.
    along = np.gradient(radius, step, axis=0) + np.gradient(center, step, axis=0) @ np.array(
        [np.cos(angle), np.sin(angle)]
    )
    around = np.gradient(radius, angle, axis=1) / radius
    flatten = 1 / np.sqrt(1 + along**2 + around**2)
    table = np.stack([radius, flatten], -1).astype(np.float32).reshape(-1, 2)
    line = center.astype(np.float32)
    k = np.float32(max(cap_mm, 1e-3))

    def distance(p: Points) -> Distances:
        row = np.clip((p[..., 2] - np.float32(bottom)) / np.float32(step), 0, np.float32(STEPS - 1e-3))
        i = row.astype(np.intp)
        u = (row - i)[..., None]
        q = p[..., :2] - (line[i] * (1 - u) + line[i + 1] * u)
        column = (np.arctan2(q[..., 1], q[..., 0]) / np.float32(2 * np.pi) % 1) * np.float32(ANGLES)
        j = np.minimum(column.astype(np.intp), ANGLES - 1)
        v = (column - j)[..., None]
        first = i * (ANGLES + 1) + j
        below = table[first] * (1 - v) + table[first + 1] * v
        above = table[first + ANGLES + 1] * (1 - v) + table[first + ANGLES + 2] * v
        here = below * (1 - u) + above * u
        side = (np.hypot(q[..., 0], q[..., 1]) - here[..., 0]) * here[..., 1]
        cap = np.maximum(p[..., 2] - np.float32(top), np.float32(bottom) - p[..., 2])
        out: Distances = np.maximum(side, cap) + np.maximum(k - np.abs(side - cap), 0) ** 2 / (4 * k)
        return out.astype(np.float32, copy=False)

    reach = radius.max(1)
    low, high = (center - reach[:, None]).min(0), (center + reach[:, None]).max(0)
    return Solid(distance, np.array([[*low, bottom], [*high, top]]))
