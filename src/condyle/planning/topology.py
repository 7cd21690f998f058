"""How often, and along which axes, a U-Net halves its image: nnU-Net's rules.

An axis is halved while its edge stays at 4 voxels or more, and only once the finer axes have caught up to within a
factor of 2 of its spacing. Until then its kernels are 1 wide along it: slices far apart are not mixed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

#: Shortest edge of the coarsest stage.
LEAST_EDGE = 4

Axes = tuple[int, ...]


@dataclass(frozen=True)
class Topology:
    """Stages of a U-Net for a patch.

    Args:
        strides: Into each stage, finest first.
        kernels: Of each stage.
        divisor: What the patch must be divisible by.
        patch: The patch, rounded up to it.
    """

    strides: tuple[Axes, ...]
    kernels: tuple[Axes, ...]
    divisor: Axes
    patch: Axes

    @property
    def stages(self) -> int:
        """How many there are."""
        return len(self.strides)


def topology(spacing_mm: Sequence[float], size: Sequence[float], most_stages: int | None = None) -> Topology:
    """The stages for a patch of about this size.

    Args:
        spacing_mm: Of the network's input, an entry an axis of the network.
        size: Wanted size, an entry an axis; halves are possible, as medians have them.
        most_stages: Stop at so many stages.
    """
    spacing, edges = [float(s) for s in spacing_mm], [float(n) for n in size]
    dim = len(spacing)
    kernel, divisor = [1] * dim, [1] * dim
    strides: list[Axes] = [(1,) * dim]
    kernels: list[Axes] = []
    while most_stages is None or len(strides) < most_stages:
        axes = axes_to_halve(spacing, edges)
        if not axes:
            break
        finest = min(spacing)
        kernel = [3 if s / finest < 2 else k for s, k in zip(spacing, kernel, strict=True)]
        kernels.append(tuple(kernel))
        strides.append(tuple(2 if axis in axes else 1 for axis in range(dim)))
        for axis in axes:
            spacing[axis] *= 2
            edges[axis] = ceil(edges[axis] / 2)
            divisor[axis] *= 2
    kernels.append((3,) * dim)
    patch = tuple(ceil(n / d) * d for n, d in zip(size, divisor, strict=True))
    return Topology(tuple(strides), tuple(kernels), tuple(divisor), patch)


def axes_to_halve(spacing_mm: Sequence[float], edges: Sequence[float]) -> list[int]:
    """Axes long enough, and within a factor of 2 of the finest of them; a single one must have 3 times the edge."""
    long = [axis for axis, n in enumerate(edges) if n >= 2 * LEAST_EDGE]
    if not long:
        return []
    finest = min(spacing_mm[axis] for axis in long)
    axes = [axis for axis in long if spacing_mm[axis] / finest < 2]
    return [] if len(axes) == 1 and edges[axes[0]] < 3 * LEAST_EDGE else axes
