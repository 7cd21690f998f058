"""`condyle clean`: masks of any origin, cleaned and left where they lie."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

import condyle
from condyle.errors import ConfigError, DataError
from condyle.io import read_labels, write
from condyle.labels import Labels
from condyle.predict.presets import PRESETS, preset
from condyle.predict.steps import CloseEachPart, LargestParts
from condyle.space import Volume

AFFINE = np.array([[-0.7, 0, 0, 9], [0, 0, 0.9, -4], [0, 1.2, 0, 2], [0, 0, 0, 1.0]])


def mask() -> Volume:
    """Two bones side by side with a crumb, a slot, and a hole."""
    array = np.zeros((30, 24, 20), np.uint8)
    array[4:14, 4:20, 4:16] = 1
    array[14:24, 4:20, 4:16] = 2
    array[9, 4:12, 4:16] = 0
    array[18, 10, 10] = 0
    array[28, 22, 18] = 2
    return Volume.of(array, AFFINE)


@pytest.fixture
def folder(tmp_path):
    for n in range(2):
        write(tmp_path / f"masks/m{n}.nii.gz", mask())
    return tmp_path


def test_masks_are_cleaned_structure_by_structure_on_their_own_grid(folder):
    made = condyle.clean([folder / "masks"], out=folder / "out", steps="knee")
    after = read_labels(folder / "out/m1.nii.gz")
    changed = int((after.array != mask().array).sum())
    assert list(made.to_json()["changed"].values()) == [changed] * 2
    assert after.grid.matches(mask().grid)
    assert after.array[28, 22, 18] == 0
    assert (after.array[9, 4:20, 6:14] == 1).all()
    assert after.array[18, 10, 10] == 2
    assert f"{changed} voxels changed" in str(made)
    assert made.exit_code == 0


def test_steps_may_come_from_a_file_and_names_from_the_user(folder):
    steps = folder / "steps.json"
    steps.write_text(json.dumps([{"step": "largest_parts", "structure": "tibia"}]))
    one = folder / "masks/m0.nii.gz"
    condyle.clean([one], out=folder / "m.seg.nrrd", steps=str(steps), names={"femur": 1, "tibia": 2})
    assert (read_labels(folder / "m.seg.nrrd").array != mask().array).sum() == 1
    with pytest.raises(ConfigError, match="tibia"):
        condyle.clean([one], out=folder / "n.nii.gz", steps=str(steps))


def test_a_broken_mask_fails_alone(folder):
    (folder / "masks/m0.nii.gz").write_bytes(b"nothing")
    made = condyle.clean([folder / "masks"], out=folder / "out", steps="limb")
    assert made.exit_code == 1
    assert len(made.masks) == 1
    assert "failed" in str(made)


def test_requests_that_cannot_be_met_are_refused(folder):
    both, one = [folder / "masks"], [folder / "masks/m0.nii.gz"]
    for message, masks, options in (
        ("-o", both, {"steps": "knee"}),
        ("knee, limb", one, {"out": folder / "out"}),
        ("model", one, {"out": folder / "out", "steps": "model"}),
        ("a folder, for 2", both, {"out": folder / "m.nii.gz", "steps": "knee"}),
    ):
        with pytest.raises(ConfigError, match=message):
            condyle.clean(masks, **options)
    with pytest.raises(DataError, match="--overwrite"):
        condyle.clean(one, out=folder / "masks", steps="knee")
    (folder / "empty").mkdir()
    with pytest.raises(DataError, match="label maps"):
        condyle.clean([folder / "empty"], out=folder / "out", steps="knee")


def test_two_masks_of_one_name_are_refused_before_either_is_written(folder):
    other = folder / "other"
    other.mkdir()
    shutil.copy(folder / "masks/m0.nii.gz", other)
    for masks in ([folder / "masks", other], [folder / "masks/m0.nii.gz"] * 2):
        with pytest.raises(ConfigError, match=r"m0\.nii\.gz and"):
            condyle.clean(masks, out=folder / "out", steps="knee")
    assert not (folder / "out").exists()


def test_presets_follow_the_structures():
    one, two = Labels.of({"bone": 1}), Labels.of({"femur": 1, "tibia": 2})
    (step,) = preset("knee", one)
    assert isinstance(step, CloseEachPart)
    assert step.count == 3
    assert [type(s) for s in preset("knee", two)].count(LargestParts) == 2
    assert len(preset("limb", two)) == 2
    with pytest.raises(ConfigError, match="knee, limb"):
        preset("elbow", one)
    assert set(PRESETS) == {"knee", "limb"}
