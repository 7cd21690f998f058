"""The network of an nnU-Net configuration.

Plans since 2.2 name it under `architecture`; before, a few keys of the configuration told it. Only what changes
the network's numbers is looked at, and whatever would change them in a way not known here is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from condyle.config import NetConfig, NetKind
from condyle.errors import ModelError

_KINDS: dict[str, NetKind] = {"PlainConvUNet": "plain_unet", "ResidualEncoderUNet": "residual_unet"}
_BLOCKS = {"plain_unet": "n_conv_per_stage", "residual_unet": "n_blocks_per_stage"}
_SIZES = {"n_stages", "features_per_stage", "kernel_sizes", "strides", "n_conv_per_stage_decoder"}

#: Keys of a configuration that told the network before there was `architecture`.
OLD_KEYS = {
    "UNet_class_name",
    "UNet_base_num_features",
    "unet_max_num_features",
    "n_conv_per_stage_encoder",
    "n_conv_per_stage_decoder",
    "num_pool_per_axis",
    "pool_op_kernel_sizes",
    "conv_kernel_sizes",
}


def net_config(
    configuration: Mapping[str, Any], *, in_channels: int, out_channels: int, where: str | Path
) -> NetConfig:
    """The network that a configuration describes.

    Args:
        configuration: An entry of `configurations` in nnU-Net's plans, inheritance resolved.
        in_channels: Of the images.
        out_channels: Background and labels, or regions.
        where: The plans' file, for errors.

    Raises:
        ModelError: if it is of a family, or has parts, that are not known here.
    """
    dim = len(configuration["patch_size"])
    kind, kwargs = _told(configuration, where) if "architecture" in configuration else _old(configuration, where)
    stages = kwargs["n_stages"]
    unknown = set(kwargs) - _SIZES - {_BLOCKS[kind]} - set(_parts(dim))
    if unknown:
        got = ", ".join(sorted(unknown))
        raise ModelError(f"{where}: arch_kwargs", expected=f"the parts of nnU-Net's own {kind}", got=got)
    for name, expected in _parts(dim).items():
        if name in kwargs and kwargs[name] not in expected:
            raise ModelError(f"{where}: {name}", expected=str(expected[0]), got=str(kwargs[name]))
    return NetConfig(
        kind=kind,
        dim=dim,
        in_channels=in_channels,
        out_channels=out_channels,
        features=_each(kwargs["features_per_stage"], stages),
        kernels=tuple(_each(kernel, dim) for kernel in _repeated(kwargs["kernel_sizes"], stages)),
        strides=tuple(_each(stride, dim) for stride in _repeated(kwargs["strides"], stages)),
        blocks=_each(kwargs[_BLOCKS[kind]], stages),
        decoder_blocks=_each(kwargs["n_conv_per_stage_decoder"], stages - 1),
        deep_supervision=True,
    )


def _told(configuration: Mapping[str, Any], where: str | Path) -> tuple[NetKind, Mapping[str, Any]]:
    architecture = configuration["architecture"]
    return _kind(architecture["network_class_name"], where), architecture["arch_kwargs"]


def _old(configuration: Mapping[str, Any], where: str | Path) -> tuple[NetKind, Mapping[str, Any]]:
    missing = sorted(OLD_KEYS - {"num_pool_per_axis"} - set(configuration))
    if missing:
        raise ModelError(where, expected="an architecture, or the keys of old plans", got=f"no {', '.join(missing)}")
    kind = _kind(configuration["UNet_class_name"], where)
    blocks = configuration["n_conv_per_stage_encoder"]
    base, most = configuration["UNet_base_num_features"], configuration["unet_max_num_features"]
    return kind, {
        "n_stages": len(blocks),
        "features_per_stage": [min(base * 2**n, most) for n in range(len(blocks))],
        "kernel_sizes": configuration["conv_kernel_sizes"],
        "strides": configuration["pool_op_kernel_sizes"],
        _BLOCKS[kind]: blocks,
        "n_conv_per_stage_decoder": configuration["n_conv_per_stage_decoder"],
    }


def _kind(name: str, where: str | Path) -> NetKind:
    kind = _KINDS.get(name.rpartition(".")[2])
    if kind is None:
        raise ModelError(f"{where}: network", expected=f"one of {', '.join(_KINDS)}", got=name)
    return kind


def _parts(dim: int) -> dict[str, tuple[Any, ...]]:
    """What nnU-Net's networks are made of, and the only values that are known here."""
    return {
        "conv_op": (f"torch.nn.modules.conv.Conv{dim}d",),
        "conv_bias": (True,),
        "norm_op": (f"torch.nn.modules.instancenorm.InstanceNorm{dim}d",),
        "norm_op_kwargs": ({"eps": 1e-05, "affine": True},),
        "dropout_op": (None,),
        "dropout_op_kwargs": (None, {}),
        "nonlin": ("torch.nn.LeakyReLU", "torch.nn.modules.activation.LeakyReLU"),
        "nonlin_kwargs": ({"inplace": True}, {"inplace": True, "negative_slope": 0.01}),
        "deep_supervision": (True, False),
    }


def _repeated(value: Any, count: int) -> list[Any]:
    """One number for all, or one each."""
    return [value] * count if isinstance(value, int) else list(value)


def _each(value: Any, count: int) -> tuple[int, ...]:
    return tuple(int(v) for v in _repeated(value, count))
