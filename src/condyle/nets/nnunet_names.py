"""Weights under nnU-Net v2's names, and back.

nnU-Net's state dict tells most weights two or four times: a block's convolution and normalisation are also entries 0
and 1 of its `all_modules`, and the whole encoder is also a child of the decoder. Here one of them is kept; all are
written.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from condyle.config import NetConfig
from condyle.errors import ConfigError, ModelError
from condyle.nets.weights import check, shapes

# What torch.compile and data-parallel training put before every name.
_WRAPPERS = ("module.", "_orig_mod.")


def from_nnunet(
    state: Mapping[str, Tensor], config: NetConfig, where: str | Path = "nnU-Net weights"
) -> dict[str, Tensor]:
    """Weights under this package's names.

    Args:
        state: The `network_weights` of an nnU-Net checkpoint.
        config: The network they are for.
        where: Their file, for errors.

    Raises:
        ModelError: if they are another network's, or tell one weight in two ways.
    """
    left = {_unwrapped(name): tensor for name, tensor in state.items()}
    ours: dict[str, Tensor] = {}
    for name, spellings in _spellings(config).items():
        copies = [left.pop(spelling) for spelling in spellings if spelling in left]
        if any(not _same(copy, copies[0]) for copy in copies[1:]):
            raise ModelError(where, expected=f"one value of {spellings[0]}", got="copies of it that differ")
        if copies:
            ours[name] = copies[0]
    check(config, ours | left, where)
    return ours


def to_nnunet(state: Mapping[str, Tensor], config: NetConfig) -> dict[str, Tensor]:
    """The inverse: weights under nnU-Net's names, every copy written.

    Args:
        state: A network's weights under this package's names.
        config: The network.

    Raises:
        ModelError: if they are another network's.
    """
    check(config, state)
    table = _spellings(config)
    return {spelling: state[name] for name, spellings in table.items() for spelling in spellings}


def _spellings(config: NetConfig) -> dict[str, list[str]]:
    """All names that nnU-Net has for each of our weights, the plainest first."""
    if config.kind not in {"plain_unet", "residual_unet"}:
        raise ConfigError("net: kind", expected="plain_unet or residual_unet, which nnU-Net has", got=config.kind)
    table = {}
    for name in shapes(config):
        first = _theirs(name, config)
        names = [first]
        for child, entry in (("conv", 0), ("norm", 1)):
            names += [n.replace(f".{child}.", f".all_modules.{entry}.") for n in names if f".{child}." in n]
        if first.startswith("encoder."):
            names += [f"decoder.{n}" for n in names]
        table[name] = names
    return table


def _theirs(name: str, config: NetConfig) -> str:
    """E.g. `encoder.1.0.conv.weight` is nnU-Net's `encoder.stages.1.0.convs.0.conv.weight`."""
    match name.split("."):
        case ["stem", *rest]:
            path = ["encoder.stem.convs.0", *rest]
        case ["encoder", stage, block, *rest] if config.kind == "plain_unet":
            path = ["encoder.stages", stage, "0.convs", block, *rest]
        case ["encoder", stage, block, "skip", *rest]:
            # Entry 0 of a shortcut is the pooling, where there is one.
            pooled = block == "0" and max(config.strides[int(stage)]) > 1
            path = ["encoder.stages", stage, "blocks", block, "skip", "1" if pooled else "0", *rest]
        case ["encoder", stage, block, *rest]:
            path = ["encoder.stages", stage, "blocks", block, *rest]
        case ["decoder", "stages", stage, block, *rest]:
            path = ["decoder.stages", stage, "convs", block, *rest]
        case [_, part, *rest]:
            path = ["decoder", {"ups": "transpconvs", "heads": "seg_layers"}[part], *rest]
    return ".".join(path)


def _same(a: Tensor, b: Tensor) -> bool:
    # A checkpoint's copies share their memory, which spares the comparison.
    return a.is_set_to(b) or torch.equal(a, b)


def _unwrapped(name: str) -> str:
    for wrapper in _WRAPPERS:
        name = name.removeprefix(wrapper)
    return name
