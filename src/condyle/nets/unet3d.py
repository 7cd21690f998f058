"""The 3D U-Net: two convolutions a stage with batch normalisation and ReLU, maximum pooling down.

Ö. Çiçek et al., "3D U-Net: learning dense volumetric segmentation from sparse annotation", MICCAI 2016, in the width
used for knees at low field: 64 to 1024 channels, equal width of the two convolutions of a stage.

For one channel in and out this is 90,316,225 parameters as Keras counts, running statistics included:
90,304,449 learned and 11,776 means and variances.
"""

from __future__ import annotations

from torch import Tensor, nn

from condyle.config import NetConfig
from condyle.nets.any_size import AnySizeNet
from condyle.nets.blocks import MAX_POOL, batch_relu_block
from condyle.nets.decoder import UNetDecoder


class UNet3D(AnySizeNet):
    """Children: `pools`, `encoder` (stage, block) and `decoder`."""

    dims = (3,)
    deepens = True

    def __init__(self, config: NetConfig) -> None:
        super().__init__(config)
        self.pools, self.encoder = nn.ModuleList(), nn.ModuleList()
        c_in = config.in_channels
        for width, kernel, stride, blocks in zip(
            config.features, config.kernels, config.strides, config.blocks, strict=True
        ):
            self.pools.append(MAX_POOL[config.dim](stride) if max(stride) > 1 else nn.Identity())
            widths = (c_in, *[width] * blocks)
            self.encoder.append(nn.Sequential(*[batch_relu_block(widths[i], width, kernel) for i in range(blocks)]))
            c_in = width
        self.decoder = UNetDecoder(config, block=batch_relu_block, every_head=config.deep_supervision)

    def scores(self, x: Tensor, every: bool) -> list[Tensor]:
        """Logits of one divisible size, finest first."""
        skips = []
        for pool, stage in zip(self.pools, self.encoder, strict=True):
            x = stage(pool(x))
            skips.append(x)
        return self.decoder(skips, every)
