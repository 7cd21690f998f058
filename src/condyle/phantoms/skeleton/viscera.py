"""What fills a body made of bones and flesh: muscles in sheets of fat, vessels, bladder and bowel.

Places are in the frames of the model's bodies: forward, up and right, in mm before scaling.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from condyle.phantoms.anatomy.flesh import shank, thigh
from condyle.phantoms.body import Body
from condyle.phantoms.part import Part, body, mirrored_part, moved_part
from condyle.phantoms.solids import (
    Solid,
    culled,
    ellipsoid,
    half_space,
    intersection,
    offset,
    smooth_tube,
)

Matrix = NDArray[np.float64]
Place = tuple[float, float, float]

#: Muscles round the pelvis on the right: middle and half axes in the pelvis frame.
_GLUTEI: tuple[tuple[Place, Place], ...] = (
    ((-150, -25, 78), (32, 80, 52)),
    ((-75, 35, 138), (45, 62, 20)),
    ((-25, 10, 140), (18, 58, 15)),
)


def viscera(
    frames: Mapping[str, Matrix], muscle: Solid, scale: float, rng: np.random.Generator, *, enhanced: bool
) -> tuple[Body, ...]:
    """Everything between flesh and bones, in painting order.

    Args:
        frames: As of `envelope.flesh`.
        muscle: Outline of the muscles; nothing comes nearer to it than a few mm.
        scale: Size of the person.
        rng: Sizes and places.
        enhanced: Whether vessels hold contrast.
    """
    inside = offset(muscle, -3.0)
    out: list[Body] = []
    for letter in "rl":
        out += _leg_muscles(frames, letter, scale, inside, rng)
    for side in (1, -1):
        for middle, half in _GLUTEI:
            belly = _ellipsoid(frames["pelvis"], _aside(middle, side), np.array(half) * rng.uniform(0.9, 1.1), scale)
            out += _sheathed(belly, inside)
    out += _cavity(frames, muscle, scale, rng)
    for side in (1, -1):
        out += _long_muscles(frames["pelvis"], side, scale, inside)
    out += _vessels(frames, scale, enhanced)
    return tuple(out)


def _leg_muscles(
    frames: Mapping[str, Matrix], letter: str, scale: float, inside: Solid, rng: np.random.Generator
) -> list[Body]:
    """Bellies of thigh and shank, from the modelled legs."""
    femur, tibia, talus = (frames[f"{name}_{letter}"] for name in ("femur", "tibia", "talus"))
    k = 0.97 * scale
    upper = thigh(float(np.linalg.norm(femur[:3, 3] - tibia[:3, 3])), np.zeros(2), k, 8.0, rng)
    lower = shank(float(np.linalg.norm(tibia[:3, 3] - talus[:3, 3])), 0.92 * k, 8.0, rng)
    out: list[Body] = []
    for layers, frame, bone, drop in ((upper, tibia, femur, 0.0), (lower, tibia, tibia, -25.0 * scale)):
        # Of the thigh: along the line from knee to hip.
        up = femur[:3, 3] - tibia[:3, 3] if bone is femur else tibia[:3, 3] - talus[:3, 3]
        up /= np.linalg.norm(up)
        right = bone[:3, 2] - up * (up @ bone[:3, 2])
        right /= np.linalg.norm(right)
        turn = np.column_stack([right, np.cross(up, right), up])
        part = Part(layers.inside, layers.skin)
        if letter == "l":
            part = mirrored_part(part)
        placed = moved_part(part, turn, frame[:3, 3] + drop * up)
        out += [body("", b.tissue, intersection(Solid(b.distance_mm, b.bounds_mm), inside)) for b in placed.bodies]
    return out


def _cavity(frames: Mapping[str, Matrix], muscle: Solid, scale: float, rng: np.random.Generator) -> list[Body]:
    """Fat, bladder, rectum and loops of bowel, in pelvis and abdomen."""
    pelvis = frames["pelvis"]
    room = offset(muscle, -float(rng.uniform(9, 16)) * scale)
    belly = intersection(_ellipsoid(pelvis, (-15, 170, 0), np.array((70, 175, 122)), scale), room)
    bowl = intersection(_ellipsoid(pelvis, (-70, -28, 0), np.array((58, 62, 60)), scale), room)
    out = [body("", "fat", belly), body("", "fat", bowl)]
    full = float(rng.uniform(0.6, 1.35))
    bladder = _ellipsoid(pelvis, (-42, -52, 0), np.array((30, 27, 38)) * full, scale)
    out += [body("", "muscle", bladder), body("", "water", offset(bladder, -float(rng.uniform(2, 5))))]
    rectum = [(-122, -62, 0), (-122, -15, 5), (-98, 35, -12), (-60, 62, -45)]
    lines = [np.array(rectum) + rng.normal(0, 4, (4, 3))]
    for _ in range(int(rng.integers(12, 24))):
        start = np.array([rng.uniform(-45, 30), rng.uniform(40, 290), rng.uniform(-85, 85)])
        lines.append(start + np.cumsum(np.vstack([np.zeros(3), rng.normal(0, 32, (4, 3))]), 0))
    for number, line in enumerate(lines):
        out += _bowel(line, pelvis, belly if number else bowl, scale, rng)
    out.append(body("", "liver", intersection(_ellipsoid(pelvis, (-15, 285, 62), np.array((72, 80, 88)), scale), room)))
    for side in (1, -1):
        lung = _ellipsoid(pelvis, (-42, 455, side * 66), np.array((72, 150, 58)), scale)
        out.append(body("", "lung", intersection(lung, room)))
    return out


def _bowel(line: Matrix, pelvis: Matrix, room: Solid, scale: float, rng: np.random.Generator) -> list[Body]:
    """One loop: wall, content, and gas at its front."""
    points = np.stack([_at(pelvis, tuple(p)) for p in line])
    wide = float(rng.uniform(9, 26)) * scale
    loop = intersection(culled(smooth_tube(points, wide * rng.uniform(0.8, 1.2, len(points)), 8)), room)
    hollow = offset(loop, -2.5)
    out = [body("", "bowel_wall", loop), body("", "bowel_content", hollow)]
    roll = rng.random()
    if roll < 0.3:
        out.append(body("", "gas", offset(loop, -3.0)))
    elif roll < 0.6:
        level = points[:, 1].max() + float(rng.uniform(-0.4, 0.8)) * wide
        out.append(body("", "gas", intersection(hollow, half_space((0, level, 0), (0, -1, 0)))))
    return out


def _long_muscles(pelvis: Matrix, side: int, scale: float, inside: Solid) -> list[Body]:
    """Psoas and the extensors of the back."""
    psoas = [(-88, 215, 32), (-75, 130, 44), (-55, 40, 62), (-45, -30, 76), (-62, -95, 80)]
    back = [(-168, 15, 30), (-160, 120, 34), (-150, 300, 38)]
    out: list[Body] = []
    for line, radii in ((psoas, (10, 22, 24, 18, 10)), (back, (22, 27, 27))):
        points = np.stack([_at(pelvis, _aside(p, side)) for p in line])
        out += _sheathed(smooth_tube(points, np.array(radii) * scale, 9), inside)
    return out


def _vessels(frames: Mapping[str, Matrix], scale: float, enhanced: bool) -> list[Body]:
    """Aorta and vena cava, and their branches down to the knees."""
    pelvis = frames["pelvis"]
    out: list[Body] = []
    for vein in (False, True):
        tissue = "blood_enhanced" if enhanced and not vein else "blood"
        shift = np.array((-9.0, 0, 12) if vein else (0, 0, -8))
        trunk = [np.array(p, float) + shift for p in ((-72, 330, 0), (-62, 200, 0), (-62, 100, 0))]
        out.append(_tube([_at(pelvis, tuple(p)) for p in trunk], 9.5 * scale, tissue))
        for side, letter in ((1, "r"), (-1, "l")):
            femur, tibia = frames[f"femur_{letter}"], frames[f"tibia_{letter}"]
            back = -8 if vein else 0
            line = [_at(pelvis, tuple(trunk[-1]))]
            line += [_at(pelvis, (x + back, y, z * side)) for x, y, z in ((-68, 45, 38), (-52, -18, 58))]
            # Over the head of the femur, round its inner side, behind the knee.
            course = ((38, -30, -8), (32, -110, -22), (8, -230, -28), (-28, -350, -8))
            line += [_at(femur, (x + back, y, z * side)) for x, y, z in course]
            line += [_at(tibia, (x + back, y, z * side)) for x, y, z in ((-36, -20, 2), (-34, -120, 6))]
            out.append(_tube(line, np.interp(np.arange(len(line)), [0, 8], [6.5, 3.2]) * scale, tissue))
    return out


def _tube(line: Sequence[Matrix], radius_mm: float | NDArray[np.float64], tissue: str) -> Body:
    return body("", tissue, culled(smooth_tube(np.stack(line), radius_mm, 3 * len(line))))


def _sheathed(belly: Solid, inside: Solid) -> list[Body]:
    """A muscle in a sheet of fat."""
    muscle = culled(intersection(belly, inside))
    return [body("", "fat", offset(muscle, 1.5)), body("", "muscle", muscle)]


def _ellipsoid(frame: Matrix, middle: Place, half: Matrix, scale: float) -> Solid:
    axes = frame[:3, :3] / np.linalg.norm(frame[:3, :3], axis=0)
    return ellipsoid(_at(frame, middle), half * scale, axes)


def _aside(place: Place, side: int) -> Place:
    """The same on the right (1) or the left (-1)."""
    return place[0], place[1], side * place[2]


def _at(frame: Matrix, place_mm: Sequence[float]) -> Matrix:
    """World position of a place in a body's frame, which is in metres and carries the person's size."""
    return np.asarray(frame[:3, :3] @ (np.array(place_mm) / 1000) + frame[:3, 3])
