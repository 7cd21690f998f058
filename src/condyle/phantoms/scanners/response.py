"""How a scanner blurs: from a finely sampled subject to the voxels of a scan.

* **fine grid**: the scan's grid with every voxel split into `factors` parts along its axes, wide enough beyond
  the scan's edges that the subject simply goes on there.
* **taps**: weights of the fine samples around a voxel's centre, along one axis; they sum to 1. The response of a
  scanner is taken to be separable, so three sets of taps describe it.

Shifted by whole voxels, the taps of `gaussian_taps` and `slice_taps` (slices side by side) sum to a constant:
no part of the subject counts more than another, and the sum over a scan is the sum over the subject.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.space import Grid

#: Fine samples (of 4 bytes, a few arrays at once) worked on at a time.
BLOCK_SAMPLES = 24_000_000

Taps = NDArray[np.float32]

#: Full width at half maximum of a Gaussian of standard deviation 1.
FWHM = 2 * math.sqrt(2 * math.log(2))


def gaussian_taps(fwhm_mm: float, step_mm: float, factor: int) -> Taps:
    """Taps of a Gaussian point spread, averaged over the voxel.

    Args:
        fwhm_mm: Full width at half maximum of the whole response. It cannot be less than the voxel's own width;
            smaller values give the plain average over the voxel.
        step_mm: Spacing of the fine grid.
        factor: Fine samples a voxel.
    """
    # The variance of the average over a voxel of `factor` samples is part of what was asked for.
    variance = (fwhm_mm / FWHM) ** 2 - step_mm**2 * (factor**2 - 1) / 12
    sigma = math.sqrt(max(variance, 0.0)) / step_mm
    if sigma < 0.2:
        return np.full(factor, 1 / factor, np.float32)
    reach = math.ceil(3.5 * sigma)
    gauss = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return _normalized(np.convolve(gauss, np.ones(factor)))


def slice_taps(thickness_mm: float, step_mm: float, factor: int) -> Taps:
    """Taps of a rectangular slice profile; the thickness is free of the distance between slices."""
    offsets = _offsets(thickness_mm / 2, step_mm, factor)
    half = thickness_mm / 2
    upper, lower = np.minimum(offsets + step_mm / 2, half), np.maximum(offsets - step_mm / 2, -half)
    return _normalized(np.maximum(upper - lower, 0))


def sinc_taps(voxel_mm: float, step_mm: float, factor: int) -> Taps:
    """Taps of a truncated k-space: a sinc with zeros one acquired voxel apart, apodised to a few side lobes.

    The side lobes are the Gibbs ringing seen beside sharp edges in MR images.

    Args:
        voxel_mm: Acquired voxel size, at least the size in the image.
        step_mm: Spacing of the fine grid.
        factor: Fine samples a voxel of the image.
    """
    reach_mm = 4 * voxel_mm
    offsets = _offsets(reach_mm, step_mm, factor)
    apodised = 0.54 + 0.46 * np.cos(np.pi * np.clip(offsets / (reach_mm + step_mm), -1, 1))
    return _normalized(np.sinc(offsets / voxel_mm) * apodised)


def fine_grid(grid: Grid, factors: tuple[int, int, int], taps: tuple[Taps, Taps, Taps], first: int, last: int) -> Grid:
    """The fine grid that slices `first` to `last` (exclusive, along k) of a scan need.

    Args:
        grid: The scan's grid.
        factors: Parts a voxel along i, j, k.
        taps: For each axis, as many as the factor or more by an even number.
        first: First slice.
        last: Slice after the last.
    """
    parts = np.array(factors)
    margin = (np.array([len(t) for t in taps]) - parts) // 2
    size = np.array([grid.shape[0], grid.shape[1], last - first]) * parts + 2 * margin
    step = np.diag([*(1 / parts), 1.0])
    step[:3, 3] = np.array([0, 0, first]) - (margin + (parts - 1) / 2) / parts
    return Grid((int(size[0]), int(size[1]), int(size[2])), grid.affine @ step)


def blocks(grid: Grid, factors: tuple[int, int, int], taps: tuple[Taps, Taps, Taps]) -> Iterator[tuple[slice, Grid]]:
    """The scan's slices in blocks that fit in memory, each with the fine grid it needs."""
    per_slice = math.prod(factors) * grid.shape[0] * grid.shape[1]
    step = max(1, BLOCK_SAMPLES // per_slice)
    for first in range(0, grid.shape[2], step):
        last = min(first + step, grid.shape[2])
        yield slice(first, last), fine_grid(grid, factors, taps, first, last)


def slice_parts(spacing_mm: tuple[float, float, float], thickness_mm: float, n: int) -> int:
    """Parts along k for `n` parts in plane: fine samples about twice as long as wide, at least `n` a slice."""
    i_mm, j_mm, k_mm = spacing_mm
    return max(n, round(n * k_mm / (2 * min(i_mm, j_mm))), math.ceil(n * k_mm / thickness_mm))


def respond(fine: NDArray[Any], taps: tuple[Taps, Taps, Taps], factors: tuple[int, int, int]) -> NDArray[np.float32]:
    """What a scanner sees of values on a `fine_grid`: one value a voxel, float32."""
    out = np.asarray(fine, np.float32)
    # The axis that shrinks most goes first, then the rest has less to do.
    for axis in sorted(range(3), key=lambda a: -factors[a]):
        out = _along(out, taps[axis], factors[axis], axis)
    return out


def _along(fine: NDArray[np.float32], taps: Taps, factor: int, axis: int) -> NDArray[np.float32]:
    lines = np.moveaxis(fine, axis, 0)
    count = (len(lines) - len(taps)) // factor + 1
    out = np.zeros((count, *lines.shape[1:]), np.float32)
    for n, tap in enumerate(taps):
        if tap:
            out += tap * lines[n : n + factor * (count - 1) + 1 : factor]
    return np.moveaxis(out, 0, axis)


def _offsets(reach_mm: float, step_mm: float, factor: int) -> NDArray[np.float64]:
    """Places of fine samples around a voxel's centre: `factor` of them, and as many on both sides as reach needs."""
    more = max(0, math.ceil(reach_mm / step_mm - factor / 2))
    count = factor + 2 * more
    return np.asarray((np.arange(count) - (count - 1) / 2) * step_mm)


def _normalized(weights: NDArray[np.float64]) -> Taps:
    return np.asarray(weights / weights.sum(), np.float32)
