"""Initial weights, the same for the same generator."""

from __future__ import annotations

import torch
from torch import nn

from condyle.nets.residual_unet import ResidualBlock

_CONVOLUTIONS = (nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_NORMS = (nn.InstanceNorm2d, nn.InstanceNorm3d, nn.BatchNorm2d, nn.BatchNorm3d)


def initialize(net: nn.Module, generator: torch.Generator) -> None:
    """Draw every weight of a network anew, as nnU-Net does.

    Convolutions: normal after K. He et al., "Delving deep into rectifiers", ICCV 2015, for a leaky ReLU of slope 0.01;
    biases 0. Normalisation: scale 1, shift 0, running statistics at rest; but scale 0 for the last one of each residual
    block of the residual-encoder U-Net, so that the block starts as its shortcut. PReLU: slope 0.25.

    Args:
        net: Any network of this package; changed in place.
        generator: On the CPU. Convolutions draw from it in the order of the network's modules.
    """
    for module in net.modules():
        if isinstance(module, _CONVOLUTIONS):
            nn.init.kaiming_normal_(module.weight, a=1e-2, generator=generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, (*_NORMS, nn.PReLU)):
            module.reset_parameters()
    for module in net.modules():
        if isinstance(module, ResidualBlock):
            nn.init.zeros_(module.conv2.get_parameter("norm.weight"))
