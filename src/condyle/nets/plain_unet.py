"""nnU-Net's plain U-Net: two convolutions a stage, instance normalisation, leaky ReLU, strided convolutions down.

F. Isensee et al., "nnU-Net: a self-configuring method for deep learning-based biomedical image segmentation",
Nature Methods 18, 2021. Equal to the network of nnunetv2, weight by weight (see `nnunet_names`).
"""

from __future__ import annotations

from torch import Tensor, nn

from condyle.config import NetConfig
from condyle.nets.any_size import AnySizeNet
from condyle.nets.blocks import conv_block
from condyle.nets.decoder import UNetDecoder


class PlainUNet(AnySizeNet):
    """Children: `encoder` (stage, block) and `decoder`.

    The coarser heads exist without deep supervision too, so that the same weights fit both.
    """

    deepens = True

    def __init__(self, config: NetConfig) -> None:
        super().__init__(config)
        self.encoder = nn.ModuleList()
        c_in = config.in_channels
        for width, kernel, stride, blocks in zip(
            config.features, config.kernels, config.strides, config.blocks, strict=True
        ):
            first = conv_block(c_in, width, kernel, stride)
            self.encoder.append(nn.Sequential(first, *[conv_block(width, width, kernel) for _ in range(blocks - 1)]))
            c_in = width
        self.decoder = UNetDecoder(config)

    def scores(self, x: Tensor, every: bool) -> list[Tensor]:
        """Logits of one divisible size, finest first."""
        skips = []
        for stage in self.encoder:
            x = stage(x)
            skips.append(x)
        return self.decoder(skips, every)
