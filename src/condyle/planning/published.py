"""Networks that come as published, whatever the data: only their ends, and if asked their width, are ours."""

from __future__ import annotations

from dataclasses import replace

from condyle.config import NetConfig
from condyle.errors import ConfigError
from condyle.planning.topology import Axes

#: The recipe's name of a network to the preset of `nets.presets`, its patch and its batch.
PUBLISHED: dict[str, tuple[str, Axes, int]] = {
    "vnet": ("abdomen-vnet", (64, 128, 128), 2),
    "unet3d": ("knee-unet3d", (64, 64, 64), 10),
    "resnet34": ("limb-resnet34", (256, 256), 16),
    "unet2d": ("limb-unet2d", (256, 256), 30),
}


def published_net(network: str, dim: int, in_channels: int, out_channels: int, first: int = 0) -> NetConfig:
    """A published network for any ends.

    Args:
        network: One of `PUBLISHED`.
        dim: That the recipe asks for.
        in_channels: Images.
        out_channels: Classes or regions.
        first: Channels of the first stage; the others follow in proportion. 0 for those published.

    Raises:
        ConfigError: if it is made for another dimension, or its width is asked for and fixed.
    """
    from condyle.nets.presets import preset

    net = preset(PUBLISHED[network][0], in_channels, out_channels)
    if net.dim != dim:
        hint = f"Give dim {net.dim}, or another network."
        raise ConfigError(f"recipe: network {network}", expected=f"dim {net.dim}", got=f"dim {dim}", hint=hint)
    if not first or first == net.features[0]:
        return net
    if net.kind == "resnet34_unet":
        got = str(first)
        raise ConfigError("recipe: features", expected="none for resnet34, whose encoder has a fixed width", got=got)
    return replace(net, features=tuple(max(1, round(f * first / net.features[0])) for f in net.features))


def rounded_up(patch: Axes, divisor: Axes) -> Axes:
    """The smallest patch, no smaller than this, that a network can halve."""
    return tuple(-(-n // d) * d for n, d in zip(patch, divisor, strict=True))
