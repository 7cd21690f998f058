"""Cohorts: people with one or two scans, label sets that are known, and folders that a killed run leaves sound."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import numpy as np
import pytest

import condyle
from condyle.data import Dataset, load_image, load_labels
from condyle.errors import ConfigError, DataError
from condyle.io import read
from condyle.phantoms.cohort import SCANNERS, USUAL_SCANNER, Cohort, kind_named, scanner_named
from condyle.phantoms.subjects import KINDS

COARSE = (3.0, 3.0, 3.0)


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b))


def cohort(kind: str = "proximal_femur", count: int = 4, seed: int = 5) -> Cohort:
    return Cohort(KINDS[kind], SCANNERS[USUAL_SCANNER[kind]], count, seed, COARSE)


def test_a_donor_gives_two_femora_that_share_a_group():
    members = cohort(count=5).members
    assert [m.id for m in members] == ["p01_left", "p01_right", "p02_left", "p02_right", "p03_left"]
    assert [m.group for m in members] == ["p01", "p01", "p02", "p02", "p03"]
    assert [m.id for m in cohort("abdomen", 2).members] == ["p01", "p02"]


def test_any_member_can_be_made_alone_and_is_always_the_same():
    first, second = (cohort().make(cohort().members[1]) for _ in range(2))
    assert np.array_equal(first.image.array, second.image.array)
    assert first.measures == second.measures
    other = cohort(seed=6).make(cohort().members[1])
    assert other.measures != first.measures


def test_both_femora_of_a_donor_are_alike_but_not_equal():
    left, right, stranger = (cohort().make(cohort().members[n]).measures for n in (0, 1, 2))
    assert left["head_radius_mm"] != right["head_radius_mm"]
    assert left["head_radius_mm"] == pytest.approx(right["head_radius_mm"], abs=1.0)
    assert left["neck_shaft_angle_deg"] != stranger["neck_shaft_angle_deg"]


def test_a_hand_and_the_fill_rule_come_close_to_the_truth():
    made = Cohort(KINDS["proximal_femur"], SCANNERS["ct_bone"], 1, 5, (1.5, 1.5, 1.5))
    sets = {name: v.array > 0 for name, v in made.make(made.members[0]).label_sets.items()}
    assert 0.93 < dice(sets["manual"], sets["truth"]) < 0.999
    assert 0.93 < dice(sets["fill"], sets["truth"]) < 0.999


def test_the_verb_makes_a_sound_dataset(tmp_path):
    out = tmp_path / "femora"
    made = condyle.phantom("proximal_femur", out, count=2, seed=5, spacing=COARSE)
    assert made.made == ("p01_left", "p01_right")
    dataset = Dataset.open(out)
    assert dataset.label_sets == ("fill", "manual", "truth")
    assert {case.group for case in dataset.cases} == {"p01"}
    case = dataset["p01_left"]
    image, truth = load_image(dataset, case, "CT"), load_labels(dataset, case, "truth")
    assert truth.grid.matches(image.grid)
    assert np.median(image.array[truth.array > 0]) > np.median(image.array[truth.array == 0])
    assert condyle.check(out).ok
    measures = json.loads((out / "measures.json").read_text())
    assert 15 < measures["p01_left"]["head_radius_mm"] < 32


def test_a_second_run_keeps_what_is_there_and_adds_the_rest(tmp_path):
    out = tmp_path / "femora"
    condyle.phantom("proximal_femur", out, count=1, seed=5, spacing=COARSE)
    before = (out / "images/CT/p01_left.nii.gz").stat().st_mtime_ns
    made = condyle.phantom("proximal_femur", out, count=2, seed=5, spacing=COARSE)
    assert (made.already, made.made) == (("p01_left",), ("p01_right",))
    assert (out / "images/CT/p01_left.nii.gz").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    "other", [{"seed": 99}, {"spacing": (4.0, 4.0, 4.0)}, {"scanner": "ct_low_dose"}, {"metal": True}]
)
@pytest.mark.parametrize("form", ["dataset", "dicom"])
def test_both_sides_of_a_person_are_made_with_the_same_settings(other, form, tmp_path):
    settings = {"seed": 3, "spacing": (6.0, 6.0, 6.0), "form": form}
    condyle.phantom("proximal_femur", tmp_path / "one", count=1, **settings)
    with pytest.raises(ConfigError, match=next(iter(other))):
        condyle.phantom("proximal_femur", tmp_path / "one", count=2, **(settings | other))
    made = condyle.phantom("proximal_femur", tmp_path / "one", count=2, **settings)
    assert made.made == ("p01_right",)


@pytest.mark.parametrize("form", ["dataset", "dicom"])
def test_scans_of_somebody_else_are_not_added_to(form, tmp_path):
    settings = {"seed": 3, "spacing": (6.0, 6.0, 6.0), "form": form}
    condyle.phantom("proximal_femur", tmp_path / "one", count=1, **settings)
    (tmp_path / "one/phantom.json").unlink()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ConfigError, match="a folder of phantoms, or a new one"):
        condyle.phantom("proximal_femur", tmp_path / "one", count=2, **settings)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("wrong", [{"seed": -1}, {"spacing": (float("nan"), 1.0, 1.0)}, {"spacing": (np.inf, 1, 1)}])
def test_settings_that_make_no_sense_are_refused(wrong, tmp_path):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        condyle.phantom("proximal_femur", tmp_path / "one", count=1, **wrong)
    assert not (tmp_path / "one").exists()


def test_a_killed_run_goes_on(tmp_path):
    out = tmp_path / "femora"
    command = [sys.executable, "-m", "condyle", "phantom", "proximal_femur", str(out)]
    command += ["--count", "3", "--seed", "5", "--spacing", "3", "3", "3"]
    with subprocess.Popen(command) as run:
        deadline = time.monotonic() + 60
        while not (out / "images/CT/p01_left.nii.gz").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        run.kill()
    assert subprocess.run(command, check=False, capture_output=True).returncode == 0
    assert [case.id for case in Dataset.open(out).cases] == ["p01_left", "p01_right", "p02_left"]
    assert condyle.check(out).ok
    assert not list(out.rglob(".condyle-*"))


def test_as_dicom_the_scan_and_its_truth_lie_on_one_grid(tmp_path):
    out = tmp_path / "scans"
    condyle.phantom("proximal_femur", out, count=1, seed=5, form="dicom", spacing=COARSE)
    scan, truth = read(out / "dicom/p01_left"), read(out / "truth/p01_left.nii.gz")
    places = truth.grid.to_world(np.argwhere(truth.array > 0))
    assert np.median(scan.value_at(places)) > 200
    assert condyle.phantom("proximal_femur", out, count=1, seed=5, form="dicom", spacing=COARSE).already == (
        "p01_left",
    )


def test_a_whole_lower_body_from_given_surfaces(shared_data):
    skeleton = Cohort(kind_named("skeleton", shared_data / "shapes"), SCANNERS["ct"], 1, 1, (6.0, 6.0, 6.0))
    made = skeleton.make(skeleton.members[0])
    truth = made.label_sets["truth"]
    by_name = {s.name: truth.grid.to_world(np.argwhere(truth.array == s.id)) for s in skeleton.labels.structures}
    assert by_name["femur_left"][:, 0].mean() < by_name["femur_right"][:, 0].mean()
    assert by_name["femur_left"][:, 2].mean() < by_name["hip_left"][:, 2].mean()
    assert made.image.array[truth.array == skeleton.labels["femur_left"].id].mean() > 100


@pytest.mark.parametrize(
    "options",
    [
        {"kind": "proximal_femur", "count": 0},
        {"kind": "proximal_femur", "spacing": (1, 0, 1)},
        {"kind": "skeleton"},
        {"kind": "knee", "shapes": "somewhere"},
    ],
)
def test_requests_that_make_no_sense_are_refused_and_leave_nothing(options, tmp_path):
    with pytest.raises(ConfigError):
        condyle.phantom(out=tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_names_that_are_none_are_told_the_choices():
    with pytest.raises(ConfigError, match="proximal_femur"):
        kind_named("skull", None)
    with pytest.raises(ConfigError, match="ct_bone"):
        scanner_named("pet")


def test_a_dataset_of_something_else_is_not_added_to(tmp_path):
    condyle.phantom("proximal_femur", tmp_path / "d", count=1, spacing=COARSE)
    with pytest.raises(ConfigError, match="liver"):
        condyle.phantom("abdomen", tmp_path / "d", count=1)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("")
    with pytest.raises(DataError):
        condyle.phantom("proximal_femur", tmp_path / "other", count=1, spacing=COARSE)


def test_metal_lies_in_the_shaft_and_leaves_streaks():
    plain = Cohort(KINDS["thighs"], SCANNERS["ct"], 1, 5, (3.0, 3.0, 8.0))
    with_metal = Cohort(plain.kind, plain.scanner, 1, 5, plain.spacing_mm, metal=True)
    before, after = (cohort.make(cohort.members[0]) for cohort in (plain, with_metal))
    metal = after.image.array > 2800
    assert np.count_nonzero(metal) > 50
    assert (after.label_sets["truth"].array[metal] > 0).mean() > 0.95
    slices = metal.any(axis=(0, 1))
    muscle = (before.image.array > 0) & (before.image.array < 120) & ~metal
    assert after.image.array[..., slices][muscle[..., slices]].std() > before.image.array[muscle].std()


def test_a_subject_without_a_femur_takes_no_nail():
    trunk = Cohort(KINDS["abdomen"], SCANNERS["ct"], 1, 5, (8.0, 8.0, 8.0), metal=True)
    with pytest.raises(ConfigError, match="metal"):
        trunk.make(trunk.members[0])
