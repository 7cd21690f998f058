"""How much memory a prediction needs, by arithmetic before it starts, and what goes to disk to keep a limit.

What can go to disk are the planes in work (`slide`) and the probabilities on the scan. The rest is fixed by scan,
window and network. Figures are upper bounds for the torch engine at single precision.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

from condyle.config import NetConfig
from condyle.errors import ConfigError
from condyle.predict.slide import Window

GIB = 1 << 30
Shape = tuple[int, int, int]

#: Processors' kernels keep channels in blocks of this size; what is missing is filled with zeros.
_LANES = 16
#: The interpreter with torch, NumPy and the file formats loaded, and what their allocators keep.
_PROGRAM = 600 << 20


@dataclass(frozen=True)
class Estimate:
    """Bytes of memory, and what lies on disk instead.

    Args:
        program: Libraries.
        scan: The scan as read.
        prepared: The network's input.
        network: Weights, one batch of windows through all layers, their scores.
        planes: Sums of the windows in work.
        labels: The label map, and one plane of the way back.
        probabilities: On the scan's grid, where asked for.
        planes_on_disk: Planes lie in a scratch file and count there.
        probabilities_on_disk: Likewise.
    """

    program: int
    scan: int
    prepared: int
    network: int
    planes: int
    labels: int
    probabilities: int = 0
    planes_on_disk: bool = False
    probabilities_on_disk: bool = False

    @property
    def disk_gib(self) -> float:
        """Needed in the scratch folder."""
        return (self.planes * self.planes_on_disk + self.probabilities * self.probabilities_on_disk) / GIB

    @property
    def peak_gib(self) -> float:
        """Largest resident memory of the process."""
        fixed = self.program + self.scan + self.prepared + self.network + self.labels
        return (fixed + self.planes + self.probabilities) / GIB - self.disk_gib

    def __str__(self) -> str:
        disk = f" and {self.disk_gib:.1f} GiB of disk" if self.disk_gib else ""
        names = ("scan", "prepared", "network", "planes", "labels", "probabilities")
        parts = ", ".join(f"{name} {getattr(self, name) / GIB:.2f}" for name in names if getattr(self, name))
        return f"up to {self.peak_gib:.1f} GiB of memory{disk} ({parts} GiB)"


def estimate(
    scan: Shape,
    prepared: Shape,
    net: NetConfig,
    window: Window,
    *,
    members: int = 1,
    bytes_a_voxel: int = 2,
    probabilities: bool = False,
    extra_channels: int = 0,
) -> Estimate:
    """The memory that one case needs, all of it held in memory.

    Args:
        scan: Shape of the scan.
        prepared: Shape of the network's input, in tensor order.
        net: The network.
        window: How it slides.
        members: Networks of the ensemble.
        bytes_a_voxel: Of the scan as read.
        probabilities: Whether they are kept.
        extra_channels: Outputs beyond the network's own, e.g. 1 with uncertainty.
    """
    channels = net.out_channels + extra_channels
    depth = window.depth(prepared)
    # A plane's scores exist at both ends of the row being restored, and a few times over while it is weighed.
    plane = 8 * 4 * channels * max(prod(prepared[1:]), prod(sorted(scan)[1:]) if probabilities else 0)
    label_bytes = 1 if net.out_channels <= 256 else 2
    return Estimate(
        program=_PROGRAM,
        scan=bytes_a_voxel * net.in_channels * prod(scan),
        prepared=4 * net.in_channels * prod(prepared),
        network=members * weights_bytes(net) + window.batch * window_bytes(net, window.patch),
        planes=4 * channels * depth * prod(prepared[1:]),
        labels=label_bytes * prod(scan) + plane,
        probabilities=4 * channels * prod(scan) if probabilities else 0,
    )


def within(need: Estimate, max_memory_gib: float) -> Estimate:
    """The estimate with as little on disk as keeps the limit.

    Raises:
        ConfigError: if the limit cannot be kept.
    """
    choices = [
        need,
        replace(need, probabilities_on_disk=need.probabilities > 0),
        replace(need, planes_on_disk=True),
        replace(need, planes_on_disk=True, probabilities_on_disk=need.probabilities > 0),
    ]
    for choice in choices:
        if choice.peak_gib <= max_memory_gib:
            return choice
    raise ConfigError(
        "max memory",
        expected=f"at least {choices[-1].peak_gib:.1f} GiB for this scan and network",
        got=f"{max_memory_gib:g} GiB",
        hint="Use a smaller batch, cut the scan to the part that matters, or allow more.",
    )


def weights_bytes(net: NetConfig) -> int:
    """Weights of the convolutions, about; twice, as engines keep them in an order of their own."""
    total, before = 0, net.in_channels
    for features, kernel, count in zip(net.features, net.kernels, net.blocks, strict=True):
        pair = 2 if net.kind == "residual_unet" else 1
        total += prod(kernel) * features * (before + (count * pair - 1) * features)
        before = features
    for stage, count in zip(reversed(range(len(net.features) - 1)), net.decoder_blocks, strict=True):
        fine, coarse = net.features[stage], net.features[stage + 1]
        total += prod(net.strides[stage + 1]) * coarse * fine + prod(net.kernels[stage]) * fine * fine * (count + 1)
    return 2 * 4 * total


def window_bytes(net: NetConfig, patch: tuple[int, ...]) -> int:
    """One window through the network: every skip connection, the widest stage's layers at work, and the scores."""
    voxels, skips, widest = prod(patch), 0, 0
    for features, stride in zip(net.features, net.strides, strict=True):
        voxels //= prod(stride)
        skips += _in_blocks(features) * voxels
        # At a decoder stage: what comes from below, its join with the skip, a convolution's input and output.
        widest = max(widest, 5 * _in_blocks(features) * voxels)
    return 4 * (skips + widest + 4 * _in_blocks(net.out_channels) * prod(patch))


def _in_blocks(channels: int) -> int:
    return -(-channels // _LANES) * _LANES
