"""nnU-Net's residual-encoder U-Net: a stem, residual blocks in the encoder, a plain decoder.

F. Isensee et al., "nnU-Net revisited: a call for rigorous validation in 3D medical image segmentation", MICCAI 2024.
The blocks are ResNet-D's (T. He et al., "Bag of tricks for image classification", CVPR 2019): where a block strides,
its shortcut averages. Equal to the network of nnunetv2, weight by weight (see `nnunet_names`).
"""

from __future__ import annotations

from torch import Tensor, nn

from condyle.config import NetConfig
from condyle.nets.any_size import AnySizeNet
from condyle.nets.blocks import AVERAGE_POOL, Axes, conv_block, leaky_relu
from condyle.nets.decoder import UNetDecoder


class ResidualBlock(nn.Module):
    """Two convolutions, and a shortcut: averaged where the block strides, projected where the channels change."""

    def __init__(self, c_in: int, c_out: int, kernel: Axes, stride: Axes) -> None:
        super().__init__()
        dim = len(kernel)
        self.conv1 = conv_block(c_in, c_out, kernel, stride)
        self.conv2 = conv_block(c_out, c_out, kernel, act=None)
        self.pool = AVERAGE_POOL[dim](stride, stride) if max(stride) > 1 else nn.Identity()
        projects = c_in != c_out
        self.skip = conv_block(c_in, c_out, (1,) * dim, bias=False, act=None) if projects else nn.Identity()
        self.act = leaky_relu()

    def forward(self, x: Tensor) -> Tensor:
        """The block's features."""
        out = self.conv2(self.conv1(x))
        out += self.skip(self.pool(x))
        return self.act(out)


class ResidualUNet(AnySizeNet):
    """Children: `stem`, `encoder` (stage, block) and `decoder`.

    The coarser heads exist without deep supervision too, so that the same weights fit both.
    """

    deepens = True

    def __init__(self, config: NetConfig) -> None:
        super().__init__(config)
        c_in = config.features[0]
        self.stem = conv_block(config.in_channels, c_in, config.kernels[0])
        self.encoder = nn.ModuleList()
        ones = (1,) * config.dim
        for width, kernel, stride, blocks in zip(
            config.features, config.kernels, config.strides, config.blocks, strict=True
        ):
            first = ResidualBlock(c_in, width, kernel, stride)
            rest = [ResidualBlock(width, width, kernel, ones) for _ in range(blocks - 1)]
            self.encoder.append(nn.Sequential(first, *rest))
            c_in = width
        self.decoder = UNetDecoder(config)

    def scores(self, x: Tensor, every: bool) -> list[Tensor]:
        """Logits of one divisible size, finest first."""
        x = self.stem(x)
        skips = []
        for stage in self.encoder:
            x = stage(x)
            skips.append(x)
        return self.decoder(skips, every)
