"""What a scanner, and the way from its voxels to a network's, make of a picture.

Blur, slices and the way to the network's grid are one matrix an axis, so that any of them costs the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from condyle.phantoms.scanners.response import FWHM

Array = NDArray[np.float32]
Size = tuple[int, int, int]


@dataclass(frozen=True)
class Sampling:
    """A scanner's voxels along the tensor axes.

    Args:
        voxel_mm: Distance between voxels.
        fwhm_mm: Width of its response, slice thickness included.
        offset: Where the first voxel lies, in voxels from the patch's edge, 0 to 1.
        nearest: Whether voxels are repeated on the way to the network rather than interpolated, an axis each.
        sharp: Strength of the edges that a bone kernel adds.
    """

    voxel_mm: tuple[float, float, float]
    fwhm_mm: tuple[float, float, float]
    offset: tuple[float, float, float]
    nearest: tuple[bool, bool, bool]
    sharp: float = 0.0


def drawn_sampling(kind: str, axes: tuple[int, int, int], rng: np.random.Generator) -> Sampling:
    """Thick slices or none, along the body in CT, along any axis otherwise."""
    pixel = float(np.exp(rng.uniform(np.log(0.5), np.log(2.0 if kind == "ct" else 1.6))))
    voxel = [pixel, pixel, pixel]
    across = axes.index(2) if kind == "ct" and rng.random() < 0.85 else int(rng.integers(3))
    roll = rng.random()
    if roll < 0.75:
        voxel[across] = float(rng.uniform(0.5, 3.2) if rng.random() < 0.6 else rng.uniform(3.0, 6.5))
    elif roll < 0.9:
        voxel = [float(rng.uniform(1, 4))] * 3
    blur = float(rng.uniform(0.8, 1.3) if rng.random() < 0.8 else rng.uniform(1.3, 2.6))
    low, mid, high = (v * blur for v in voxel)
    sharp = float(rng.uniform(0.1, 0.6)) if rng.random() < 0.3 else 0.0
    coarse = max(voxel) / min(voxel) > 3
    nearest = tuple(bool(coarse and a == across and rng.random() < 0.5) for a in range(3))
    x, y, z = (float(v) for v in rng.random(3))
    return Sampling((voxel[0], voxel[1], voxel[2]), (low, mid, high), (x, y, z), nearest, sharp)  # type: ignore[arg-type]


def acquired(picture: Array, sampling: Sampling, patch: Size, size_mm: NDArray[np.float64]) -> Array:
    """A picture through a scanner, on the network's grid."""
    out = picture
    for axis in range(3):
        ways = _way(sampling, axis, picture.shape[axis], patch[axis], float(size_mm[axis]))
        out = applied(ways, out, axis)
    return out


def scanner_noise(sampling: Sampling, patch: Size, size_mm: NDArray[np.float64], rng: np.random.Generator) -> Array:
    """Noise of standard deviation about 1 in the scanner's voxels, on the network's grid."""
    counts = [
        n if voxel <= mm / n else int(np.ceil(mm / voxel)) + 1
        for n, voxel, mm in zip(patch, sampling.voxel_mm, size_mm, strict=True)
    ]
    out = rng.standard_normal(counts, np.float32)
    for axis, (count, n) in enumerate(zip(counts, patch, strict=True)):
        if sampling.voxel_mm[axis] > size_mm[axis] / n:
            out = applied(_between(sampling, axis, count, n, float(size_mm[axis])), out, axis)
    return out


def applied(matrix: Array, volume: Array, axis: int) -> Array:
    """A matrix along one axis of a volume."""
    if axis == 2:
        return volume @ matrix.T
    if axis == 1:
        return np.matmul(matrix, volume)
    flat = volume.reshape(volume.shape[0], -1)
    return (matrix @ flat).reshape(matrix.shape[0], *volume.shape[1:])


def smooth_wave(patch: Size, order: int, rng: np.random.Generator) -> Array:
    """A slow random field of standard deviation about 1 over a patch: a few cosines along each axis."""
    out = rng.standard_normal((order, order, order), np.float32) / np.float32(order)
    for axis, n in enumerate(patch):
        phase = rng.uniform(0, np.pi)
        place = np.linspace(0, 1, n)[:, None] * np.arange(order) * np.pi
        out = applied(np.asarray(np.cos(place + phase * (np.arange(order) > 0)), np.float32), out, axis)
    return out


def _way(sampling: Sampling, axis: int, fine: int, n: int, size_mm: float) -> Array:
    """From the picture's grid to the network's, along one axis."""
    voxel, fwhm = sampling.voxel_mm[axis], sampling.fwhm_mm[axis]
    if voxel <= size_mm / n:
        return _response((np.arange(n) + 0.5) * size_mm / n, fine, size_mm, fwhm, sampling.sharp)
    count = int(np.ceil(size_mm / voxel)) + 1
    slices = np.asarray((np.arange(count) - 0.5 + sampling.offset[axis]) * voxel, np.float64)
    onwards: Array = _between(sampling, axis, count, n, size_mm)
    seen: Array = _response(slices, fine, size_mm, fwhm, sampling.sharp)
    return np.matmul(onwards, seen)


def _between(sampling: Sampling, axis: int, count: int, n: int, size_mm: float) -> Array:
    """(n, count): from a scanner's slices to the network's voxels."""
    place = (np.arange(n) + 0.5) * size_mm / n / sampling.voxel_mm[axis] + 0.5 - sampling.offset[axis]
    place = np.clip(place, 0, count - 1)
    out = np.zeros((n, count), np.float32)
    if sampling.nearest[axis]:
        out[np.arange(n), np.rint(place).astype(int)] = 1
        return out
    low = np.minimum(place.astype(int), count - 2)
    out[np.arange(n), low] = 1 - (place - low)
    out[np.arange(n), low + 1] += place - low
    return out


def _response(at_mm: NDArray[np.float64], fine: int, size_mm: float, fwhm_mm: float, sharp: float) -> Array:
    """(places, fine): a Gaussian around each place; with a bone kernel minus a wider one."""
    step = size_mm / fine
    centres = (np.arange(fine) + 0.5) * step
    # Places beyond the edge see what lies at it.
    away = (np.clip(at_mm, 0, size_mm)[:, None] - centres) / step

    def gauss(width_mm: float) -> NDArray[np.float64]:
        # The fine samples are averages over their own width already.
        sigma = max(width_mm / FWHM / step, 0.45)
        weights = np.exp(-0.5 * (away / sigma) ** 2)
        total = weights.sum(1, keepdims=True)
        return weights / total

    out = gauss(fwhm_mm)
    if sharp:
        out = (1 + sharp) * out - sharp * gauss(2 * max(fwhm_mm, step) + step)
    return np.asarray(out, np.float32)
