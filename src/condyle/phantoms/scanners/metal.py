"""Streaks around metal: what filtered back projection makes of rays that hardly came through.

Per slice, the path length of every ray through metal is found by forward projection. Two errors follow for
each ray: beam hardening, which grows with the square of the path, and noise from the few photons left,
which grows exponentially. Filtered back projection of these errors gives the artefact to be added.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

#: Views over half a turn; few enough that they leave streaks of their own, as fast scans do.
VIEWS = 180
#: Line integral error (1) for a path of 1 cm squared: dark bands between pieces of metal.
HARDENING_PER_CM2 = -0.11
#: Attenuation of titanium at 70 keV effective, per cm (NIST XCOM).
TITANIUM_PER_CM = 2.4
#: CT numbers for an attenuation of 1 per cm, water being 0.195 per cm at 70 keV.
HU_PER_CM = 1000 / 0.195


def metal_streaks(
    metal: NDArray[np.float32], spacing_mm: tuple[float, float], noise: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """The artefact of one slice, in HU, to be added.

    Args:
        metal: Fraction of metal in each pixel (I, J).
        spacing_mm: Pixel spacing along i, j.
        noise: Standard deviation of the logarithm of a ray's count outside the metal.
        rng: Source of the photon noise.

    Returns:
        HU (I, J); zeros where the slice has no metal.
    """
    out = np.zeros(metal.shape, np.float32)
    at = np.argwhere(metal > 0.05)
    if not len(at):
        return out
    bin_mm = min(spacing_mm)
    x, y = (_centred(n, mm) for n, mm in zip(metal.shape, spacing_mm, strict=True))
    reach = int(np.ceil(np.hypot(x[-1] - x[0], y[-1] - y[0]) / 2 / bin_mm)) + 2
    area_cm = metal[tuple(at.T)] * spacing_mm[0] * spacing_mm[1] / bin_mm / 10
    angles = np.arange(VIEWS) * np.pi / VIEWS
    ramp = _ramp(2 * reach + 1, bin_mm / 10)
    for angle in angles:
        c, s = np.cos(angle), np.sin(angle)
        path_cm = _binned((x[at[:, 0]] * c + y[at[:, 1]] * s) / bin_mm + reach, area_cm, 2 * reach + 1)
        starved = noise * (np.exp(np.minimum(0.5 * TITANIUM_PER_CM * path_cm, 5)) - 1)
        error = HARDENING_PER_CM2 * path_cm**2 + starved * rng.standard_normal(len(path_cm))
        filtered = fft.irfft(fft.rfft(error, len(ramp) * 2 - 2) * ramp)[: len(path_cm)].astype(np.float32)
        place = (x * c / bin_mm + reach).astype(np.float32)[:, None] + (y * s / bin_mm).astype(np.float32)
        low = place.astype(np.int32)
        part = place - low
        out += filtered[low] * (1 - part) + filtered[low + 1] * part
    return out * np.float32(np.pi / VIEWS * HU_PER_CM)


def _centred(count: int, spacing_mm: float) -> NDArray[np.float64]:
    return np.asarray((np.arange(count) - (count - 1) / 2) * spacing_mm)


def _binned(place: NDArray[np.float64], weight: NDArray[np.floating], count: int) -> NDArray[np.float64]:
    """A projection: weights shared between the two detector bins next to each place."""
    low = np.floor(place).astype(int)
    part = place - low
    return np.asarray(np.bincount(low, weight * (1 - part), count) + np.bincount(low + 1, weight * part, count))


def _ramp(count: int, bin_cm: float) -> NDArray[np.float64]:
    """Frequency response of the ramp with a Hann window, per cm, for `rfft` with zero padding."""
    padded = int(2 ** np.ceil(np.log2(2 * count)))
    f = fft.rfftfreq(padded, bin_cm)
    response: NDArray[np.float64] = f * (0.5 + 0.5 * np.cos(np.pi * f / f[-1]))
    return response
