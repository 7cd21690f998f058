"""The fine structure inside a tissue, as random fields of mean 0 and standard deviation 1.

* **grain**: a periodic block of band-limited noise; looked up by position it fills space. A block of
  several centimetres is enough, as scanner noise hides the repetition.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from condyle.phantoms.tissue import TISSUES
from condyle.space import Grid, world_axes
from condyle.space.separable import interpolate

#: Samples along each edge of a grain.
_SIZE = 128
#: Tissues of walls and pores: trabeculae in marrow, septa in fat. All others are mottled.
NETWORKED = ("trabecular_bone", "dense_trabecular_bone", "yellow_marrow", "red_marrow", "fat")


@dataclass(frozen=True, eq=False)
class Grain:
    """A periodic block of noise.

    Args:
        block: Float32, a cube; mean 0, standard deviation 1.
        step_mm: Distance between its samples.
    """

    block: NDArray[np.float32]
    step_mm: float

    def on(self, grid: Grid) -> NDArray[np.float32]:
        """The field at the voxels of a grid; it follows the patient, not the grid's first voxel.

        The block lies along the grid's axes, so that lookup is one index per axis.
        """
        start = np.linalg.solve(grid.direction, grid.origin_mm)
        i, j, k = (
            np.rint((at + np.arange(n) * spacing) / self.step_mm).astype(int) % len(self.block)
            for at, n, spacing in zip(start, grid.shape, grid.spacing_mm, strict=True)
        )
        return self.block[i[:, None, None], j[:, None], k]


@dataclass(frozen=True)
class Structure:
    """The grains of one subject: the network of trabeculae and septa, and the mottle of all other tissues."""

    network: Grain
    blobs: Grain

    @classmethod
    def drawn(cls, grid: Grid, rng: np.random.Generator) -> Structure:
        """Grains for scans along the axes of a grid."""
        i, j, k = (2.4 if axis == 2 else 1.6 for axis in world_axes(grid.affine))
        return cls(trabeculae((i, j, k), rng), mottle(4.0, rng))

    def on(self, codes: NDArray[np.uint8], grid: Grid, sd: dict[str, float]) -> NDArray[np.float32]:
        """Deviations from each tissue's mean.

        Args:
            codes: Tissue codes (I, J, K) on the grid.
            grid: Its axes run along those the grains were drawn for.
            sd: Standard deviation of each tissue of `TISSUES`.
        """
        of_code = np.array([sd[name] for name in TISSUES], np.float32)
        networked = np.array([name in NETWORKED for name in TISSUES])
        out = (of_code * np.where(networked, 0.3, 1).astype(np.float32))[codes]
        out *= self.blobs.on(grid)
        if networked[np.flatnonzero(np.bincount(codes.ravel(), minlength=len(TISSUES)))].any():
            out += (of_code * networked)[codes] * self.network.on(grid)
        return out


def mottle(size_mm: float, rng: np.random.Generator) -> Grain:
    """Soft blobs of about one size, a little of everything larger.

    Args:
        size_mm: Distance between neighbouring bright spots.
        rng: Source of the noise.
    """
    return Grain(_blobs((size_mm, size_mm, size_mm), size_mm / 4, 0.3, rng), size_mm / 4)


def trabeculae(size_mm: tuple[float, float, float], rng: np.random.Generator) -> Grain:
    """A network of bright walls around dark pores.

    Walls are where a band-limited field crosses 0; a coarser field makes the network denser here and there.

    Args:
        size_mm: Pore size along i, j, k. Unequal sizes give the network a direction.
        rng: Source of the noise.
    """
    step_mm = min(size_mm) / 3
    walls = -np.abs(_blobs(size_mm, step_mm, 0.1, rng))
    walls = (walls - walls.mean()) / walls.std()
    i, j, k = (2.5 * s for s in size_mm)
    block = 0.85 * walls + 0.5 * _blobs((i, j, k), step_mm, 0.4, rng)
    return Grain(np.asarray(block / block.std(), np.float32), step_mm)


def _blobs(
    size_mm: tuple[float, float, float], step_mm: float, larger: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Periodic noise of deviation 1 around one size; `larger` is how much of the larger sizes it keeps (0 to 1)."""
    axes = [fft.fftfreq(_SIZE, step_mm) * size for size in size_mm]
    # Frequency in cycles per blob distance: a ring around 1.
    f = np.sqrt(axes[0][:, None, None] ** 2 + axes[1][:, None] ** 2 + axes[2][: _SIZE // 2 + 1] ** 2)
    amplitude = (f + larger) * np.exp(-(f**2))
    amplitude[0, 0, 0] = 0
    white = fft.rfftn(rng.standard_normal((_SIZE, _SIZE, _SIZE), np.float32))
    block = fft.irfftn(white * amplitude.astype(np.float32), (_SIZE, _SIZE, _SIZE))
    return np.asarray(block / block.std(), np.float32)


def smooth_field(
    shape: tuple[int, int, int], sigma_voxels: tuple[float, float, float], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Gaussian random field of standard deviation 1, smooth over `sigma_voxels` along each axis.

    Drawn on a coarse lattice where it is smooth and interpolated by cubic splines, so that long
    correlations cost nothing.
    """
    from scipy import ndimage

    sigma = np.array(sigma_voxels)
    stride = np.maximum(1, np.floor(sigma / 1.5)).astype(int)
    pad = np.ceil(3 * sigma / stride).astype(int)
    coarse = -(-np.array(shape) // stride) + 2 + 2 * pad
    smooth = ndimage.gaussian_filter(rng.standard_normal(tuple(coarse), np.float32), sigma / stride, mode="wrap")
    smooth /= _expected_std(sigma / stride)
    i, j, k = (p + np.arange(n) / step for p, n, step in zip(pad, shape, stride, strict=True))
    return interpolate(smooth, (i, j, k), (3, 3, 3))


def _expected_std(sigma: NDArray[np.float64]) -> float:
    """Standard deviation of white noise of deviation 1 after a Gaussian filter."""
    std = 1.0
    for s in sigma:
        if s > 0:
            taps = np.exp(-0.5 * (np.arange(-np.ceil(4 * s), np.ceil(4 * s) + 1) / s) ** 2)
            std *= float(np.sqrt(((taps / taps.sum()) ** 2).sum()))
    return std
