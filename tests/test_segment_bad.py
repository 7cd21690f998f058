"""Bad input on the command line: exit code 2, one sentence that names what is wrong, and nothing half-written."""

from __future__ import annotations

import resource
import shutil

import numpy as np
import pytest
from typer.testing import CliRunner

from condyle import models
from condyle.cli.app import make_app
from condyle.io import write
from condyle.space import Volume
from segment_models import knee_scan, pointwise_model

TWO = ((0.0, 0.0), (1.0, 1.0), (2.0, 2.0))


@pytest.fixture
def files(tmp_path):
    models.save(pointwise_model(), tmp_path / "one")
    models.save(pointwise_model(TWO), tmp_path / "two")
    write(tmp_path / "scan.nii.gz", knee_scan())
    write(tmp_path / "pair/c_0000.nii.gz", knee_scan())
    write(tmp_path / "pair/c_0001.nii.gz", knee_scan())
    return tmp_path


def refused(files, model, scan, *words, out="out", code=2):
    result = CliRunner().invoke(
        make_app("segment"), ["segment", str(files / model), str(files / scan), "-o", str(files / out)]
    )
    assert result.exit_code == code, result.output
    for word in words:
        assert word in result.stderr, result.stderr
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.stderr
    left = list((files / out).rglob("*")) if (files / out).is_dir() else []
    assert not [path for path in left if path.is_file() and path.name != "keep"], left


def test_a_missing_channel(files):
    (files / "pair/c_0001.nii.gz").unlink()
    refused(files, "two", "pair", "c1", "pair")


def test_a_scan_of_one_channel_for_a_model_of_two(files):
    refused(files, "two", "scan.nii.gz", "channel", "scan.nii.gz")


def test_channels_on_different_grids(files):
    write(files / "pair/c_0001.nii.gz", knee_scan((15, 14, 12)), overwrite=True)
    refused(files, "two", "pair", "channel c1", "grid", "c_0000.nii.gz")


def test_nan_in_a_scan(files):
    scan = knee_scan()
    scan.array[2, 2, 2] = np.nan
    write(files / "scan.nii.gz", scan, overwrite=True)
    refused(files, "one", "scan.nii.gz", "scan.nii.gz", "finite")


def test_an_empty_scan(files):
    models.save(pointwise_model(crop_nonzero=True), files / "crops")
    write(files / "scan.nii.gz", Volume.of(np.zeros((4, 4, 4), np.int16), np.eye(4)), overwrite=True)
    refused(files, "crops", "scan.nii.gz", "scan.nii.gz", "0 in every voxel")


@pytest.mark.parametrize("content", [b"", b"no scan at all", None])
def test_a_broken_scan(files, content):
    path = files / "scan.nii.gz"
    path.write_bytes(path.read_bytes()[:500] if content is None else content)
    refused(files, "one", "scan.nii.gz", "scan.nii.gz")


def test_no_scan(files):
    (files / "nothing").mkdir()
    refused(files, "one", "nothing", "nothing")
    refused(files, "one", "nowhere.nii.gz", "nowhere.nii.gz")


def test_no_model(files):
    refused(files, "nowhere", "scan.nii.gz", "nowhere")
    (files / "neither").mkdir()
    refused(files, "neither", "scan.nii.gz", "neither", "plan.json")


def test_a_model_without_weights(files):
    (files / "one/fold_0.safetensors").unlink()
    refused(files, "one", "scan.nii.gz", "weights")


def test_a_truncated_checkpoint(files):
    path = files / "one/fold_0.safetensors"
    path.write_bytes(path.read_bytes()[:-20])
    refused(files, "one", "scan.nii.gz", "fold_0.safetensors")


def test_weights_of_another_network(files):
    shutil.copy(files / "two/fold_0.safetensors", files / "one/fold_0.safetensors")
    refused(files, "one", "scan.nii.gz", "fold_0.safetensors")


def test_a_plan_with_unknown_keys(files):
    path = files / "one/plan.json"
    path.write_text(path.read_text().replace('"patch"', '"patches"'))
    refused(files, "one", "scan.nii.gz", "plan.json", "patches")


def test_a_mask_that_is_there(files):
    (files / "m.nii.gz").write_bytes(b"mine")
    refused(files, "one", "scan.nii.gz", "m.nii.gz", "--overwrite", out="m.nii.gz")
    assert (files / "m.nii.gz").read_bytes() == b"mine"


def test_a_place_that_is_a_file(files):
    (files / "out").write_bytes(b"mine")
    refused(files, "one", "scan.nii.gz", "out")


def test_a_place_that_cannot_be_looked_up(files):
    (files / "loop").symlink_to("loop")
    refused(files, "one", "scan.nii.gz", "loop", "symbolic links", out="loop")


def test_a_full_disk(files):
    """No file may grow beyond 100 bytes: what a full disk says, without one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
        refused(files, "one", "scan.nii.gz", "scan.nii.gz", "write")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not (files / "out").exists() or not list((files / "out").iterdir())
