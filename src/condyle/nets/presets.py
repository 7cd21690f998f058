"""The networks of published recipes for bones and organs, for any channels."""

from __future__ import annotations

from collections.abc import Callable

from condyle.config import NetConfig, NetKind
from condyle.errors import ConfigError
from condyle.nets.resnet34_unet import KERNELS, STRIDES


def lang_3d(in_channels: int, out_channels: int) -> NetConfig:
    """Proximal femur in CT: nnU-Net's plain 3D U-Net as it plans it for 1 mm scans of about 130 x 100 x 200."""
    features, blocks = (32, 64, 128, 256, 320, 320), (2,) * 6
    return _net("plain_unet", 3, (in_channels, out_channels), features, blocks, deep_supervision=True)


def lang_2d(in_channels: int, out_channels: int) -> NetConfig:
    """Proximal femur in CT, slice by slice: nnU-Net's residual-encoder U-Net."""
    features, blocks = (32, 64, 128, 256, 512, 512), (1, 3, 4, 6, 6, 6)
    return _net(
        "residual_unet",
        2,
        (in_channels, out_channels),
        features,
        blocks,
        decoder_blocks=(1,) * 5,
        deep_supervision=True,
    )


def abdomen_vnet(in_channels: int, out_channels: int) -> NetConfig:
    """Abdominal organs in CT: V-Net."""
    blocks = (1, 2, 3, 3, 3)
    features = (16, 32, 64, 128, 256)
    return _net("vnet", 3, (in_channels, out_channels), features, blocks, decoder_blocks=(3, 3, 2, 1), kernel=5)


def knee_unet3d(in_channels: int, out_channels: int) -> NetConfig:
    """Knee in low-field MR: the 3D U-Net. 90,316,225 parameters for 1 and 1 channel, statistics included."""
    return _net("unet3d", 3, (in_channels, out_channels), (64, 128, 256, 512, 1024), (2,) * 5)


def limb_resnet34(in_channels: int, out_channels: int) -> NetConfig:
    """Legs of children in MR, slice by slice: a U-Net on ResNet-34."""
    return NetConfig(
        kind="resnet34_unet",
        dim=2,
        in_channels=in_channels,
        out_channels=out_channels,
        features=(16, 64, 64, 128, 256, 512),
        kernels=KERNELS,
        strides=STRIDES,
        blocks=(1, 1, 3, 4, 6, 3),
        decoder_blocks=(2,) * 5,
    )


def limb_unet2d(in_channels: int, out_channels: int) -> NetConfig:
    """Legs of children in MR, slice by slice: the 2D U-Net. 31,030,853 parameters for 1 and 5 channels."""
    return _net("unet2d", 2, (in_channels, out_channels), (64, 128, 256, 512, 1024), (2,) * 5)


#: By name.
PRESETS: dict[str, Callable[[int, int], NetConfig]] = {
    "lang-3d": lang_3d,
    "lang-2d": lang_2d,
    "abdomen-vnet": abdomen_vnet,
    "knee-unet3d": knee_unet3d,
    "limb-resnet34": limb_resnet34,
    "limb-unet2d": limb_unet2d,
}


def preset(name: str, in_channels: int, out_channels: int) -> NetConfig:
    """The network of a recipe by its name.

    Raises:
        ConfigError: on an unknown name.
    """
    if name not in PRESETS:
        raise ConfigError("preset", expected=f"one of {', '.join(PRESETS)}", got=name)
    return PRESETS[name](in_channels, out_channels)


def _net(
    kind: NetKind,
    dim: int,
    channels: tuple[int, int],
    features: tuple[int, ...],
    blocks: tuple[int, ...],
    *,
    decoder_blocks: tuple[int, ...] | None = None,
    kernel: int = 3,
    deep_supervision: bool = False,
) -> NetConfig:
    """Cubic kernels, halved at every stage; the decoder as the encoder unless said."""
    stages = len(features)
    return NetConfig(
        kind=kind,
        dim=dim,
        in_channels=channels[0],
        out_channels=channels[1],
        features=features,
        kernels=((kernel,) * dim,) * stages,
        strides=((1,) * dim, *((2,) * dim,) * (stages - 1)),
        blocks=blocks,
        decoder_blocks=decoder_blocks or blocks[-2::-1],
        deep_supervision=deep_supervision,
    )
