"""Bricks that several families are made of, in 2 and 3 dimensions."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import torch
from torch import Tensor, nn

Axes = tuple[int, ...]
Op = Callable[..., nn.Module]


class Conv3d(nn.Conv3d):
    """torch's, but in single precision where a processor would compute two planes in bf16.

    oneDNN's gradient of the weights reads memory that nobody wrote there (torch 2.13; two planes along the first axis,
    kernels of 3): now and then it is no number, or 1e31, and a step in its direction is worse than none.
    """

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[2] == 2 and x.device.type == "cpu" and torch.is_autocast_enabled("cpu"):
            with torch.autocast("cpu", enabled=False):
                return super().forward(x.float())
        return super().forward(x)


#: By number of dimensions.
CONV: dict[int, Op] = {2: nn.Conv2d, 3: Conv3d}
CONV_TRANSPOSE: dict[int, Op] = {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
INSTANCE_NORM: dict[int, Op] = {2: nn.InstanceNorm2d, 3: nn.InstanceNorm3d}
BATCH_NORM: dict[int, Op] = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
MAX_POOL: dict[int, Op] = {2: nn.MaxPool2d, 3: nn.MaxPool3d}
AVERAGE_POOL: dict[int, Op] = {2: nn.AvgPool2d, 3: nn.AvgPool3d}


def instance_norm(dim: int, channels: int) -> nn.Module:
    """Instance normalisation with learned scale and shift, epsilon 1e-5."""
    return INSTANCE_NORM[dim](channels, eps=1e-5, affine=True)


def batch_norm(dim: int, channels: int) -> nn.Module:
    """Batch normalisation."""
    return BATCH_NORM[dim](channels)


def leaky_relu() -> nn.Module:
    """Leaky ReLU of slope 0.01, in place: half the memory."""
    return nn.LeakyReLU(0.01, inplace=True)


def relu() -> nn.Module:
    """ReLU, in place."""
    return nn.ReLU(inplace=True)


def conv(c_in: int, c_out: int, kernel: Axes, stride: Axes | int = 1, *, bias: bool = True) -> nn.Module:
    """A convolution that keeps the size at stride 1. Kernel sizes are odd."""
    return CONV[len(kernel)](c_in, c_out, kernel, stride, padding=tuple(k // 2 for k in kernel), bias=bias)


def conv_block(
    c_in: int,
    c_out: int,
    kernel: Axes,
    stride: Axes | int = 1,
    *,
    bias: bool = True,
    norm: Callable[[int, int], nn.Module] = instance_norm,
    act: Callable[[], nn.Module] | None = leaky_relu,
) -> nn.Sequential:
    """Convolution, normalisation, activation: children `conv`, `norm` and `act`."""
    parts = OrderedDict(conv=conv(c_in, c_out, kernel, stride, bias=bias), norm=norm(len(kernel), c_out))
    if act is not None:
        parts["act"] = act()
    return nn.Sequential(parts)


def batch_relu_block(c_in: int, c_out: int, kernel: Axes) -> nn.Sequential:
    """Convolution, batch normalisation, ReLU."""
    return conv_block(c_in, c_out, kernel, norm=batch_norm, act=relu)
