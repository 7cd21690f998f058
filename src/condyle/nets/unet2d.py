"""The 2D U-Net, without normalisation and with dropout in its two coarsest stages.

O. Ronneberger, P. Fischer, T. Brox, "U-Net: convolutional networks for biomedical image segmentation", MICCAI 2015,
in the form used for children's legs: convolutions keep the size; up is nearest-neighbour and a 2x2 convolution.

For one channel in and five out this is 31,030,853 parameters.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from condyle.config import NetConfig
from condyle.nets.any_size import AnySizeNet
from condyle.nets.blocks import CONV, MAX_POOL, Axes, conv, relu

_DROPOUT = 0.5


class Up(nn.Module):
    """Nearest-neighbour, then a convolution as large as the stride and ReLU.

    An even kernel has no centre: the image is padded at the far end, as the source's framework does.
    """

    def __init__(self, c_in: int, c_out: int, stride: Axes) -> None:
        super().__init__()
        self.stride = tuple(float(s) for s in stride)
        self.margin = [end for s in reversed(stride) for end in ((s - 1) // 2, s // 2)]
        self.conv = CONV[len(stride)](c_in, c_out, stride)
        self.act = relu()

    def forward(self, x: Tensor) -> Tensor:
        """Features on the finer grid."""
        fine = functional.interpolate(x, scale_factor=self.stride, mode="nearest")
        return self.act(self.conv(functional.pad(fine, self.margin)))


class UNet2D(AnySizeNet):
    """Children: `downs` and `encoder`, `ups` and `decoder` (coarsest first), `head`."""

    dims = (2,)

    def __init__(self, config: NetConfig) -> None:
        super().__init__(config)
        features, last = config.features, len(config.features) - 1
        self.downs, self.encoder = nn.ModuleList(), nn.ModuleList()
        c_in = config.in_channels
        for number, width in enumerate(features):
            stride = config.strides[number]
            self.downs.append(MAX_POOL[config.dim](stride) if max(stride) > 1 else nn.Identity())
            dropped = number >= last - 1
            self.encoder.append(_stage(c_in, width, config.kernels[number], config.blocks[number], dropped))
            c_in = width
        self.ups, self.decoder = nn.ModuleList(), nn.ModuleList()
        for number, blocks in enumerate(config.decoder_blocks):
            below = last - number
            slim = features[below - 1]
            self.ups.append(Up(features[below], slim, config.strides[below]))
            self.decoder.append(_stage(2 * slim, slim, config.kernels[below - 1], blocks, dropped=False))
        self.head = conv(features[0], config.out_channels, (1,) * config.dim)

    def scores(self, x: Tensor, every: bool) -> list[Tensor]:
        """Logits of one divisible size."""
        skips = []
        for down, stage in zip(self.downs, self.encoder, strict=True):
            x = stage(down(x))
            skips.append(x)
        x = skips.pop()
        for up, stage in zip(self.ups, self.decoder, strict=True):
            x = stage(torch.cat((skips.pop(), up(x)), 1))
        return [self.head(x)]


def _stage(c_in: int, width: int, kernel: Axes, blocks: int, dropped: bool) -> nn.Sequential:
    widths = (c_in, *[width] * blocks)
    parts = [part for i in range(blocks) for part in (conv(widths[i], width, kernel), relu())]
    return nn.Sequential(*parts, *[nn.Dropout(_DROPOUT)] * dropped)
