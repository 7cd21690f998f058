"""Segmenting with nnU-Net's own models: its label maps, voxel for voxel, from the command a user types."""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
import pytest

import condyle
from condyle.errors import ConfigError, DataError, ModelError
from condyle.io import read, read_labels, write
from condyle.space import Volume, crop, reorient
from condyle.space.crop import Box
from condyle.workflow.segmentation.segmenter import PredictSettings

CT = "ct/nnUNetTrainer__nnUNetPlans__3d_fullres"
MR = "mr/nnUNetTrainer__nnUNetResEncUNetMPlans__3d_fullres"
ONE_FOLD = PredictSettings(folds=("0",))


def same_labels(path, expected):
    got, wanted = read_labels(path), read_labels(expected)
    assert got.grid.distance_mm(wanted.grid) < 1e-4
    return np.array_equal(got.array, wanted.array)


@pytest.mark.parametrize("case", ["case_08", "case_09"])
def test_a_3d_model_gives_nnunets_label_map(shared_nnunet, case, tmp_path):
    scan = shared_nnunet / f"ct/images/{case}_0000.nii.gz"
    condyle.segment(shared_nnunet / CT, [scan], out=tmp_path / "m.nii.gz", settings=ONE_FOLD)
    assert same_labels(tmp_path / "m.nii.gz", shared_nnunet / f"ct/expected/3d_fold0/fp32/{case}.nii.gz")


def test_regions_channels_and_thick_slices_give_nnunets_label_map(shared_nnunet, tmp_path):
    """Two channels by name, regions instead of classes, an ignore label, slices that are not interpolated across."""
    folder = tmp_path / "scans"
    folder.mkdir()
    for channel in ("0000", "0001"):
        (folder / f"case_09_{channel}.nii.gz").symlink_to(shared_nnunet / f"mr/images/case_09_{channel}.nii.gz")
    made = condyle.segment(shared_nnunet / MR, [folder], out=tmp_path / "out")
    assert made.exit_code == 0
    assert same_labels(tmp_path / "out/case_09.nii.gz", shared_nnunet / "mr/expected/3d_fold0/fp32/case_09.nii.gz")


def small_scan(shared_nnunet) -> Volume:
    scan = read(shared_nnunet / "ct/images/case_09_0000.nii.gz")
    i, j, k = (n // 2 for n in scan.shape)
    return crop(scan, Box((i - 20, j - 20, k - 20), (i + 20, j + 20, k + 20)))


def test_a_folder_run_goes_on_where_it_was_killed(shared_nnunet, tmp_path):
    scan = small_scan(shared_nnunet)
    for n in range(3):
        write(tmp_path / f"scans/s{n}.nii.gz", scan)
    command = [sys.executable, "-m", "condyle", "segment", str(shared_nnunet / CT), str(tmp_path / "scans")]
    command += ["-o", str(tmp_path / "out"), "--fold", "0"]
    with subprocess.Popen(command) as run:
        deadline = time.monotonic() + 120
        while not (tmp_path / "out/s0.nii.gz").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        run.kill()
    shown = subprocess.run(command, capture_output=True, text=True, check=False)
    assert shown.returncode == 0, shown.stderr
    masks = [read_labels(tmp_path / f"out/s{n}.nii.gz").array for n in range(3)]
    assert np.array_equal(masks[0], masks[1])
    assert np.array_equal(masks[0], masks[2])


def test_a_broken_scan_is_reported_and_the_others_go_on(shared_nnunet, tmp_path):
    write(tmp_path / "scans/good.nii.gz", small_scan(shared_nnunet))
    (tmp_path / "scans/bad.nii.gz").write_bytes(b"no scan")
    made = condyle.segment(shared_nnunet / CT, [tmp_path / "scans"], out=tmp_path / "out", settings=ONE_FOLD)
    assert made.exit_code == 1
    assert list(made.failed) == ["bad"]
    assert (tmp_path / "out/good.nii.gz").exists()


def test_in_python_and_under_a_memory_limit_the_answer_is_the_same(shared_nnunet):
    scan = small_scan(shared_nnunet)
    free = condyle.load(shared_nnunet / CT, ONE_FOLD).segment(scan)
    tight = condyle.load(shared_nnunet / CT, PredictSettings(folds=("0",), max_memory_gib=1.5)).segment(scan)
    assert np.array_equal(free.array, tight.array)
    with pytest.raises(ConfigError, match="at least"):
        condyle.load(shared_nnunet / CT, PredictSettings(folds=("0",), max_memory_gib=0.01)).segment(scan)


def test_masks_carry_the_models_names_in_seg_nrrd(shared_nnunet, tmp_path):
    write(tmp_path / "scan.nii.gz", reorient(small_scan(shared_nnunet), "RAS"))
    condyle.segment(shared_nnunet / CT, [tmp_path / "scan.nii.gz"], out=tmp_path / "m.seg.nrrd", settings=ONE_FOLD)
    assert b"femur" in (tmp_path / "m.seg.nrrd").read_bytes()[:4000]


def test_requests_that_cannot_be_met_are_refused(shared_nnunet, tmp_path):
    scan = shared_nnunet / "ct/images/case_09_0000.nii.gz"
    with pytest.raises(ConfigError, match="-o"):
        condyle.segment(shared_nnunet / CT, [scan])
    with pytest.raises(ConfigError, match="fold"):
        condyle.segment(shared_nnunet / CT, [scan], out=tmp_path / "m.nii.gz", settings=PredictSettings(folds=("7",)))
    with pytest.raises(ConfigError, match="suffix"):
        condyle.segment(shared_nnunet / CT, [scan], out=tmp_path / "m", suffix=".jpg")
    with pytest.raises(ModelError):
        condyle.segment(tmp_path, [scan], out=tmp_path / "m.nii.gz")
    with pytest.raises((ConfigError, DataError), match="channel"):
        condyle.segment(shared_nnunet / MR, [scan], out=tmp_path / "m.nii.gz")
    assert not (tmp_path / "m.nii.gz").exists()
