"""Models by name: installed, shipped or neither; stored small; and those that the package comes with."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import condyle
import models_made as made
from condyle.data.dataset import FILE
from condyle.errors import ConfigError, ModelError
from condyle.models import compact, find, load, save
from condyle.models.load import is_model
from condyle.models.nnunet.export import export_nnunet
from condyle.models.pack import pack
from condyle.models.shipped import FOLDER, shipped
from condyle.models.store import default, install, look_up, named, remove
from condyle.phantoms.synthetic.anatomy import LABELS
from condyle.workflow.segmentation.segmenter import PredictSettings, Segmenter
from segment_models import knee_scan
from test_models import same

#: All that travels with the package, so that it stays quick to install.
MOST_BYTES = 12_000_000


@pytest.fixture
def coming(tmp_path):
    """A folder of shipped models, two of them, as the package's own."""
    for name in ("bones", "teeth"):
        save(made.model(card=f"# {name}\n"), tmp_path / "package" / name)
    (tmp_path / "package" / "__pycache__").mkdir()
    return tmp_path / "package"


@pytest.fixture
def store(tmp_path):
    return tmp_path / "store"


# --- by name


def test_a_shipped_model_is_found_by_its_name_and_an_installed_one_goes_before(coming, store):
    assert [folder.name for folder in shipped(coming)] == ["bones", "teeth"]
    assert find("bones", store, shipped_in=coming) == default(store, shipped_in=coming) == coming / "bones"
    mine = install(coming / "teeth", name="bones", store=store)
    assert find("bones", store, shipped_in=coming) == default(store, shipped_in=coming) == mine
    assert named(store, shipped_in=coming) == {"bones": mine, "teeth": coming / "teeth"}
    assert remove("bones", store) == mine
    assert find("bones", store, shipped_in=coming) == coming / "bones"
    assert list(store.iterdir()) == []


def test_a_model_at_a_path_goes_before_and_masks_of_the_same_name_hide_nothing(coming, store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save(made.model(), tmp_path / "teeth")
    (tmp_path / "bones").mkdir()
    (tmp_path / "bones" / "knee.nii.gz").write_bytes(b"a mask")
    assert str(look_up("teeth", store, shipped_in=coming)) == "teeth"
    assert look_up("bones", store, shipped_in=coming) == coming / "bones"
    assert default(store, shipped_in=coming) == coming / "bones"
    assert look_up("hip", store, shipped_in=coming) is None
    with pytest.raises(ModelError, match=r"the name of a model \(bones, teeth\), got nothing of that name"):
        find("hip", store, shipped_in=coming)


def test_a_shipped_model_is_not_removed_and_an_unknown_one_neither(coming, store):
    with pytest.raises(ModelError, match=r"teeth: expected .* got one that comes with Condyle\. It is part of"):
        remove("teeth", store, shipped_in=coming)
    with pytest.raises(ModelError, match="hip: expected the name of an installed model, of which there is none yet"):
        remove("hip", store, shipped_in=coming)
    assert same(load(coming / "teeth"), made.model(card="# teeth\n"))


def test_the_verb_removes_what_it_installed(coming, store):
    condyle.model("install", str(coming / "teeth"), store=store)
    removed = condyle.model("remove", "teeth", store=store)
    assert removed.to_json() == {"removed": str(store / "teeth")}
    assert str(removed) == f"{store / 'teeth'}: removed"
    assert "teeth" not in condyle.model("list", store=store).models
    with pytest.raises(ConfigError, match="nothing but source, store"):
        condyle.model("remove", "teeth", to="zip")


def test_a_package_without_its_model_says_so(store, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match=r"bones: expected an installed model of that name, .* condyle model install"):
        default(store, shipped_in=tmp_path / "empty")


def test_what_a_model_is_is_seen_without_reading_it(coming, tmp_path):
    pack(made.model(), tmp_path / "ours.zip")
    results = export_nnunet(made.model(), tmp_path / "results")
    shutil.make_archive(str(tmp_path / "theirs"), "zip", results.parent)
    assert all(
        map(is_model, (coming / "bones", results, results.parent, tmp_path / "ours.zip", tmp_path / "theirs.zip"))
    )
    shutil.copytree(coming / "bones", tmp_path / "dataset" / "models" / "mine")
    (tmp_path / "dataset" / FILE).write_text("{}", encoding="utf-8")
    shutil.make_archive(str(tmp_path / "pictures"), "zip", tmp_path / "dataset" / "models", "mine/card.md")
    (tmp_path / "torn.zip").write_bytes((tmp_path / "ours.zip").read_bytes()[:-30])
    for other in ("dataset", "pictures.zip", "torn.zip", "nowhere", "package/bones/card.md"):
        assert not is_model(tmp_path / other)


# --- stored small


def test_a_compact_model_takes_half_the_room_and_is_read_as_float32(tmp_path):
    save(made.cascade(), tmp_path / "whole")
    written = condyle.model("export", str(tmp_path / "whole"), to="compact", out=tmp_path / "small")
    assert written.folds == ("0", "1")
    for file in ("fold_1.safetensors", "before/fold_0.safetensors"):
        stored, whole = load_file(tmp_path / "small" / file), load_file(tmp_path / "whole" / file)
        assert {v.dtype for v in stored.values() if v.is_floating_point()} == {torch.bfloat16}
        assert all(torch.allclose(stored[name].float(), whole[name], rtol=2**-8) for name in whole)
    model = load(tmp_path / "small")
    assert {value.dtype for value in model.state("0").values()} == {torch.float32}
    assert model.record["weights_rounded_to"] == model.before.record["weights_rounded_to"] == "bfloat16"
    assert same(compact(model), model)
    bytes_ = [
        sum(v.nbytes for v in load_file(tmp_path / at / "fold_0.safetensors").values()) for at in ("small", "whole")
    ]
    assert 2 * bytes_[0] == bytes_[1]


def test_rounded_weights_change_hardly_a_label():
    """Of a network with random weights, whose scores lie closer together than a trained one's."""
    scan = knee_scan((24, 24, 12), (0.8, 0.7, 2.5))
    scan = scan.with_array((100 * scan.array).astype(np.float32))
    off = PredictSettings(cleanup="off", mirror="off", folds=("0",))
    whole, small = (Segmenter(model, off).segment(scan).array for model in (made.model(), compact(made.model())))
    assert len(np.unique(whole)) > 1
    assert (whole != small).mean() < 0.01


def test_weights_of_half_precision_are_read_as_float32(tmp_path):
    save(made.model(weights={"0": lambda: {k: v.half() for k, v in made.state(made.net()).items()}}), tmp_path / "m")
    assert {value.dtype for value in load(tmp_path / "m").state("0").values()} == {torch.float32}


# --- the package's own


def test_what_the_package_comes_with_is_small(bones):
    assert bones == FOLDER / "bones"
    assert sum(file.stat().st_size for file in FOLDER.rglob("*") if file.is_file()) < MOST_BYTES


def test_bones_knows_the_bones_and_their_sides_and_tells_of_itself(bones, store):
    model = load(bones)
    assert set(model.labels.names) == set(LABELS.names)
    assert {s.name: s.mirror for s in model.labels.structures}["femur_left"] == "femur_right"
    assert len(model.plan.channels) == 1
    assert all(model.state(fold) for fold in model.folds)
    assert len(model.card) > 500
    listed = condyle.model("list", store=store)
    assert "bones" in listed.shipped
    assert "they come with Condyle:\n  bones" in str(listed)
    assert "bones" in listed.to_json()["shipped"]
    with pytest.raises(ModelError, match="one that comes with Condyle"):
        condyle.model("remove", "bones", store=store)
