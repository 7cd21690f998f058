"""The step that moves an outline to the edges of its scan, in CT and in MR, on any grid."""

from __future__ import annotations

import json

import numpy as np
import pytest

import condyle
from condyle.errors import ConfigError
from condyle.io import read, read_labels, write
from condyle.labels import Labels
from condyle.predict.cleanup import clean
from condyle.predict.steps import FollowEdges
from condyle.space import ORIENTATIONS, Grid, Volume, reorient
from condyle.workflow.segmentation.segmenter import PredictSettings

LABELS = Labels.of({"femur": 1, "tibia": 2})
FOLLOW = FollowEdges("femur")
#: Inside, wall, outside: what they look like.
CT, MR = (100.0, 900.0, 40.0), (500.0, 60.0, 420.0)


def radii(grid: Grid, centre: tuple[float, float, float] = (0, 0, 0)) -> np.ndarray:
    places = np.moveaxis(np.indices(grid.shape), 0, -1) @ grid.affine[:3, :3].T + grid.affine[:3, 3]
    return np.linalg.norm(places - centre, axis=-1)


def ball_with_a_wall(spacing_mm, looks) -> tuple[Volume, Volume, Volume]:
    """A scan of a ball of 20 mm with a wall of 4 mm; the ball; and a ball that lies 4 mm beside it."""
    shape = tuple(round(80 / s) for s in spacing_mm)
    affine = np.diag([*spacing_mm, 1.0])
    affine[:3, 3] = [-(n - 1) * s / 2 for n, s in zip(shape, spacing_mm, strict=True)]
    grid = Grid(shape, affine)
    r, (inside, wall, outside) = radii(grid), looks
    values = np.where(r < 16, inside, np.where(r < 20, wall, outside))
    values += np.random.default_rng(3).normal(0, 30, shape)
    masks = (np.asarray(m, np.uint8) for m in (r < 20, radii(grid, (4, 0, 0)) < 20))
    return Volume(values.astype(np.float32), grid), *(Volume(m, grid) for m in masks)


def dice(a: Volume, b: Volume) -> float:
    one, other = a.array == 1, b.array == 1
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


@pytest.mark.parametrize("looks", [CT, MR], ids=["ct", "mr"])
@pytest.mark.parametrize("spacing_mm", [(3.0, 3.0, 3.0), (1.0, 1.0, 1.0), (0.8, 0.8, 4.0)])
def test_an_outline_that_lies_beside_its_edge_moves_there(spacing_mm, looks):
    scan, truth, found = ball_with_a_wall(spacing_mm, looks)
    assert dice(truth, found) < 0.87
    assert dice(truth, clean(found, LABELS, [FOLLOW], scan)) > 0.92


def test_an_outline_that_lies_on_its_edge_stays_there():
    scan, truth, _ = ball_with_a_wall((1.0, 1.0, 1.0), CT)
    assert dice(truth, clean(truth, LABELS, [FOLLOW], scan)) > 0.98


def test_where_a_scan_shows_nothing_nothing_moves():
    scan, _, found = ball_with_a_wall((2.0, 2.0, 2.0), CT)
    flat = scan.with_array(np.full_like(scan.array, 7))
    assert np.array_equal(clean(found, LABELS, [FOLLOW], flat).array, found.array)


@pytest.mark.parametrize("part", [slice(9, 11), slice(None)], ids=["too small to have edges", "all of the scan"])
def test_what_has_no_outline_stays(part):
    scan, _, found = ball_with_a_wall((1.0, 1.0, 1.0), CT)
    mask = found.with_array(np.zeros_like(found.array))
    mask.array[part, part, part] = 1
    assert np.array_equal(clean(mask, LABELS, [FOLLOW], scan).array, mask.array)


def test_no_voxel_of_another_bone_is_taken():
    scan, _, found = ball_with_a_wall((2.0, 2.0, 2.0), CT)
    found.array[:14][found.array[:14] == 0] = 2
    after = clean(found, LABELS, [FOLLOW], scan)
    assert np.array_equal(after.array == 2, found.array == 2)
    assert not np.array_equal(after.array, found.array)


def test_what_lies_nearer_to_another_bone_is_left_to_it():
    scan, _, found = ball_with_a_wall((2.0, 2.0, 2.0), CT)
    x_mm = found.grid.affine[0, 3] + 2.0 * np.arange(found.shape[0])
    found.array[x_mm > 8] = 0
    alone = clean(found, LABELS, [FOLLOW], scan)
    found.array[x_mm > 16] = 2
    beside = clean(found, LABELS, [FOLLOW], scan)
    nearer = (x_mm > 13) & (x_mm < 16)
    assert (alone.array[nearer] == 1).any(), "an outline that is free reaches as far"
    assert not (beside.array[nearer] == 1).any()


def test_the_48_orientations_end_alike():
    """Voxels of 1 mm are put together to move the outline: which ones must not depend on how the scan is stored."""
    scan, _, found = ball_with_a_wall((1.0, 1.5, 2.0), MR)
    found.array[:8] = 0
    scan, found = (Volume.of(v.array[5:, 3:], v.affine) for v in (scan, found))
    expected = clean(found, LABELS, [FOLLOW], scan).array
    for orientation in ORIENTATIONS:
        turned = clean(reorient(found, orientation), LABELS, [FOLLOW], reorient(scan, orientation))
        assert np.array_equal(reorient(turned, "RAS").array, expected), orientation


def test_a_rough_mask_of_a_real_hip_comes_nearer_to_its_reference(shared_data):
    folder = shared_data / "ct_abdomen_pelvis"
    scan, truth = read(folder / "hip_right.nii.gz"), read_labels(folder / "hip_right_labels.nii.gz")
    beside = truth.with_array(np.roll(truth.array, (1, 1), (0, 2)))
    labels = Labels.of({"femur": 1, "hip": 2})
    after = clean(beside, labels, [FollowEdges("femur"), FollowEdges("hip")], scan)
    assert dice(truth, after) > dice(truth, beside) + 0.01


def test_without_a_scan_it_is_refused():
    _, _, found = ball_with_a_wall((3.0, 3.0, 3.0), CT)
    with pytest.raises(ConfigError, match=r"the scan beside the mask, for follow_edges.*the mask alone"):
        clean(found, LABELS, [FOLLOW])


def test_the_verb_clean_has_no_scan_and_says_so(tmp_path):
    mask, steps = tmp_path / "mask.nii.gz", tmp_path / "steps.json"
    write(mask, ball_with_a_wall((3.0, 3.0, 3.0), CT)[1])
    steps.write_text(json.dumps([{"step": "follow_edges", "structure": "femur"}]), encoding="utf-8")
    with pytest.raises(ConfigError, match="follow_edges"):
        condyle.clean([mask], out=tmp_path / "out.nii.gz", steps=str(steps), names={"femur": 1})
    assert not (tmp_path / "out.nii.gz").exists()


def test_a_model_follows_edges_when_it_is_told_to(bones, shared_data, tmp_path):
    """Steps from a file look at the scan that is being segmented."""
    scan = read(shared_data / "ct_abdomen_pelvis" / "hip_right.nii.gz")
    steps = tmp_path / "steps.json"
    steps.write_text(json.dumps([{"step": "follow_edges", "structure": "femur_right"}]), encoding="utf-8")
    plain = condyle.load(bones, PredictSettings(cleanup="off")).segment(scan)
    moved = condyle.load(bones, PredictSettings(cleanup=str(steps))).segment(scan)
    changed = plain.array != moved.array
    femur = condyle.load(bones).model.labels["femur_right"].id
    assert changed.any()
    assert set(np.unique(moved.array[changed])) <= {0, femur}
