"""Skin, fat and muscles of the thigh and the shank.

A limb is a tube of skin around a tube of muscle; in the latter lie the **bellies**, spindle-shaped muscles with thin
sheets of fat between them. Right limbs, in the knee frame of the femur (thigh) and the plateau frame (shank), at the
size of a leg whose femur is 82 mm wide.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from condyle.phantoms.body import Body
from condyle.phantoms.part import body
from condyle.phantoms.solids import (
    Matrix,
    Solid,
    culled,
    intersection,
    moved,
    offset,
    smooth_tube,
    uneven,
)
from condyle.phantoms.solids.loft import Section, loft


@dataclass(frozen=True)
class Belly:
    """One muscle: where it starts and ends along the limb (0 at its lower end, 1 at the upper), in which direction
    from the limb's axis it lies (0 lateral, 90 anterior), how far, and how thick it is that way and across.
    """

    start: float
    stop: float
    angle_deg: float
    reach_mm: float
    radii_mm: tuple[float, float]


#: Vasti first, then the others from the front around the inside to the back.
THIGH = (
    Belly(0.10, 0.92, 100, 22, (17, 30)),  # vastus intermedius
    Belly(0.10, 0.95, 30, 36, (20, 36)),  # vastus lateralis
    Belly(0.06, 0.85, 150, 36, (20, 28)),  # vastus medialis
    Belly(0.22, 1.05, 85, 52, (13, 21)),  # rectus femoris
    Belly(0.30, 1.00, 205, 36, (24, 32)),  # adductor magnus
    Belly(0.55, 1.05, 170, 44, (17, 22)),  # adductor longus
    Belly(0.05, 1.00, 195, 62, (7, 15)),  # gracilis
    Belly(0.02, 1.05, 140, 60, (7, 14)),  # sartorius
    Belly(0.04, 0.95, 240, 48, (17, 22)),  # semimembranosus
    Belly(0.08, 1.00, 262, 57, (13, 17)),  # semitendinosus
    Belly(0.05, 1.00, 295, 46, (19, 21)),  # biceps femoris
)

SHANK = (
    Belly(0.20, 0.92, 62, 24, (13, 14)),  # tibialis anterior and extensors
    Belly(0.20, 0.93, 10, 34, (9, 15)),  # peronei
    Belly(0.15, 0.90, 265, 22, (14, 22)),  # tibialis posterior and flexors
    Belly(0.15, 0.88, 280, 42, (14, 36)),  # soleus
    Belly(0.40, 1.06, 245, 55, (13, 24)),  # medial gastrocnemius
    Belly(0.45, 1.06, 300, 53, (12, 22)),  # lateral gastrocnemius
)


@dataclass(frozen=True)
class Layers:
    """Skin surface and muscle surface of a limb, and its bodies inside, in painting order."""

    skin: Solid
    muscle: Solid
    inside: tuple[Body, ...]


@dataclass(frozen=True)
class _Axis:
    """The straight axis of a limb: from height `bottom_mm` up `length_mm`, leaning by x and y over that length."""

    bottom_mm: float
    length_mm: float
    lean_mm: Matrix
    scale: float

    def at(self, along: float, x_mm: float = 0, y_mm: float = 0) -> tuple[float, float, float]:
        x, y = self.lean_mm * along + np.array((x_mm, y_mm)) * self.scale
        return float(x), float(y), self.bottom_mm + along * self.length_mm

    def tube(self, table: list[tuple[float, float, float, float, float]], extra_mm: Callable[[float], float]) -> Solid:
        """A tube through rows of: height along the limb, radii, centre; `extra_mm` thicker at each height."""
        sections = []
        for along, a, b, x, y in table:
            cx, cy, z = self.at(along, x, y)
            more = extra_mm(along)
            sections.append(Section(z, (a * self.scale + more, b * self.scale + more), (cx, cy)))
        return loft(sections, cap_mm=8)


def thigh(length_mm: float, lean_mm: Matrix, scale: float, fat_mm: float, rng: np.random.Generator) -> Layers:
    """The thigh above the joint line.

    Args:
        length_mm: Up to the hip's centre.
        lean_mm: x and y of the limb's axis at that height.
        scale: Size.
        fat_mm: Under the skin at mid-thigh; around the knee there is a third of it.
        rng: Makes surfaces uneven and muscles vary.
    """
    axis = _Axis(0, length_mm, lean_mm, scale)
    muscle = axis.tube(
        [(0.03, 34, 27, 0, -14), (0.12, 47, 43, 0, -6), (0.3, 59, 60, 0, -1), (0.6, 68, 70, 0, 0), (0.85, 73, 73, 0, 0),
         (1.1, 72, 72, 0, 0)], lambda _: 0,
    )  # fmt: skip
    skin = axis.tube(
        [(-0.2, 46, 50, 0, -10), (0.0, 48, 52, 0, -3), (0.12, 52, 53, 0, -2), (0.3, 60, 61, 0, -1), (0.6, 69, 71, 0, 0),
         (1.1, 78, 76, 0, 0)], lambda along: fat_mm * float(np.clip(0.35 + 2 * along, 0.35, 1)),
    )  # fmt: skip
    course = ((0.0, 2, -42), (0.2, -12, -28), (0.45, -32, 2), (0.75, -26, 36), (1.1, -10, 46))
    vessels = [np.add([axis.at(*row) for row in course], shift) for shift in ((0, 0, 0), (7, -7, 0))]
    blood = [body("", "blood", culled(smooth_tube(line, 4.0 * scale, 8))) for line in vessels]
    inside = (*_muscles(THIGH, axis, muscle, rng), *blood)
    return Layers(uneven(skin, rng, 0.8, 60), uneven(muscle, rng, 0.8, 50), inside)


def shank(length_mm: float, scale: float, fat_mm: float, rng: np.random.Generator) -> Layers:
    """The lower leg below the plateau, to the ankle."""
    axis = _Axis(-length_mm, length_mm, np.zeros(2), scale)
    muscle = axis.tube(
        [(0.08, 29, 24, 4, -6), (0.3, 38, 40, 6, -14), (0.6, 48, 50, 6, -20), (0.8, 48, 47, 5, -20),
         (0.97, 40, 30, 3, -24)], lambda _: 0,
    )  # fmt: skip
    skin = axis.tube(
        [(-0.16, 43, 46, 3, 4), (-0.04, 41, 38, 3, -5), (0.05, 38, 36, 3, -5), (0.3, 41, 44, 5, -12),
         (0.6, 50, 54, 5, -18), (0.8, 51, 54, 4, -16), (0.95, 47, 51, 0, -9), (1.2, 47, 50, 0, -5)],
        lambda _: 0.35 * fat_mm,
    )  # fmt: skip
    inside = _muscles(SHANK, axis, muscle, rng)
    return Layers(uneven(skin, rng, 0.8, 60), uneven(muscle, rng, 0.8, 50), inside)


def _muscles(table: tuple[Belly, ...], axis: _Axis, within: Solid, rng: np.random.Generator) -> tuple[Body, ...]:
    """Each belly in a sheet of fat 1 mm thick, clipped to the muscle surface."""
    out: list[Body] = []
    room = offset(within, -1.5)
    for belly in table:
        spindle = culled(intersection(_spindle(belly, axis, rng), room))
        out += [body("", "fat", offset(spindle, 1.2)), body("", "muscle", spindle)]
    return tuple(out)


def _spindle(belly: Belly, axis: _Axis, rng: np.random.Generator) -> Solid:
    size, turn = rng.normal(1, 0.05) * axis.scale, belly.angle_deg + rng.normal(0, 3)
    direction = np.array([np.cos(np.deg2rad(turn)), np.sin(np.deg2rad(turn))])
    sections = []
    for t in np.linspace(0, 1, 7):
        thick = 0.3 + 0.7 * float(np.sin(np.pi * min(t, 0.999))) ** 0.7
        x, y = direction * belly.reach_mm * (0.8 + 0.2 * thick)
        cx, cy, z = axis.at(belly.start + t * (belly.stop - belly.start), x, y)
        radii = (belly.radii_mm[0] * thick * size, belly.radii_mm[1] * thick * size)
        sections.append(Section(z, radii, (cx, cy), turn_deg=turn, power=2.3))
    return loft(sections, cap_mm=4)


def placed_layers(layers: Layers, turn: Matrix, origin_mm: Matrix) -> tuple[Solid, Solid]:
    """Skin and muscle surfaces turned about the origin, then shifted."""
    return moved(layers.skin, turn, origin_mm), moved(layers.muscle, turn, origin_mm)
