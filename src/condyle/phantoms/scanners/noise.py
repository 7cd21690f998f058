"""The noise of a CT scan: coloured by filtered back projection, strongest deep in the body.

* **depth**: the part of the wide surroundings of a place that is body, 0 far outside, near 1 in the middle
  of a large trunk. Rays through deep places are weak, so noise and beam hardening grow with depth.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from condyle.space import Grid, world_axes

#: How fast noise grows with depth: `exp(GROWTH * (depth - deepest))`. The skin of a trunk gets half the
#: noise of its centre.
GROWTH = 1.3
#: Standard deviation of the surroundings that count for depth.
SURROUNDINGS_MM = 60.0


def coloured_noise(
    grid: Grid, fwhm_mm: float, thickness_mm: float, streakiness: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Noise of standard deviation 1 with the spectrum of filtered back projection.

    In the slice plane the spectrum rises as a ramp and falls with the point spread (Riederer et al.,
    Phys Med Biol 1978; 23:446). Slices that overlap share noise.

    Args:
        grid: Slices are its i, j planes.
        fwhm_mm: Point spread in plane.
        thickness_mm: Slice thickness.
        streakiness: 0 for noise alike in all directions; at 1 noise runs in streaks along the patient's
            left-right axis, the longest way through the body.
        rng: Source of the noise.
    """
    amplitude = _spectrum(grid, fwhm_mm, streakiness)
    sigma_slices = thickness_mm / grid.spacing_mm[2] / np.sqrt(12)
    white = rng.standard_normal(grid.shape, np.float32)
    if sigma_slices > 0.3:
        white = ndimage.gaussian_filter1d(white, sigma_slices, axis=2, mode="wrap")
        white /= white.std()
    shape = grid.shape[:2]
    for k in range(grid.shape[2]):
        white[:, :, k] = fft.irfft2(fft.rfft2(white[:, :, k]) * amplitude, shape)
    return white


def _spectrum(grid: Grid, fwhm_mm: float, streakiness: float) -> NDArray[np.float32]:
    """Amplitude for each frequency of a half-plane transform; its mean square over the whole plane is 1."""
    fi = fft.fftfreq(grid.shape[0], grid.spacing_mm[0])[:, None]
    fj = fft.fftfreq(grid.shape[1], grid.spacing_mm[1])
    lateral = fi if world_axes(grid.affine)[0] == 0 else fj
    f = np.hypot(fi, fj)
    across = 1 - np.divide(lateral, f, out=np.full(f.shape, 0.5**0.5), where=f > 0) ** 2
    transfer = np.exp(-((np.pi * f * fwhm_mm) ** 2) / (4 * np.log(2)))
    # Some noise remains at frequency 0, as in measured spectra.
    power = (f + 0.04) * transfer**2 * (1 + 8 * streakiness * across**4)
    amplitude = np.sqrt(power / power.mean())
    return np.asarray(amplitude[:, : grid.shape[1] // 2 + 1], np.float32)


def depth_map(body: NDArray[np.bool_], spacing_mm: tuple[float, float, float]) -> NDArray[np.float32]:
    """Depth (0 to 1) at the voxels of a coarse mask of the body; outside the mask is taken to be air."""
    sigma = [SURROUNDINGS_MM / spacing_mm[0], SURROUNDINGS_MM / spacing_mm[1], 0.2 * SURROUNDINGS_MM / spacing_mm[2]]
    # Along k the body goes on beyond the scan; in plane the scan shows all there is.
    inside = ndimage.gaussian_filter1d(body.astype(np.float32), sigma[2], axis=2, mode="nearest")
    return np.asarray(ndimage.gaussian_filter(inside, [sigma[0], sigma[1], 0], mode="constant"), np.float32)


def noise_gain(depth: NDArray[np.float32]) -> NDArray[np.float32]:
    """How noise varies over a scan: 1 at its deepest place, less towards the skin and in air."""
    return np.exp(GROWTH * (depth - depth.max()))
