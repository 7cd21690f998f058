"""The MR scanner against the signal equation and the statistics of magnitude images."""

from __future__ import annotations

import math

import numpy as np
import pytest

from condyle.errors import ConfigError
from condyle.phantoms.body import Subject
from condyle.phantoms.part import body
from condyle.phantoms.scanners.mr import HEADROOM, MR, PRESETS, scan_mr, signal, stored_per_signal
from condyle.phantoms.solids import Solid, box, half_space, intersection, sphere
from condyle.phantoms.tissue import TISSUES
from condyle.space import Grid

IDEAL = MR(noise=0, bias=0, texture=0, ringing=False)
EVERYWHERE = box((0, 0, 0), (300, 300, 300))


def below(point_mm: tuple[float, float, float], normal: tuple[float, float, float]) -> Solid:
    """Everything on one side of a plane."""
    return intersection(EVERYWHERE, half_space(point_mm, normal))


def grid_around(shape: tuple[int, int, int], spacing_mm: tuple[float, float, float]) -> Grid:
    affine = np.diag([*spacing_mm, 1.0])
    affine[:3, 3] = -(np.array(shape) - 1) / 2 * spacing_mm
    return Grid(shape, affine)


def subject_of(*parts: tuple[str, Solid]) -> Subject:
    return Subject(tuple(body("", tissue, solid) for tissue, solid in parts))


def scan(subject: Subject, grid: Grid, settings: MR, seed: int = 0) -> np.ndarray:
    return scan_mr(subject, grid, settings, np.random.default_rng(seed)).array.astype(float)


def with_changes(settings: MR, **changes: object) -> MR:
    return MR(**{**vars(settings), **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(("tr_ms", "te_ms"), [(600, 14), (3000, 32), (500, 80)])
def test_two_tissues_differ_as_the_spin_echo_equation_says(tr_ms: float, te_ms: float) -> None:
    grid = grid_around((24, 24, 4), (1, 1, 3))
    halves = subject_of(("fat", EVERYWHERE), ("muscle", below((0, 0, 0), (1, 0, 0))))
    stored = scan(halves, grid, with_changes(IDEAL, tr_ms=tr_ms, te_ms=te_ms, levels=32767))
    fat, muscle = TISSUES["fat"], TISSUES["muscle"]

    def expected(t1_ms: float, t2_ms: float, density: float) -> float:
        return density * (1 - math.exp(-tr_ms / t1_ms)) * math.exp(-te_ms / t2_ms)

    ratio = expected(fat.t1_ms, fat.t2_ms, fat.proton_density) / expected(
        muscle.t1_ms, muscle.t2_ms, muscle.proton_density
    )
    assert stored[-2].mean() / stored[1].mean() == pytest.approx(ratio, rel=0.002)


def test_fat_suppression_spares_water() -> None:
    suppressed = with_changes(IDEAL, fat_suppression=0.9)
    assert sum(signal(TISSUES["fat"], suppressed)) < 0.15 * sum(signal(TISSUES["fat"], IDEAL))
    assert signal(TISSUES["synovial_fluid"], suppressed) == signal(TISSUES["synovial_fluid"], IDEAL)


def test_a_lower_field_shortens_the_t1_of_water_but_hardly_of_fat() -> None:
    low = with_changes(IDEAL, field_t=0.25)
    assert sum(signal(TISSUES["muscle"], low)) > 1.4 * sum(signal(TISSUES["muscle"], IDEAL))
    assert sum(signal(TISSUES["fat"], low)) == pytest.approx(sum(signal(TISSUES["fat"], IDEAL)), rel=0.03)


def test_noise_in_air_is_rayleigh() -> None:
    """Without signal the magnitude of two Gaussian channels has the mean sigma sqrt(pi / 2)."""
    grid = grid_around((64, 64, 8), (1, 1, 3))
    settings = with_changes(IDEAL, noise=0.05)
    air = scan(subject_of(("fat", sphere((0, 0, 0), 3))), grid, settings)[:20]
    sigma = 0.05 * HEADROOM * settings.levels
    assert air.mean() == pytest.approx(sigma * math.sqrt(math.pi / 2), rel=0.02)
    assert air.std() == pytest.approx(sigma * math.sqrt(2 - math.pi / 2), rel=0.03)


def test_noise_in_bright_tissue_is_gaussian_and_as_large_as_asked() -> None:
    grid = grid_around((48, 48, 8), (1, 1, 3))
    settings = with_changes(IDEAL, noise=0.03)
    fat = scan(subject_of(("fat", EVERYWHERE)), grid, settings)
    assert fat.std() == pytest.approx(0.03 * HEADROOM * settings.levels, rel=0.03)
    expected = stored_per_signal(settings) * sum(signal(TISSUES["fat"], settings))
    assert fat.mean() == pytest.approx(expected, rel=0.003)


def test_interpolated_noise_keeps_its_deviation_and_is_smooth() -> None:
    grid = grid_around((64, 64, 6), (0.5, 0.5, 3))
    settings = with_changes(IDEAL, noise=0.05, acquired_mm=1.0, ringing=True)
    fat = scan(subject_of(("fat", EVERYWHERE)), grid, settings)
    assert fat.std() == pytest.approx(0.05 * HEADROOM * settings.levels, rel=0.05)
    assert np.corrcoef(fat[1:].ravel(), fat[:-1].ravel())[0, 1] > 0.5


def test_the_bias_field_is_smooth_and_as_strong_as_asked() -> None:
    grid = grid_around((48, 48, 12), (3, 3, 5))
    fat = scan(subject_of(("fat", EVERYWHERE)), grid, with_changes(IDEAL, bias=0.2, levels=32767))
    gain = np.log(fat)
    assert gain.std() == pytest.approx(0.2, rel=0.02)
    assert all(np.abs(np.diff(gain, axis=a)).max() < 0.15 for a in range(3))


def test_thick_slices_mix_what_lies_in_them() -> None:
    grid = grid_around((8, 8, 5), (1, 1, 4))
    lower_half = subject_of(("fat", below((0, 0, 0), (0, 0, 1))))
    fat = scan(lower_half, grid, IDEAL)[4, 4]
    assert fat[2] == pytest.approx(fat[0] / 2, rel=0.02)
    assert fat[0] == fat[1]
    assert fat[3] == fat[4] == 0


def test_ringing_runs_beside_edges_only_where_it_is_asked_for() -> None:
    grid = grid_around((64, 8, 3), (1, 1, 3))
    edge = subject_of(("fat", below((0.2, 0, 0), (1, 0, 0))))
    rung = scan(edge, grid, with_changes(IDEAL, ringing=True, acquired_mm=2.0))[:, 4, 1]
    smooth = scan(edge, grid, with_changes(IDEAL, acquired_mm=2.0))[:, 4, 1]
    assert rung.max() > 1.03 * rung[8]
    assert smooth.max() == smooth[8]


def test_fat_is_displaced_by_the_chemical_shift_and_water_is_not() -> None:
    grid = grid_around((4, 60, 3), (1, 0.5, 3))

    def middle(tissue: str, shift_mm: float) -> float:
        ball = subject_of((tissue, box((0, 0, 0), (9, 5, 9))))
        line = scan(ball, grid, with_changes(IDEAL, chemical_shift_mm=shift_mm))[2, :, 1]
        return float((line * np.arange(60)).sum() / line.sum() * 0.5)

    assert middle("fat", 1.5) - middle("fat", 0) == pytest.approx(0.95 * 1.5, abs=0.05)
    assert middle("fat", -1.5) - middle("fat", 0) == pytest.approx(-0.95 * 1.5, abs=0.05)
    assert middle("synovial_fluid", 1.5) == pytest.approx(middle("synovial_fluid", 0))


@pytest.mark.parametrize("name", PRESETS)
def test_presets_give_scans_that_use_their_range(name: str) -> None:
    grid = grid_around((32, 32, 6), (1, 1, 3))
    settings = PRESETS[name]
    knee = subject_of(
        ("fat", sphere((0, 0, 0), 15)), ("muscle", sphere((0, 0, 0), 10)), ("water", sphere((0, 0, 0), 4))
    )
    volume = scan_mr(knee, grid, settings, np.random.default_rng(0))
    assert volume.array.dtype == (np.uint8 if settings.levels == 255 else np.int16)
    assert 0.2 * settings.levels < volume.array.max() <= settings.levels
    assert np.array_equal(volume.array, scan_mr(knee, grid, settings, np.random.default_rng(0)).array)


@pytest.mark.parametrize(
    "wrong", [{"tr_ms": 0}, {"noise": -0.1}, {"fat_suppression": 1.2}, {"levels": 0}, {"thickness_mm": -2.0}]
)
def test_senseless_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        MR(**wrong)  # type: ignore[arg-type]
