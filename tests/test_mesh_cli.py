from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import trimesh

from condyle.errors import ConfigError, DataError
from condyle.io import write, write_segments
from condyle.labels import Labels
from condyle.meshes.bodies import MeshSettings
from condyle.space import Volume
from condyle.workflow.mesh import mesh
from condyle.workflow.shared.naming import read_table
from solids import ball, drawn, grid_around

BALLS = drawn(grid_around(16, (1.0, 1.0, 1.0)), ball((-8, 0, 0), 6), ball((8, 2, 1), 5))


@pytest.fixture
def mask(tmp_path: Path) -> Path:
    write(tmp_path / "mask.nii.gz", BALLS)
    return tmp_path / "mask.nii.gz"


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "condyle", "mesh", *map(str, arguments)], capture_output=True, text=True, check=False
    )


def test_a_mask_becomes_a_folder_of_meshes_and_passports(mask, tmp_path):
    out = tmp_path / "out"
    shown = run(mask, "-o", out, "--name", "femur_left=1", "--name", "femur_right=2", "--scene", "3mf", "--json")
    assert shown.returncode == 0, shown.stderr
    told = json.loads(shown.stdout)
    assert sorted(p.name for p in out.iterdir()) == ["femur_left.stl", "femur_right.stl", "passports.json", "scene.3mf"]
    assert told["files"] == ["femur_left.stl", "femur_right.stl", "scene.3mf"]
    stored = json.loads((out / "passports.json").read_text())
    assert stored["sound"] is True
    assert stored["structures"] == told["structures"]
    left = stored["structures"][0]
    assert left["source_sha256"] == hashlib.sha256(mask.read_bytes()).hexdigest()
    assert left["checks"]["side"] is True
    assert trimesh.load(out / "femur_left.stl").volume / 1000 == pytest.approx(left["volume_ml"], rel=1e-3)


def test_a_failed_check_is_named_and_exits_1(mask, tmp_path):
    shown = run(mask, "-o", tmp_path / "out", "--bed", "11", "11", "11")
    assert shown.returncode == 1
    assert "label_1: FAILED bed" in shown.stdout
    assert "label_2: sound" in shown.stdout
    assert json.loads((tmp_path / "out" / "passports.json").read_text())["sound"] is False


def test_no_folder_and_a_bad_mask_exit_2_and_leave_nothing(mask, tmp_path):
    assert run(mask).returncode == 2
    bad = tmp_path / "bad.nii.gz"
    bad.write_bytes(b"no scan")
    assert run(bad, "-o", tmp_path / "out").returncode == 2
    assert not (tmp_path / "out").exists()


def test_swapped_sides_are_found_out(mask, tmp_path):
    made = mesh(mask, out=tmp_path / "out", names={"femur_right": 1, "femur_left": 2})
    assert made.exit_code == 1
    assert all(p.failed == ("side",) for p in made.passports)
    assert mesh(mask, out=tmp_path / "one", names={"femur_right": 1, "patella_left": 2}).exit_code == 0


def test_the_same_mask_gives_the_same_bytes(mask, tmp_path):
    one, two = (mesh(mask, out=tmp_path / n, formats=["stl", "glb", "3mf", "obj", "ply"]) for n in ("a", "b"))
    assert one.files == two.files
    for name in (*one.files, "passports.json"):
        assert (one.out / name).read_bytes() == (two.out / name).read_bytes()


def test_names_come_from_a_seg_nrrd_or_a_table(tmp_path):
    segments = tmp_path / "mask.seg.nrrd"
    write_segments(segments, BALLS, Labels.of({"hip left": 1, "Hip Left": 2}))
    # Two names that a file system may take for one.
    assert mesh(segments, out=tmp_path / "a").files == ("Hip_Left_2.stl", "hip_left.stl")
    table = tmp_path / "names.json"
    table.write_text('{"background": 0, "scene": 1, "tibia": 2}')
    assert mesh(segments, out=tmp_path / "b", table=table).files == ("scene_2.stl", "tibia.stl")


def test_every_kind_of_table_is_read(tmp_path):
    labels = Labels.of({"femur": 1, "hip": 2})
    for content in (
        labels.to_json(),
        {"labels": labels.to_json(), "name": "x"},
        {"labels": {"background": 0, "femur": 1, "hip": 2}},
        {"femur": 1, "hip": 2},
    ):
        path = tmp_path / "table.json"
        path.write_text(json.dumps(content))
        assert read_table(path).names == ("femur", "hip")
    for text in ("[1, 2]", "{", '{"femur": "one"}', '{"femur": 1, "hip": 1}'):
        path.write_text(text)
        with pytest.raises(DataError):
            read_table(path)


def test_a_mask_of_nothing_and_senseless_options_are_refused(mask, tmp_path):
    write(tmp_path / "empty.nii.gz", Volume.of(np.zeros((4, 4, 4), np.uint8), np.eye(4)))
    with pytest.raises(DataError, match="background"):
        mesh(tmp_path / "empty.nii.gz", out=tmp_path / "out")
    with pytest.raises(ConfigError, match="format"):
        mesh(mask, out=tmp_path / "out", formats=["doc"])
    with pytest.raises(ConfigError, match="one of them"):
        mesh(mask, out=tmp_path / "out", names={"a": 1}, table=tmp_path / "t.json")
    mesh(mask, out=tmp_path / "out", formats=["none"], settings=MeshSettings(triangles=500))
    with pytest.raises(DataError, match="overwrite"):
        mesh(mask, out=tmp_path / "out")


def test_a_noisy_mask_is_written_but_not_called_sound(tmp_path):
    rng = np.random.default_rng(0)
    write(tmp_path / "noise.nii.gz", Volume.of((rng.random((24, 24, 24)) < 0.5).astype(np.uint8), np.eye(4)))
    made = mesh(tmp_path / "noise.nii.gz", out=tmp_path / "out")
    assert made.exit_code == 1
    assert "volume" in made.passports[0].failed
