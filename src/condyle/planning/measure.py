"""What is measured of one case: its size without margin, its foreground's intensities, its structures.

* **foreground**: voxels with any id above 0, the ignore id among them, as nnU-Net counts.
* **thickness**: `2 V / S` of a structure with volume `V` and surface `S`: what a slab is thick, bent or not; a rod of
  diameter `d` has `d / 2`, a ball `d / 3`. The surface is that of the voxels, put right for structures that face all
  directions; a flat slab has 0.87 to 1.5 times its thickness, by how it lies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.data import Case, Dataset, load_image, load_labels
from condyle.errors import DataError
from condyle.labels import Labels
from condyle.planning.intensities import Distribution
from condyle.prepare.nonzero import nonzero_box
from condyle.space import Volume, bounding_box, crop, pad, reorient

#: Our plans look at every scan this way round.
ORIENTATION = "RAS"

Shape = tuple[int, int, int]
Spacing = tuple[float, float, float]

#: A surface made of voxel faces is, over all directions, half as large again as the smooth one (Cauchy's formula).
_STAIRCASE = 1.5


@dataclass(frozen=True)
class CaseFacts:
    """One case, measured. Axes are those of the scan turned to `ORIENTATION`.

    Args:
        shape: Voxels after the crop to the non-zero region.
        spacing_mm: Of the voxels.
        kept: Share of the voxels that the crop keeps.
        foreground: A distribution a channel; empty if there is no foreground.
        volumes_ml: Volume of each structure found, by id; the ignore id is none.
        thickness_mm: Likewise.
    """

    shape: Shape
    spacing_mm: Spacing
    kept: float
    foreground: tuple[Distribution, ...]
    volumes_ml: Mapping[int, float]
    thickness_mm: Mapping[int, float]


def measured(dataset: Dataset, case: Case, label_set: str) -> CaseFacts:
    """Read a case and measure it.

    Raises:
        DataError: naming the file, if it is missing, broken or holds NaN, all images are 0, a grid is another, or an
            id stands for no structure.
    """
    where = [str(dataset.path(case.images[channel])) for channel in dataset.channels]
    where_labels = str(dataset.path(case.label_sets[label_set]))
    images = [load_image(dataset, case, channel) for channel in dataset.channels]
    truth = load_labels(dataset, case, label_set)
    _check([*images, truth], [*where, where_labels])
    images, truth = [reorient(image, ORIENTATION) for image in images], reorient(truth, ORIENTATION)
    box = nonzero_box([image.array for image in images])
    if box is None:
        raise DataError(where[0], expected="intensities other than 0", got="0 in every voxel of every channel")
    images, whole, truth = [crop(image, box) for image in images], prod(truth.shape), crop(truth, box)
    inside = bounding_box(truth.array)
    facts = CaseFacts(truth.shape, truth.spacing_mm, prod(truth.shape) / whole, (), {}, {})
    if inside is None:
        return facts
    images, truth = [crop(image, inside) for image in images], crop(truth, inside)
    mask = truth.array > 0
    counts = np.bincount(truth.array[mask])
    _check_ids(counts, dataset.labels, where_labels)
    volumes_ml, thickness_mm = _structures(truth, counts, dataset.labels)
    foreground = tuple(Distribution.of(image.array[mask]) for image in images)
    return CaseFacts(facts.shape, facts.spacing_mm, facts.kept, foreground, volumes_ml, thickness_mm)


def _check(volumes: Sequence[Volume], where: Sequence[str]) -> None:
    """One grid for all, and no value that is not finite."""
    for volume, path in zip(volumes, where, strict=True):
        if not volume.grid.matches(volumes[0].grid):
            raise DataError(
                path,
                expected=f"the grid of {where[0]}: {volumes[0].grid}",
                got=str(volume.grid),
                hint="condyle check finds all such cases.",
            )
        # A sum is finite only where all values are; slice by slice it needs no memory.
        if volume.array.dtype.kind == "f" and not all(np.isfinite(image.sum(dtype=float)) for image in volume.array):
            count = sum(int(image.size - np.isfinite(image).sum()) for image in volume.array)
            raise DataError(
                path,
                expected="finite intensities",
                got=f"{count} voxels that are NaN or infinite",
                hint="Repair the scan first, for instance by setting them to the value of air.",
            )


def _check_ids(counts: NDArray[Any], labels: Labels, where: str) -> None:
    known = {0, *labels.ids, *([] if labels.ignore is None else [labels.ignore])}
    strangers = [int(i) for i in np.flatnonzero(counts) if int(i) not in known]
    if strangers:
        raise DataError(
            where,
            expected=f"ids of the dataset's table ({', '.join(map(str, sorted(known)))})",
            got=f"also {', '.join(map(str, strangers))}",
            hint="Import the masks again with --remap, or enter the structures in dataset.json.",
        )


def _structures(truth: Volume, counts: NDArray[Any], labels: Labels) -> tuple[Mapping[int, float], Mapping[int, float]]:
    """Volume in ml and thickness in mm of each structure found."""
    present = [i for i in labels.ids if i < len(counts) and counts[i]]
    voxel_mm3 = truth.grid.voxel_volume_mm3
    surfaces_mm2 = _surfaces_mm2(truth, len(counts))
    volumes_ml = {i: float(counts[i]) * voxel_mm3 / 1000 for i in present}
    thickness_mm = {i: 2 * float(counts[i]) * voxel_mm3 / (surfaces_mm2[i] / _STAIRCASE) for i in present}
    return volumes_ml, thickness_mm


def _surfaces_mm2(truth: Volume, count: int) -> NDArray[np.float64]:
    """Area of the voxel faces between each id and whatever is not that id."""
    array = pad(truth, (1, 1, 1), (1, 1, 1)).array
    area_mm2 = np.zeros(count)
    for axis, step_mm in enumerate(truth.spacing_mm):
        along = np.moveaxis(array, axis, 0)
        near, far = along[:-1], along[1:]
        differ = near != far
        faces = np.bincount(near[differ], minlength=count) + np.bincount(far[differ], minlength=count)
        area_mm2 += faces * truth.grid.voxel_volume_mm3 / step_mm
    return area_mm2
