"""The CT scanner against what can be computed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from condyle.errors import ConfigError
from condyle.phantoms.body import Subject
from condyle.phantoms.part import body
from condyle.phantoms.scanners.ct import CT, scan_ct
from condyle.phantoms.scanners.response import FWHM, gaussian_taps, sinc_taps, slice_taps
from condyle.phantoms.solids import Solid, box, cylinder, sphere
from condyle.phantoms.tissue import TISSUES
from condyle.space import Grid

IDEAL = CT(noise_hu=0, texture=0, fwhm_mm=0)


def grid_around(shape: tuple[int, int, int], spacing_mm: tuple[float, float, float]) -> Grid:
    """A grid whose middle is the origin."""
    affine = np.diag([*spacing_mm, 1.0])
    affine[:3, 3] = -(np.array(shape) - 1) / 2 * spacing_mm
    return Grid(shape, affine)


def subject_of(*parts: tuple[str, Solid]) -> Subject:
    return Subject(tuple(body("", tissue, solid) for tissue, solid in parts))


def scan(subject: Subject, grid: Grid, settings: CT, seed: int = 0) -> np.ndarray:
    return scan_ct(subject, grid, settings, np.random.default_rng(seed)).array.astype(float)


def width_at_half(profile: np.ndarray, step_mm: float) -> float:
    """Full width at half maximum of a single peak, linear between samples."""
    at = np.arange(0, len(profile) - 1, 0.01)
    fine = np.interp(at, np.arange(len(profile)), profile)
    return float((fine > profile.max() / 2).sum() * 0.01 * step_mm)


def test_a_large_body_has_the_mean_of_its_tissue() -> None:
    grid = grid_around((64, 64, 16), (1, 1, 2))
    muscle = subject_of(("muscle", box((0, 0, 0), (200, 200, 200))))
    hu = scan(muscle, grid, CT(noise_hu=20, texture=0))
    # Noise has little power at frequency 0: its mean is surer than that of independent voxels.
    assert abs(hu.mean() - TISSUES["muscle"].ct_hu) < 20 / np.sqrt(hu.size) * 5 + 0.1


def test_texture_keeps_the_mean_and_has_about_the_deviation_of_the_table() -> None:
    grid = grid_around((96, 96, 48), (0.5, 0.5, 0.5))
    bone = subject_of(("trabecular_bone", box((0, 0, 0), (200, 200, 200))))
    hu = scan(bone, grid, CT(noise_hu=0, fwhm_mm=0))
    tissue = TISSUES["trabecular_bone"]
    assert hu.mean() == pytest.approx(tissue.ct_hu, abs=0.25 * tissue.texture_hu)
    assert 0.5 < hu.std() / tissue.texture_hu < 1.5


def test_partial_volume_conserves_the_sum() -> None:
    grid = grid_around((40, 40, 40), (1, 1, 1))
    radius = 12.3
    ball = subject_of(("water", box((0, 0, 0), (99, 99, 99))), ("rod_800_mgha", sphere((0.2, -0.3, 0.4), radius)))
    hu = scan(ball, grid, CT(noise_hu=0, texture=0, fwhm_mm=2.0, supersampling=3))
    added = 1120 * 4 / 3 * np.pi * radius**3
    assert hu.sum() == pytest.approx(added, rel=0.003)


@pytest.mark.parametrize("kernel", ["soft", "bone"])
@pytest.mark.parametrize("noise_hu", [8.0, 40.0])
def test_noise_has_the_deviation_asked_for(kernel: str, noise_hu: float) -> None:
    grid = grid_around((96, 80, 12), (0.8, 0.8, 2))
    water = subject_of(("water", box((0, 0, 0), (200, 200, 200))))
    settings = CT(noise_hu=noise_hu, kernel="bone" if kernel == "bone" else "soft")
    middle = scan(water, grid, settings)[36:60, 30:50]
    assert middle.std() == pytest.approx(noise_hu, rel=0.15)


def test_noise_is_larger_deep_in_a_large_body() -> None:
    grid = grid_around((96, 96, 12), (4, 4, 2))
    trunk = subject_of(("water", cylinder((0, 0, -99), (0, 0, 99), 170)))
    hu = scan(trunk, grid, CT(noise_hu=30, fwhm_mm=4))
    assert hu[46:50, 9:13].std() < 0.7 * hu[44:52, 44:52].std()


def test_noise_is_coloured() -> None:
    """Neighbours are alike, yet slow waves are weaker than in white noise blurred by the same point spread."""
    grid = grid_around((128, 128, 8), (0.5, 0.5, 3))
    water = subject_of(("water", box((0, 0, 0), (200, 200, 200))))
    hu = scan(water, grid, CT(noise_hu=30, fwhm_mm=1.2, streakiness=0))
    next_voxel = np.corrcoef(hu[1:, :, :].ravel(), hu[:-1, :, :].ravel())[0, 1]
    assert next_voxel > 0.4
    # Means over 8 x 8 mm: blurred white noise is correlated over an area of 4 pi sigma^2.
    means = hu.reshape(8, 16, 8, 16, 8).mean(axis=(1, 3))
    blurred_white = hu.std() * np.sqrt(4 * np.pi * (1.2 / FWHM) ** 2 / 8**2)
    assert means.std() < 0.7 * blurred_white


@pytest.mark.parametrize("fwhm_mm", [1.0, 1.6, 2.5])
def test_the_point_spread_is_as_wide_as_asked(fwhm_mm: float) -> None:
    grid = grid_around((60, 8, 8), (0.5, 0.5, 0.5))
    plate = subject_of(("water", box((0, 0, 0), (99, 99, 99))), ("titanium", box((0.1, 0, 0), (0.08, 99, 99))))
    settings = CT(noise_hu=0, texture=0, fwhm_mm=fwhm_mm, supersampling=5, metal=False)
    profile = scan(plate, grid, settings)[:, 4, 4]
    assert width_at_half(profile, 0.5) == pytest.approx(fwhm_mm, rel=0.1)


@pytest.mark.parametrize(("spacing_mm", "thickness_mm"), [(1.0, 3.2), (1.0, 1.0), (2.0, 5.0)])
def test_slice_thickness_is_free_of_the_spacing(spacing_mm: float, thickness_mm: float) -> None:
    """A thin plate is seen in every slice that covers it, with the same share in each."""
    grid = grid_around((6, 6, 21), (1, 1, spacing_mm))
    plate = subject_of(("water", box((0, 0, 0), (99, 99, 99))), ("rod_800_mgha", box((0, 0, 0.02), (99, 99, 0.25))))
    settings = CT(noise_hu=0, texture=0, fwhm_mm=0, thickness_mm=thickness_mm, supersampling=8)
    profile = scan(plate, grid, settings)[3, 3]
    seen = np.abs(np.arange(-10, 11) * spacing_mm) < thickness_mm / 2
    assert profile[seen] == pytest.approx(1120 * 0.5 / thickness_mm, rel=0.06)
    assert not profile[~seen].any()


def test_gaps_between_slices_hide_what_lies_in_them() -> None:
    grid = grid_around((6, 6, 5), (1, 1, 5))
    plate = subject_of(("water", box((0, 0, 0), (99, 99, 99))), ("rod_800_mgha", box((0, 0, 2.5), (99, 99, 0.5))))
    assert np.abs(scan(plate, grid, CT(noise_hu=0, texture=0, thickness_mm=2.0))).max() < 1


def test_calibration_is_a_line() -> None:
    grid = grid_around((16, 16, 4), (1, 1, 1))
    rod = subject_of(("rod_400_mgha", box((0, 0, 0), (99, 99, 99))))
    hu = scan(rod, grid, CT(noise_hu=0, texture=0, slope=1.05, offset_hu=-8))
    assert np.array_equal(hu, np.full(grid.shape, 560 * 1.05 - 8))


def test_cupping_makes_the_middle_too_dark() -> None:
    grid = grid_around((40, 40, 4), (8, 8, 4))
    trunk = subject_of(("water", cylinder((0, 0, -99), (0, 0, 99), 150)))
    hu = scan(trunk, grid, CT(noise_hu=0, texture=0, fwhm_mm=0, cupping_hu=30))
    assert hu[20, 20, 2] == pytest.approx(-30, abs=2)
    assert -25 < hu[20, 20 - 17, 2] < 0
    assert hu[0, 0, 2] == -1000


def test_metal_leaves_streaks_that_other_bodies_do_not() -> None:
    grid = grid_around((80, 80, 3), (1, 1, 1))
    water = ("water", cylinder((0, 0, -99), (0, 0, 99), 38))
    pins = [("titanium", cylinder((x, 0, -99), (x, 0, 99), 4)) for x in (-16, 16)]
    clean = CT(noise_hu=5, texture=0, metal=False)
    with_streaks = scan(subject_of(water, *pins), grid, CT(noise_hu=5, texture=0))
    without = scan(subject_of(water, *pins), grid, clean)
    difference = (with_streaks - without)[:, :, 1]
    between, aside = difference[36:44, 36:44].mean(), difference[36:44, 62:70].mean()
    assert between < -30
    assert abs(aside) < 0.5 * abs(between)
    assert np.array_equal(
        scan(subject_of(water), grid, clean), scan(subject_of(water), grid, CT(noise_hu=5, texture=0))
    )


def test_the_same_seed_gives_the_same_scan_and_another_seed_another() -> None:
    grid = grid_around((24, 24, 8), (1, 1, 2))
    ball = subject_of(("trabecular_bone", sphere((0, 0, 0), 9)))
    assert np.array_equal(scan(ball, grid, CT(), 3), scan(ball, grid, CT(), 3))
    assert not np.array_equal(scan(ball, grid, CT(), 3), scan(ball, grid, CT(), 4))


def test_the_scan_is_whole_numbers_in_the_scanners_range() -> None:
    grid = grid_around((24, 24, 4), (1, 1, 1))
    volume = scan_ct(subject_of(("titanium", sphere((0, 0, 0), 6))), grid, CT(noise_hu=60), np.random.default_rng(0))
    assert volume.array.dtype == np.int16
    assert volume.grid is grid
    assert volume.array.min() >= -1024
    assert volume.array.max() == 3071


def test_blocks_of_slices_join_without_a_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    grid = grid_around((16, 16, 12), (1, 1, 1))
    ball = subject_of(("muscle", sphere((0, 0, 0), 20)), ("trabecular_bone", sphere((0, 0, 0), 5)))
    whole = scan(ball, grid, CT(thickness_mm=3))
    monkeypatch.setattr("condyle.phantoms.scanners.response.BLOCK_SAMPLES", 16 * 16 * 8 * 5)
    assert np.array_equal(scan(ball, grid, CT(thickness_mm=3)), whole)


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_taps_sum_to_one_and_share_every_sample_evenly(factor: int) -> None:
    step = 0.4
    for taps in (
        gaussian_taps(1.7, step, factor),
        slice_taps(factor * step, step, factor),
        sinc_taps(1.5, step, factor),
    ):
        assert taps.sum() == pytest.approx(1)
        assert (len(taps) - factor) % 2 == 0
        assert np.allclose(taps, taps[::-1])
    taps = gaussian_taps(1.7, step, factor)
    assert np.allclose([taps[n::factor].sum() for n in range(factor)], 1 / factor)
    offsets = (np.arange(len(taps)) - (len(taps) - 1) / 2) * step
    assert FWHM * np.sqrt((taps * offsets**2).sum()) == pytest.approx(1.7, rel=0.01)


@pytest.mark.parametrize("wrong", [{"noise_hu": -1}, {"supersampling": 0}, {"thickness_mm": 0}, {"fwhm_mm": -0.1}])
def test_senseless_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        CT(**wrong)  # type: ignore[arg-type]
