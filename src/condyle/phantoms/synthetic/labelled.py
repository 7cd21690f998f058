"""Subjects out of label maps: bones as somebody drew them, around them what their scan shows.

Nothing else of the scan is used: pictures that are drawn of such a subject may have any contrast, as in SynthSeg
(Billot et al., Med Image Anal 2023; 86:102789), so that a model may learn MR from labels made in CT.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from condyle.classical.body import body_mask
from condyle.classical.morphology import closed, fill_holes, opened
from condyle.classical.threshold import otsu
from condyle.errors import DataError
from condyle.labels import Labels
from condyle.phantoms.synthetic.anatomy import LABELS, REACH_MM, AnatomyMap
from condyle.phantoms.tissue import CODES
from condyle.space import Grid, Volume, bounding_box, reorient

#: CT has air, which nothing else has values for.
_AIR_HU = -300.0
#: Between soft tissues and fat, and from where on what nobody labelled is taken for bone, in CT.
_FAT_HU, _BONE_HU = -30.0, 250.0
#: Gaps in the walls of such bones are closed, and what is thinner is dropped.
_CLOSED_MM, _THIN_MM = 4.0, 2.0
#: The walls of bones in steps of `WALL_MM`: no label tells them, and every picture is drawn with others about these.
_WALL = 4
#: Outlines are rounded by so much: those of voxels are steps.
_ROUNDED_MM = 0.7

Field = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Labelled:
    """A scan with its label map.

    Args:
        scan: CT in HU, or anything else.
        labels: On the scan's grid.
        names: What the ids are called; those that `LABELS` has too are bones.
        where: The label map's file, for errors.
    """

    scan: Volume
    labels: Volume
    names: Labels
    where: str = "label map"


def labelled_map(person: Labelled, step_mm: float) -> AnatomyMap:
    """The subject of a label map.

    Bones lie along the axes of the scan, which are taken for the patient's. In CT, dense tissue that nobody labelled is
    `other_bone`.

    Args:
        person: The scan, and its labels.
        step_mm: Fineness of the map.

    Raises:
        DataError: if no structure is a bone that is drawn.
    """
    scan, labels = reorient(person.scan, "RAS"), reorient(person.labels, "RAS")
    bones = {s.id: LABELS[s.name].id for s in person.names.structures if s.name in LABELS.names}
    found = {own: labels.array == id_ for id_, own in bones.items() if (labels.array == id_).any()}
    if not found:
        hint = "Rename structures when they are imported: condyle import ... --remap OLD=NEW."
        raise DataError(
            person.where, expected=f"voxels of {', '.join(LABELS.names)}", got=", ".join(person.names.names), hint=hint
        )
    i, j, k = (max(2, round(n * mm / step_mm)) for n, mm in zip(scan.shape, scan.spacing_mm, strict=True))
    grid = Grid((i, j, k), np.diag([step_mm, step_mm, step_mm, 1.0]))

    planes = np.zeros((3, *grid.shape), np.uint8)
    nearest = np.full(grid.shape, REACH_MM, np.float32)
    for id_, mask in found.items():
        _add(planes, nearest, id_, _on(_distance_mm(mask, scan.spacing_mm), scan.spacing_mm, grid))
    is_ct = bool(scan.array.min() < _AIR_HU)
    inside = body_mask(scan).array > 0
    body = _on(inside.astype(np.float32), scan.spacing_mm, grid) > 0.5
    values = _on(_smoothed(scan.array, scan.spacing_mm, step_mm / 2), scan.spacing_mm, grid)
    if body.any():
        planes[0][body] = _soft_tissues(values[body], is_ct=is_ct)
    others = _unlabelled(body & (nearest > 0) & (values > _BONE_HU), grid.spacing_mm)
    if is_ct and others.any():
        _add(planes, nearest, LABELS["other_bone"].id, _distance_mm(others, grid.spacing_mm))
    planes[0][nearest < 0] = CODES["trabecular_bone"]
    planes[2] = np.clip(np.rint(nearest * (127 / REACH_MM)) + 128, 1, 255).astype(np.uint8)
    return AnatomyMap(planes, grid)


def _add(planes: NDArray[np.uint8], nearest: Field, id_: int, distance: Field) -> None:
    closer = distance < nearest
    nearest[closer] = distance[closer]
    planes[1][closer] = id_ + 16 * _WALL


def _soft_tissues(values: Field, *, is_ct: bool) -> NDArray[np.uint8]:
    """Lung, fat and muscle by value; outside CT what is brighter is called fat."""
    if not is_ct:
        return np.where(values > otsu(values), CODES["fat"], CODES["muscle"]).astype(np.uint8)
    soft = np.where(values < _FAT_HU, CODES["fat"], CODES["muscle"])
    return np.where(values < _AIR_HU, CODES["lung"], soft).astype(np.uint8)


def _unlabelled(dense: Mask, spacing_mm: tuple[float, float, float]) -> Mask:
    """Whole bones, of which only the walls are dense; specks go."""
    return opened(fill_holes(closed(dense, _CLOSED_MM, spacing_mm)), _THIN_MM, spacing_mm)


def _distance_mm(mask: Mask, spacing_mm: tuple[float, float, float]) -> Field:
    """From the outline of a mask with something in it, negative inside, as far as is kept.

    Half a voxel is between the outline and the nearest centres.
    """
    from scipy.ndimage import distance_transform_edt

    out = np.full(mask.shape, REACH_MM, np.float32)
    box = bounding_box(mask)
    assert box is not None  # noqa: S101 - something is in it
    near = box.grown(math.ceil(REACH_MM / min(spacing_mm)) + 1, mask.shape).slices
    half_mm = min(spacing_mm) / 2
    outside = distance_transform_edt(~mask[near], spacing_mm) - half_mm
    within = distance_transform_edt(mask[near], spacing_mm) - half_mm
    out[near] = _smoothed(np.where(mask[near], -within, outside), spacing_mm, _ROUNDED_MM)
    return out


def _smoothed(array: NDArray[np.generic], spacing_mm: tuple[float, float, float], sigma_mm: float) -> Field:
    from scipy.ndimage import gaussian_filter

    return np.asarray(gaussian_filter(array.astype(np.float32), [sigma_mm / mm for mm in spacing_mm]), np.float32)


def _on(array: Field, spacing_mm: tuple[float, float, float], grid: Grid) -> Field:
    """The values on another grid that begins where this one does, linear between voxels."""
    from scipy.ndimage import affine_transform

    factor = np.array(grid.spacing_mm) / np.array(spacing_mm)
    return np.asarray(
        affine_transform(array, factor, factor / 2 - 0.5, grid.shape, order=1, mode="nearest"), np.float32
    )
