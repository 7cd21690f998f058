"""nnU-Net v2 models: every field of their plans arrives, nothing in them is run, and what is not known is refused."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import zipfile
from collections import OrderedDict

import numpy as np
import pytest
import torch

import models_made as made
from condyle.config import Channel, Region
from condyle.errors import ConfigError, ModelError
from condyle.labels import Labels
from condyle.models import load, save
from condyle.models.nnunet.checkpoint import read_checkpoint
from condyle.models.nnunet.export import export_nnunet
from test_models import edited, same, same_weights

REFERENCES = [
    ("ct", "nnUNetTrainer__nnUNetPlans__2d", "2d"),
    ("ct", "nnUNetTrainer__nnUNetPlans__3d_fullres", "3d_fullres"),
    ("mr", "nnUNetTrainer__nnUNetResEncUNetMPlans__3d_fullres", "3d_fullres"),
]


@pytest.fixture
def folder(tmp_path):
    return export_nnunet(made.model(), tmp_path / "results")


@pytest.mark.parametrize(("data", "name", "configuration"), REFERENCES)
def test_every_field_of_the_plans_arrives(shared_nnunet, data, name, configuration):
    model = load(shared_nnunet / data / name)
    plans = json.loads((shared_nnunet / data / name / "plans.json").read_text())
    table = plans["configurations"][configuration]
    kwargs = table["architecture"]["arch_kwargs"]
    plan, net = model.plan, model.plan.net
    assert list(plan.patch) == table["patch_size"]
    assert [s for s in plan.spacing_mm if s is not None] == table["spacing"]
    assert plan.batch == table["batch_size"]
    assert [2 - axis for axis in plan.axes] == plans["transpose_forward"]
    assert list(net.features) == kwargs["features_per_stage"]
    assert [list(k) for k in net.kernels] == kwargs["kernel_sizes"]
    assert [list(s) for s in net.strides] == kwargs["strides"]
    assert list(net.blocks) == kwargs.get("n_conv_per_stage", kwargs.get("n_blocks_per_stage"))
    assert list(net.decoder_blocks) == kwargs["n_conv_per_stage_decoder"]
    assert plan.mirror == tuple(range(net.dim))
    assert model.record["configuration"] == configuration


def test_ct_comes_with_its_fingerprint_and_mr_with_regions_and_an_ignore_label(shared_nnunet):
    ct = load(shared_nnunet / "ct" / REFERENCES[1][1])
    assert ct.plan.channels == (Channel("CT", "ct", False, 604.19189453125, 308.1078796386719, 31.0, 1134.0),)
    assert (ct.labels.names, ct.folds) == (("femur", "hip"), ("0", "1"))
    mr = load(shared_nnunet / "mr" / REFERENCES[2][1])
    assert mr.plan.channels == (Channel("T1", "zscore"), Channel("PD", "zscore"))
    assert mr.plan.regions == (Region("bone", (1, 2), 1), Region("marrow", (2,), 2))
    assert mr.labels.ignore == 3


@pytest.mark.parametrize(("data", "name"), [r[:2] for r in REFERENCES])
def test_real_weights_arrive_whole_and_survive_our_own_folder(shared_nnunet, tmp_path, data, name):
    model = load(shared_nnunet / data / name)
    theirs = torch.load(shared_nnunet / data / name / "fold_0" / "checkpoint_final.pth", weights_only=False)
    total = {t.data_ptr(): t.numel() for t in theirs["network_weights"].values()}
    assert sum(t.numel() for t in model.state("0").values()) == sum(total.values())
    save(model, tmp_path / "model")
    assert same(load(tmp_path / "model"), model)


def test_a_model_written_for_nnunet_comes_back_the_same(folder):
    back, model = load(folder), made.model()
    assert (back.plan, back.labels, back.folds) == (model.plan, model.labels, model.folds)
    assert same_weights(back, model)


@pytest.mark.parametrize(("data", "name", "configuration"), REFERENCES)
def test_what_is_written_for_nnunet_says_what_nnunet_says_itself(shared_nnunet, tmp_path, data, name, configuration):
    original = json.loads((shared_nnunet / data / name / "plans.json").read_text())["configurations"][configuration]
    back = export_nnunet(load(shared_nnunet / data / name), tmp_path)
    written = json.loads((back / "plans.json").read_text())["configurations"][configuration]
    for key in written.keys() - {"data_identifier", "batch_dice"}:
        assert written[key] == original[key], key


def test_2d_regions_and_masked_zscore_written_for_nnunet_come_back_the_same(tmp_path):
    two = (3, 3)
    net = made.net(
        kind="residual_unet", dim=2, in_channels=2, out_channels=2, kernels=(two, two), strides=((1, 1), (2, 2))
    )
    plan = made.plan(
        net=net,
        channels=(Channel("T1", "zscore", True), Channel("PD", "rescale")),
        spacing_mm=(None, 0.5, 0.5),
        patch=(16, 16),
        mirror=(),
        orientation="RAS",
        separate="never",
        regions=(Region("bone", (1, 2), 1), Region("marrow", (2,), 2)),
    )
    labels = Labels.of({"bone_1": 1, "marrow": 2}, ignore=3, regions={"bone": (1, 2)})
    back = load(export_nnunet(made.model(plan=plan, labels=labels), tmp_path))
    assert (back.plan, back.labels) == (plan, labels)


def test_a_network_that_nnunet_has_not_is_not_written_for_it(tmp_path):
    with pytest.raises(ModelError, match="plan: crop_nonzero: expected true, for nnU-Net"):
        export_nnunet(made.model(plan=made.plan(crop_nonzero=False)), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def old(plans):
    """As nnU-Net wrote plans before 2.2."""
    (table,) = plans["configurations"].values()
    kwargs = table.pop("architecture")["arch_kwargs"]
    table |= {
        "UNet_class_name": "ResidualEncoderUNet" if "n_blocks_per_stage" in kwargs else "PlainConvUNet",
        "UNet_base_num_features": kwargs["features_per_stage"][0],
        "unet_max_num_features": max(kwargs["features_per_stage"]),
        "n_conv_per_stage_encoder": kwargs.get("n_conv_per_stage", kwargs.get("n_blocks_per_stage")),
        "n_conv_per_stage_decoder": kwargs["n_conv_per_stage_decoder"],
        "num_pool_per_axis": [0, 1, 1],
        "pool_op_kernel_sizes": kwargs["strides"],
        "conv_kernel_sizes": kwargs["kernel_sizes"],
    }
    plans["foreground_intensity_properties_by_modality"] = plans.pop("foreground_intensity_properties_per_channel")


@pytest.mark.parametrize("kind", ["plain_unet", "residual_unet"])
def test_old_plans_without_an_architecture_give_the_same_network(tmp_path, kind):
    """Features double from stage to stage up to the most that are allowed: 4, 6, 6."""
    net = made.net(
        kind=kind,
        features=(4, 6, 6),
        kernels=((1, 3, 3), (3, 3, 3), (3, 3, 3)),
        strides=((1, 1, 1), (1, 2, 2), (2, 2, 2)),
        blocks=(2, 1, 3),
        decoder_blocks=(2, 1),
    )
    folder = export_nnunet(made.model(plan=made.plan(net=net)), tmp_path)
    expected = load(folder).plan
    edited(folder / "plans.json", old)
    assert "architecture" not in (folder / "plans.json").read_text()
    assert load(folder).plan == expected
    assert load(folder).plan.net == net
    assert load(folder).state("1").keys() == made.state(net).keys()


def test_old_plans_that_lack_a_key_are_refused_by_its_name(folder):
    edited(folder / "plans.json", old)
    edited(folder / "plans.json", lambda p: table(p).pop("conv_kernel_sizes"))
    with pytest.raises(ModelError, match="or the keys of old plans, got no conv_kernel_sizes"):
        load(folder)


def test_old_plans_of_the_reference_give_the_same_plan(shared_nnunet, tmp_path):
    source = shared_nnunet / "ct" / REFERENCES[1][1]
    shutil.copytree(source, tmp_path / "model", copy_function=shutil.copyfile)
    for directory in (tmp_path / "model", *(tmp_path / "model").iterdir()):
        directory.chmod(0o755)

    def change(plans):
        plans["configurations"] = {"3d_fullres": plans["configurations"]["3d_fullres"]}
        old(plans)
        plans["configurations"]["3d_fullres"]["unet_max_num_features"] = 64

    edited(tmp_path / "model" / "plans.json", change)
    assert load(tmp_path / "model").plan == load(source).plan


def test_a_configuration_inherits(folder):
    def heirs(plans):
        table = plans["configurations"].pop("3d_fullres")
        plans["configurations"] = {
            "base": table,
            "middle": {"inherits_from": "base", "batch_size": 7},
            "3d_fullres": {"inherits_from": "middle", "patch_size": [8, 32, 16]},
        }

    edited(folder / "plans.json", heirs)
    plan = load(folder).plan
    assert (plan.batch, plan.patch) == (7, (8, 32, 16))
    edited(folder / "plans.json", lambda p: p["configurations"]["base"].update(inherits_from="middle"))
    with pytest.raises(ModelError, match="which inherits from itself"):
        load(folder)


def table(plans):
    return plans["configurations"]["3d_fullres"]


def architecture(plans):
    return table(plans)["architecture"]["arch_kwargs"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: table(p).update(zoom=2), "keys that nnU-Net 2.0 to 2.8 write, got zoom"),
        (lambda p: table(p).pop("patch_size"), "as nnU-Net v2 writes them, got KeyError"),
        (lambda p: table(p).update(preprocessor_name="Mine"), "DefaultPreprocessor, got Mine"),
        (lambda p: table(p).update(normalization_schemes=["Mine"]), "CTNormalization.*got Mine"),
        (lambda p: table(p).update(resampling_fn_seg="mine"), "resampling_fn_seg: .*got mine"),
        (lambda p: table(p)["resampling_fn_data_kwargs"].update(order=1), "data_kwargs: exp"),
        (lambda p: table(p)["resampling_fn_data_kwargs"].update(force_separate_z=True), "force"),
        (lambda p: p.update(image_reader_writer="NaturalImage2DIO"), "image_reader_writer: .*got NaturalImage2DIO"),
        (lambda p: p["configurations"].update({"2d": p["configurations"].pop("3d_fullres")}), "one of 2d, got 3d_full"),
        (lambda p: architecture(p).update(bottleneck_channels=3), "arch_kwargs: .*got bottleneck_channels"),
        (lambda p: architecture(p).update(norm_op="torch.nn.BatchNorm3d"), "norm_op: .*got torch.nn.BatchNorm3d"),
        (lambda p: architecture(p).update(strides=[[1, 1, 1], [3, 3, 3]]), "plan: patch"),
        (lambda p: table(p)["architecture"].update(network_class_name="a.Primus"), "got a.Primus"),
    ],
)
def test_plans_that_ask_for_what_is_not_known_are_refused(folder, change, message):
    edited(folder / "plans.json", change)
    with pytest.raises(ModelError, match=message):
        load(folder)


def test_labels_that_do_not_fit_are_refused(folder):
    edited(folder / "dataset.json", lambda d: d["labels"].update(femur_right=5))
    with pytest.raises(ModelError, match="ids 1, 2, 3"):
        load(folder)
    edited(folder / "dataset.json", lambda d: d.update(labels={"background": 0, "femur": 1}))
    with pytest.raises(ModelError, match="expected the weights of a plain_unet"):
        load(folder).state("0")


class Runs:
    """Pickles as a call of a function."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("place", ["network_weights", "logging", "optimizer_state", "init_args"])
@pytest.mark.parametrize("function", [os.system, eval, exec])
def test_a_malicious_checkpoint_is_refused_and_nothing_is_run(folder, tmp_path, place, function):
    marker = tmp_path / "was_here"
    text = f"touch {marker}" if function is os.system else f"open({str(marker)!r}, 'w').close()"
    file = folder / "fold_0" / "checkpoint_final.pth"
    content = torch.load(file)
    content[place] = {"x": Runs(function, text)}
    torch.save(content, file)
    with pytest.raises(ModelError, match=r"tensors and plain values, got one that asks for \w+.*Nothing of it was run"):
        load(folder)
    assert not marker.exists()
    torch.load(file, weights_only=False)
    assert marker.exists(), "the checkpoint of this test does no harm"


def test_a_bare_pickle_is_refused_and_nothing_is_run(folder, tmp_path):
    marker = tmp_path / "was_here"
    file = folder / "fold_0" / "checkpoint_final.pth"
    file.write_bytes(pickle.dumps(Runs(os.system, f"touch {marker}")))
    with pytest.raises(ModelError, match=r"checkpoint_final\.pth: expected a sound checkpoint"):
        load(folder)
    assert not marker.exists()


@pytest.mark.parametrize("kept", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_checkpoint_is_refused(folder, kept):
    file = folder / "fold_0" / "checkpoint_final.pth"
    content = file.read_bytes()
    file.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(ModelError, match=r"checkpoint_final\.pth: expected a sound checkpoint, got a broken"):
        load(folder)


def with_numpy_1_names(file):
    """As if pickled with NumPy 1, whose modules had other names."""
    with zipfile.ZipFile(file) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content.replace(b"numpy._core.multiarray", b"numpy.core.multiarray"))


@pytest.mark.parametrize("numpy_1", [False, True])
def test_numpys_numbers_and_devices_are_read_as_training_leaves_them(folder, numpy_1):
    file = folder / "fold_0" / "checkpoint_final.pth"
    content = torch.load(file)
    content["_best_ema"] = np.float32(0.5)
    content["logging"] = {"dice": [np.float64(0.1), np.int64(3), np.bool_(True)], "times": OrderedDict(a=1.5)}
    content["init_args"]["device"] = torch.device("cpu")
    content["optimizer_state"] = {"state": {0: {"momentum_buffer": torch.ones(3)}}, "param_groups": [{"lr": 0.01}]}
    torch.save(content, file)
    if numpy_1:
        with_numpy_1_names(file)
        assert b"numpy.core.multiarray" in file.read_bytes()
    assert read_checkpoint(file).mirror == (0, 2)


def test_a_checkpoint_of_something_else_is_refused(folder):
    file = folder / "fold_0" / "checkpoint_final.pth"
    for content in ({"state_dict": {}}, [1, 2], {**torch.load(file), "network_weights": {"a": 1}}):
        torch.save(content, file)
        with pytest.raises(ModelError, match="expected a checkpoint of nnU-Net v2"):
            load(folder)


def test_weights_of_another_network_are_refused_when_they_are_asked_for(folder, tmp_path):
    other = export_nnunet(made.model(plan=made.plan(net=made.net(features=(4, 12)))), tmp_path / "other")
    shutil.copy(other / "fold_1" / "checkpoint_final.pth", folder / "fold_1")
    model = load(folder)
    assert model.state("0")
    with pytest.raises(ModelError, match=r"fold_1.checkpoint_final\.pth: expected the weights of a plain_unet"):
        model.state("1")


def test_folds_of_two_kinds_are_refused(folder):
    file = folder / "fold_1" / "checkpoint_final.pth"
    torch.save({**torch.load(file), "trainer_name": "nnUNetTrainerDA5"}, file)
    with pytest.raises(ModelError, match="folds of one kind"):
        load(folder)


def test_the_best_checkpoint_stands_in_for_a_final_one(folder):
    (folder / "fold_1" / "checkpoint_final.pth").rename(folder / "fold_1" / "checkpoint_best.pth")
    (folder / "fold_2").mkdir()
    model = load(folder)
    assert model.folds == ("0", "1")
    assert model.record["checkpoints"]["1"] == "checkpoint_best.pth"
    for name in ("0/checkpoint_final.pth", "1/checkpoint_best.pth"):
        (folder / f"fold_{name}").unlink()
    with pytest.raises(ModelError, match=r"expected weights .*, got none"):
        load(folder)


def test_an_exported_zip_is_read_and_one_of_several_configurations_is_chosen(folder, tmp_path):
    second = export_nnunet(
        made.model(
            plan=made.plan(
                net=made.net(dim=2, kernels=((3, 3),) * 2, strides=((1, 1), (2, 2))),
                patch=(16, 16),
                spacing_mm=(None, 1.0, 1.0),
                mirror=(0, 1),
            )
        ),
        folder.parent,
    )
    path = tmp_path / "exported.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in (f for f in folder.parent.rglob("*") if f.is_file()):
            archive.write(file, f"Dataset001_Condyle/{file.relative_to(folder.parent)}")
    with pytest.raises(
        ConfigError, match="one of nnUNetTrainer__nnUNetPlans__2d, nnUNetTrainer__nnUNetPlans__3d_fullres"
    ):
        load(path)
    model = load(path, configuration="2d")
    assert model.plan == load(second).plan
    assert model.state("1")
    assert load(path, configuration="nnUNetTrainer__nnUNetPlans__3d_fullres").plan == made.plan()
