"""Optimizers of a recipe."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from condyle.errors import ConfigError
from condyle.recipe import Optimizer as Name
from condyle.recipe import Recipe

Groups = list[dict[str, Any]]


def sgd(groups: Groups, recipe: Recipe) -> Optimizer:
    """Gradient descent with Nesterov momentum, nnU-Net's."""
    return SGD(groups, recipe.rate, momentum=recipe.momentum, nesterov=recipe.momentum > 0)


def adam(groups: Groups, recipe: Recipe) -> Optimizer:
    """D. Kingma, J. Ba, "Adam", ICLR 2015. Its decay is part of the gradient."""
    return Adam(groups, recipe.rate)


def adamw(groups: Groups, recipe: Recipe) -> Optimizer:
    """I. Loshchilov, F. Hutter, "Decoupled weight decay regularization", ICLR 2019."""
    return AdamW(groups, recipe.rate)


#: A new optimizer is a function and a line here.
OPTIMIZERS: dict[Name, Callable[[Groups, Recipe], Optimizer]] = {"sgd": sgd, "adam": adam, "adamw": adamw}


def optimizer(net: nn.Module, recipe: Recipe) -> Optimizer:
    """The recipe's optimizer for all of a network that is not frozen.

    `adamw` decays neither biases nor the scales and shifts of normalisation: they do not make a network complicated,
    and drawing a scale to 0 would silence its channel. The others decay everything, as the recipes that name
    them did.

    Raises:
        ConfigError: if all is frozen.
    """
    free = [p for p in net.parameters() if p.requires_grad]
    if not free:
        raise ConfigError("recipe: freeze", expected="parts of the network", got="all of it", hint="Leave some free.")
    spared = [p for p in free if p.ndim <= 1 and recipe.optimizer == "adamw"]
    decayed = [p for p in free if p.ndim > 1 or recipe.optimizer != "adamw"]
    groups = [
        {"params": members, "weight_decay": decay}
        for members, decay in ((decayed, recipe.weight_decay), (spared, 0.0))
        if members
    ]
    return OPTIMIZERS[recipe.optimizer](groups, recipe)


def set_rate(optimizer: Optimizer, rate: float) -> None:
    """Give every group this learning rate."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def clipped(net: nn.Module, largest: float) -> float:
    """Shorten the gradient to the length `largest` where it is longer; 0 for no limit. Returns the length it had."""
    free = [p for p in net.parameters() if p.grad is not None]
    return float(torch.nn.utils.clip_grad_norm_(free, largest or float("inf")))
