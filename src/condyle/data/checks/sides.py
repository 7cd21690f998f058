"""Is left on the left?"""

from __future__ import annotations

import numpy as np

from condyle.data.checks.finding import Finding
from condyle.data.checks.loaded import LabelMap, Loaded
from condyle.space import Volume

#: A body narrower than this may be a single limb, whose middle says nothing about sides.
WIDE_BODY_MM = 250.0

#: A structure must be off the middle by this share of the body's width before it is called misplaced.
OFF_MIDDLE = 0.05


def left_is_left(loaded: Loaded) -> list[Finding]:
    """In RAS x grows to the right: a left structure lies at smaller x than its partner, and than the body's middle."""
    findings = []
    image = next(iter(loaded.images.values()), None)
    body = _body(image) if image is not None else None
    for name, label_map in loaded.maps.items():
        x = {s.name: _centre_x(label_map, s.id) for s in loaded.labels.structures if s.id in label_map.boxes and s.side}
        for structure in loaded.labels.structures:
            if structure.name not in x:
                continue
            partner = structure.mirror
            if partner in x:
                wrong = structure.side == "left" and x[structure.name] > x[partner]
                against = partner
            elif body is not None:
                middle, width = body
                off = (x[structure.name] - middle) * (1 if structure.side == "left" else -1)
                wrong = off > OFF_MIDDLE * width
                against = "the middle of the body"
            else:
                continue
            if wrong:
                findings.append(
                    Finding(
                        "warning",
                        "sides_swapped",
                        loaded.case.id,
                        f"{name}: {structure.name}",
                        f"Its centre lies on the other side of {against}: left and right look swapped.",
                        "See whether the labels or the scan's header are mirrored.",
                    )
                )
    return findings


def _centre_x(label_map: LabelMap, id_: int) -> float:
    """World x of a structure's centre of mass."""
    box = label_map.boxes[id_]
    mask = label_map.volume.array[box] == id_
    centre = []
    for axis in range(3):
        profile = mask.sum(axis=tuple(a for a in range(3) if a != axis))
        centre.append(box[axis].start + float(profile @ np.arange(len(profile)) / profile.sum()))
    return float(label_map.volume.grid.to_world(centre)[0])


def _body(image: Volume) -> tuple[float, float] | None:
    """World x of the body's middle, and its width in mm; None if it does not show both flanks or may be one limb.

    The body is what is brighter than air: -300 HU in a scan that has HU, else a tenth of the 99th percentile.
    """
    step = tuple(max(1, n // 128) for n in image.shape)
    array = image.array[:: step[0], :: step[1], :: step[2]]
    is_ct = array.min() < -500
    threshold = -300.0 if is_ct else 0.1 * float(np.percentile(array, 99))
    index = np.argwhere(array > threshold) * step
    if not len(index):
        return None
    x = image.grid.to_world(index)[:, 0]
    low, high = np.percentile(x, (0.5, 99.5))
    corners = image.grid.corners_mm()[:, 0]
    margin = 2 * max(image.spacing_mm)
    if low < corners.min() + margin or high > corners.max() - margin or high - low < WIDE_BODY_MM:
        return None
    return float(low + high) / 2, float(high - low)
