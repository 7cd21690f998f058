"""Verbs over cohorts: each case a command of its own, with what one process gives."""

from __future__ import annotations

import json
from pathlib import Path

import fsspec
import numpy as np
import pytest

import condyle
from condyle import io, models
from condyle.classical.fill import FillSettings
from condyle.data import Dataset
from condyle.errors import ConfigError, DataError
from condyle.jobs.manifest import Manifest
from condyle.jobs.settings import JobSettings
from condyle.meshes.bodies import MeshSettings
from condyle.workflow.shared.cohort import cases_at
from datasets import LABELS, label_map, source_folders
from jobs_made import condyle as command
from jobs_made import counts, files, scans
from segment_models import knee_scan, pointwise_model

LOCAL = JobSettings("local", workers=2, lost_s=5)
NAMES = {s.name: s.id for s in LABELS.structures}


def test_fill_of_a_folder_is_fill_of_each_scan_with_its_settings(tmp_path):
    folder = scans(tmp_path / "in", 2)
    (folder / "c02.nii.gz").write_bytes(b"no scan")
    settings = FillSettings(threshold=300.0, parts=2)
    result = condyle.fill(folder, out=tmp_path / "out", settings=settings, value=7, jobs=LOCAL)
    assert set(result.masks) == {"c00", "c01"}
    assert "c02.nii.gz" in result.failed["c02"]
    assert result.exit_code == 1
    for id_, path in result.masks.items():
        alone = condyle.fill(folder / f"{id_}.nii.gz", out=tmp_path / "alone" / f"{id_}.nii.gz", settings=settings)
        mask = io.read_labels(path)
        np.testing.assert_array_equal(mask.array, 7 * io.read_labels(alone.masks[str(folder / f"{id_}.nii.gz")]).array)
        assert result.volumes_ml[id_] == pytest.approx(next(iter(alone.volumes_ml.values())), abs=1e-3)
    with Manifest(tmp_path / "out.jobs") as manifest:
        assert [(o.state, o.attempts) for o in manifest.outcomes()] == [("done", 1), ("done", 1), ("aside", 3)]
    assert files(tmp_path / "out") == {"c00.nii.gz", "c01.nii.gz"}


def test_fill_of_a_dataset_gives_every_case_the_label_set_in_the_datasets_own_ids(tmp_path):
    images, masks = source_folders(tmp_path, ["c01", "c02"])
    dataset = tmp_path / "dataset"
    condyle.import_([images], dataset, label_sets={"manual": masks}, names=NAMES)
    result = condyle.fill(dataset, jobs=LOCAL)
    opened = Dataset.open(dataset)
    bone = opened.labels["bone"].id
    assert set(result.masks) == {"c01", "c02"}
    for case in opened.cases:
        assert set(np.unique(io.read_labels(opened.path(case.label_sets["fill"])).array)) == {0, bone}
    again = condyle.fill(dataset, jobs=LOCAL)
    assert (again.masks, again.skipped) == ({}, ("c01", "c02"))
    assert condyle.check(dataset).counts["error"] == 0


def test_mesh_of_a_folder_makes_a_folder_for_each_mask(tmp_path):
    io.write(tmp_path / "masks" / "c01.nii.gz", label_map())
    settings = MeshSettings()
    result = condyle.mesh(tmp_path / "masks", out=tmp_path / "out", settings=settings, names=NAMES, jobs=LOCAL)
    alone = condyle.mesh(tmp_path / "masks" / "c01.nii.gz", out=tmp_path / "alone", settings=settings, names=NAMES)
    assert result.done == ("c01",)
    assert result.exit_code == alone.exit_code
    assert result.attention == (("c01",) if alone.exit_code else ())
    for file in alone.files:
        assert (tmp_path / "out" / "c01" / file).read_bytes() == (tmp_path / "alone" / file).read_bytes()
    assert result.to_json()["manifest"] == str(tmp_path / "out.jobs")
    assert str(result).endswith(f"{tmp_path / 'out'}: 1 done, 0 failed")


def test_evaluate_by_commands_gives_what_one_process_gives(tmp_path):
    truth, judged = tmp_path / "truth", tmp_path / "judged"
    for n in range(2):
        mask = label_map()
        io.write(truth / f"c{n}.nii.gz", mask)
        io.write(judged / f"c{n}.nii.gz", mask.with_array(np.roll(mask.array, n + 1, axis=0)))
    given = {"names": NAMES, "structures": ["patella", "femur_left"], "patients": None}
    alone = condyle.evaluate(judged, truth, out=tmp_path / "alone.csv", processes=1, **given)
    result = condyle.evaluate(judged, truth, out=tmp_path / "jobs.csv", jobs=LOCAL, **given)
    assert (tmp_path / "jobs.csv").read_text() == (tmp_path / "alone.csv").read_text()
    assert result.to_json()["summary"] == alone.to_json()["summary"]
    assert not (tmp_path / "jobs.csv.cases").exists()
    with pytest.raises(ConfigError, match="a CSV file to write"):
        condyle.evaluate(judged, truth, jobs=LOCAL)


def test_a_cohort_behind_an_address_goes_to_another(tmp_path):
    scans(tmp_path / "in", 1)
    words = ("fill", f"file://{tmp_path}/in", "-o", f"file://{tmp_path}/out", "--run-on", "local", "--workers", 1)
    refused = command(*words)
    assert "results at file://" in refused.communicate()[1]
    assert refused.returncode == 2
    run = command(*words, "--manifest", tmp_path / "m", "--json")
    told = json.loads(run.communicate()[0])
    assert told["masks"] == {"c00": f"file://{tmp_path}/out/c00.nii.gz"}
    assert io.read_labels(tmp_path / "out" / "c00.nii.gz").array.any()
    assert counts(tmp_path / "m")["done"] == 1


def test_a_cohort_is_the_files_of_known_formats_the_zips_and_the_folders(tmp_path):
    for name in ("a.nii.gz", "b.nrrd", "c.zip", "notes.txt", ".hidden.nii"):
        (tmp_path / name).touch()
    (tmp_path / "d").mkdir()
    assert {id_: p.name for id_, p in cases_at(tmp_path).items()} == {
        "a": "a.nii.gz", "b": "b.nrrd", "c": "c.zip", "d": "d",
    }  # fmt: skip
    memory = fsspec.filesystem("memory")
    memory.pipe({"/cohort/a.nii.gz": b"", "/cohort/d/1.dcm": b"", "/cohort/notes.txt": b""})
    assert set(cases_at(Path("memory://cohort"))) == {"a", "d"}
    memory.rm("/cohort", recursive=True)
    (tmp_path / "a.mha").touch()
    with pytest.raises(DataError, match="one scan of each case"):
        cases_at(tmp_path)
    with pytest.raises(DataError, match="no folder of that name"):
        cases_at(tmp_path / "none")
    with pytest.raises(DataError, match="scans in it"):
        cases_at(tmp_path / "d")


def test_segmenting_as_a_cohort_gives_what_one_process_gives(tmp_path):
    models.save(pointwise_model(), tmp_path / "model")
    for n in range(2):
        io.write(tmp_path / "scans" / f"case_{n}.nii.gz", knee_scan((12, 10, 8 + n)))
    here = condyle.segment(tmp_path / "model", [tmp_path / "scans"], out=tmp_path / "here")
    jobs = JobSettings(run_on="local", workers=1, threads=1)
    there = condyle.segment(tmp_path / "model", [tmp_path / "scans"], out=tmp_path / "there", jobs=jobs)
    assert there.volumes_ml == here.volumes_ml
    for id_, mask in here.masks.items():
        assert np.array_equal(io.read_labels(there.masks[id_]).array, io.read_labels(mask).array)
    again = condyle.segment(tmp_path / "model", [tmp_path / "scans"], out=tmp_path / "there", jobs=jobs)
    assert again.skipped == ("case_0", "case_1")
