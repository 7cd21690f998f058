"""Bodies out of people's own label maps: bones as they were drawn, pictures of any contrast."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import condyle
from condyle import io
from condyle.cli.app import make_app
from condyle.data import Case, Dataset
from condyle.data.case import image_path, labels_path
from condyle.errors import ConfigError, DataError
from condyle.io import read, read_labels
from condyle.labels import Labels
from condyle.phantoms.synthetic.anatomy import LABELS, REACH_MM
from condyle.phantoms.synthetic.labelled import Labelled, labelled_map
from condyle.phantoms.synthetic.stored import MAPS, stored_maps
from condyle.phantoms.tissue import CODES
from condyle.recipe import RECIPES
from condyle.space import Grid, Volume, reorient

NAMES = Labels.of({"femur_left": 3, "femur_right": 1, "liver": 2})
GRID = Grid((70, 60, 50), np.diag([1.5, 1.5, 2.0, 1.0]))
RADIUS_MM = 14.0
#: RAS mm: the right one at larger x.
CENTRES = {"femur_left": (30.0, 45.0, 50.0), "femur_right": (75.0, 45.0, 50.0)}
#: A bone that nobody labelled.
OTHER = (52.0, 70.0, 50.0)


def ball(center: tuple[float, float, float], radius_mm: float) -> np.ndarray:
    places = GRID.to_world(np.stack(np.indices(GRID.shape), -1).reshape(-1, 3)).reshape(*GRID.shape, 3)
    return np.linalg.norm(places - np.array(center), axis=-1) < radius_mm


def person(*, is_ct: bool = True, stored_as: str = "LPS") -> Labelled:
    """Two femora that are balls, and a bone of which only the wall is dense, in a block of flesh with fat below."""
    hu = np.full(GRID.shape, -1000.0 if is_ct else 0.0)
    hu[4:-4, 4:-4] = 50 if is_ct else 300
    hu[4:-4, 4:15] = -100 if is_ct else 900
    labels = np.zeros(GRID.shape, np.uint8)
    for name, centre in CENTRES.items():
        inside = ball(centre, RADIUS_MM)
        hu[inside], labels[inside] = 400, NAMES[name].id
    hu[ball(OTHER, 9)] = 900 if is_ct else 300
    hu[ball(OTHER, 6)] = 100 if is_ct else 300
    labels[50:60, 20:30, 5:8] = NAMES["liver"].id
    volumes = (Volume(hu.astype(np.int16), GRID), Volume(labels, GRID))
    scan, truth = (reorient(volume, stored_as) for volume in volumes)
    return Labelled(scan, truth, NAMES)


def bone_of(planes: np.ndarray) -> np.ndarray:
    return np.where(planes[2] < 128, planes[1] & 15, 0)


@pytest.mark.parametrize("stored_as", ["RAS", "LPS", "SAL"])
def test_bones_keep_their_size_place_and_side(stored_as: str) -> None:
    made = labelled_map(person(stored_as=stored_as), 2.0)
    bones = bone_of(made.planes)
    for name, centre in CENTRES.items():
        own = bones == LABELS[name].id
        assert own.sum() * 8 == pytest.approx(4 / 3 * np.pi * RADIUS_MM**3, rel=0.04)
        # The map's first voxel begins where the scan's does.
        low = GRID.to_world(np.zeros(3)) - np.array(GRID.spacing_mm) / 2 + 1
        assert np.argwhere(own).mean(0) * 2 == pytest.approx(np.array(centre) - low, abs=0.5)


def test_distances_are_true_in_mm_and_walls_are_there() -> None:
    made = labelled_map(person(), 2.0)
    centre = np.array(CENTRES["femur_left"]) + np.array(GRID.spacing_mm) / 2 - 1
    for off_mm in (-8.0, -4.0, 0.0, 4.0, 8.0):
        i, j, k = np.rint((centre - np.array([RADIUS_MM + off_mm, 0, 0])) / 2).astype(int)
        true_mm = float(np.linalg.norm(np.array([i, j, k]) * 2 - centre)) - RADIUS_MM
        assert (made.planes[2][i, j, k] - 128.0) * REACH_MM / 127 == pytest.approx(true_mm, abs=0.7)
        assert made.planes[1][i, j, k] >> 4


def test_what_lies_around_is_as_the_scan_shows_it() -> None:
    made = labelled_map(person(), 2.0)
    tissue, bones = made.planes[0], bone_of(made.planes)
    assert tissue[0, 0, 0] == CODES["air"]
    assert tissue[26, 8, 25] == CODES["fat"]
    assert tissue[26, 25, 10] == CODES["muscle"]
    other = bones == LABELS["other_bone"].id
    assert other.sum() * 8 == pytest.approx(4 / 3 * np.pi * 9**3, rel=0.25)  # all of it, not its wall alone
    in_mr = labelled_map(person(is_ct=False), 2.0)
    assert LABELS["other_bone"].id not in bone_of(in_mr.planes)
    assert in_mr.planes[0][26, 8, 25] == CODES["fat"]
    assert (bone_of(in_mr.planes) == LABELS["femur_left"].id).any()


def people(folder: Path) -> Path:
    """A dataset of two scans of one person and one of another, with label sets `manual` and, of one, `late`."""
    dataset = Dataset(folder, "own", ("CT",), NAMES)
    one = person()
    for id_, group in (("a", "p1"), ("b", "p1"), ("c", "p2")):
        case = Case(id_, group, {"CT": image_path("CT", id_)})
        io.write(folder / case.images["CT"], one.scan)
        for name in ("manual", "late")[: 2 if id_ == "a" else 1]:
            io.write(folder / labels_path(name, id_), one.labels)
            case = case.with_label_set(name, labels_path(name, id_))
        dataset = dataset.with_case(case)
    dataset.save()
    return folder


def test_a_model_learns_from_ones_own_label_maps(tmp_path: Path) -> None:
    own = people(tmp_path / "own")
    words = ["phantom", "synthetic", str(tmp_path / "bodies"), "--people", str(own), "--label-set", "manual"]
    shown = CliRunner().invoke(make_app("phantom"), words)
    assert shown.exit_code == 0, shown.output
    assert "3 scans made" in shown.stdout
    bodies = Dataset.open(tmp_path / "bodies")
    assert {case.id: case.group for case in bodies.cases} == {"a": "p1", "b": "p1", "c": "p2"}
    assert bodies.labels == LABELS
    recipe = replace(
        RECIPES["synthetic"], patch=(32, 32, 32), features=8, epochs=1, iterations=2, val_iterations=1, average=0.0
    )
    trained = condyle.train(tmp_path / "bodies", out=tmp_path / "model", recipe=recipe, fold="all")
    assert trained.folds["all"].steps == 2
    again = condyle.phantom("synthetic", tmp_path / "bodies", people=own, label_set="manual", count=2)
    assert again.already == ("a", "b")
    with pytest.raises(ConfigError, match="label_set"):
        condyle.phantom("synthetic", tmp_path / "bodies", people=own, label_set="late")


def test_what_cannot_be_drawn_is_told(tmp_path: Path) -> None:
    own = people(tmp_path / "own")
    with pytest.raises(ConfigError, match="one of late, manual"):
        condyle.phantom("synthetic", tmp_path / "out", people=own)
    with pytest.raises(ConfigError, match="the kind synthetic"):
        condyle.phantom("knee", tmp_path / "out", people=own)
    with pytest.raises(ConfigError, match="label_set: expected people"):
        condyle.phantom("synthetic", tmp_path / "out", label_set="manual")
    replace(Dataset.open(own), labels=Labels.of({"liver": 1, "spleen": 2, "pancreas": 3})).save()
    with pytest.raises(DataError, match=r"own/labels/manual/a.*femur_left.*--remap"):
        condyle.phantom("synthetic", tmp_path / "out", people=own, label_set="manual")


def test_a_real_hip_is_drawn_as_it_is(shared_data: Path) -> None:
    folder = shared_data / "ct_abdomen_pelvis"
    scan, labels = read(folder / "hip_right.nii.gz"), read_labels(folder / "hip_right_labels.nii.gz")
    made = labelled_map(Labelled(scan, labels, Labels.of({"femur_right": 1, "hip_right": 2})), 2.0)
    bones = bone_of(made.planes)
    for id_, name in ((1, "femur_right"), (2, "hip_right")):
        ml = (labels.array == id_).sum() * labels.grid.voxel_volume_mm3 / 1000
        assert (bones == LABELS[name].id).sum() * 8 / 1000 == pytest.approx(ml, rel=0.04)
    assert stored_maps(folder / MAPS) == {}
