"""A 2D U-Net whose encoder is ResNet-34, so that ImageNet weights can be its start.

K. He et al., "Deep residual learning for image recognition", CVPR 2016; the decoder is that of the library
segmentation_models: nearest-neighbour up, skip joined, two 3x3 convolutions with batch normalisation and ReLU.

Stages of the config: 0 is the image, which no encoder stage sees unstrided; 1 the 7x7 convolution; 2 to 5 the four
groups of residual blocks. The decoder is `features[0]` wide at full resolution and twice as wide a stage coarser.

Parameters, for three channels in and five out: 24,455,957 as Keras counts (running statistics included), where
segmentation_models has 24,456,734, 777 more. Its ResNet normalises before each convolution and projects in every
group (4,096 weights more, 3,319 numbers of normalisation less); torchvision's, whose names and weights the encoder
here has, does not. One channel in saves another 6,272. With the encoder frozen 3,169,301 are learned; there 3,167,640.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from condyle.config import NetConfig
from condyle.errors import ConfigError
from condyle.nets.any_size import AnySizeNet
from condyle.nets.blocks import batch_norm, conv, conv_block, relu

KERNELS = ((3, 3), (7, 7), (3, 3), (3, 3), (3, 3), (3, 3))
STRIDES = ((1, 1), (2, 2), (2, 2), (2, 2), (2, 2), (2, 2))


class BasicBlock(nn.Module):
    """A residual block under torchvision's names."""

    def __init__(self, c_in: int, c_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = conv(c_in, c_out, (3, 3), stride, bias=False)
        self.bn1 = nn.BatchNorm2d(c_out)
        self.relu = relu()
        self.conv2 = conv(c_out, c_out, (3, 3), bias=False)
        self.bn2 = nn.BatchNorm2d(c_out)
        self.downsample: nn.Module = nn.Identity()
        if stride > 1 or c_in != c_out:
            projection = conv(c_in, c_out, (1, 1), stride, bias=False)
            self.downsample = nn.Sequential(projection, nn.BatchNorm2d(c_out))

    def forward(self, x: Tensor) -> Tensor:
        """The block's features."""
        out = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(out)) + self.downsample(x))


class ResNetEncoder(nn.Module):
    """ResNet without its classifier, under torchvision's names: `conv1`, `bn1`, `layer1` to `layer4`."""

    def __init__(self, config: NetConfig) -> None:
        super().__init__()
        _, stem, *widths = config.features
        self.conv1 = conv(config.in_channels, stem, (7, 7), 2, bias=False)
        self.bn1 = nn.BatchNorm2d(stem)
        self.relu = relu()
        self.maxpool = nn.MaxPool2d(3, 2, padding=1)
        one, two, three, four = config.blocks[2:]
        self.layer1 = _layer(stem, widths[0], one, stride=1)
        self.layer2 = _layer(widths[0], widths[1], two, stride=2)
        self.layer3 = _layer(widths[1], widths[2], three, stride=2)
        self.layer4 = _layer(widths[2], widths[3], four, stride=2)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Features at 1/2, 1/4, 1/8, 1/16 and 1/32, finest first."""
        skips = [self.relu(self.bn1(self.conv1(x)))]
        x = self.maxpool(skips[0])
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = layer(x)
            skips.append(x)
        return skips


def _layer(c_in: int, width: int, blocks: int, stride: int) -> nn.Sequential:
    return nn.Sequential(BasicBlock(c_in, width, stride), *[BasicBlock(width, width, 1) for _ in range(blocks - 1)])


class ResNet34UNet(AnySizeNet):
    """Children: `encoder`, `decoder` (coarsest first) and `head`.

    Widths and blocks follow the config (2, 2, 2, 2 blocks are ResNet-18); kernels and strides are ResNet's.
    """

    dims = (2,)

    def __init__(self, config: NetConfig) -> None:
        super().__init__(config)
        if config.kernels != KERNELS or config.strides != STRIDES:
            got = f"{config.kernels}, {config.strides}"
            raise ConfigError("net: kernels, strides", expected=f"ResNet's {KERNELS}, {STRIDES}", got=got)
        self.encoder = ResNetEncoder(config)
        self.decoder = nn.ModuleList()
        wide = config.features[-1]
        for number, blocks in enumerate(config.decoder_blocks):
            finer = len(config.features) - 2 - number
            skip = config.features[finer] if finer else 0
            width = config.features[0] * 2**finer
            widths = (wide + skip, *[width] * blocks)
            self.decoder.append(nn.Sequential(*[_join(widths[i], width) for i in range(blocks)]))
            wide = width
        self.head = conv(wide, config.out_channels, (3, 3))

    def scores(self, x: Tensor, every: bool) -> list[Tensor]:
        """Logits of one divisible size."""
        skips = self.encoder(x)
        x = skips.pop()
        for stage in self.decoder:
            x = functional.interpolate(x, scale_factor=2.0, mode="nearest")
            x = stage(torch.cat((x, skips.pop()), 1) if skips else x)
        return [self.head(x)]


def _join(c_in: int, width: int) -> nn.Sequential:
    return conv_block(c_in, width, (3, 3), bias=False, norm=batch_norm, act=relu)
