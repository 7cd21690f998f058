"""The soft parts of a right knee: cartilage, menisci, ligaments, tendons, fat pad and fluid.

Most of them are drawn generously around the gap between the bones. The bones are painted over them, and what is left
has the shape of the gap: the wedge of a meniscus, the shell of a cartilage.
"""

from __future__ import annotations

import numpy as np

from condyle.phantoms.part import Part, body
from condyle.phantoms.solids import (
    Matrix,
    Solid,
    culled,
    ellipsoid,
    half_space,
    intersection,
    offset,
    round_cone,
    smooth_tube,
    torus,
    union,
)


def distal(solid: Solid, scale: float) -> Solid:
    """The condyles of a femur in the knee frame, cheap to evaluate elsewhere."""
    (x0, y0, _), (x1, y1, _) = solid.bounds_mm
    return culled(Solid(solid.distance_mm, np.array([[x0, y0, -10 * scale], [x1, y1, 90 * scale]])))


def knee_joint(scale: float, bones: tuple[Part, Part, Part], turn: Matrix, origin_mm: Matrix) -> Part:
    """The soft parts in the knee frame, in painting order.

    Args:
        scale: Size of the femur's distal end.
        bones: Femur, patella and tibia, in place.
        turn: Rotation from the plateau frame to the knee frame.
        origin_mm: Origin of the plateau frame in the knee frame.
    """
    k = scale
    thigh, cap, shin = bones

    def at(x: float, y: float, z: float) -> Matrix:
        return np.array((x, y, z)) * k

    def on_tibia(x: float, y: float, z: float) -> Matrix:
        return turn @ at(x, y, z) + origin_mm

    bone = distal(thigh.solid, k)
    capsule_of_joint = union(
        intersection(offset(bone, 3.4 * k), ellipsoid(at(0, -2, 12), at(46, 46, 36))),
        ellipsoid(on_tibia(0, -6, 2), at(36, 26, 8)),
        blend_mm=5 * k,
    )
    femoral = intersection(offset(bone, 2.3 * k), ellipsoid(at(0, 0, 10), at(37, 44, 34)))
    near_plateau = union(*(ellipsoid(on_tibia(x, -8, 0), at(16, 21, 7)) for x in (-20, 20)))
    tibial = intersection(offset(culled(shin.solid), 2.4 * k), near_plateau)
    tilt = turn @ np.array((0.0, 0, 1))
    menisci = union(*(torus(on_tibia(x, -7, 3), tilt, 17.5 * k, 5.5 * k) for x in (-19.5, 19.5)))
    outline = ellipsoid(on_tibia(0, -7, 2), at(38, 26, 14))
    behind = intersection(
        offset(culled(cap.solid), 2.4 * k), half_space(cap.points_mm["base"] - at(0, 5, 0), (0, 1, 0))
    )
    apex, base = cap.points_mm["apex"], cap.points_mm["base"]
    tuberosity = shin.points_mm["tuberosity"]
    tendon = _flat(smooth_tube([apex + at(0, 2, 4), (apex + tuberosity) / 2 + at(0, 1, 0), tuberosity], 4.6 * k, 6))
    quadriceps = _flat(smooth_tube([base + at(0, 2, -4), base + at(2, -6, 30), base + at(5, -12, 62)], 5.5 * k, 6))
    pad = union(
        ellipsoid((apex + on_tibia(0, 18, 4)) / 2, at(24, 11, 17)), ellipsoid(on_tibia(0, 20, -8), at(18, 10, 16))
    )
    cruciates = union(
        smooth_tube([at(8, -16, 22), at(3, -6, 8), on_tibia(-2, 6, 0)], 4.2 * k, 5),
        smooth_tube([at(-8, -4, 14), at(-3, -16, 8), on_tibia(0, -28, -6)], 5 * k, 5),
    )
    collateral = union(
        round_cone(at(-39, -4, 27), on_tibia(-33, 0, -42), 3 * k, 2.5 * k),
        round_cone(at(39, -5, 27), on_tibia(36, -17, -18), 2.6 * k, 2.6 * k),
    )
    solids = [
        ("synovial_fluid", capsule_of_joint), ("fat", pad), ("fat", ellipsoid(at(0, -14, 10), at(10, 12, 10))),
        ("meniscus", intersection(menisci, outline)), ("cartilage", femoral), ("cartilage", tibial),
        ("cartilage", behind), ("ligament", cruciates), ("ligament", collateral), ("tendon", tendon),
        ("tendon", quadriceps),
    ]  # fmt: skip
    return Part(tuple(body("", tissue, culled(solid)) for tissue, solid in solids), capsule_of_joint)


def _flat(solid: Solid) -> Solid:
    """A tendon drawn out sideways to a band."""
    low, high = solid.bounds_mm
    middle = (low[0] + high[0]) / 2
    center, squeeze = np.array([middle, 0, 0], np.float32), np.array([0.36, 1, 1], np.float32)
    reach = (high[0] - low[0]) / 2 / 0.36
    bounds = np.array([[middle - reach, *low[1:]], [middle + reach, *high[1:]]])
    return Solid(lambda p: solid((p - center) * squeeze + center), bounds)
