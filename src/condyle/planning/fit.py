"""Patch and batch that fit the memory: nnU-Net's search.

The patch starts with the aspect of the spacing, no larger than the median scan, and shrinks along the axis that is
largest beside the scan until a training step fits. What memory is left makes the batch larger.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from condyle.config import NetConfig
from condyle.errors import ConfigError
from condyle.planning.families import LEAST_BATCH, REFERENCE_BATCH, Family, feature_maps
from condyle.planning.topology import LEAST_EDGE, Axes, topology

#: Edge of the first patch, were its spacing isotropic.
_START = {2: 2048, 3: 256}


@dataclass(frozen=True)
class Outputs:
    """What goes into and comes out of a network to be sized.

    Args:
        in_channels: Images.
        out_channels: Classes or regions.
        counted: Channels counted for memory: nnU-Net counts every name in its table of labels.
    """

    in_channels: int
    out_channels: int
    counted: int


@dataclass(frozen=True)
class Sized:
    """A network with its patch and batch.

    Args:
        net: The network.
        patch: Its patch.
        batch: Patches a step.
        maps: Feature maps of one patch.
        budget: What they might have been.
        first_patch: The patch before it was made smaller to fit.
        fitting_batch: The batch that memory allows; `batch` may be smaller.
    """

    net: NetConfig
    patch: Axes
    batch: int
    maps: int
    budget: float
    first_patch: Axes
    fitting_batch: int


def step_memory_gb(maps: int, batch: int, dim: int, family: Family) -> float:
    """Memory of a training step: in proportion to what the family's reference takes."""
    return family.reference_gb * maps * batch / (family.reference[dim] * REFERENCE_BATCH[dim])


def first_patch(spacing_mm: Sequence[float], median_shape: Sequence[float]) -> tuple[float, ...]:
    """As large in mm along all axes as in a patch of 256^3 (2048^2) voxels, but no larger than the median scan."""
    dim = len(spacing_mm)
    aspect = 1 / np.asarray(spacing_mm, np.float64)
    whole = aspect * (_START[dim] ** dim / np.prod(aspect)) ** (1 / dim)
    size = tuple(min(round(a), b) for a, b in zip(whole.tolist(), median_shape, strict=True))
    # Scans too small to be halved even once are padded.
    return size if len(topology(spacing_mm, size).strides) > 1 else tuple(max(n, 3.0 * LEAST_EDGE) for n in size)


def sized(
    family: Family,
    outputs: Outputs,
    spacing_mm: Sequence[float],
    median_shape: Sequence[float],
    *,
    dataset_voxels: float,
    memory_gb: float,
    deep_supervision: bool,
    patch: Axes = (),
) -> Sized:
    """The network, patch and batch for a spacing.

    Args:
        family: Which U-Net.
        outputs: Its ends.
        spacing_mm: Of its input, an entry an axis of the network.
        median_shape: Of the resampled scans.
        dataset_voxels: Of all scans together, resampled.
        memory_gb: For a training step.
        deep_supervision: Of the network.
        patch: Take this one, rounded up to what the network can halve, whatever it needs.

    Raises:
        ConfigError: if no patch at all fits the memory.
    """
    dim = len(spacing_mm)
    budget = family.budget(dim, memory_gb)
    limit = budget * REFERENCE_BATCH[dim] / LEAST_BATCH if family.shrinks_to_least else budget

    def made(size: Sequence[float]) -> Sized:
        shape = topology(spacing_mm, size, family.most_stages)
        net = family.net(shape, outputs.in_channels, outputs.out_channels, deep_supervision=deep_supervision)
        maps = feature_maps(net, shape.patch, outputs.counted)
        return Sized(net, shape.patch, LEAST_BATCH, maps, budget, shape.patch, LEAST_BATCH)

    found = start = made(patch or first_patch(spacing_mm, median_shape))
    while not patch and found.maps > limit:
        if max(found.net.divisor) == 1:
            least = f"{step_memory_gb(found.maps, LEAST_BATCH, dim, family):.2g} GB or more"
            raise ConfigError("recipe: memory_gb", expected=least, got=f"{memory_gb:g}")
        found = made(smaller(found.patch, found.net.divisor, spacing_mm, median_shape, family.most_stages))
    fitting = round(budget / found.maps * REFERENCE_BATCH[dim])
    few = round(dataset_voxels * family.largest_share / float(np.prod(found.patch, dtype=np.float64)))
    batch = max(min(fitting, few), LEAST_BATCH)
    return replace(found, batch=batch, first_patch=start.patch, fitting_batch=max(fitting, LEAST_BATCH))


def smaller(
    patch: Axes,
    divisor: Axes,
    spacing_mm: Sequence[float],
    median_shape: Sequence[float],
    most_stages: int | None = None,
) -> Axes:
    """The patch a step shorter along the axis that is largest beside the median scan; the last of equal ones.

    The step is what a network for the shorter patch must divide by: a network for 256 halves it 6 times and would go
    on with 192; one for 224 halves it 5 times.
    """
    beside = [n / m for n, m in zip(patch, median_shape, strict=True)]
    axis = max(range(len(patch)), key=lambda a: (beside[a], a))
    shorter = list(patch)
    shorter[axis] -= divisor[axis]
    step = topology(spacing_mm, shorter, most_stages).divisor[axis]
    return tuple(n - step * (a == axis) for a, n in enumerate(patch))
