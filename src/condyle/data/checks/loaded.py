"""One case read for checking; what cannot be read is a finding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from condyle import io
from condyle.data.case import Case
from condyle.data.checks.finding import Finding
from condyle.data.dataset import Dataset
from condyle.errors import CondyleError
from condyle.io.there import is_there
from condyle.labels import Labels, label_type
from condyle.space import Volume

Slices = tuple[slice, slice, slice]


@dataclass(frozen=True)
class LabelMap:
    """A label map and the box of each id above 0 in it."""

    volume: Volume
    boxes: Mapping[int, Slices]

    @classmethod
    def of(cls, volume: Volume) -> LabelMap:
        """A label map with its boxes measured."""
        from scipy.ndimage import find_objects

        found = enumerate(find_objects(volume.array), start=1)
        return cls(volume, {id_: (box[0], box[1], box[2]) for id_, box in found if box is not None})


@dataclass(frozen=True)
class Loaded:
    """A case with its voxels: as much of it as could be read.

    Args:
        case: Its entry.
        labels: The dataset's structures.
        images: By channel.
        maps: Label maps by label set.
    """

    case: Case
    labels: Labels
    images: Mapping[str, Volume] = field(default_factory=dict)
    maps: Mapping[str, LabelMap] = field(default_factory=dict)


def load_case(dataset: Dataset, case: Case) -> tuple[Loaded, list[Finding]]:
    """Read all files of a case."""
    images, image_faults = _read(dataset, case, case.images)
    volumes, map_faults = _read(dataset, case, case.label_sets)
    maps = {}
    for name, volume in volumes.items():
        whole = _whole(volume)
        if whole is None:
            map_faults.append(
                Finding(
                    "error",
                    "labels_not_whole",
                    case.id,
                    name,
                    f"The label map has values that are no ids, from {volume.array.min():g} to {volume.array.max():g}.",
                    "It was interpolated or is an image: make it again with nearest neighbour.",
                )
            )
        else:
            maps[name] = LabelMap.of(whole)
    return Loaded(case, dataset.labels, images, maps), image_faults + map_faults


def _read(dataset: Dataset, case: Case, paths: Mapping[str, str]) -> tuple[dict[str, Volume], list[Finding]]:
    volumes: dict[str, Volume] = {}
    faults = []
    for name, relative in paths.items():
        try:
            path = dataset.path(relative)
            if not is_there(path):
                text = f"{relative} is listed but not there."
                faults.append(Finding("error", "file_missing", case.id, name, text, "Bring it back, or import again."))
                continue
            volumes[name] = io.read(path)
        except CondyleError as error:
            faults.append(Finding("error", "file_unreadable", case.id, name, str(error), "Import it again."))
    return volumes, faults


def _whole(volume: Volume) -> Volume | None:
    array = volume.array
    low, high = array.min(), array.max()
    if not (low >= 0 and high <= 65535) or (array.dtype.kind == "f" and not np.array_equal(array, np.rint(array))):
        return None
    return volume.with_array(array.astype(label_type(int(high)), copy=False))
