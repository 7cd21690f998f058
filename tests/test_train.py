"""`condyle train`: from a dataset to a model that segments, stops and goes on, and refuses what makes no sense."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

import condyle
from condyle import io
from condyle.data import Case, Dataset
from condyle.data.case import image_path, labels_path
from condyle.data.lock import one_writer
from condyle.errors import CondyleError, ConfigError, DataError
from condyle.labels import Labels
from condyle.recipe import RECIPES, Recipe
from condyle.space import Grid, Volume
from datasets import LABELS, ball, scan, small_dataset
from killed import leftover

#: Seconds on a processor: a small network on the whole of a small scan.
TINY = replace(
    RECIPES["quick"], features=4, patch=(16, 16, 16), batch=2, epochs=2, iterations=4, val_iterations=1,
    precision="fp32", compiled=False,
)  # fmt: skip
RESNET = replace(TINY, network="resnet34", dim=2, patch=(16, 16), features=0)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Dataset:
    """Six scans of six patients, three structures, folds drawn."""
    folder = tmp_path_factory.mktemp("data") / "small"
    small_dataset(folder, tuple("abcdef"))
    condyle.folds(folder, count=3)
    return Dataset.open(folder)


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    """A model of one fold, its folder, and what training told."""
    out = tmp_path_factory.mktemp("trained") / "model"
    return out, condyle.train(data.folder, out=out, recipe=TINY)


def test_a_trained_fold_is_a_model_that_segments_on_the_scans_grid(trained, data):
    out, told = trained
    image = io.read(data.path(data["a"].images["CT"]))
    mask = condyle.load(out).segment(image)
    assert mask.grid.matches(image.grid)
    assert condyle.load(out).model.folds == ("0",)
    assert told.folds["0"].steps == TINY.epochs * TINY.iterations


def test_the_held_out_cases_and_no_others_are_segmented_and_scored(trained, data):
    out, told = trained
    held_out = {case for case, part in data.folds.parts.items() if part == 0}
    assert {p.name.removesuffix(".nii.gz") for p in (out / "validation").glob("*.nii.gz")} == held_out
    assert {case.id for case in told.scores.cases} == held_out
    assert not held_out & set(told.folds["0"].cases)
    assert (out / "training" / "fold_0" / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert (out / "validation" / "scores.csv").read_text().count("\n") == 1 + len(held_out) * len(LABELS.structures)


def test_a_model_tells_how_it_was_made(trained):
    out, told = trained
    model = condyle.load(out).model
    assert Recipe(**{k: tuple(v) if isinstance(v, list) else v for k, v in model.recipe.items()}) == TINY
    assert model.record["folds"]["0"]["cases"] == list(told.folds["0"].cases)
    assert set(model.record["validation"]) == set(LABELS.names)
    assert "femur_left" in (out / "card.md").read_text()


def test_the_same_command_has_nothing_left_to_do(trained, data):
    out, told = trained
    weights = (out / "fold_0.safetensors").read_bytes()
    again = condyle.train(data.folder, out=out, recipe=TINY)
    assert (out / "fold_0.safetensors").read_bytes() == weights
    assert again.folds["0"].steps == told.folds["0"].steps


def test_another_recipe_in_the_same_folder_is_refused_and_more_epochs_are_not(trained, data, tmp_path):
    out = tmp_path / "model"
    shutil.copytree(trained[0], out)
    with pytest.raises(ConfigError, match=r"rate 0\.5, begun with"):
        condyle.train(data.folder, out=out, recipe=replace(TINY, rate=0.5))
    longer = condyle.train(data.folder, out=out, recipe=replace(TINY, epochs=3))
    assert longer.folds["0"].steps == 3 * TINY.iterations


def test_masks_of_held_out_cases_are_made_anew_with_new_weights(trained, data, tmp_path):
    out = tmp_path / "model"
    shutil.copytree(trained[0], out)
    case = next(case for case, part in data.folds.parts.items() if part == 0)
    mask = out / "validation" / f"{case}.nii.gz"
    io.write(mask, scan(0).with_array(np.zeros((24, 20, 16), np.uint8)), overwrite=True)
    condyle.train(data.folder, out=out, recipe=TINY)
    assert not io.read_labels(mask).array.any()  # nothing was trained, so that what is there is kept
    condyle.train(data.folder, out=out, recipe=replace(TINY, epochs=3))
    image = io.read(data.path(data[case].images["CT"]))
    assert np.array_equal(io.read_labels(mask).array, condyle.load(out).segment(image).array)


def test_folds_trained_one_by_one_make_one_model_with_one_record(trained, data, tmp_path):
    out = tmp_path / "model"
    shutil.copytree(trained[0], out)
    told = condyle.train(data.folder, out=out, recipe=TINY, fold="1")
    model = condyle.load(out).model
    assert set(told.folds) == {"1"}
    assert model.folds == ("0", "1")
    assert set(model.record["folds"]) == {"0", "1"}
    assert {case.id for case in told.scores.cases} == {c for c, part in data.folds.parts.items() if part in {0, 1}}


def test_training_on_all_cases_keeps_the_scores_of_the_folds_that_are_there(trained, data, tmp_path):
    out = tmp_path / "model"
    shutil.copytree(trained[0], out)
    told = condyle.load(out).model.record["validation"]
    condyle.train(data.folder, out=out, recipe=replace(TINY, epochs=1), fold="all")
    assert condyle.load(out).model.record["validation"] == told
    assert set(told) == set(LABELS.names)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"network": "resenc-m"}, "network.* plain, as the model to start from"),
        ({"patch": (24, 24, 24)}, "patch.* 16,16,16, as the model"),
        ({"features": 8}, "features.* 4, as the model"),
        ({"spacing_mm": (9.0, 9.0, 9.0)}, "spacing_mm.* as the model"),
        ({"dim": 2, "patch": ()}, "dim.* 3, as the model"),
    ],
)
def test_settings_that_contradict_the_plan_of_the_start_are_refused(change, says, trained, data, tmp_path):
    with pytest.raises(ConfigError, match=says):
        condyle.train(data.folder, out=tmp_path / "model", recipe=replace(TINY, **change), start=trained[0])
    assert not (tmp_path / "model").exists()


def test_a_model_is_not_made_in_the_place_of_the_one_to_start_from(trained, data):
    model = trained[0]
    before = sorted(model.rglob("*"))
    with pytest.raises(ConfigError, match="another model"):
        condyle.train(data.folder, out=model, recipe=TINY, start=model, overwrite=True)
    assert sorted(model.rglob("*")) == before


def test_settings_that_are_the_starts_own_are_taken(trained, data, tmp_path):
    plan = condyle.load(trained[0]).model.plan
    axes = dict(zip(plan.axes, plan.spacing_mm, strict=True))
    recipe = replace(TINY, epochs=1, spacing_mm=tuple(axes[axis] for axis in (2, 1, 0)))
    condyle.train(data.folder, out=tmp_path / "model", recipe=recipe, start=trained[0])
    assert condyle.load(tmp_path / "model").model.plan.spacing_mm == plan.spacing_mm


def test_two_trainings_of_one_seed_are_equal_and_of_two_seeds_are_not(trained, data, tmp_path):
    for name, recipe in {"same": TINY, "other": replace(TINY, seed=1)}.items():
        condyle.train(data.folder, out=tmp_path / name, recipe=recipe)
    first = (trained[0] / "fold_0.safetensors").read_bytes()
    assert (tmp_path / "same" / "fold_0.safetensors").read_bytes() == first
    assert (tmp_path / "other" / "fold_0.safetensors").read_bytes() != first


def test_cross_validation_holds_every_case_out_once_and_chooses_cleanup(data, tmp_path):
    told = condyle.train(data.folder, out=tmp_path / "model", recipe=TINY, fold="cv")
    assert set(told.folds) == {"0", "1", "2"}
    assert [case.id for case in told.scores.cases] == [case.id for case in data.cases]
    assert condyle.load(tmp_path / "model").model.cleanup == told.cleanup


def test_all_cases_can_be_trained_on_with_nothing_held_out(data, tmp_path):
    told = condyle.train(data.folder, out=tmp_path / "model", recipe=replace(TINY, patience=3), fold="all")
    assert told.scores is None
    assert set(told.folds["all"].cases) == {case.id for case in data.cases}


def test_folds_are_drawn_by_patient_where_there_are_none_yet(tmp_path):
    small_dataset(tmp_path / "data", tuple("abcd"))
    condyle.train(tmp_path / "data", out=tmp_path / "model", recipe=TINY)
    assert Dataset.open(tmp_path / "data").folds.count == 4


def test_fine_tuning_takes_the_plan_and_weights_of_a_model_with_other_labels(trained, tmp_path):
    folder = tmp_path / "other"
    labels = Labels.of({"shell": 3})
    dataset = Dataset(folder, "other", ("CT",), labels)
    for seed, id_ in enumerate("ab"):
        image = scan(seed)
        truth = np.where(ball(image.grid, (12, 10, 8), 5), 3, 0).astype(np.uint8)
        case = Case(id_, id_, {"CT": image_path("CT", id_)}, {"reference": labels_path("reference", id_)})
        io.write(dataset.path(case.images["CT"]), image)
        io.write(dataset.path(case.label_sets["reference"]), Volume(truth, image.grid))
        dataset = dataset.with_case(case)
    dataset.save()
    condyle.train(folder, out=tmp_path / "model", recipe=replace(TINY, epochs=1), fold="all", start=trained[0])
    plan, before = condyle.load(tmp_path / "model").plan, condyle.load(trained[0]).plan
    assert plan.spacing_mm == before.spacing_mm
    assert plan.net == replace(before.net, out_channels=2)


def test_ctrl_c_saves_and_the_same_command_ends_the_training(data, tmp_path):
    out = tmp_path / "model"
    options = ["--recipe", "quick", "--features", "4", "--patch", "16,16,16", "--epochs", "40", "--iterations", "5"]
    options += ["--val-iterations", "1", "--precision", "fp32", "--no-compiled", "-o", str(out)]
    command = [sys.executable, "-m", "condyle", "train", str(data.folder), *options]
    table = out / "training" / "fold_0" / "history.csv"
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        end = time.monotonic() + 120
        while time.monotonic() < end and not (table.is_file() and table.read_text().count("\n") > 2):
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert (process.returncode, "the same command goes on" in said) == (130, True), said
    assert not (out / "fold_0.safetensors").exists()
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    epochs = [int(line.split(",")[0]) for line in table.read_text().splitlines()[1:]]
    assert epochs == list(range(1, 41))
    assert json.loads((out / "record.json").read_text())["folds"]["0"]["steps"] == 200


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"fold": "7"}, "0 to 2, cv or all"),
        ({"label_set": "best"}, "one of reference"),
        ({"recipe": RESNET, "imagenet": "nothing.pth"}, "no such file"),
        ({"imagenet": "nothing.pth"}, "the network resnet34"),
        ({"recipe": replace(TINY, freeze=("head",))}, "the start of a part's name"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_before_anything_is_trained(options, says, data, tmp_path):
    if "imagenet" in options:
        options = options | {"imagenet": tmp_path / options["imagenet"]}
    with pytest.raises(CondyleError, match=says):
        condyle.train(data.folder, **({"out": tmp_path / "model", "recipe": TINY} | options))
    assert not (tmp_path / "model" / "plan.json").exists()


def _broken(folder, change) -> Dataset:
    dataset = small_dataset(folder, tuple("abcd"))
    change(dataset)
    return dataset


def _nan(dataset):
    path = dataset.path(dataset["b"].images["CT"])
    volume = io.read(path)
    array = volume.array.astype(np.float32)
    array[3, 4, 5] = np.nan
    io.write(path, volume.with_array(array), overwrite=True)


def _unknown_id(dataset):
    path = dataset.path(dataset["b"].label_sets["reference"])
    volume = io.read_labels(path)
    volume.array[3, 4, 5] = 9
    io.write(path, volume, overwrite=True)


def _nothing_labelled(dataset):
    for case in dataset.cases:
        path = dataset.path(case.label_sets["reference"])
        volume = io.read_labels(path)
        io.write(path, volume.with_array(np.zeros_like(volume.array)), overwrite=True)


def _two_folds(dataset):
    condyle.folds(dataset.folder, count=2)
    path = dataset.folder / "dataset.json"
    content = json.loads(path.read_text())
    content["cases"][1]["group"] = content["cases"][0]["group"]
    parts = content["folds"]["parts"]
    parts["a"], parts["b"] = 0, 1
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_nan, r"b\.nii\.gz.*(?s:.)*(finite|NaN)"),
        (_unknown_id, r"b.*(?s:.)*9"),
        (_nothing_labelled, "(?i)foreground|structure|labelled"),
        (_two_folds, "group a.*(?s:.)*one part"),
    ],
)
def test_a_faulty_dataset_is_refused_and_the_case_named(change, says, tmp_path):
    dataset = _broken(tmp_path / "data", change)
    with pytest.raises(CondyleError, match=says):
        condyle.train(dataset.folder, out=tmp_path / "model", recipe=TINY)
    assert not (tmp_path / "model" / "plan.json").exists()


def test_a_dataset_of_one_patient_has_no_folds_but_can_be_learned_as_a_whole(tmp_path):
    small_dataset(tmp_path / "data", ("a",))
    with pytest.raises(ConfigError, match="groups"):
        condyle.train(tmp_path / "data", out=tmp_path / "model", recipe=TINY)
    told = condyle.train(tmp_path / "data", out=tmp_path / "model", recipe=TINY, fold="all")
    assert told.folds["all"].cases == ("a",)


def test_cases_without_labels_are_left_out_and_a_dataset_of_such_is_refused(tmp_path):
    dataset = small_dataset(tmp_path / "data", tuple("abcd"))
    content = json.loads((dataset.folder / "dataset.json").read_text())

    def unlabelled(*ids: str) -> None:
        for case in content["cases"]:
            if case["id"] in ids:
                case["label_sets"] = {}
        (dataset.folder / "dataset.json").write_text(json.dumps(content))

    unlabelled("b")
    told = condyle.train(dataset.folder, out=tmp_path / "model", recipe=TINY, fold="all")
    assert set(told.folds["all"].cases) == {"a", "c", "d"}
    unlabelled("a", "c", "d")
    for fold in ("0", "cv", "all"):
        with pytest.raises(DataError, match="cases with label maps"):
            condyle.train(dataset.folder, out=tmp_path / "none", recipe=TINY, fold=fold)
    assert not (tmp_path / "none").exists()


def test_a_case_of_one_label_is_no_reason_to_stop(tmp_path):
    """A patient without the structure is a patient, too."""
    dataset = small_dataset(tmp_path / "data", tuple("abcd"))
    path = dataset.path(dataset["b"].label_sets["reference"])
    volume = io.read_labels(path)
    io.write(path, volume.with_array(np.zeros_like(volume.array)), overwrite=True)
    told = condyle.train(dataset.folder, out=tmp_path / "model", recipe=TINY, fold="all")
    assert "b" in told.folds["all"].cases


def test_two_trainings_at_once_in_one_folder_are_refused(trained, data):
    out, _ = trained
    with one_writer(out), pytest.raises(DataError, match="the only one writing here"):
        condyle.train(data.folder, out=out, recipe=TINY)


@pytest.mark.parametrize("options", [{"overwrite": True}, {"recipe": replace(TINY, epochs=9)}])
def test_a_refused_command_leaves_a_training_at_work_as_it_is(options, trained, data):
    out, _ = trained
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    with one_writer(out), pytest.raises(DataError, match="the only one writing here"):
        condyle.train(data.folder, **({"out": out, "recipe": TINY} | options))
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_beginning_anew_keeps_the_lock_and_what_is_refused_removes_nothing(trained, data, tmp_path):
    out = tmp_path / "model"
    shutil.copytree(trained[0], out)
    (out / ".lock").touch()
    with pytest.raises(ConfigError, match="the start of a part's name"):
        condyle.train(data.folder, out=out, recipe=replace(TINY, freeze=("head",)), overwrite=True)
    assert (out / "fold_0.safetensors").is_file()
    lock = (out / ".lock").stat().st_ino
    condyle.train(data.folder, out=out, recipe=replace(TINY, epochs=1), overwrite=True)
    assert (out / ".lock").stat().st_ino == lock


def test_a_refused_recipe_is_not_what_a_folder_was_begun_with(data, tmp_path):
    out = tmp_path / "model"
    with pytest.raises(ConfigError, match="the start of a part's name"):
        condyle.train(data.folder, out=out, recipe=replace(TINY, freeze=("head",)))
    assert not out.exists()


def test_what_has_learned_nothing_can_be_decided_anew(trained, data, tmp_path):
    out = tmp_path / "model"
    (out / "training").mkdir(parents=True)
    shutil.copy(trained[0] / "training" / "run.json", out / "training" / "run.json")
    told = condyle.train(data.folder, out=out, recipe=replace(TINY, epochs=1, rate=1e-3))
    assert told.folds["0"].epochs == 1
    assert json.loads((out / "recipe.json").read_text())["rate"] == 1e-3


def test_a_model_whose_training_was_tidied_away_is_no_folder_to_begin_in(trained, data, tmp_path):
    out = tmp_path / "model"
    shutil.copytree(trained[0], out)
    shutil.rmtree(out / "training" / "fold_0")
    with pytest.raises(ConfigError, match=r"rate 0\.5, begun with"):
        condyle.train(data.folder, out=out, recipe=replace(TINY, rate=0.5))
    assert (out / "fold_0.safetensors").is_file()


def _renamed(labels):
    labels["structures"][2]["name"] = "fabella"


def _one_more(labels):
    labels["structures"].append({"id": 5, "name": "tibia", "color": "#ff0000", "side": None, "mirror": None})


def _sides_exchanged(labels):
    left, right = labels["structures"][:2]
    left["side"], right["side"] = "right", "left"


def _ignored(labels):
    labels["ignore"] = 9


def _joined(labels):
    labels["regions"] = {"bone": [1, 2]}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_renamed, "structure 4: fabella, begun with patella"),
        (_one_more, "structure 5: tibia, begun with none"),
        (_sides_exchanged, r"structure 1: femur_left \(right, partner femur_right\), begun with femur_left \(left"),
        (_ignored, "ignore 9, begun with none"),
        (_joined, r"region bone: \[1, 2\], begun with none"),
    ],
)
def test_a_training_does_not_go_on_with_other_structures(change, says, trained, data, tmp_path):
    out, folder = tmp_path / "model", tmp_path / "data"
    shutil.copytree(trained[0], out)
    shutil.copytree(data.folder, folder)
    content = json.loads((folder / "dataset.json").read_text())
    change(content["labels"])
    (folder / "dataset.json").write_text(json.dumps(content))
    with pytest.raises(ConfigError, match=says):
        condyle.train(folder, out=out, recipe=replace(TINY, epochs=3))


def test_a_training_goes_on_with_other_colours(trained, data, tmp_path):
    shutil.copytree(trained[0], tmp_path / "model")
    shutil.copytree(data.folder, tmp_path / "data")
    content = json.loads((tmp_path / "data" / "dataset.json").read_text())
    content["labels"]["structures"][0]["color"] = "#010203"
    (tmp_path / "data" / "dataset.json").write_text(json.dumps(content))
    condyle.train(tmp_path / "data", out=tmp_path / "model", recipe=TINY)


def test_a_training_can_be_begun_anew_and_one_that_was_killed_before_it_began_can_be_begun(trained, data, tmp_path):
    out = tmp_path / "model"
    shutil.copytree(trained[0], out)
    recipe = replace(TINY, seed=5)
    condyle.train(data.folder, out=out, recipe=recipe, overwrite=True)
    assert condyle.load(out).model.recipe["seed"] == 5
    left = leftover(tmp_path / "early" / "training")
    (left / "run.json").write_text("{")
    condyle.train(data.folder, out=tmp_path / "early", recipe=recipe)
    assert not left.exists()
    weights = [(folder / "fold_0.safetensors").read_bytes() for folder in (out, tmp_path / "early")]
    assert weights[0] == weights[1]


def test_left_and_right_are_told_apart_unless_patches_are_mirrored_with_labels_as_they_are(data, tmp_path):
    """The one difference is what happens to labels when a patch is mirrored along left-right."""
    scores = {}
    for mirror in ("safe", "sides", "nnunet"):
        recipe = replace(
            RECIPES["quick"], features=8, patch=(16, 20, 24), epochs=3, iterations=25, val_iterations=1, rate=5e-3,
            precision="fp32", compiled=False, mirror=mirror,
        )  # fmt: skip
        told = condyle.train(data.folder, out=tmp_path / mirror, recipe=recipe)
        scores[mirror] = [told.scores.summary[f"femur_{side}"]["dice"].mean for side in ("left", "right")]
    assert min(scores["safe"] + scores["sides"]) > 0.85
    assert min(scores["nnunet"]) < 0.7


def test_a_folder_with_other_things_is_left_alone(data, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(DataError, match="other things"):
        condyle.train(data.folder, out=tmp_path, recipe=TINY)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_case_added_after_the_folds_is_not_slipped_in(data, tmp_path):
    shutil.copytree(data.folder, tmp_path / "data")
    dataset = Dataset.open(tmp_path / "data")
    grid = Grid((24, 20, 16), dataset["a"] and io.read(dataset.path(dataset["a"].images["CT"])).grid.affine)
    case = Case("new", "new", {"CT": image_path("CT", "new")}, {"reference": labels_path("reference", "new")})
    io.write(dataset.path(case.images["CT"]), scan(9, grid))
    shutil.copy(dataset.path(dataset["a"].label_sets["reference"]), dataset.path(case.label_sets["reference"]))
    dataset.with_case(case).save()
    with pytest.raises(DataError, match="none for new"):
        condyle.train(tmp_path / "data", out=tmp_path / "model", recipe=TINY)
