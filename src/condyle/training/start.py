"""Where a training starts: the first weights of a network, and which of them stay as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from condyle.config import NetConfig
from condyle.errors import ConfigError, ModelError
from condyle.nets.any_size import AnySizeNet
from condyle.nets.build import build
from condyle.nets.initial import initialize
from condyle.nets.weights import shapes

_BATCH_NORMS = (nn.BatchNorm2d, nn.BatchNorm3d)


@dataclass(frozen=True)
class Taken:
    """What a network took over from another, by names of weights.

    Attributes:
        whole: As they were.
        adapted: To another number of channels of the image.
        drawn: Not there, of another shape, or of other structures; they are as drawn.
        left: Not needed.
    """

    whole: tuple[str, ...]
    adapted: tuple[str, ...]
    drawn: tuple[str, ...]
    left: tuple[str, ...]

    def __str__(self) -> str:
        total = len(self.whole) + len(self.adapted) + len(self.drawn)
        parts = [f"{len(self.whole)} of {total} weights taken over"]
        for what, names in (("adapted", self.adapted), ("drawn anew", self.drawn), ("left out", self.left)):
            if names:
                parts.append(f"{len(names)} {what} ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})")
        return "; ".join(parts)


def drawn(config: NetConfig, seed: int) -> AnySizeNet:
    """A network with initial weights, the same for the same seed."""
    net = build(config)
    initialize(net, torch.Generator().manual_seed(seed))
    return net


def take_over(
    net: AnySizeNet, config: NetConfig, state: Mapping[str, Tensor], where: str | Path, *, same_structures: bool
) -> Taken:
    """Begin with the weights of a trained network, in place: fine-tuning.

    * What belongs to the structures, the last convolutions, is kept only if they are the same.
    * The first convolution, where the image has another number of channels: each channel gets the sum over the trained
      ones, divided by how many there are now. An image that is the same in all of them is seen as before.
    * Other weights are taken over where name and shape are the same.

    Args:
        net: With initial weights.
        config: Its config.
        state: Trained weights, by the names of `condyle.nets`.
        where: Where they are from, for errors.
        same_structures: Whether its outputs mean what the trained network's outputs meant.

    Raises:
        ModelError: if it is quite another network: less than half of the numbers can be taken over.
    """
    known = shapes(config)
    of_image = _depending(known, replace(config, in_channels=config.in_channels + 1))
    of_structures = _depending(known, replace(config, out_channels=config.out_channels + 1))
    own = net.state_dict()
    whole, adapted, fresh = [], [], []
    for name, shape in known.items():
        trained = state.get(name)
        if trained is None or (name in of_structures and not same_structures):
            fresh.append(name)
        elif tuple(trained.shape) == shape:
            own[name].copy_(trained)
            whole.append(name)
        elif name in of_image and _but_for_inputs(tuple(trained.shape)) == _but_for_inputs(shape):
            own[name].copy_(trained.sum(1, keepdim=True).expand(shape) / shape[1])
            adapted.append(name)
        else:
            fresh.append(name)
    kept = sum(own[name].numel() for name in (*whole, *adapted))
    if 2 * kept < sum(tensor.numel() for tensor in own.values()):
        raise ModelError(
            where,
            expected=f"weights of a {config.kind} of the same stages",
            got=f"{len(whole)} of {len(known)} that fit",
            hint="Train with the network and patch of that model's plan.",
        )
    return Taken(tuple(whole), tuple(adapted), tuple(fresh), tuple(name for name in state if name not in known))


def prefer_background(net: AnySizeNet, config: NetConfig, lead: float, *, regions: bool) -> None:
    """Begin with the answer that is right in most voxels, in place: background.

    After T.-Y. Lin et al., "Focal loss for dense object detection", ICCV 2017, who begin with a rare class's prior.

    Args:
        net: With initial weights.
        config: Its config.
        lead: Of the logit of background before those of all structures; with regions, of 0 before each.
        regions: Whether its outputs are regions, of which background is none.
    """
    known = shapes(config)
    of_structures = _depending(known, replace(config, out_channels=config.out_channels + 1))
    own = net.state_dict()
    for name in of_structures:
        if name.endswith("bias"):
            own[name][0 if regions else 1 :] -= lead


def freeze(net: nn.Module, starts: Sequence[str]) -> None:
    """Stop learning in all parts whose names begin so; batch normalisation goes on, after the new images' grey values.

    Raises:
        ConfigError: if no part has such a name.
    """
    for start in starts:
        found = [module for name, module in net.named_modules() if name and name.startswith(start)]
        if not found:
            got, expected = start, f"the start of a part's name, e.g. {', '.join(n for n, _ in net.named_children())}"
            raise ConfigError("recipe: freeze", expected=expected, got=got)
        for module in found:
            if not isinstance(module, _BATCH_NORMS):
                for parameter in module.parameters(recurse=False):
                    parameter.requires_grad_(requires_grad=False)


def _depending(known: Mapping[str, tuple[int, ...]], other: NetConfig) -> set[str]:
    """The names whose shapes are others in another network."""
    there = shapes(other)
    return {name for name, shape in known.items() if there[name] != shape}


def _but_for_inputs(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (shape[0], *shape[2:])
