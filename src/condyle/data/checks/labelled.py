"""Do the numbers in a label map mean something, and were they drawn or interpolated?"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.data.checks.finding import Finding
from condyle.data.checks.loaded import Loaded
from condyle.labels import Labels, id_counts
from condyle.space import bounding_box

#: Films that cover more than this share of a structure's surface come from interpolation ...
FILM_SHARE = 0.1

#: ... if there are at least so many voxels of them.
FEWEST_FILM_VOXELS = 20


def known_ids(loaded: Loaded) -> list[Finding]:
    """Every id must be that of a structure, or the ignore id."""
    findings = []
    known = {*loaded.labels.ids, loaded.labels.ignore}
    for name, label_map in loaded.maps.items():
        unknown = [id_ for id_ in label_map.boxes if id_ not in known]
        if unknown:
            array = label_map.volume.array
            counts = id_counts(array)
            listed = ", ".join(f"{id_} ({counts[id_]} voxels)" for id_ in unknown)
            findings.append(
                Finding(
                    "error",
                    "label_unknown",
                    loaded.case.id,
                    name,
                    f"The label map has ids that no structure has: {listed}.",
                    "Import it again with a remap table, or add the structure.",
                )
            )
    return findings


def not_interpolated(loaded: Loaded) -> list[Finding]:
    """Linear interpolation between 0 and 4 leaves a film of 1, 2 and 3 around structure 4.

    A film voxel lies on a line of three voxels along an axis whose ids strictly rise or fall. Drawn structures
    have few of them, unless one is the thin shell of the other; so structures of one region are let be.
    """
    findings = []
    for name, label_map in loaded.maps.items():
        for id_, (films, surface) in _films(label_map.volume.array, loaded.labels).items():
            if films >= max(FEWEST_FILM_VOXELS, FILM_SHARE * surface):
                structure = next((s.name for s in loaded.labels.structures if s.id == id_), str(id_))
                findings.append(
                    Finding(
                        "warning",
                        "labels_interpolated",
                        loaded.case.id,
                        f"{name}: {structure}",
                        f"{100 * films / surface:.0f} % of its surface are one-voxel films of ids between its own and "
                        "its neighbour's, as linear interpolation leaves them.",
                        "Make it again with nearest neighbour; if a real shell is that thin, join both in a region.",
                    )
                )
    return findings


def _films(array: NDArray[Any], labels: Labels) -> dict[int, tuple[int, int]]:
    """By id: number of film voxels that lead up to it, and of its own surface voxels."""
    box = bounding_box(array)
    if box is None or (array[box.slices] == array.max()).sum() == np.count_nonzero(array):
        return {}
    ids = np.pad(array[box.slices], 1)
    if labels.ignore is not None:
        ids[ids == labels.ignore] = 0
    above = np.zeros_like(ids)
    surface = np.zeros(ids.shape, bool)
    for axis in range(3):
        low, mid, high = (_part(ids, axis, start) for start in range(3))
        film = ((low < mid) & (mid < high)) | ((low > mid) & (mid > high))
        film &= mid > 0
        target = _part(above, axis, 1)
        np.maximum(target, np.where(film, np.maximum(low, high), 0), out=target)
        edge = _part(surface, axis, 1)
        edge |= (low != mid) | (high != mid)
    surfaces = np.bincount(ids[surface].ravel(), minlength=int(ids.max()) + 1)
    at = above > 0
    pairs, counts = np.unique(np.stack([ids[at], above[at]]), axis=1, return_counts=True)
    films: Counter[int] = Counter()
    for thin, thick, count in zip(*pairs.tolist(), counts.tolist(), strict=True):
        if not any(thin in region and thick in region for region in labels.regions.values()):
            films[thick] += count
    return {id_: (count, int(surfaces[id_])) for id_, count in sorted(films.items())}


def _part(array: NDArray[Any], axis: int, start: int) -> NDArray[Any]:
    """All but two layers along an axis, from `start` on: a view."""
    cut = [slice(None)] * 3
    cut[axis] = slice(start, array.shape[axis] - 2 + start)
    return array[tuple(cut)]
