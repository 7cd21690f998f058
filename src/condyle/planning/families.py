"""The U-Nets that are sized by the planner, and what each may take.

* **feature maps**: the values that all convolutions of a network put out for one patch, nnU-Net's measure of memory.
* **reference**: feature maps of one patch with which nnU-Net fills a card of `reference_gb` at its reference batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from condyle.config import NetConfig, NetKind
from condyle.planning.topology import Axes, Topology

#: Reference batch, by number of dimensions.
REFERENCE_BATCH = {2: 12, 3: 2}
#: Smallest batch of a training step.
LEAST_BATCH = 2


@dataclass(frozen=True)
class Family:
    """How a sized U-Net is made.

    Args:
        kind: Family of networks.
        blocks: Of the encoder's stages, finest first; the last entry goes on.
        decoder_blocks: Likewise of the decoder's, finest first.
        reference_gb: Memory that nnU-Net planned with.
        reference: Feature maps, by number of dimensions.
        largest_share: Share of all voxels of the dataset that a batch may hold.
        shrinks_to_least: The patch shrinks until the smallest batch fits, rather than the reference batch.
        first: Channels of the first stage, doubled at each.
        most: Channels at most, by number of dimensions.
        most_stages: Stages at most, or None.
    """

    kind: NetKind
    blocks: tuple[int, ...]
    decoder_blocks: tuple[int, ...]
    reference_gb: float
    reference: Mapping[int, float]
    largest_share: float
    shrinks_to_least: bool
    first: int = 32
    most: tuple[int, int] = (512, 320)
    most_stages: int | None = None

    def budget(self, dim: int, memory_gb: float) -> float:
        """Feature maps that one patch of a reference batch may have."""
        return self.reference[dim] * (memory_gb / self.reference_gb)

    def net(self, shape: Topology, in_channels: int, out_channels: int, *, deep_supervision: bool) -> NetConfig:
        """The network for a topology."""
        dim = len(shape.patch)
        most = self.most[dim - 2]
        return NetConfig(
            kind=self.kind,
            dim=dim,
            in_channels=in_channels,
            out_channels=out_channels,
            features=tuple(min(most, self.first * 2**stage) for stage in range(shape.stages)),
            kernels=shape.kernels,
            strides=shape.strides,
            blocks=_first(self.blocks, shape.stages),
            decoder_blocks=_first(self.decoder_blocks, shape.stages - 1)[::-1],
            deep_supervision=deep_supervision,
        )


def _first(counts: tuple[int, ...], stages: int) -> tuple[int, ...]:
    return tuple(counts[min(stage, len(counts) - 1)] for stage in range(stages))


#: By the recipe's name of the network.
FAMILIES: dict[str, Family] = {
    "plain": Family("plain_unet", (2,), (2,), 8.0, {2: 85e6, 3: 560e6}, 0.05, True),
    "resenc-m": Family("residual_unet", (1, 3, 4, 6), (1,), 8.0, {2: 135e6, 3: 680e6}, 1.0, False),
    "resenc-l": Family("residual_unet", (1, 3, 4, 6), (1,), 24.0, {2: 380e6, 3: 2100e6}, 1.0, False),
}


def feature_maps(net: NetConfig, patch: Axes, outputs: int | None = None) -> int:
    """Values that the convolutions of a U-Net put out for one patch, transposed ones and the finest head included.

    Args:
        net: The network. For families other than the plain and the residual U-Net the measure is the plain one's.
        patch: A size that its strides divide.
        outputs: Channels of the head, if others than the network's are to be counted.
    """
    sizes, size = [], patch
    for stride in net.strides:
        size = tuple(n // s for n, s in zip(size, stride, strict=True))
        sizes.append(prod(size))
    residual = net.kind == "residual_unet"
    total = net.features[0] * sizes[0] if residual else 0
    before = net.features[0]
    for width, stride, count, voxels in zip(net.features, net.strides, net.blocks, sizes, strict=True):
        shortcut = residual and (width != before or max(stride) > 1)
        total += width * voxels * (2 * count + shortcut if residual else count)
        before = width
    for stage, count in zip(range(len(sizes) - 2, -1, -1), net.decoder_blocks, strict=True):
        total += net.features[stage] * sizes[stage] * (count + 1)
    return total + (net.out_channels if outputs is None else outputs) * sizes[0]
