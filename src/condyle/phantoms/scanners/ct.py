"""A CT scanner: from a subject to Hounsfield units.

The order is that of physics: materials with their fine structure, the point spread and the slice profile,
beam hardening, metal, noise, the scanner's calibration, whole numbers. Slices are the i, j planes of the grid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from condyle.errors import ConfigError
from condyle.phantoms.body import Subject, sample
from condyle.phantoms.scanners.metal import metal_streaks
from condyle.phantoms.scanners.noise import coloured_noise, depth_map, noise_gain
from condyle.phantoms.scanners.response import Taps, blocks, gaussian_taps, respond, slice_parts, slice_taps
from condyle.phantoms.scanners.texture import Structure
from condyle.phantoms.tissue import CODES, TISSUES
from condyle.space import LINEAR, Grid, Volume, resample_image, spaced_grid

#: What a scanner can store in 12 bits.
LOWEST_HU, HIGHEST_HU = -1024, 3071


@dataclass(frozen=True)
class CT:
    """Settings of a CT scan.

    Args:
        noise_hu: Standard deviation of the noise at the deepest place of the body; less towards the skin.
        fwhm_mm: Point spread in plane, full width at half maximum. Never less than the pixel.
        thickness_mm: Slice thickness, or None for the distance between slices. More overlaps, less leaves gaps.
        supersampling: Fine samples a pixel edge.
        kernel: `soft`, or `bone`: sharper, with overshoot at edges, and noise of finer grain.
        streakiness: How much noise runs in left-right streaks, 0 to 1.
        texture: Factor on the tissues' fine structure; 0 for ideal, uniform tissues.
        cupping_hu: How much too dark the deepest place is, from beam hardening.
        slope: Calibration: measured HU are `slope * HU + offset_hu`.
        offset_hu: See `slope`.
        metal: Whether metal leaves streaks.

    Raises:
        ConfigError: for negative values or a supersampling below 1.
    """

    noise_hu: float = 12.0
    fwhm_mm: float = 1.2
    thickness_mm: float | None = None
    supersampling: int = 2
    kernel: Literal["soft", "bone"] = "soft"
    streakiness: float = 0.4
    texture: float = 1.0
    cupping_hu: float = 0.0
    slope: float = 1.0
    offset_hu: float = 0.0
    metal: bool = True

    def __post_init__(self) -> None:
        for name in ("noise_hu", "fwhm_mm", "streakiness", "texture", "cupping_hu"):
            if getattr(self, name) < 0:
                raise ConfigError(f"CT: {name}", expected="0 or more", got=str(getattr(self, name)))
        if self.supersampling < 1:
            raise ConfigError("CT: supersampling", expected="1 or more", got=str(self.supersampling))
        if self.thickness_mm is not None and self.thickness_mm <= 0:
            raise ConfigError("CT: thickness_mm", expected="more than 0", got=str(self.thickness_mm))


def scan_ct(subject: Subject, grid: Grid, settings: CT, rng: np.random.Generator) -> Volume:
    """A CT scan of a subject.

    Args:
        subject: What lies in the scanner.
        grid: The scan's voxels; slices are its i, j planes.
        settings: The scanner.
        rng: Source of texture and noise; the same seed gives the same scan.

    Returns:
        int16 HU, from -1024 to 3071.
    """
    factors, taps = _sampling(grid, settings)
    structure = Structure.drawn(grid, rng)
    hu = np.empty(grid.shape, np.float32)
    metal = np.zeros(grid.shape, np.float32)
    for block, fine in blocks(grid, factors, taps):
        codes, _ = sample(subject, fine)
        hu[:, :, block] = respond(_materials(codes, fine, structure, settings.texture), taps, factors)
        if settings.metal and (codes == CODES["titanium"]).any():
            metal[:, :, block] = respond(codes == CODES["titanium"], taps, factors)

    depth = _depth(subject, grid)
    hu -= settings.cupping_hu * (depth / max(float(depth.max()), 1e-6)) * np.clip((hu + 500) / 500, 0, 1)
    for k in np.flatnonzero(metal.any(axis=(0, 1))):
        hu[:, :, k] += metal_streaks(metal[:, :, k], grid.spacing_mm[:2], 0.0007 * settings.noise_hu, rng)
    if settings.noise_hu:
        width = settings.fwhm_mm * (0.6 if settings.kernel == "bone" else 1)
        noise = coloured_noise(grid, width, _thickness(grid, settings), settings.streakiness, rng)
        hu += settings.noise_hu * noise * noise_gain(depth)
    measured = settings.slope * hu + settings.offset_hu
    return Volume(np.clip(np.rint(measured), LOWEST_HU, HIGHEST_HU).astype(np.int16), grid)


def _thickness(grid: Grid, settings: CT) -> float:
    return grid.spacing_mm[2] if settings.thickness_mm is None else settings.thickness_mm


def _sampling(grid: Grid, settings: CT) -> tuple[tuple[int, int, int], tuple[Taps, Taps, Taps]]:
    """Fine samples a voxel along each axis, and the scanner's response on them."""
    i_mm, j_mm, k_mm = grid.spacing_mm
    n = settings.supersampling
    thickness = _thickness(grid, settings)
    along_k = slice_parts(grid.spacing_mm, thickness, n)
    factors = (n, n, along_k)
    in_plane = [_in_plane(settings, mm / n, n) for mm in (i_mm, j_mm)]
    return factors, (in_plane[0], in_plane[1], slice_taps(thickness, k_mm / along_k, along_k))


def _in_plane(settings: CT, step_mm: float, factor: int) -> Taps:
    narrow = gaussian_taps(settings.fwhm_mm, step_mm, factor)
    if settings.kernel == "soft":
        return narrow
    # An unsharp mask: what a bone kernel does to frequencies in the middle.
    wide = gaussian_taps(2 * max(settings.fwhm_mm, factor * step_mm), step_mm, factor)
    both = -0.35 * wide
    more = (len(wide) - len(narrow)) // 2
    both[more : more + len(narrow)] += 1.35 * narrow
    return both


def _materials(codes: NDArray[np.uint8], fine: Grid, structure: Structure, texture: float) -> NDArray[np.float32]:
    """HU of the subject itself on the fine grid."""
    hu = np.array([t.ct_hu for t in TISSUES.values()], np.float32)[codes]
    if texture:
        hu += structure.on(codes, fine, {name: texture * t.texture_hu for name, t in TISSUES.items()})
    return hu


def _depth(subject: Subject, grid: Grid) -> NDArray[np.float32]:
    coarse = spaced_grid(grid, (8.0, 8.0, max(8.0, grid.spacing_mm[2])))
    depth = depth_map(sample(subject, coarse)[0] > 0, coarse.spacing_mm)
    return np.asarray(resample_image(Volume(depth, coarse), grid, orders=LINEAR).array, np.float32)
