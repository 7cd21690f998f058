"""The families of networks, and the one function that makes any of them."""

from __future__ import annotations

from condyle.config import NetConfig, NetKind
from condyle.errors import ConfigError
from condyle.nets.any_size import AnySizeNet
from condyle.nets.plain_unet import PlainUNet
from condyle.nets.residual_unet import ResidualUNet
from condyle.nets.resnet34_unet import ResNet34UNet
from condyle.nets.unet2d import UNet2D
from condyle.nets.unet3d import UNet3D
from condyle.nets.vnet import VNet

#: A new family is a file and a line here.
FAMILIES: dict[NetKind, type[AnySizeNet]] = {
    "plain_unet": PlainUNet,
    "residual_unet": ResidualUNet,
    "unet3d": UNet3D,
    "vnet": VNet,
    "resnet34_unet": ResNet34UNet,
    "unet2d": UNet2D,
}


def build(config: NetConfig) -> AnySizeNet:
    """The network, with PyTorch's own initial weights: load others (`weights`) or draw them (`initial`).

    Raises:
        ConfigError: where the family cannot be built so.
    """
    family = FAMILIES[config.kind]
    where = f"net: {config.kind}"
    if config.dim not in family.dims:
        raise ConfigError(where, expected=f"dim {' or '.join(map(str, family.dims))}", got=str(config.dim))
    if config.deep_supervision and not family.deepens:
        raise ConfigError(where, expected="no deep supervision: it has one output", got="deep_supervision: true")
    if len(config.features) < 2 or max(config.strides[0]) > 1 or min(config.decoder_blocks) < 1:
        raise ConfigError(where, expected="two stages or more, the first at stride 1, no empty one", got=str(config))
    if any(size % 2 == 0 for kernel in config.kernels for size in kernel):
        raise ConfigError(where, expected="odd kernel sizes, which keep an image's size", got=str(config.kernels))
    return family(config)
