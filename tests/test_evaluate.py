"""`condyle evaluate`: files, folders, datasets; what pairs, what does not, and what is told of it."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from condyle import io
from condyle.cli.app import make_app
from condyle.data.case import labels_path
from condyle.errors import ConfigError, DataError
from condyle.io import write_segments
from condyle.labels import Labels
from condyle.metrics.compare import MetricSettings
from condyle.reports.moved import moved
from condyle.space import Volume
from condyle.workflow.evaluate import evaluate
from condyle.workflow.evaluation.pairs import find_pairs
from condyle.workflow.evaluation.scoring import Request
from condyle.workflow.evaluation.viewed import case_masks
from condyle.workflow.fill import fill
from datasets import GRID, LABELS, ball, label_map, small_dataset

NAMES = {s.name: s.id for s in LABELS.structures}


def smaller(volume: Volume) -> Volume:
    """Another label map: the left femur smaller, the patella missed."""
    array = np.where(volume.array == NAMES["patella"], 0, volume.array)
    array[(array == NAMES["femur_left"]) & ~ball(GRID, (17, 10, 8), 3.2)] = 0
    return volume.with_array(array)


def folders(tmp_path: Path, ids: tuple[str, ...] = ("a", "b")) -> tuple[Path, Path]:
    prediction, reference = tmp_path / "prediction", tmp_path / "reference"
    for id_ in ids:
        io.write(prediction / f"{id_}.nii.gz", smaller(label_map()))
        io.write(reference / f"{id_}.nii.gz", label_map())
    return prediction, reference


def parts(folder: Path, volume: Volume, names: tuple[str, ...]) -> None:
    for name in names:
        io.write(folder / f"{name}.nii.gz", volume.with_array((volume.array == NAMES[name]).astype(np.uint8)))


def test_two_files_are_scored_by_structure(tmp_path: Path):
    prediction, reference = folders(tmp_path)
    result = evaluate(prediction / "a.nii.gz", reference / "a.nii.gz", names=NAMES)
    scores = result.to_json()["cases"]["a"]
    assert scores["femur_left"]["status"] == "both"
    assert 0 < scores["femur_left"]["assd_mm"] < 2
    assert (scores["femur_right"]["dice"], scores["femur_right"]["assd_mm"]) == (1, 0)
    assert (scores["patella"]["status"], scores["patella"]["dice"], scores["patella"]["hd95_mm"]) == ("missed", 0, None)
    assert result.exit_code == 0


def test_folders_pair_by_case_whatever_the_format(tmp_path: Path):
    prediction, reference = folders(tmp_path, ("a",))
    io.write(prediction / "b_seg.nii.gz", smaller(label_map()))
    io.write(reference / "b.mha", label_map())
    result = evaluate(prediction, reference, names=NAMES, processes=1)
    assert [case.id for case in result.cases] == ["a", "b"]
    assert result.exit_code == 0


def test_files_without_a_partner_are_listed_and_the_exit_code_is_1(tmp_path: Path):
    prediction, reference = folders(tmp_path, ("a",))
    io.write(prediction / "only_here.nii.gz", label_map())
    io.write(reference / "only_there.nii.gz", label_map())
    result = evaluate(prediction, reference, names=NAMES)
    assert result.exit_code == 1
    assert [line.split(":")[0] for line in result.unmatched] == ["only_here", "only_there"]
    assert "only_here" in str(result)


def test_processes_side_by_side_give_the_same_scores(tmp_path: Path):
    prediction, reference = folders(tmp_path, ("a", "b", "c"))
    one = evaluate(prediction, reference, names=NAMES, processes=1)
    two = evaluate(prediction, reference, names=NAMES, processes=2)
    assert one.to_json() == two.to_json()


def test_a_case_that_cannot_be_compared_does_not_stop_the_others(tmp_path: Path):
    prediction, reference = folders(tmp_path, ("a", "b", "c"))
    moved = GRID.affine.copy()
    moved[0, 3] += 50
    io.write(prediction / "b.nii.gz", Volume.of(label_map().array, moved), overwrite=True)
    for processes in (1, 2):
        result = evaluate(prediction, reference, names=NAMES, processes=processes)
        assert [case.id for case in result.cases] == ["a", "c"]
        assert "origin" in result.failed["b"]
        assert "b.nii.gz" in result.failed["b"]
        assert result.exit_code == 1
    with pytest.raises(DataError, match="origin"):
        evaluate(prediction / "b.nii.gz", reference / "b.nii.gz", names=NAMES)


def test_one_file_a_structure_is_read_as_totalsegmentator_writes_it(tmp_path: Path):
    names = ("femur_left", "femur_right", "patella")
    for case in ("s1", "s2"):
        parts(tmp_path / "prediction" / case, smaller(label_map()), names)
        parts(tmp_path / "reference" / case / "segmentations", label_map(), names)
    result = evaluate(tmp_path / "prediction", tmp_path / "reference", processes=1)
    assert result.structures == names
    assert result.status_counts("patella") == {"both": 0, "missed": 2, "false_alarm": 0, "absent": 0}
    assert result.exit_code == 0
    # A structure whose file is not there is missed, and said to be.
    (tmp_path / "prediction" / "s1" / "femur_left.nii.gz").unlink()
    result = evaluate(tmp_path / "prediction", tmp_path / "reference", processes=1)
    assert result.status_counts("femur_left")["missed"] == 1
    assert result.exit_code == 1


def test_files_of_structures_are_judged_by_a_label_map_whose_ids_have_names(tmp_path: Path):
    parts(tmp_path / "prediction" / "a", label_map(), ("femur_left", "femur_right"))
    io.write(tmp_path / "reference" / "a.nii.gz", label_map())
    result = evaluate(tmp_path / "prediction", tmp_path / "reference", names=NAMES)
    assert result.cases[0].table["femur_right"].dice == 1
    with pytest.raises(DataError, match="names for its ids"):
        evaluate(tmp_path / "prediction", tmp_path / "reference")


def test_an_nnunet_folder_names_its_labels_and_its_other_files_are_left_alone(tmp_path: Path):
    prediction, reference = folders(tmp_path)
    labels = {"background": 0, **NAMES, "femora": [1, 2]}
    (prediction / "dataset.json").write_text(json.dumps({"channel_names": {"0": "CT"}, "labels": labels}))
    (prediction / "plans.json").write_text("{}")
    (prediction / "a.pkl").write_bytes(b"")
    (prediction / "a.npz").write_bytes(b"")
    result = evaluate(prediction, reference, processes=1)
    assert result.structures == (*NAMES, "femora")
    assert result.exit_code == 0


def test_slicer_segments_are_matched_by_name_where_their_ids_differ(tmp_path: Path):
    other = {"patella": 1, "femur_left": 2, "femur_right": 3}
    swapped = np.zeros_like(label_map().array)
    for name, id_ in other.items():
        swapped[label_map().array == NAMES[name]] = id_
    write_segments(tmp_path / "p.seg.nrrd", label_map().with_array(swapped), Labels.of(other))
    write_segments(tmp_path / "r.seg.nrrd", label_map(), LABELS)
    result = evaluate(tmp_path / "p.seg.nrrd", tmp_path / "r.seg.nrrd")
    assert [row.dice for row in result.cases[0].table] == [1, 1, 1]


#: What a reference may hold: two structures, one region of both, and voxels that nobody labelled.
PARTIAL = Labels.of({"femur": 1, "tibia": 2}, ignore=3, regions={"bone": (1, 2)})


def partial_maps(tmp_path: Path) -> tuple[Path, np.ndarray]:
    """A reference of which the upper end is not labelled, its table beside it, and a prediction that reaches there."""
    reference, prediction = (np.zeros((30, 30, 30), np.uint8) for _ in range(2))
    reference[5:15, 5:15, 5:15], reference[18:25, 18:25, 18:25], reference[..., 26:] = 1, 2, 3
    prediction[5:15, 5:15, 5:14], prediction[18:24, 18:25, 18:25], prediction[2:10, 2:10, 26:] = 1, 2, 1
    folder = tmp_path / "reference"
    io.write(folder / "c1.nii.gz", Volume.of(reference, np.eye(4)))
    (folder / "dataset.json").write_text(json.dumps({"labels": PARTIAL.to_json()}))
    return folder, prediction


def in_every_form(folder: Path, prediction: np.ndarray) -> dict[str, Path]:
    """A prediction as a label map, as segments with ids of their own, with one more, and as files."""
    whole, swapped = Volume.of(prediction, np.eye(4)), np.array([0, 2, 1], np.uint8)[prediction]
    io.write(folder / "map/c1.nii.gz", whole)
    more = swapped.copy()
    more[27:29, 2:5, 2:5] = 3
    for name, array, ids in (
        ("segments", swapped, {"tibia": 1, "femur": 2}),
        ("more", more, {"tibia": 1, "femur": 2, "patella": 3}),
    ):
        (folder / name).mkdir()
        write_segments(folder / name / "c1.seg.nrrd", whole.with_array(array), Labels.of(ids))
    for name, id_ in (("femur", 1), ("tibia", 2)):
        io.write(folder / f"files/c1/{name}.nii.gz", whole.with_array((prediction == id_).astype(np.uint8)))
    return {name: folder / name for name in ("map", "segments", "more", "files")}


def test_a_prediction_in_any_form_is_scored_alike_with_regions_and_what_nobody_labelled(tmp_path: Path):
    reference, prediction = partial_maps(tmp_path)
    found = {
        form: evaluate(folder, reference, processes=1).cases[0].table
        for form, folder in in_every_form(tmp_path, prediction).items()
    }
    expected = found["map"].to_json()
    assert list(expected) == ["femur", "tibia", "bone"]
    assert found["map"]["femur"].precision == 1  # what it says of voxels that nobody labelled does not count
    for form in ("segments", "files"):
        assert found[form].to_json() == expected, form
    extra = found["more"].to_json()
    # A segment that only the prediction has gets an id that is neither a structure's nor the ignored one.
    assert (extra.pop("patella")["status"], extra) == ("false_alarm", expected)


def test_a_prediction_in_any_form_is_drawn_alike(tmp_path: Path):
    reference, prediction = partial_maps(tmp_path)
    drawn = {}
    for form, folder in in_every_form(tmp_path, prediction).items():
        (pair,) = find_pairs(folder, reference, None).cases
        request = Request(PARTIAL, (), None, False, MetricSettings())
        masks = case_masks(pair, None, None, request, ["femur", "tibia", "bone"])
        drawn[form] = [moved(s, masks.grid) for s in masks.structures]
    assert drawn["segments"] == drawn["files"] == drawn["more"] == drawn["map"]


def test_a_structure_without_a_file_on_one_side_is_missed_or_a_false_alarm(tmp_path: Path):
    reference, _ = partial_maps(tmp_path)
    whole = io.read_labels(reference / "c1.nii.gz")
    io.write(tmp_path / "prediction/c1/femur.nii.gz", whole.with_array((whole.array == 1).astype(np.uint8)))
    table = evaluate(tmp_path / "prediction", reference).cases[0].table
    assert [(row.structure, row.status) for row in table] == [("femur", "both"), ("tibia", "missed"), ("bone", "both")]
    assert 0 < table["bone"].sensitivity < 1
    (reference / "dataset.json").rename(tmp_path / "table.json")
    table = evaluate(reference, tmp_path / "prediction", table=tmp_path / "table.json").cases[0].table
    assert table["tibia"].status == "false_alarm"


def test_a_segment_by_the_name_of_a_region_is_refused(tmp_path: Path):
    reference, prediction = partial_maps(tmp_path)
    joined = Volume.of((prediction > 0).astype(np.uint8), np.eye(4))
    write_segments(tmp_path / "p.seg.nrrd", joined, Labels.of({"bone": 1}))
    with pytest.raises(DataError, match="bone, which the table joins"):
        evaluate(tmp_path / "p.seg.nrrd", reference / "c1.nii.gz", table=reference / "dataset.json")


def test_a_structure_that_some_case_lacks_is_absent_there_and_one_that_none_has_is_refused(tmp_path: Path):
    prediction, reference = folders(tmp_path)
    without = np.where(label_map().array == NAMES["patella"], 0, label_map().array)
    for folder in (prediction, reference):
        io.write(folder / "b.nii.gz", label_map().with_array(without), overwrite=True)
    wanted = f"label_{NAMES['patella']}"
    result = evaluate(prediction, reference, structures=(wanted,), processes=1)
    assert result.status_counts(wanted) == {"both": 0, "missed": 1, "false_alarm": 0, "absent": 1}
    assert result.cases[1].table[wanted].dice is None
    assert [row.structure for case in result.cases for row in case.table] == [wanted, wanted]
    with pytest.raises(ConfigError, match="label_77"):
        evaluate(prediction, reference, structures=(wanted, "label_77"), processes=1)
    parts(tmp_path / "p/a", label_map(), ("patella", "femur_left"))
    parts(tmp_path / "p/b", label_map(), ("femur_left",))
    result = evaluate(tmp_path / "p", tmp_path / "p", structures=("patella",), processes=1)
    assert [case.table["patella"].status for case in result.cases] == ["both", "absent"]


def test_label_sets_of_a_dataset_are_compared_with_their_patients(tmp_path: Path):
    dataset = small_dataset(tmp_path)
    for case in dataset.cases[:2]:
        io.write(dataset.path(labels_path("automatic", case.id)), smaller(label_map()))
        new = replace(case.with_label_set("automatic", labels_path("automatic", case.id)), group="p1")
        dataset = dataset.with_case(new)
    dataset.save()
    result = evaluate(tmp_path, label_sets=("automatic", "reference"), processes=1)
    assert [(case.id, case.group) for case in result.cases] == [("a", "p1"), ("b", "p1")]
    assert result.structures == LABELS.names
    assert result.unmatched == ("c: no label set automatic",)
    assert result.summary["femur_left"]["dice"].groups == 1


def test_the_prediction_is_remapped_before_it_is_judged(tmp_path: Path):
    prediction, reference = folders(tmp_path, ("a",))
    shifted = label_map().array.copy()
    shifted[shifted > 0] += 10
    io.write(prediction / "a.nii.gz", label_map().with_array(shifted), overwrite=True)
    result = evaluate(prediction, reference, names=NAMES, remap={11: 1, 12: 2, 14: 0})
    assert [row.dice for row in result.cases[0].table] == [1, 1, 0]


def test_a_subset_of_structures_is_scored_alone_and_a_wrong_name_refused(tmp_path: Path):
    prediction, reference = folders(tmp_path)
    result = evaluate(prediction, reference, names=NAMES, structures=("patella",), processes=1)
    assert result.structures == ("patella",)
    with pytest.raises(ConfigError, match=r"tibia.*--structure"):
        evaluate(prediction, reference, names=NAMES, structures=("tibia",), processes=1)


def test_the_table_shows_what_was_missed_beside_every_mean(tmp_path: Path):
    prediction, reference = folders(tmp_path)
    result = evaluate(prediction, reference, names=NAMES, settings=MetricSettings(limit_mm=25), processes=1)
    heading, *lines = str(result).splitlines()
    patella = next(line for line in lines if line.startswith("patella"))
    assert heading.split()[:3] == ["structure", "cases", "missed"]
    assert patella.split()[1:3] == ["2", "2"]
    assert "25.000" in patella
    assert result.summary["patella"]["assd_mm"].mean is None
    assert result.summary["patella"]["assd_penalised_mm"].mean == 25


def test_the_csv_has_one_row_for_each_case_and_structure(tmp_path: Path):
    prediction, reference = folders(tmp_path)
    out = tmp_path / "scores.csv"
    evaluate(prediction, reference, names=NAMES, out=out, processes=1)
    rows = list(csv.DictReader(out.read_text(encoding="utf-8").splitlines()))
    assert [(r["case"], r["structure"]) for r in rows] == [(c, s) for c in ("a", "b") for s in NAMES]
    missed = rows[2]
    assert (missed["status"], missed["dice"], missed["assd_mm"]) == ("missed", "0.0", "")
    assert evaluate(audit=out).suspects == ()
    with pytest.raises(DataError, match="one"):
        evaluate(prediction, reference, names=NAMES, out=out)


def test_patients_come_from_a_table_of_cases(tmp_path: Path):
    prediction, reference = folders(tmp_path)
    table = tmp_path / "patients.csv"
    table.write_text("a,p1\nb,p2\n")
    result = evaluate(prediction, reference, names=NAMES, patients=table, processes=1)
    assert [case.group for case in result.cases] == ["p1", "p2"]
    table.write_text("a,p1\n")
    with pytest.raises(DataError, match="none for b"):
        evaluate(prediction, reference, names=NAMES, patients=table)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("case,patient\na,\nb,p2\n", "line 2: .*the patient of case a"),
        ("a,p1\nb\n", "line 2"),
        ("a,p1\nb,p2\na,p3\n", "line 3: .*p1 and p3"),
        (f'a,"{"x" * 200_000}"\n', "CSV file of case and patient"),
    ],
)
def test_a_case_without_a_patient_or_with_two_is_refused_with_its_line(tmp_path: Path, text: str, why: str):
    prediction, reference = folders(tmp_path)
    table = tmp_path / "patients.csv"
    table.write_text(text)
    with pytest.raises(DataError, match=why):
        evaluate(prediction, reference, names=NAMES, patients=table)


def test_a_script_that_its_processes_would_run_anew_is_told_what_to_do(tmp_path: Path):
    folders(tmp_path)
    script = tmp_path / "script.py"
    work = "print(len(condyle.evaluate(Path('prediction'), Path('reference'), processes=2).cases))\n"
    for guard, said in (("", "if __name__"), ("if __name__ == '__main__': ", "2")):
        script.write_text(f"from pathlib import Path\nimport condyle\n{guard}{work}")
        done = subprocess.run([sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert said in (done.stdout if guard else done.stderr.splitlines()[-1])
        assert (done.returncode == 0) == bool(guard)


def test_an_old_table_is_audited_alone(tmp_path: Path):
    old = tmp_path / "old.csv"
    old.write_text("case,dice,msd\na,0.9,0.5\nb,0.0,0.0\n")
    result = evaluate(audit=old)
    assert result.exit_code == 1
    assert "line 3 (b)" in str(result)
    assert result.to_json()["audit"][0]["row"] == 3


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (lambda p: {}, ConfigError),
        (lambda p: {"prediction": p / "prediction"}, ConfigError),
        (lambda p: {"prediction": p / "prediction", "reference": p / "reference/a.nii.gz"}, ConfigError),
        (lambda p: {"prediction": p / "nothing", "reference": p / "reference"}, DataError),
        (lambda p: {"prediction": p / "prediction", "label_sets": ("a", "b")}, DataError),
        (lambda p: {"prediction": p / "empty", "reference": p / "reference"}, DataError),
        (lambda p: {"prediction": p / "other", "reference": p / "reference"}, DataError),
        (lambda p: {"prediction": p / "prediction", "reference": p / "reference", "processes": 0}, ConfigError),
    ],
)
def test_what_does_not_go_together_is_refused(tmp_path: Path, arguments: Callable[[Path], dict], error: type):
    folders(tmp_path)
    (tmp_path / "empty").mkdir()
    io.write(tmp_path / "other" / "z.nii.gz", label_map())
    with pytest.raises(error):
        evaluate(**arguments(tmp_path))


def test_the_command_line_prints_json_and_leaves_with_the_code(tmp_path: Path):
    prediction, reference = folders(tmp_path, ("a",))
    io.write(prediction / "extra.nii.gz", label_map())
    arguments = ["evaluate", str(prediction), str(reference), "--json", "--name", "femur_left=1"]
    shown = CliRunner().invoke(make_app("evaluate"), [*arguments, "--name", "femur_right=2", "--name", "patella=4"])
    assert shown.exit_code == 1
    assert json.loads(shown.stdout)["cases"]["a"]["femur_left"]["status"] == "both"


def test_a_fill_mask_of_a_real_scan_is_scored_against_its_labels(shared_data: Path, tmp_path: Path):
    folder = shared_data / "ct_abdomen_pelvis"
    table, filled = tmp_path / "table.json", tmp_path / "fill.nii.gz"
    table.write_text(json.dumps({"labels": {"background": 0, "femur_right": 1, "hip_right": 2, "bone": [1, 2]}}))
    fill(folder / "hip_right.nii.gz", out=filled)
    result = evaluate(filled, folder / "hip_right_labels.nii.gz", table=table)
    bone = result.cases[0].table["bone"]
    assert (bone.status, bone.cut) == ("both", True)
    assert bone.dice is not None
    assert 0.5 < bone.dice < 1
    assert bone.assd_mm is not None
    assert 0 < bone.assd_mm < bone.hd95_mm < bone.hd_mm
    assert result.cases[0].table["hip_right"].status == "missed"
