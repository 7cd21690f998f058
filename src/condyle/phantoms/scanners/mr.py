"""An MR scanner: from a subject to the magnitude image of a spin-echo sequence.

The order is that of physics: the signal of each tissue, fat displaced by its chemical shift, k-space and slice
profile, the coil's sensitivity (bias field), noise in both channels, their magnitude, whole numbers.
Slices are the i, j planes of the grid; the frequency is encoded along j.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from condyle.errors import ConfigError
from condyle.phantoms.body import Subject, sample
from condyle.phantoms.scanners.response import Taps, blocks, gaussian_taps, respond, sinc_taps, slice_parts, slice_taps
from condyle.phantoms.scanners.texture import Structure, smooth_field
from condyle.phantoms.tissue import TISSUES, Tissue
from condyle.space import Grid, Volume

#: Field at which `TISSUES` gives T1, and the growth of water's T1 with it (Bottomley et al. 1984).
REFERENCE_T, T1_GROWTH = 1.5, 0.35
#: Part of the stored range that the brightest tissue gets, so that the bias field has room above it.
HEADROOM = 0.6


@dataclass(frozen=True)
class MR:
    """Settings of an MR scan.

    Args:
        tr_ms: Repetition time.
        te_ms: Echo time.
        fat_suppression: Part of the fat signal that is suppressed, 0 to 1.
        field_t: Field strength.
        noise: Standard deviation of each channel's noise, as part of the brightest tissue's signal.
        bias: Standard deviation of the logarithm of the coil's sensitivity over the scan.
        thickness_mm: Slice thickness, or None for the distance between slices.
        acquired_mm: Acquired voxel size in plane, or None for that of the image.
        ringing: Whether k-space is cut off (Gibbs ringing) rather than faded out.
        chemical_shift_mm: How far fat lies from its place along j.
        texture: Relative standard deviation of the signal within a tissue without fat; twice as much in fat.
        levels: Largest stored value: 255 gives uint8, more gives int16.
        supersampling: Fine samples a pixel edge.

    Raises:
        ConfigError: for values outside these ranges.
    """

    tr_ms: float = 600.0
    te_ms: float = 14.0
    fat_suppression: float = 0.0
    field_t: float = 1.5
    noise: float = 0.02
    bias: float = 0.15
    thickness_mm: float | None = None
    acquired_mm: float | None = None
    ringing: bool = True
    chemical_shift_mm: float = 0.0
    texture: float = 0.03
    levels: int = 4095
    supersampling: int = 2

    def __post_init__(self) -> None:
        positive = {"tr_ms", "te_ms", "field_t", "thickness_mm", "acquired_mm"}
        for name in ("noise", "bias", "texture", *positive):
            value = getattr(self, name)
            if value is not None and (value < 0 or (name in positive and value == 0)):
                raise ConfigError(
                    f"MR: {name}", expected="more than 0" if name in positive else "0 or more", got=str(value)
                )
        if not 0 <= self.fat_suppression <= 1:
            raise ConfigError("MR: fat_suppression", expected="0 to 1", got=str(self.fat_suppression))
        if self.supersampling < 1 or not 1 <= self.levels <= 32767:
            raise ConfigError(
                "MR", expected="supersampling of 1 or more and levels from 1 to 32767",
                got=f"{self.supersampling} and {self.levels}",
            )  # fmt: skip


#: Sequences in common use at the knee and hip.
PRESETS: dict[str, MR] = {
    "t1": MR(tr_ms=600, te_ms=14, noise=0.015, chemical_shift_mm=0.6, acquired_mm=0.6),
    "pd_fs": MR(tr_ms=3000, te_ms=32, fat_suppression=0.92, noise=0.025),
    "low_field": MR(tr_ms=450, te_ms=18, field_t=0.25, noise=0.06, bias=0.2, levels=255, acquired_mm=0.9),
}


def signal(tissue: Tissue, settings: MR) -> tuple[float, float]:
    """Spin-echo signal of a tissue, of its water and of its fat, relative to fully relaxed water.

    `S = PD (1 - exp(-TR / T1)) exp(-TE / T2)`, shared between water and fat by the tissue's fat fraction.
    """
    growth = (settings.field_t / REFERENCE_T) ** (T1_GROWTH * (1 - tissue.fat_fraction))
    recovered = 1 - math.exp(-settings.tr_ms / (tissue.t1_ms * growth))
    total = tissue.proton_density * recovered * math.exp(-settings.te_ms / tissue.t2_ms)
    fat = tissue.fat_fraction * total
    return total - fat, fat * (1 - settings.fat_suppression)


def stored_per_signal(settings: MR) -> float:
    """Stored value for a signal of 1 where the coil's sensitivity is 1."""
    return HEADROOM * settings.levels / max(sum(signal(t, settings)) for t in TISSUES.values())


def scan_mr(subject: Subject, grid: Grid, settings: MR, rng: np.random.Generator) -> Volume:
    """An MR scan of a subject.

    Args:
        subject: What lies in the scanner.
        grid: The scan's voxels; slices are its i, j planes.
        settings: The scanner and its sequence.
        rng: Source of texture, bias field and noise; the same seed gives the same scan.

    Returns:
        0 to `levels`, int16 or uint8.
    """
    factors, taps = _sampling(grid, settings)
    structure = Structure.drawn(grid, rng)
    image = np.empty(grid.shape, np.float32)
    for block, fine in blocks(grid, factors, taps):
        codes, _ = sample(subject, fine)
        image[:, :, block] = respond(_emitted(codes, fine, structure, settings), taps, factors)
    image *= _sensitivity(grid, settings.bias, rng)
    image *= stored_per_signal(settings)
    sigma = HEADROOM * settings.levels * settings.noise
    # Noise is Gaussian in the two channels; their magnitude is Rician (Gudbjartsson and Patz 1995).
    magnitude = np.hypot(image + sigma * _noise(grid, settings, rng), sigma * _noise(grid, settings, rng))
    stored = np.clip(np.rint(magnitude), 0, settings.levels)
    return Volume(stored.astype(np.uint8 if settings.levels <= 255 else np.int16), grid)


def _sampling(grid: Grid, settings: MR) -> tuple[tuple[int, int, int], tuple[Taps, Taps, Taps]]:
    """Fine samples a voxel along each axis, and the scanner's response on them."""
    n = settings.supersampling
    thickness = settings.thickness_mm or grid.spacing_mm[2]
    along_k = slice_parts(grid.spacing_mm, thickness, n)
    in_plane = []
    for mm in grid.spacing_mm[:2]:
        voxel_mm = max(mm, settings.acquired_mm or 0)
        in_plane.append(sinc_taps(voxel_mm, mm / n, n) if settings.ringing else gaussian_taps(voxel_mm, mm / n, n))
    return (n, n, along_k), (in_plane[0], in_plane[1], slice_taps(thickness, grid.spacing_mm[2] / along_k, along_k))


def _noise(grid: Grid, settings: MR, rng: np.random.Generator) -> NDArray[np.float32]:
    """Noise of one channel, standard deviation 1; smooth where the image was interpolated from larger voxels."""
    i_mm, j_mm, _ = grid.spacing_mm
    voxel_mm = settings.acquired_mm or 0
    if voxel_mm <= max(i_mm, j_mm):
        return rng.standard_normal(grid.shape, np.float32)
    taps = (sinc_taps(voxel_mm, i_mm, 1), sinc_taps(voxel_mm, j_mm, 1), np.ones(1, np.float32))
    i, j, k = (n + len(t) - 1 for n, t in zip(grid.shape, taps, strict=True))
    white = rng.standard_normal((i, j, k), np.float32)
    return respond(white, taps, (1, 1, 1)) / np.float32(math.prod(float(np.linalg.norm(t)) for t in taps))


def _emitted(codes: NDArray[np.uint8], fine: Grid, structure: Structure, settings: MR) -> NDArray[np.float32]:
    """Signal on the fine grid, fat displaced."""
    water, fat = np.array([signal(t, settings) for t in TISSUES.values()], np.float32).T
    relief = np.ones(1, np.float32)
    if settings.texture:
        # Walls and septa, bright in CT, are dark in MR, hence the minus; fat and marrow have most of them.
        sd = {name: settings.texture * (1 + t.fat_fraction) for name, t in TISSUES.items()}
        relief = 1 - structure.on(codes, fine, sd)
    steps = round(settings.chemical_shift_mm / fine.spacing_mm[1])
    if not steps:
        return (water + fat)[codes] * relief
    emitted = water[codes] * relief
    shifted = fat[codes] * relief
    if steps > 0:
        emitted[:, steps:] += shifted[:, :-steps]
    else:
        emitted[:, :steps] += shifted[:, -steps:]
    return emitted


def _sensitivity(grid: Grid, bias: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """A smooth gain around 1: one or two slow waves over the field of view."""
    if not bias:
        return np.ones(grid.shape, np.float32)
    i, j, k = (max(0.3 * n, 1.0) for n in grid.shape)
    wave = smooth_field(grid.shape, (i, j, k), rng)
    wave = (wave - wave.mean()) / max(float(wave.std()), 1e-6)
    return np.exp(np.float32(bias) * wave)
