"""V-Net: large kernels, PReLU, and a residual sum over each stage.

F. Milletari, N. Navab, S.-A. Ahmadi, "V-Net: fully convolutional neural networks for volumetric medical image
segmentation", 3DV 2016. As in the paper there is no normalisation; the decoder's stages are as wide as what they
join (skip and upsampled), so twice the encoder's.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from condyle.config import NetConfig
from condyle.nets.any_size import AnySizeNet
from condyle.nets.blocks import CONV, CONV_TRANSPOSE, Axes, conv


class ResidualStage(nn.Module):
    """Convolutions with PReLU; the stage's input is added before the last one's.

    Where the input has other channels than the stage, which only the image has, it is repeated to as many.
    """

    def __init__(self, c_in: int, width: int, kernel: Axes, blocks: int) -> None:
        super().__init__()
        widths = (c_in, *[width] * blocks)
        self.convs = nn.ModuleList(conv(widths[i], width, kernel) for i in range(blocks))
        self.acts = nn.ModuleList(nn.PReLU(width) for _ in range(blocks))
        self.copies = -(-width // c_in)
        self.width = width

    def forward(self, x: Tensor) -> Tensor:
        """Features of the stage's width."""
        shortcut = x if x.shape[1] == self.width else torch.cat([x] * self.copies, 1)[:, : self.width]
        for convolve, act in zip(self.convs[:-1], self.acts[:-1], strict=True):
            x = act(convolve(x))
        return self.acts[-1](self.convs[-1](x) + shortcut)


class VNet(AnySizeNet):
    """Children: `downs` and `encoder`, `ups` and `decoder` (coarsest first), `head`."""

    dims = (3,)

    def __init__(self, config: NetConfig) -> None:
        super().__init__(config)
        dim, features, strides, kernels = config.dim, config.features, config.strides, config.kernels
        self.downs = nn.ModuleList([nn.Identity()])
        self.encoder = nn.ModuleList([ResidualStage(config.in_channels, features[0], kernels[0], config.blocks[0])])
        for above, width in enumerate(features[1:]):
            stride = strides[above + 1]
            down = CONV[dim](features[above], width, stride, stride)
            self.downs.append(nn.Sequential(down, nn.PReLU(width)))
            self.encoder.append(ResidualStage(width, width, kernels[above + 1], config.blocks[above + 1]))
        self.ups, self.decoder = nn.ModuleList(), nn.ModuleList()
        wide = features[-1]
        for number, blocks in enumerate(config.decoder_blocks):
            below = len(features) - 1 - number
            slim, stride = features[below - 1], strides[below]
            up = CONV_TRANSPOSE[dim](wide, slim, stride, stride)
            self.ups.append(nn.Sequential(up, nn.PReLU(slim)))
            wide = 2 * slim
            self.decoder.append(ResidualStage(wide, wide, kernels[below - 1], blocks))
        self.head = conv(wide, config.out_channels, (1,) * dim)

    def scores(self, x: Tensor, every: bool) -> list[Tensor]:
        """Logits of one divisible size."""
        skips = []
        for down, stage in zip(self.downs, self.encoder, strict=True):
            x = stage(down(x))
            skips.append(x)
        x = skips.pop()
        for up, stage in zip(self.ups, self.decoder, strict=True):
            x = stage(torch.cat((up(x), skips.pop()), 1))
        return [self.head(x)]
