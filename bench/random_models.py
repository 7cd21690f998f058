"""nnU-Net models of many shapes with weights at random, made by nnU-Net's own code as its trainer saves them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

LABELS = {"background": 0, "femur": 1, "hip": 2}
FOLDER = "nnUNetTrainer__nnUNetPlans__{}"


@dataclass(frozen=True)
class Shape:
    """A model and the scan it is asked about.

    Args:
        kernels: Of each stage; the first axis of 2-D ones is left out.
        strides: Likewise.
        patch: Of the network.
        spacing_mm: Along the tensor's axes.
        scan: Voxels along i, j, k.
        scan_mm: Their spacing.
        family: nnU-Net's class.
        channels: Names of the inputs.
        labels: As in nnU-Net's `dataset.json`.
        paints: `regions_class_order`, where labels are regions.
        transpose: `transpose_forward`.
        before: The spacing and patch of a first stage.
        schemes: Normalisation of each channel.
    """

    kernels: tuple[tuple[int, ...], ...]
    strides: tuple[tuple[int, ...], ...]
    patch: tuple[int, ...]
    spacing_mm: tuple[float, ...]
    scan: tuple[int, int, int]
    scan_mm: tuple[float, float, float]
    family: str = "unet.PlainConvUNet"
    channels: tuple[str, ...] = ("CT",)
    labels: dict[str, Any] = field(default_factory=lambda: LABELS)
    paints: tuple[int, ...] = ()
    transpose: tuple[int, int, int] = (0, 1, 2)
    before: tuple[tuple[float, ...], tuple[int, ...]] | None = None
    schemes: tuple[str, ...] = ("CTNormalization",)

    @property
    def configurations(self) -> tuple[str, ...]:
        """In the order they are run."""
        if self.before is not None:
            return "3d_lowres", "3d_cascade_fullres"
        return ("2d",) if len(self.patch) == 2 else ("3d_fullres",)


_CUBE, _FLAT, _PLANE = (3, 3, 3), (1, 3, 3), (3, 3)

SHAPES = {
    "2-D, 3 channels": Shape(
        (_PLANE,) * 4, ((1, 1), (2, 2), (2, 2), (2, 2)), (48, 40), (1.1, 0.9), (70, 61, 9), (0.9, 1.0, 4.0),
        channels=("T1", "T2", "PD"),
        schemes=("ZScoreNormalization", "RescaleTo01Normalization", "NoNormalization"),
    ),
    "3-D, anisotropic kernels": Shape(
        (_FLAT, _FLAT, _CUBE, _CUBE), ((1, 1, 1), (1, 2, 2), (1, 2, 2), (2, 2, 2)), (8, 40, 40), (3.6, 0.8, 0.8),
        (64, 71, 19), (0.7, 0.9, 3.2),
    ),
    "residual, 2-D": Shape(
        (_PLANE,) * 4, ((1, 1), (2, 2), (2, 2), (2, 1)), (48, 40), (1.0, 1.0), (70, 61, 9), (0.9, 1.1, 4.0),
        family="unet.ResidualEncoderUNet",
    ),
    "residual, 3-D, regions, ignore label": Shape(
        (_FLAT, _CUBE, _CUBE), ((1, 1, 1), (1, 2, 2), (2, 2, 2)), (16, 32, 32), (2.0, 1.0, 1.0),
        (50, 47, 33), (1.1, 0.9, 1.7),
        family="unet.ResidualEncoderUNet",
        labels={"background": 0, "bone": [1, 2], "marrow": [2], "ignore": 3},
        paints=(1, 2),
    ),
    "ignore label": Shape(
        (_CUBE,) * 3, ((1, 1, 1), (2, 2, 2), (2, 2, 2)), (32, 32, 32), (1.2, 1.2, 1.2), (50, 47, 43), (1.0, 1.1, 1.4),
        labels={**LABELS, "ignore": 3},
    ),
    "transposed axes": Shape(
        (_CUBE,) * 3, ((1, 1, 1), (2, 2, 2), (2, 2, 2)), (24, 32, 40), (1.5, 1.2, 1.1), (50, 47, 43), (1.0, 1.3, 1.1),
        transpose=(1, 2, 0),
    ),
    "cascade": Shape(
        (_CUBE,) * 3, ((1, 1, 1), (2, 2, 2), (2, 2, 2)), (32, 32, 32), (1.2, 1.1, 1.0), (50, 57, 53), (1.0, 1.1, 1.3),
        before=((2.4, 2.2, 2.0), (16, 24, 24)),
    ),
    "cascade of regions, transposed": Shape(
        (_CUBE,) * 3, ((1, 1, 1), (2, 2, 2), (2, 2, 2)), (32, 32, 32), (1.2, 1.1, 1.0), (50, 57, 53), (1.0, 1.1, 1.3),
        labels={"background": 0, "bone": [1, 2], "marrow": [2], "ignore": 3},
        paints=(1, 2),
        transpose=(2, 0, 1),
        before=((2.4, 2.2, 2.0), (16, 24, 24)),
    ),
}  # fmt: skip


def make(shape: Shape, folder: Path) -> Path:
    """Write the model as nnU-Net's trainer does, with weights at random.

    Returns:
        The folder of its last stage.
    """
    import torch

    plans, dataset = _plans(shape), _dataset(shape)
    for seed, name in enumerate(shape.configurations):
        out = folder / FOLDER.format(name)
        (out / "fold_0").mkdir(parents=True)
        (out / "plans.json").write_text(json.dumps(plans))
        (out / "dataset.json").write_text(json.dumps(dataset))
        torch.manual_seed(seed)
        arguments = {"plans": plans, "configuration": name, "fold": 0, "dataset_json": dataset}
        checkpoint = {
            "network_weights": _network(plans, dataset, name).state_dict(),
            "init_args": arguments,
            "trainer_name": "nnUNetTrainer",
            "inference_allowed_mirroring_axes": tuple(range(len(shape.patch))),
        }
        torch.save(checkpoint, out / "fold_0" / "checkpoint_final.pth")
    return out


def _network(plans: dict[str, Any], dataset: dict[str, Any], name: str) -> Any:
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
    from nnunetv2.utilities.label_handling.label_handling import determine_num_input_channels
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    manager = PlansManager(plans)
    configuration = manager.get_configuration(name)
    inputs = determine_num_input_channels(manager, configuration, dataset)
    outputs = manager.get_label_manager(dataset).num_segmentation_heads
    return nnUNetTrainer.build_network_architecture(manager, configuration, inputs, outputs, True)


def _plans(shape: Shape) -> dict[str, Any]:
    last = _configuration(shape)
    configurations = dict.fromkeys(shape.configurations, last)
    if shape.before is not None:
        spacing, patch = shape.before
        first, second = shape.configurations
        configurations[first] = _configuration(replace(shape, spacing_mm=spacing, patch=patch))
        configurations["3d_fullres"] = last
        configurations[second] = {"inherits_from": "3d_fullres", "previous_stage": first}
    measured = {"mean": 20.0, "std": 60.0, "percentile_00_5": -110.0, "percentile_99_5": 140.0}
    return {
        "dataset_name": "Dataset001_Random",
        "plans_name": "nnUNetPlans",
        "image_reader_writer": "SimpleITKIO",
        "transpose_forward": list(shape.transpose),
        "transpose_backward": [int(n) for n in np.argsort(shape.transpose)],
        "configurations": configurations,
        "experiment_planner_used": "ExperimentPlanner",
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {str(n): measured for n in range(len(shape.channels))},
    }


def _configuration(shape: Shape) -> dict[str, Any]:
    dim, stages = len(shape.patch), len(shape.kernels)
    residual = "Residual" in shape.family
    resampling: dict[str, Any] = {}
    for what, order in (("data", 3), ("seg", 1), ("probabilities", 1)):
        kwargs = {"is_seg": what == "seg", "order": order, "order_z": 0, "force_separate_z": None}
        resampling[f"resampling_fn_{what}"] = "resample_data_or_seg_to_shape"
        resampling[f"resampling_fn_{what}_kwargs"] = kwargs
    arch = {
        "n_stages": stages,
        "features_per_stage": [8, 16, 24, 32][:stages],
        "conv_op": f"torch.nn.modules.conv.Conv{dim}d",
        "kernel_sizes": [list(k) for k in shape.kernels],
        "strides": [list(s) for s in shape.strides],
        "n_blocks_per_stage" if residual else "n_conv_per_stage": [1, 2, 3, 3][:stages] if residual else [2] * stages,
        "n_conv_per_stage_decoder": [1 if residual else 2] * (stages - 1),
        "conv_bias": True,
        "norm_op": f"torch.nn.modules.instancenorm.InstanceNorm{dim}d",
        "norm_op_kwargs": {"eps": 1e-05, "affine": True},
        "dropout_op": None,
        "dropout_op_kwargs": None,
        "nonlin": "torch.nn.LeakyReLU",
        "nonlin_kwargs": {"inplace": True},
    }
    return {
        "data_identifier": "nnUNetPlans",
        "preprocessor_name": "DefaultPreprocessor",
        "batch_size": 2,
        "patch_size": list(shape.patch),
        "spacing": list(shape.spacing_mm),
        "normalization_schemes": list(shape.schemes),
        "use_mask_for_norm": [False] * len(shape.schemes),
        **resampling,
        "architecture": {
            "network_class_name": f"dynamic_network_architectures.architectures.{shape.family}",
            "arch_kwargs": arch,
            "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
        },
        "batch_dice": True,
    }


def _dataset(shape: Shape) -> dict[str, Any]:
    out = {
        "channel_names": {str(n): name for n, name in enumerate(shape.channels)},
        "labels": shape.labels,
        "numTraining": 0,
        "file_ending": ".nii.gz",
    }
    return out | ({"regions_class_order": list(shape.paints)} if shape.paints else {})


def scans(shape: Shape, folder: Path) -> list[Path]:
    """A channel a file: smooth noise, with a margin of zeros that is to be cropped."""
    from scipy.ndimage import gaussian_filter

    from condyle.io import write
    from condyle.space import Grid, Volume

    grid = Grid(shape.scan, np.diag([*shape.scan_mm, 1.0]))
    paths = []
    for n in range(len(shape.channels)):
        noise = gaussian_filter(np.random.default_rng(n).normal(size=shape.scan), 2)
        array = (noise / noise.std() * 50 + 20).astype(np.float32)
        array[:5] = array[:, -4:] = 0
        paths.append(folder / f"case_{n:04d}.nii.gz")
        write(paths[-1], Volume(array, grid))
    return paths
