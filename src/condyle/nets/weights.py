"""Weights into networks: checked first, by name, shape and finiteness."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from condyle.config import NetConfig
from condyle.errors import ModelError
from condyle.nets.any_size import AnySizeNet
from condyle.nets.build import build

_SHOWN = 3


def load(config: NetConfig, state: Mapping[str, Tensor], where: str | Path = "weights") -> AnySizeNet:
    """A network with these weights, ready to predict (`eval`).

    Nothing is drawn and nothing copied: the network holds the tensors of `state` themselves, but for those of
    another precision than float32.

    Args:
        config: The network.
        state: Weights by name.
        where: Their file, for errors.

    Raises:
        ModelError: if they are not this network's, or not finite.
    """
    check(config, state, where)
    net = _skeleton(config)
    net.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in state.items()}, assign=True)
    return net.eval()


def shapes(config: NetConfig) -> dict[str, tuple[int, ...]]:
    """The shape of every weight of a network, by name."""
    return {name: tuple(tensor.shape) for name, tensor in _skeleton(config).state_dict().items()}


def check(config: NetConfig, state: Mapping[str, Tensor], where: str | Path = "weights") -> None:
    """Refuse weights that are not this network's.

    Raises:
        ModelError: telling which weights are missing, left over, of another shape or not finite.
    """
    told = faults(shapes(config), state)
    if told:
        net = f"a {config.kind} ({config.dim}D, {config.in_channels} to {config.out_channels} channels)"
        raise ModelError(where, expected=f"the weights of {net}", got=told)


def faults(known: Mapping[str, tuple[int, ...]], state: Mapping[str, Tensor]) -> str:
    """What is wrong with weights, in words; empty where nothing is.

    Args:
        known: The shape of every weight there should be, by name.
        state: The weights that came.
    """
    kinds = {
        "missing": [name for name in known if name not in state],
        "left over": [name for name in state if name not in known],
        "of another shape": [
            f"{name} {tuple(state[name].shape)} instead of {shape}"
            for name, shape in known.items()
            if name in state and tuple(state[name].shape) != shape
        ],
        # One that is not finite makes the sum so, at a tenth of the time of looking at each.
        "not finite": [name for name, value in state.items() if not value.sum().isfinite()],
    }
    return "; ".join(f"{kind}: {_some(names)}" for kind, names in kinds.items() if names)


def _skeleton(config: NetConfig) -> AnySizeNet:
    with torch.device("meta"):
        return build(config)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
