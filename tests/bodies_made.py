"""A lower body of blocks, with every sided bone of drawn pictures, for tests of confidence."""

from __future__ import annotations

import numpy as np

from condyle.labels import without_side
from condyle.phantoms.synthetic.anatomy import LABELS
from condyle.predict.confidence.evidence import body_of
from condyle.predict.confidence.population import Usual, usual_of
from condyle.space import Volume

STEP_MM = 6.0
#: Low and high corner in mm, of the right side; x grows to the right.
RIGHT = {
    "hip": ((42, -40, 0), (126, 40, 120)),
    "femur": ((72, -24, -360), (108, 24, -6)),
    "patella": ((78, 30, -360), (102, 48, -324)),
    "tibia": ((72, -24, -660), (108, 24, -366)),
    "fibula": ((114, -18, -660), (126, 0, -390)),
}
_LOW, _SHAPE = np.array([-180.0, -90.0, -720.0]), (60, 30, 150)


def block(array: np.ndarray, id_: int, low, high) -> None:
    """Fill a block, corners in mm."""
    a, b = (np.round((np.array(corner) - _LOW) / STEP_MM).astype(int) for corner in (low, high))
    array[tuple(slice(*sorted(ends)) for ends in zip(a, b, strict=True))] = id_


def person() -> Volume:
    """Whole, and far from the border; the sacrum between the hips."""
    array = np.zeros(_SHAPE, np.uint8)
    for bone, (low, high) in RIGHT.items():
        block(array, LABELS[f"{bone}_right"].id, low, high)
        mirrored = [(-x, y, z) for x, y, z in (low, high)]
        block(array, LABELS[f"{bone}_left"].id, *mirrored)
    block(array, LABELS["sacrum"].id, (-36, -60, 30), (36, -30, 110))
    affine = np.diag([STEP_MM, STEP_MM, STEP_MM, 1.0])
    affine[:3, 3] = _LOW
    return Volume.of(array, affine)


def population() -> dict[str, Usual]:
    """Bones of people like that one, in many sizes."""
    rng = np.random.default_rng(0)
    body = person()
    out = {}
    for name in LABELS.names:
        mask = body.array == LABELS[name].id
        if mask.any():
            one = body_of(mask, body.affine)
            sizes = [one.scaled(np.exp(rng.normal(0, 0.06) + rng.normal(0, 0.02, 3))) for _ in range(40)]
            out[without_side(name)] = usual_of(sizes)
    return out
