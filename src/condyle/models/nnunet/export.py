"""A model as an nnU-Net v2 results folder, which nnU-Net loads and predicts with. A cascade gives two, side by side.

Trainer and planner are nnU-Net's defaults by name; what they did not do here (fingerprint, training) is left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from condyle.config import Channel, NetConfig, Plan
from condyle.errors import ModelError
from condyle.io.atomic import atomic_folder, refuse_existing
from condyle.models.model import Model

TRAINER = "nnUNetTrainer"
PLANS = "nnUNetPlans"

_SCHEMES = {
    "ct": "CTNormalization",
    "zscore": "ZScoreNormalization",
    "rescale": "RescaleTo01Normalization",
    "rgb": "RGBTo01Normalization",
    "none": "NoNormalization",
}
_NETWORKS = {"plain_unet": "unet.PlainConvUNet", "residual_unet": "unet.ResidualEncoderUNet"}
_READERS = {None: "SimpleITKIO", "RAS": "SimpleITKIOWithReorient"}


def export_nnunet(model: Model, folder: Path, *, dataset: str = "Dataset001_Condyle", overwrite: bool = False) -> Path:
    """Write a model as nnU-Net v2 keeps it.

    Args:
        model: With a network that nnU-Net has.
        folder: Where; the model's own folder is made inside, and one for the first stage of a cascade.
        dataset: nnU-Net's name of the training set.
        overwrite: Whether to replace an earlier one.

    Returns:
        The folder to give to `nnUNetv2_predict_from_modelfolder`.

    Raises:
        ModelError: if nnU-Net cannot do what the model's plan says.
        DataError: if a folder exists and `overwrite` is false, or the disk refuses.
    """
    stages = _stages(model)
    for stage in stages.values():
        _check(stage)
    plans = _plans(stages, dataset)
    outs = {name: folder / f"{TRAINER}__{PLANS}__{name}" for name in stages}
    for out in outs.values():
        refuse_existing(out, overwrite=overwrite)
    for name, stage in stages.items():
        _write(stage, name, plans, outs[name], overwrite=overwrite)
    return outs[next(reversed(stages))]


def _stages(model: Model) -> dict[str, Model]:
    """nnU-Net's name of each configuration, in the order they are run."""
    if model.before is None:
        return {"2d" if model.plan.net.dim == 2 else "3d_fullres": model}
    return {"3d_lowres": model.before, "3d_cascade_fullres": model}


def _write(model: Model, configuration: str, plans: dict[str, Any], out: Path, *, overwrite: bool) -> None:
    import torch

    from condyle.nets.nnunet_names import to_nnunet

    table = _dataset(model)
    with atomic_folder(out, overwrite=overwrite, holds=(".json", ".pth")) as temporary:
        for name, content in (("plans.json", plans), ("dataset.json", table)):
            (temporary / name).write_text(json.dumps(content, indent=4) + "\n", encoding="utf-8")
        for fold in model.folds:
            checkpoint = {
                "network_weights": to_nnunet(model.state(fold), model.plan.net),
                "init_args": {"plans": plans, "configuration": configuration, "fold": fold, "dataset_json": table},
                "trainer_name": TRAINER,
                "inference_allowed_mirroring_axes": model.plan.mirror or None,
            }
            (temporary / f"fold_{fold}").mkdir()
            torch.save(checkpoint, temporary / f"fold_{fold}" / "checkpoint_final.pth")


def _check(model: Model) -> None:
    plan, count = model.plan, len(model.labels.ids)
    spacing = plan.spacing_mm[3 - plan.net.dim :]
    faults = {
        "net: kind": (plan.net.kind in _NETWORKS, " or ".join(_NETWORKS), plan.net.kind),
        "plan: orientation": (plan.orientation in _READERS, "none or RAS", plan.orientation),
        "plan: crop_nonzero": (plan.crop_nonzero, "true", "false"),
        "plan: spacing_mm": (None not in spacing, "a spacing for each axis of the network", plan.spacing_mm),
        "labels": (model.labels.ids == tuple(range(1, 1 + count)), "ids 1, 2, 3 ... without a gap", model.labels.ids),
        "plan: cascade": (plan.cascade in {(), model.labels.ids}, "every structure, or none", plan.cascade),
    }
    if model.before is not None:
        faults |= _faults_of_stages(model, model.before)
    for where, (fine, expected, got) in faults.items():
        if not fine:
            raise ModelError(where, expected=f"{expected}, for nnU-Net", got=str(got))


def _faults_of_stages(model: Model, first: Model) -> dict[str, tuple[bool, str, Any]]:
    """nnU-Net tells channels and axes once, for both stages of a cascade."""
    alike = all(getattr(model.plan, name) == getattr(first.plan, name) for name in ("channels", "axes", "orientation"))
    dims = model.plan.net.dim, first.plan.net.dim
    return {
        "model: stage before": (alike, "the same channels, axes and orientation", "others"),
        "model: stages": (dims == (3, 3), "two of dim 3", f"dim {dims}"),
    }


def _plans(stages: Mapping[str, Model], dataset: str) -> dict[str, Any]:
    plan = next(iter(stages.values())).plan
    transpose = [2 - axis for axis in plan.axes]
    return {
        "dataset_name": dataset,
        "plans_name": PLANS,
        "image_reader_writer": _READERS[plan.orientation],
        "transpose_forward": transpose,
        "transpose_backward": [int(axis) for axis in np.argsort(transpose)],
        "configurations": {name: _configuration(stage.plan, name) for name, stage in stages.items()},
        "experiment_planner_used": "ExperimentPlanner",
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {str(n): _measured(c) for n, c in enumerate(plan.channels)},
    }


def _configuration(plan: Plan, configuration: str) -> dict[str, Any]:
    resampling: dict[str, Any] = {}
    for what, order in (("data", 3), ("seg", 1), ("probabilities", 1)):
        force = None if plan.separate == "auto" else False
        kwargs = {"is_seg": what == "seg", "order": order, "order_z": 0, "force_separate_z": force}
        resampling[f"resampling_fn_{what}"] = "resample_data_or_seg_to_shape"
        resampling[f"resampling_fn_{what}_kwargs"] = kwargs
    out = {
        "data_identifier": f"{PLANS}_{configuration}",
        "preprocessor_name": "DefaultPreprocessor",
        "batch_size": plan.batch,
        "patch_size": list(plan.patch),
        "spacing": list(plan.spacing_mm[3 - plan.net.dim :]),
        "normalization_schemes": [_SCHEMES[c.normalize] for c in plan.channels],
        "use_mask_for_norm": [c.nonzero_only for c in plan.channels],
        **resampling,
        "architecture": _architecture(plan.net),
        "batch_dice": True,
    }
    return out | ({"previous_stage": "3d_lowres"} if plan.cascade else {})


def _architecture(net: NetConfig) -> dict[str, Any]:
    blocks = "n_conv_per_stage" if net.kind == "plain_unet" else "n_blocks_per_stage"
    return {
        "network_class_name": f"dynamic_network_architectures.architectures.{_NETWORKS[net.kind]}",
        "arch_kwargs": {
            "n_stages": len(net.features),
            "features_per_stage": list(net.features),
            "conv_op": f"torch.nn.modules.conv.Conv{net.dim}d",
            "kernel_sizes": [list(k) for k in net.kernels],
            "strides": [list(s) for s in net.strides],
            blocks: list(net.blocks),
            "n_conv_per_stage_decoder": list(net.decoder_blocks),
            "conv_bias": True,
            "norm_op": f"torch.nn.modules.instancenorm.InstanceNorm{net.dim}d",
            "norm_op_kwargs": {"eps": 1e-05, "affine": True},
            "dropout_op": None,
            "dropout_op_kwargs": None,
            "nonlin": "torch.nn.LeakyReLU",
            "nonlin_kwargs": {"inplace": True},
        },
        "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
    }


def _measured(channel: Channel) -> dict[str, float]:
    if channel.normalize != "ct":
        return {}
    return {
        "mean": channel.mean,
        "std": channel.std,
        "percentile_00_5": channel.low,
        "percentile_99_5": channel.high,
    }


def _dataset(model: Model) -> dict[str, Any]:
    labels: dict[str, Any] = {"background": 0}
    if model.plan.regions:
        labels |= {r.name: list(r.ids) if len(r.ids) > 1 else r.ids[0] for r in model.plan.regions}
    else:
        labels |= {s.name: s.id for s in model.labels.structures}
    if model.labels.ignore is not None:
        labels["ignore"] = model.labels.ignore
    out = {
        "channel_names": {str(n): c.name for n, c in enumerate(model.plan.channels)},
        "labels": labels,
        "numTraining": 0,
        "file_ending": ".nii.gz",
    }
    return out | ({"regions_class_order": [r.paint for r in model.plan.regions]} if model.plan.regions else {})
