"""The model that comes with the package: real scans, other orientations, cuts, and scans of no bone at all.

What is asked of its accuracy here is far below what its card tells: enough to know that the right file was shipped.
"""

from __future__ import annotations

from itertools import permutations, product
from pathlib import Path

import numpy as np
import pytest

import condyle
from condyle.io import read, read_labels
from condyle.phantoms.body import sample
from condyle.phantoms.synthetic.things import things
from condyle.phantoms.views import grid_over
from condyle.space import Box, Grid, Volume, crop, reorient
from condyle.workflow.segmentation.segmenter import Segmenter

#: Orders and directions of a scan's axes.
ORIENTATIONS = [
    "".join(codes[direction] for codes, direction in zip(axes, directions, strict=True))
    for axes in permutations(("RL", "AP", "SI"))
    for directions in product((0, 1), repeat=3)
]
LEG_BONES = ("femur", "tibia", "fibula", "patella")
#: Amid the bones of the knee in `mr_knee`, in RAS mm, marked by eye. It is a right one: its fibula lies to the right.
IN_THE_KNEE = {"femur": (50, 45, 35), "tibia": (50, 45, -30), "fibula": (80, 25, -38), "patella": (50, 92, 28)}


@pytest.fixture(scope="module")
def segmenter(bones: Path) -> Segmenter:
    return condyle.load(bones)


@pytest.fixture(scope="module")
def hip(shared_data: Path) -> Volume:
    return read(shared_data / "ct_abdomen_pelvis" / "hip_right.nii.gz")


@pytest.fixture(scope="module")
def hip_found(segmenter: Segmenter, hip: Volume) -> Volume:
    return segmenter.segment(hip)


def ml(segmenter: Segmenter, mask: Volume, *bones: str) -> float:
    """The volume of all structures whose names begin so."""
    ids = [s.id for s in segmenter.model.labels.structures if s.name.startswith(bones)]
    return float(np.isin(mask.array, ids).sum()) * mask.grid.voxel_volume_mm3 / 1000


def test_a_real_right_hip_is_found_on_the_right(segmenter, hip_found, shared_data):
    truth = read_labels(shared_data / "ct_abdomen_pelvis" / "hip_right_labels.nii.gz").array
    labels = segmenter.model.labels
    for name, id_ in (("femur_right", 1), ("hip_right", 2)):
        found, known = hip_found.array == labels[name].id, truth == id_
        assert 2 * (found & known).sum() / (found.sum() + known.sum()) > 0.6, name
    left = ml(segmenter, hip_found, "femur_left", "hip_left")
    assert left < 0.1 * ml(segmenter, hip_found, "femur_right", "hip_right")


def test_the_bones_of_a_real_knee_in_mr_are_found_where_they_are(segmenter, shared_data):
    found = segmenter.segment(read(shared_data / "mr_knee" / "sag_t1.nii.gz"))
    for bone, ras_mm in IN_THE_KNEE.items():
        voxels = np.argwhere(found.array == segmenter.model.labels[f"{bone}_right"].id)
        assert np.linalg.norm(found.grid.to_world(voxels) - ras_mm, axis=1).min() < 5, bone
    assert 5 < ml(segmenter, found, "patella") < 40
    assert ml(segmenter, found, *(f"{bone}_left" for bone in LEG_BONES)) < 1


def test_the_48_orientations_give_one_answer(segmenter, hip):
    assert len(set(ORIENTATIONS)) == 48
    first = Segmenter(segmenter.model.before)
    part = crop(hip, Box((8, 30, 4), (40, 62, 36)))
    expected = first.segment(part)
    assert expected.array.any()
    for codes in ORIENTATIONS:
        turned = first.segment(reorient(part, codes))
        assert np.array_equal(reorient(turned, hip.grid.orientation).array, expected.array), codes


def test_both_stages_see_a_scan_that_lies_otherwise(segmenter, hip, hip_found):
    turned = segmenter.segment(reorient(hip, "PIL"))
    assert np.array_equal(reorient(turned, hip.grid.orientation).array, hip_found.array)


def cut_to(scan: Volume, axis: int, part: float) -> tuple[Volume, Box]:
    """The beginning of a scan along an axis."""
    stop = list(scan.grid.shape)
    stop[axis] = max(4, int(part * stop[axis]))
    box = Box((0, 0, 0), (stop[0], stop[1], stop[2]))
    return crop(scan, box), box


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_cut_scan_shows_no_bone_that_the_whole_does_not(segmenter, hip, hip_found, axis):
    part, box = cut_to(hip, axis, 0.6)
    cut = segmenter.segment(part)
    assert cut.grid.shape == part.grid.shape
    there = set(np.unique(hip_found.array[box.slices])) | {0}
    new = ~np.isin(cut.array, list(there))
    assert new.sum() * cut.grid.voxel_volume_mm3 / 1000 < 20


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_thin_slab_may_be_misread_but_not_with_a_green_light(segmenter, hip, axis):
    part, _ = cut_to(hip, axis, 0.2)
    answer = segmenter.answer(part)
    assert answer.labels.grid.shape == part.grid.shape
    assert answer.confidence is not None
    assert "green" not in {told.light for told in answer.confidence.values()}


def test_an_abdomen_has_no_bones_of_a_leg(segmenter, shared_data):
    found = segmenter.segment(read(shared_data / "ct_abdomen_pelvis" / "abdomen.nii.gz"))
    assert ml(segmenter, found, *LEG_BONES) < 20
    assert ml(segmenter, found, "spine") > 50


def nothing(kind: str) -> Volume:
    """A scan without a bone."""
    rng = np.random.default_rng(3)
    lattice = Grid((48, 48, 40), np.diag([3.0, 3.0, 3.0, 1.0]))
    if kind == "air":
        return Volume(np.full(lattice.shape, -1000, np.int16), lattice)
    if kind == "noise":
        return Volume(rng.normal(0, 300, lattice.shape).astype(np.float32), lattice)
    if kind == "rod":
        across = np.hypot(*(np.indices(lattice.shape)[:2] - 24))
        return Volume(np.where(across < 4, 900, np.where(across < 18, 40, -1000)).astype(np.int16), lattice)
    subject = things(rng)
    low_mm, high_mm = subject.bodies[0].bounds_mm
    tissue = sample(subject, grid_over(np.array([low_mm, high_mm]), "RAS", (4.0,) * 3))[0]
    return Volume((tissue.astype(np.float32) * 60 - 1000), grid_over(np.array([low_mm, high_mm]), "RAS", (4.0,) * 3))


@pytest.mark.parametrize("kind", ["air", "noise", "rod", "things"])
def test_where_no_bone_is_nothing_is_found_or_no_light_is_green(segmenter, kind):
    answer = segmenter.answer(nothing(kind))
    confidence = answer.confidence or {}
    green = [name for name, told in confidence.items() if name.startswith(LEG_BONES) and told.light == "green"]
    assert not green


def test_the_card_tells_where_it_came_from_and_what_it_was_tested_on(segmenter):
    card = segmenter.model.card
    for word in ("Gait2392", "CC BY 3.0", "hip_right", "held out", "make pretrain", "## Limits"):
        assert word in card, word
