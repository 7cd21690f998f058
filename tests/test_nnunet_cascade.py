"""nnU-Net's cascades: the first stage is found beside the second, and both come back from a folder written for it."""

from __future__ import annotations

import json
import shutil
import zipfile

import pytest

import models_made as made
from condyle.config import Channel, Region
from condyle.errors import DataError, ModelError
from condyle.labels import Labels
from condyle.models import load, save
from condyle.models.nnunet.export import export_nnunet
from test_models import edited, same, same_weights

FIRST = "nnUNetTrainer__nnUNetPlans__3d_lowres"
SECOND = "nnUNetTrainer__nnUNetPlans__3d_cascade_fullres"


@pytest.fixture
def folder(tmp_path):
    """The second stage; the first lies beside it."""
    return export_nnunet(made.cascade(), tmp_path / "Dataset001_Femur")


def test_a_cascade_is_read_with_the_stage_before(folder):
    assert folder.name == SECOND
    model, expected = load(folder), made.cascade()
    assert (model.plan, model.labels) == (expected.plan, expected.labels)
    assert model.plan.cascade == (1, 2)
    assert model.plan.net.in_channels == 3
    assert model.before is not None
    assert model.before.plan == expected.before.plan
    assert model.before.record["configuration"] == "3d_lowres"
    assert same_weights(model, expected)
    assert same_weights(model.before, expected.before)


def test_plans_as_nnunet_writes_them_inherit_all_but_the_stage_before(folder):
    expected = load(folder).plan

    def inherit(plans):
        configurations = plans["configurations"]
        own = configurations.pop("3d_cascade_fullres")
        del own["previous_stage"]
        configurations["3d_lowres"]["next_stage"] = "3d_cascade_fullres"
        configurations["3d_fullres"] = own
        configurations["3d_cascade_fullres"] = {"inherits_from": "3d_fullres", "previous_stage": "3d_lowres"}

    edited(folder / "plans.json", inherit)
    edited(folder.with_name(FIRST) / "plans.json", inherit)
    assert load(folder).plan == expected


def test_the_stage_before_finds_every_label_also_where_the_network_scores_regions(tmp_path):
    """nnU-Net gives a channel to each foreground label, not to each region, and none to ignore."""
    regions = (Region("bone", (1, 2), 1), Region("marrow", (2,), 2))
    labels = Labels.of({"bone_1": 1, "marrow": 2}, ignore=3, regions={"bone": (1, 2)})
    first = made.plan(net=made.net(out_channels=2), regions=regions)
    second = made.plan(net=made.net(in_channels=3, out_channels=2), regions=regions, cascade=(1, 2))
    model = made.model(plan=second, labels=labels, before=made.model(plan=first, labels=labels))
    back = load(export_nnunet(model, tmp_path))
    assert (back.plan, back.before.plan, back.labels) == (second, first, labels)


def test_one_stage_of_a_dataset_folder_is_chosen_and_brings_the_other(folder):
    model = load(folder.parent, configuration="3d_cascade_fullres")
    assert model.before is not None
    assert load(folder.parent, configuration="3d_lowres").before is None


def test_a_zip_of_both_is_read(folder, tmp_path):
    path = tmp_path / "exported.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in (f for f in folder.parent.rglob("*") if f.is_file()):
            archive.write(file, file.relative_to(folder.parent.parent))
    model = load(path, configuration="3d_cascade_fullres")
    assert same_weights(model.before, made.cascade().before)


def test_a_missing_first_stage_is_named(folder):
    shutil.rmtree(folder.with_name(FIRST))
    with pytest.raises(
        ModelError, match=rf"expected the first stage of its cascade beside it, in {FIRST}, got no model"
    ):
        load(folder)


def test_a_first_stage_that_is_itself_a_second_is_refused(folder):
    edited(
        folder.with_name(FIRST) / "plans.json",
        lambda p: p["configurations"]["3d_lowres"].update(previous_stage="3d_cascade_fullres"),
    )
    with pytest.raises(ModelError, match=rf"{FIRST}: expected a first stage, which sees the scan alone"):
        load(folder)
    edited(
        folder / "plans.json",
        lambda p: p["configurations"]["3d_cascade_fullres"].update(previous_stage="3d_cascade_fullres"),
    )
    with pytest.raises(ModelError, match="expected the first stage of its cascade beside it"):
        load(folder)


def test_stages_of_other_labels_are_refused_with_the_folder(folder):
    edited(folder.with_name(FIRST) / "dataset.json", lambda d: d["labels"].update(patella=3))
    with pytest.raises(ModelError, match=rf"{SECOND}: model: stage before: expected the labels \(1, 2\)"):
        load(folder)


def test_a_cascade_survives_our_own_folder(folder, tmp_path):
    model = load(folder)
    save(model, tmp_path / "ours")
    assert same(load(tmp_path / "ours"), model)


def test_a_cascade_that_nnunet_cannot_have_is_not_written_for_it(tmp_path):
    one = made.model(plan=made.plan(net=made.net(in_channels=2), cascade=(1,)), before=made.model())
    with pytest.raises(ModelError, match="plan: cascade: expected every structure, or none, for nnU-Net"):
        export_nnunet(one, tmp_path / "out")
    other = made.model(plan=made.plan(channels=(Channel("CT", "zscore"),)))
    with pytest.raises(ModelError, match="stage before: expected the same channels, axes and orientation"):
        export_nnunet(made.cascade(before=other), tmp_path / "out")
    flat = made.plan(
        net=made.net(dim=2, kernels=((3, 3),) * 2, strides=((1, 1), (2, 2))),
        patch=(16, 16),
        spacing_mm=(None, 1.0, 1.0),
        mirror=(),
    )
    with pytest.raises(ModelError, match=r"model: stages: expected two of dim 3, for nnU-Net, got dim \(3, 2\)"):
        export_nnunet(made.cascade(before=made.model(plan=flat)), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_neither_stage_is_written_over_an_earlier_one(folder):
    shutil.rmtree(folder)
    before = json.loads((folder.with_name(FIRST) / "plans.json").read_text())
    with pytest.raises(DataError, match="no file of that name"):
        export_nnunet(made.cascade(), folder.parent)
    assert not folder.exists()
    assert json.loads((folder.with_name(FIRST) / "plans.json").read_text()) == before
