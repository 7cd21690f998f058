"""The decoder of a U-Net: transposed convolutions up, skips joined by concatenation, 1x1 heads."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from condyle.config import NetConfig
from condyle.nets.blocks import CONV_TRANSPOSE, Axes, conv, conv_block


class UNetDecoder(nn.Module):
    """From the encoder's outputs to logits. Stages are counted from the coarsest, as they run.

    Children: `ups`, `stages` and `heads`, an entry a stage.

    Args:
        config: The network.
        block: Makes one convolution block from channels in, channels out and kernel.
        every_head: Whether coarser stages have heads; the finest always has.
    """

    def __init__(
        self, config: NetConfig, *, block: Callable[[int, int, Axes], nn.Module] = conv_block, every_head: bool = True
    ) -> None:
        super().__init__()
        self.ups, self.stages, self.heads = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        point = (1,) * config.dim
        for number, blocks in enumerate(config.decoder_blocks):
            below = len(config.features) - 1 - number
            wide, slim, stride = config.features[below], config.features[below - 1], config.strides[below]
            kernel = config.kernels[below - 1]
            self.ups.append(CONV_TRANSPOSE[config.dim](wide, slim, stride, stride))
            widths = (2 * slim, *[slim] * blocks)
            self.stages.append(nn.Sequential(*[block(widths[i], slim, kernel) for i in range(blocks)]))
            if every_head or below == 1:
                self.heads.append(conv(slim, config.out_channels, point))

    def forward(self, skips: list[Tensor], every: bool) -> list[Tensor]:
        """Logits, finest first.

        Args:
            skips: The encoder's outputs, finest first; emptied on the way, so that their memory is free early.
            every: Whether to give the coarser stages' too.
        """
        outputs: list[Tensor] = []
        x = skips.pop()
        for number, (up, stage) in enumerate(zip(self.ups, self.stages, strict=True)):
            x = stage(torch.cat((up(x), skips.pop()), 1))
            if every:
                outputs.insert(0, self.heads[number](x))
        return outputs or [self.heads[-1](x)]
