"""What is no lower body: rods, balls, shells and boxes of all materials, so that a network learns to find nothing."""

from __future__ import annotations

import numpy as np

from condyle.phantoms.body import Body, Subject
from condyle.phantoms.part import body
from condyle.phantoms.solids import Solid, box, culled, cylinder, difference, ellipsoid, offset, sphere

_MATERIALS = (
    "pmma", "water", "polyurethane", "fat", "muscle", "rod_100_mgha", "rod_200_mgha", "rod_400_mgha", "rod_800_mgha",
    "table_carbon", "foam", "liver_enhanced", "titanium",
)  # fmt: skip
#: Half the edge of the space they lie in.
_HALF_MM = 170.0


def things(rng: np.random.Generator) -> Subject:
    """Some things in a bath, or in air; now and then a skull, which is a bone but none of a leg."""
    out: list[Body] = []
    if rng.random() < 0.6:
        bath = _thing(rng, np.zeros(3), float(rng.uniform(110, 165)))
        out.append(body("", str(rng.choice(["water", "pmma", "muscle", "polyurethane"])), bath))
    if rng.random() < 0.35:
        out += _skull(rng)
    for _ in range(int(rng.integers(2, 14))):
        solid = _thing(rng, rng.uniform(-110, 110, 3), float(rng.uniform(4, 45)))
        tissue = str(rng.choice(_MATERIALS))
        out.append(body("", tissue, solid))
        if rng.random() < 0.3:
            out.append(body("", str(rng.choice(_MATERIALS)), offset(solid, -float(rng.uniform(1, 6)))))
    room = box((0, 0, 0), (_HALF_MM,) * 3)
    return Subject((body("", "air", room), *out))


def _thing(rng: np.random.Generator, at: np.ndarray, size_mm: float) -> Solid:
    roll = rng.random()
    if roll < 0.4:
        along = rng.normal(size=3) if rng.random() < 0.4 else np.eye(3)[rng.integers(3)]
        reach = along / np.linalg.norm(along) * size_mm * rng.uniform(1, 5)
        return culled(cylinder(at - reach, at + reach, size_mm))
    if roll < 0.6:
        return culled(sphere(at, size_mm))
    if roll < 0.8:
        return culled(ellipsoid(at, size_mm * rng.uniform(0.4, 1.6, 3)))
    return culled(box(at, size_mm * rng.uniform(0.4, 1.6, 3), 2))


def _skull(rng: np.random.Generator) -> list[Body]:
    radii = np.array((72, 90, 80)) * rng.uniform(0.8, 1.1)
    outer = ellipsoid((0, 0, 0), radii)
    shell = difference(outer, ellipsoid((0, 0, 0), radii - rng.uniform(4, 8)))
    return [
        body("", "skin", offset(outer, 9)),
        body("", "fat", offset(outer, 7)),
        body("", "muscle", outer),
        body("other_bone", "cortical_bone", shell),
        body("other_bone", "trabecular_bone", offset(shell, -1.5)),
    ]
