"""Are structures there, in one piece, without cavities, and whole?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.data.checks.finding import Finding
from condyle.data.checks.loaded import LabelMap, Loaded
from condyle.data.checks.summary import Summary
from condyle.data.dataset import Dataset
from condyle.space import bounding_box

#: Pieces smaller than this share of a structure's largest piece are strays.
STRAY_SHARE = 0.01


def not_empty(loaded: Loaded) -> list[Finding]:
    """A label map without any structure teaches that there is none."""
    return [
        Finding(
            "warning",
            "labels_empty",
            loaded.case.id,
            name,
            "Nothing is labelled.",
            "Remove the label map if nobody drew it; keep it if there is really nothing to see.",
        )
        for name, label_map in loaded.maps.items()
        if not set(label_map.boxes) - {loaded.labels.ignore}
    ]


def every_structure(dataset: Dataset, summaries: Sequence[Summary]) -> list[Finding]:
    """A structure missing in all label maps of a set is a mistake; in some it is good to know."""
    findings = []
    for name in dataset.label_sets:
        having = [s for s in summaries if s.present.get(name)]
        for structure in dataset.labels.structures if having else ():
            without = [s.case.id for s in having if structure.id not in s.present[name]]
            where = f"{name}: {structure.name}"
            if len(without) == len(having):
                text, advice = "No label map has this structure.", "Remove it from the labels, or import its masks."
                findings.append(Finding("warning", "structure_nowhere", "", where, text, advice))
            else:
                text, advice = "The label map lacks this structure.", "Fine if it is out of view; else draw it."
                findings += [Finding("info", "structure_absent", id_, where, text, advice) for id_ in without]
    return findings


def in_one_piece(loaded: Loaded) -> list[Finding]:
    """Small pieces apart from the rest (26 neighbours) are slips of the brush or of a threshold."""
    from scipy.ndimage import center_of_mass, label

    findings = []
    for name, structure, label_map in _drawn(loaded):
        box = label_map.boxes[structure.id]
        pieces, count = label(label_map.volume.array[box] == structure.id, np.ones((3, 3, 3)))
        if count < 2:
            continue
        sizes = np.bincount(pieces.ravel())[1:]
        strays = np.flatnonzero(sizes < STRAY_SHARE * sizes.max()) + 1
        if len(strays):
            largest = strays[np.argmax(sizes[strays - 1])]
            place = _world(label_map, box, center_of_mass(pieces == largest))
            volume_ml = sizes[strays - 1].sum() * label_map.volume.grid.voxel_volume_mm3 / 1000
            findings.append(
                Finding(
                    "warning",
                    "islands",
                    loaded.case.id,
                    f"{name}: {structure.name}",
                    _together(len(strays), "stray island", "stray islands", volume_ml, place),
                    "Erase them, or keep the largest piece only.",
                )
            )
    return findings


def no_cavities(loaded: Loaded) -> list[Finding]:
    """Unlabelled voxels that structures enclose on all sides (6 neighbours) are holes."""
    from scipy.ndimage import center_of_mass, find_objects, label

    findings = []
    for name, label_map in loaded.maps.items():
        array = label_map.volume.array
        outer = bounding_box(array)
        if outer is None:
            continue
        cut = array[outer.slices]
        gaps, _ = label(cut == 0)
        closed = sorted(set(range(1, int(gaps.max()) + 1)) - _at_faces(gaps, array.shape))
        if not closed:
            continue
        sizes = np.bincount(gaps.ravel())
        boxes = find_objects(gaps)
        by_owner: dict[int, list[int]] = {}
        for gap in closed:
            by_owner.setdefault(_owner(cut, gaps, gap, boxes[gap - 1]), []).append(gap)
        for owner, holes in sorted(by_owner.items()):
            largest = max(holes, key=lambda gap: int(sizes[gap]))
            box = boxes[largest - 1]
            inner = [a + b for a, b in zip(center_of_mass(gaps[box] == largest), (s.start for s in box), strict=True)]
            place = _world(label_map, outer.slices, inner)
            volume_ml = sum(int(sizes[gap]) for gap in holes) * label_map.volume.grid.voxel_volume_mm3 / 1000
            structure = next((s.name for s in loaded.labels.structures if s.id == owner), str(owner))
            findings.append(
                Finding(
                    "warning",
                    "holes",
                    loaded.case.id,
                    f"{name}: {structure}",
                    _together(len(holes), "closed cavity", "closed cavities", volume_ml, place),
                    "Fill them, unless the structure is hollow.",
                )
            )
    return findings


def within_view(loaded: Loaded) -> list[Finding]:
    """A structure at the rim of the scan is cut off: its volume and length are not the bone's."""
    findings = []
    for name, structure, label_map in _drawn(loaded):
        shape = label_map.volume.shape
        box = label_map.boxes[structure.id]
        if any(n > 1 and (s.start == 0 or s.stop == n) for s, n in zip(box, shape, strict=True)):
            findings.append(
                Finding(
                    "info",
                    "at_border",
                    loaded.case.id,
                    f"{name}: {structure.name}",
                    "It reaches the border of the scan.",
                    "Fine for training; mind it when measuring.",
                )
            )
    return findings


def _drawn(loaded: Loaded) -> list[tuple[str, Any, LabelMap]]:
    """Label set, structure and label map of everything that is drawn."""
    return [
        (name, structure, label_map)
        for name, label_map in loaded.maps.items()
        for structure in loaded.labels.structures
        if structure.id in label_map.boxes
    ]


def _at_faces(gaps: NDArray[Any], shape: tuple[int, ...]) -> set[int]:
    """Ids found on the faces of an array cut from one of `shape`; where that has one voxel there is no face."""
    out: set[int] = set()
    for axis, n in enumerate(shape):
        if n > 1:
            out |= {*np.unique(gaps.take(0, axis)).tolist(), *np.unique(gaps.take(-1, axis)).tolist()}
    return out


def _owner(ids: NDArray[Any], gaps: NDArray[Any], gap: int, box: tuple[slice, ...]) -> int:
    """The structure that has the most voxels around a gap."""
    from scipy.ndimage import binary_dilation

    grown = tuple(slice(max(0, s.start - 1), s.stop + 1) for s in box)
    around = ids[grown][binary_dilation(gaps[grown] == gap)]
    return int(np.bincount(around[around > 0]).argmax())


def _together(count: int, one: str, more: str, volume_ml: float, place: str) -> str:
    """How many there are, how large they are, and where to look."""
    if count == 1:
        return f"One {one} of {volume_ml:.3g} ml at {place}."
    return f"{count} {more}, {volume_ml:.3g} ml together, the largest at {place}."


def _world(label_map: LabelMap, box: Sequence[slice], index: Sequence[float]) -> str:
    """A place in a box in words."""
    start = np.array([s.start for s in box])
    x, y, z = label_map.volume.grid.to_world(start + np.array(index))
    return f"({x:z.0f}, {y:z.0f}, {z:z.0f}) mm"
