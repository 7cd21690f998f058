"""Model folders: saved and loaded unchanged, from a folder or a zip, and refused where they do not fit."""

from __future__ import annotations

import gc
import json
import shutil
import zipfile
from dataclasses import replace

import pytest
import torch

import models_made as made
from condyle.config import Channel, Region
from condyle.errors import ConfigError, DataError, ModelError
from condyle.labels import Labels
from condyle.models import load, save
from condyle.models.card import card
from condyle.recipe import Recipe

FILES = {
    "plan.json",
    "labels.json",
    "cleanup.json",
    "record.json",
    "recipe.json",
    "card.md",
    "fold_0.safetensors",
    "fold_1.safetensors",
}


def same_weights(left, right) -> bool:
    for fold in left.folds:
        ours, theirs = left.state(fold), right.state(fold)
        if ours.keys() != theirs.keys() or not all(torch.equal(ours[name], theirs[name]) for name in ours):
            return False
    return True


def same(left, right) -> bool:
    if left is None or right is None:
        return left is right
    names = ("plan", "labels", "folds", "cleanup", "record", "recipe", "card", "confidence")
    alike = all(getattr(left, n) == getattr(right, n) for n in names) and same_weights(left, right)
    return alike and same(left.before, right.before)


@pytest.fixture
def folder(tmp_path):
    save(made.model(), tmp_path / "femur")
    return tmp_path / "femur"


def zipped(folder, path):
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder.parent))
    return path


def edited(file, change):
    data = json.loads(file.read_text())
    change(data)
    file.write_text(json.dumps(data))


def test_a_saved_model_comes_back_the_same(folder):
    assert {f.name for f in folder.iterdir()} == FILES
    assert same(load(folder), made.model())


def test_how_answers_are_judged_comes_back_too(tmp_path):
    judged = made.model(confidence={"dice": 0.85, "weights": {"islands": -4.0}})
    save(judged, tmp_path / "femur")
    assert same(load(tmp_path / "femur"), judged)
    (tmp_path / "femur/confidence.json").write_text("{")
    with pytest.raises(ModelError, match=r"confidence\.json: expected a JSON file of a model"):
        load(tmp_path / "femur")


def test_a_cascade_comes_back_with_both_its_stages(tmp_path):
    save(made.cascade(), tmp_path / "cascade")
    assert {f.name for f in (tmp_path / "cascade").iterdir()} == {*FILES, "before"}
    assert same(load(tmp_path / "cascade"), made.cascade())
    assert same(load(zipped(tmp_path / "cascade", tmp_path / "cascade.zip")), made.cascade())


def test_a_cascade_without_its_first_stage_is_refused(tmp_path):
    save(made.cascade(), tmp_path / "cascade")
    shutil.rmtree(tmp_path / "cascade" / "before")
    with pytest.raises(ModelError, match=r"cascade: model: stage before: expected one, for a plan with a cascade"):
        load(tmp_path / "cascade")


def test_stages_do_not_lie_in_each_other_without_end(tmp_path):
    save(made.cascade(), tmp_path / "a")
    save(made.cascade(), tmp_path / "b")
    (tmp_path / "b").rename(tmp_path / "a" / "before" / "before")
    with pytest.raises(ModelError, match=r"before/before: expected no stage before the first one"):
        load(tmp_path / "a")


def test_stages_that_do_not_fit_each_other_are_refused():
    with pytest.raises(ModelError, match="got one whose findings this stage does not look at"):
        made.model(before=made.model())
    one = made.model(plan=made.plan(net=made.net(out_channels=2)), labels=Labels.of({"femur": 1}))
    with pytest.raises(ModelError, match=r"stage before: expected the labels \(1, 2\), got \(1,\), of which"):
        made.cascade(before=one)
    with pytest.raises(ModelError, match="stage before: expected one that sees the scan alone, got a cascade"):
        made.cascade(before=made.cascade())
    other = made.model(plan=made.plan(channels=(Channel("T1", "zscore"),)))
    with pytest.raises(ModelError, match="expected the channels CT, got T1"):
        made.cascade(before=other)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: made.net(in_channels=0), r"^net: in_channels: expected 1 or more, got 0\.$"),
        (lambda: made.net(features=(4, 0)), r"^net: features: expected 1 or more, got \(4, 0\)\.$"),
        (lambda: made.net(features=()), r"^net: features: expected at least one stage, got none\.$"),
        (lambda: Channel("CT", "ct", std=-1.0), r"^channel CT: std: expected 0 or more, got -1\.$"),
        (lambda: Channel("CT", "ct", low=2.0, high=1.0), r"^channel CT: low, high: .* got 2 and 1\.$"),
        (lambda: made.plan(batch=0), r"^plan: batch: expected 1 or more, got 0\.$"),
        (lambda: made.plan(spacing_mm=(1.0, -1.0, 1.0)), r"^plan: spacing_mm: .* got \(1\.0, -1\.0, 1\.0\)\.$"),
        (lambda: Recipe(seed=-1), r"^recipe: seed: expected 0 or more, got -1\.$"),
        (lambda: Recipe(patience=-2), r"^recipe: patience: expected 0 or more, got -2\.$"),
    ],
)
def test_a_wrong_number_is_named_alone(wrong, message):
    with pytest.raises(ConfigError, match=message):
        wrong()


@pytest.mark.parametrize(
    ("cascade", "message"),
    [
        ((1,), r"channels: expected one for each input of the net, got 1 and 1 structures for a net of 3"),
        ((1, 1), "cascade: expected ids of structures, each once"),
        ((0, 1), "cascade: expected ids of structures, each once"),
    ],
)
def test_structures_of_the_stage_before_are_inputs_of_the_network(cascade, message):
    assert made.cascade().plan.net.in_channels == 3
    with pytest.raises(ConfigError, match=message):
        made.plan(net=made.net(in_channels=3), cascade=cascade)


def test_how_it_was_trained_travels_with_the_model_and_may_be_missing(tmp_path):
    recipe = {"loss": "dice_ce", "epochs": 1000, "freeze": []}
    save(made.model(recipe=recipe), tmp_path / "model")
    assert load(tmp_path / "model").recipe == recipe
    (tmp_path / "model" / "recipe.json").unlink()
    assert load(tmp_path / "model").recipe == {}


def test_a_model_without_a_card_is_given_one(tmp_path):
    record = {
        "training_cases": 27,
        "licence": "CC BY 4.0",
        "validation": {"femur_left": {"dice": 0.9731, "hd95_mm": 1.25}, "femur_right": {"dice": 0.9688}},
    }
    save(made.model(record=record, card="", recipe={"loss": "dice_ce"}), tmp_path / "femora")
    card = load(tmp_path / "femora").card
    assert card.startswith("# femora\n")
    for line in (
        "| 1 | femur_left | left | femur_right |",
        "- Channels, in this order: CT (ct: -200 to 1000)",
        "- Resampled to 2.5 x 0.7 x 0.8 mm along the tensor's axes (1, 2, 0 of the scan)",
        "- Training cases: 27",
        "- loss: dice_ce",
        "| femur_left | 0.9731 | 1.25 |",
        "| femur_right | 0.9688 |  |",
        "CC BY 4.0",
    ):
        assert f"\n{line}\n" in card


def test_a_card_tells_what_is_not_known():
    text = card(made.cascade(record={}), "Two stages")
    assert "- Training cases: not told" in text
    assert "Not told: its record has no validation scores." in text
    assert "Not told. Ask whoever made it before you use it." in text
    assert "- A stage before, stored with it: plain_unet, 3-D, 2 stages" in text
    regions = made.plan(regions=(Region("bone", (1, 2), 1), *(Region(n, (2,), 2) for n in "ab")))
    channel = (Channel("T1", "zscore", True),)
    text = card(made.model(plan=replace(regions, channels=channel, spacing_mm=(None, 1.0, 0.5))), "Regions")
    assert "- bone: femur_left, femur_right" in text
    assert "T1 (zscore, where not 0)" in text
    assert "the scan's own x 1 x 0.5 mm" in text


def test_saving_what_was_loaded_gives_the_same_bytes(folder, tmp_path):
    save(load(folder), tmp_path / "again")
    for name in FILES:
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes(), name


def test_regions_of_several_channels_come_back_the_same(tmp_path):
    net = made.net(
        kind="residual_unet", in_channels=2, out_channels=2, dim=2, strides=((1, 1), (2, 2)), kernels=((3, 3),) * 2
    )
    plan = made.plan(
        net=net,
        channels=(Channel("T1", "zscore", True), Channel("PD", "none")),
        spacing_mm=(None, 0.5, 0.5),
        patch=(16, 16),
        mirror=(),
        regions=(Region("bone", (1, 2), 1), Region("marrow", (2,), 2)),
    )
    model = made.model(plan=plan, labels=Labels.of({"shell": 1, "marrow": 2}, ignore=3, regions={"bone": (1, 2)}))
    save(model, tmp_path / "model")
    assert same(load(tmp_path / "model"), model)


def test_a_zip_is_read_and_its_files_go_with_the_model(folder, tmp_path):
    model = load(zipped(folder, tmp_path / "femur.zip"))
    held = model.held.folder
    shutil.rmtree(folder)
    assert same(model, made.model())
    assert held.is_dir()
    del model
    gc.collect()
    assert not held.exists()


def test_a_folder_around_the_model_is_enough_unless_it_holds_several(folder):
    assert same(load(folder.parent), made.model())
    save(made.model(card="other"), folder.parent / "tibia")
    with pytest.raises(ConfigError, match="one of femur, tibia, got none chosen"):
        load(folder.parent)
    assert load(folder.parent, configuration="tibia").card == "other"


def test_a_zip_that_leaves_its_folder_is_refused(folder, tmp_path):
    path = zipped(folder, tmp_path / "femur.zip")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../../outside.json", "{}")
    with pytest.raises(DataError, match="names inside the zip's own folder"):
        load(path)
    assert not (tmp_path.parent / "outside.json").exists()


def test_an_earlier_model_is_not_replaced_unasked(folder):
    with pytest.raises(DataError, match="no file of that name"):
        save(made.model(), folder)
    save(made.model(card="new"), folder, overwrite=True)
    assert load(folder).card == "new"


def test_a_model_that_cannot_be_written_leaves_nothing(tmp_path):
    def broken():
        raise ModelError("weights", expected="some", got="none")

    with pytest.raises(ModelError):
        save(made.model(weights={"0": broken}), tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_weights_are_not_read_before_they_are_asked_for(folder):
    (folder / "fold_1.safetensors").write_bytes(b"no tensors")
    model = load(folder)
    assert model.state("0")
    with pytest.raises(ModelError, match=r"fold_1.safetensors: expected a sound safetensors file"):
        model.state("1")


def test_an_unknown_fold_is_refused_with_the_folds_there_are(folder):
    with pytest.raises(ConfigError, match="fold: expected one of 0, 1, got 7"):
        load(folder).state("7")


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("plan.json", lambda d: d.update(colour="red"), "plan.json: expected keys among .*, got colour"),
        ("plan.json", lambda d: d["net"].update(depth=3), "plan.json: net: expected keys among .*, got depth"),
        ("plan.json", lambda d: d.pop("patch"), "plan.json: expected the key patch"),
        ("plan.json", lambda d: d.update(mirror=[3]), "plan: mirror: expected axes below 3"),
        ("labels.json", lambda d: d.update(colour="red"), "labels: expected keys structures, ignore, regions"),
        ("labels.json", lambda d: d["structures"].pop(), r"labels\.json: labels: femur_left: expected a mirror"),
        ("labels.json", lambda d: d["structures"].clear(), "femur: model: labels: expected one for each of 3 outputs"),
    ],
)
def test_a_folder_with_wrong_content_is_refused(folder, name, change, message):
    edited(folder / name, change)
    with pytest.raises(ModelError, match=message):
        load(folder)


def test_labels_that_do_not_fit_the_network_are_refused():
    with pytest.raises(ModelError, match=r"one for each of 3 outputs, got 2 background and structures \(femur\)"):
        made.model(labels=Labels.of({"femur": 1}))
    regions = tuple(Region(name, (id_,), id_) for name, id_ in (("a", 1), ("b", 2), ("c", 3)))
    with pytest.raises(ModelError, match="regions: expected ids among"):
        made.model(plan=made.plan(regions=regions))


def test_weights_of_another_network_are_refused(folder):
    other = made.model(plan=made.plan(net=made.net(features=(4, 12))))
    save(other, folder.parent / "other")
    shutil.copy(folder.parent / "other" / "fold_0.safetensors", folder)
    with pytest.raises(ModelError, match=r"fold_0\.safetensors: expected the weights of a plain_unet"):
        load(folder).state("0")


def test_a_truncated_file_of_weights_is_refused(folder):
    file = folder / "fold_0.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(ModelError, match="expected a sound safetensors file"):
        load(folder).state("0")


def test_what_is_no_model_is_refused(folder, tmp_path):
    with pytest.raises(ModelError, match="nothing of that name"):
        load(tmp_path / "missing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match=r"expected a model: plan\.json and labels\.json"):
        load(tmp_path / "empty")
    (folder / "record.json").write_text("[" * 100_000)
    with pytest.raises(ModelError, match=r"record\.json: expected a JSON file"):
        load(folder)
    (folder / "record.json").unlink()
    with pytest.raises(ModelError, match=r"record\.json: expected a JSON file"):
        load(folder)
    for file in folder.glob("*.safetensors"):
        file.unlink()
    with pytest.raises(ModelError, match=r"expected weights \(fold_0.safetensors\), got none"):
        load(folder)
