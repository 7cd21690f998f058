"""`condyle segment SCAN`: where no model is named, `bones` is asked: the package's own, or one installed as such."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import condyle
from condyle import io, models
from condyle.cli.app import make_app
from condyle.errors import ConfigError, ModelError
from condyle.jobs.settings import JobSettings
from datasets import small_dataset
from dicom_making import written
from segment_jobs_made import right
from segment_models import knee_labels, knee_scan, pointwise_model

SCAN = knee_scan().with_array(np.rint(knee_scan().array).astype(np.int16))


@pytest.fixture
def files(tmp_path, monkeypatch) -> Path:
    """Scans of every kind; and a model whose answer is known, installed as `bones`."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    models.save(pointwise_model(), tmp_path / "home/.condyle/models/bones")
    for n in range(2):
        io.write(tmp_path / f"scans/c{n:02d}.nii.gz", knee_scan(seed=n))
    io.write(tmp_path / "scan.nrrd", SCAN)
    written(tmp_path / "dicom" / "p1", SCAN)
    shutil.make_archive(str(tmp_path / "zipped"), "zip", tmp_path / "dicom" / "p1")
    small_dataset(tmp_path / "dataset", ("a", "b"))
    return tmp_path


@pytest.mark.parametrize("name", ["scan.nrrd", "dicom/p1", "dicom", "zipped.zip"])
def test_a_scan_of_any_kind_is_enough(files, name):
    made = condyle.segment(Path(name), out=files / "out")
    (mask,) = made.masks.values()
    assert np.array_equal(io.read_labels(mask).array, knee_labels(SCAN))


def test_folders_several_scans_and_datasets_are_enough(files):
    assert list(condyle.segment(Path("scans"), out=files / "folder").masks) == ["c00", "c01"]
    assert right(files / "scans", files / "folder", 2)
    assert list(condyle.segment(Path("scan.nrrd"), [files / "dicom/p1"], out=files / "two").masks) == ["p1", "scan"]
    assert list(condyle.segment(Path("dataset"), out=files / "set").masks) == ["a", "b"]


def test_the_answer_is_that_of_the_model_named(files):
    condyle.segment(Path("scans"), out=files / "unnamed")
    condyle.segment(Path("bones"), [files / "scans"], out=files / "named")
    for name in ("c00.nii.gz", "c01.nii.gz"):
        assert (files / "unnamed" / name).read_bytes() == (files / "named" / name).read_bytes()
    assert np.array_equal(condyle.load("bones").segment(SCAN).array, knee_labels(SCAN))


def test_masks_in_a_folder_called_bones_are_no_model(files):
    """The folder that everybody will call so, and the model of its name, in one place; the second run goes on."""
    assert list(condyle.segment(Path("scans"), out=Path("bones")).masks) == ["c00", "c01"]
    assert condyle.segment(Path("scans"), out=Path("bones")).skipped == ("c00", "c01")
    assert condyle.segment(Path("bones"), [Path("scan.nrrd")], out=Path("bones")).exit_code == 0


def test_the_command_line_does_the_same_and_says_who_was_asked(files):
    shown = CliRunner().invoke(make_app("segment"), ["segment", "scan.nrrd", "-o", "mask.nii.gz", "--json"])
    assert shown.exit_code == 0, shown.output
    assert set(json.loads(shown.stdout)["volumes_ml"]["scan"]) == {"femur", "tibia"}
    assert np.array_equal(io.read_labels(files / "mask.nii.gz").array, knee_labels(SCAN))


def test_a_cohort_is_segmented_by_commands_without_a_model(files):
    made = condyle.segment(Path("scans"), out=files / "out", jobs=JobSettings("local", workers=1, threads=1))
    assert list(made.masks) == ["c00", "c01"]
    assert right(files / "scans", files / "out", 2)


def refused(*words: str) -> str:
    result = CliRunner().invoke(make_app("segment"), ["segment", *words, "-o", "out"])
    assert result.exit_code == 2, result.output
    assert not Path("out").exists()
    return result.stderr


def test_a_model_alone_is_told_what_it_lacks(files):
    for name in ("bones", "home/.condyle/models/bones"):
        assert f"a scan or more for the model {name}, got none. condyle segment {name} SCANS" in refused(name)


def test_what_is_neither_is_told_what_there_is(files):
    (files / "letter.txt").write_text("no scan")
    (files / "empty").mkdir()
    for name in ("letter.txt", "empty"):
        told = refused(name, "scan.nrrd")
        assert f"{name}: expected a model (its folder, its zip, or a name: bones" in told
        assert "or a scan (a file, a DICOM folder or zip, a folder of scans, a dataset), got neither" in told
    assert "got nothing of that name. Check the path" in refused("scan.nii.gz")
    assert "plan.json" in refused("empty")


def test_a_broken_scan_is_told_as_a_scan(files):
    (files / "torn.nii.gz").write_bytes(b"no scan at all")
    assert refused("torn.nii.gz").startswith("condyle: ")


def test_several_channels_do_not_fit_a_model_of_one(files):
    with pytest.raises(ConfigError, match="one case: expected a scan for each of c0"):
        condyle.segment(Path("scan.nrrd"), [Path("scans/c00.nii.gz")], out=files / "out", one_case=True)


def test_an_unknown_model_is_refused_before_any_scan_is_looked_for(files):
    with pytest.raises(ModelError, match="hip: expected a model"):
        condyle.segment(Path("hip"), [Path("nowhere")], out=files / "out")


# --- the package's own model


def test_bones_finds_the_femur_of_a_scan(bones, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    condyle.phantom("proximal_femur", tmp_path / "femora", count=1, seed=5, spacing=(2.0, 2.0, 2.0))
    (scan,) = (tmp_path / "femora/images").rglob("*.nii.gz")
    made = condyle.segment(scan, out=tmp_path / "bones.nii.gz")
    assert io.read_labels(tmp_path / "bones.nii.gz").grid.matches(io.read(scan).grid)
    assert any(name.startswith("femur") for name in next(iter(made.volumes_ml.values())))
