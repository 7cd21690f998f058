"""A drawn mask is close to the truth, unbiased, and its own every time."""

from __future__ import annotations

import numpy as np
import pytest

from condyle.errors import ConfigError
from condyle.phantoms.body import Subject, sample
from condyle.phantoms.manual import Hand, manual_mask
from condyle.phantoms.part import body
from condyle.phantoms.solids import ellipsoid, sphere
from condyle.space import Grid

SPACINGS = [(1.0, 1.0, 1.0), (0.6, 0.6, 3.0)]


def truth(spacing_mm: tuple[float, float, float]) -> tuple[np.ndarray, Grid]:
    """Two large bodies that touch, and a small one."""
    shape = tuple(int(n / mm) for n, mm in zip((90, 90, 90), spacing_mm, strict=True))
    affine = np.diag([*spacing_mm, 1.0])
    affine[:3, 3] = -45
    grid = Grid((shape[0], shape[1], shape[2]), affine)
    subject = Subject(
        (
            body("upper", "muscle", ellipsoid((0, 0, 10), (30, 22, 24))),
            body("lower", "muscle", sphere((2, 3, -20), 20)),
            body("small", "muscle", sphere((-32, 30, 25), 9)),
        )
    )
    return sample(subject, grid)[1], grid


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


@pytest.mark.parametrize("spacing_mm", SPACINGS)
@pytest.mark.parametrize("seed", range(3))
def test_a_drawn_mask_is_close_but_not_equal_to_the_truth(spacing_mm: tuple[float, float, float], seed: int) -> None:
    owner, grid = truth(spacing_mm)
    drawn = manual_mask(owner, grid, np.random.default_rng(seed))
    for id_ in (1, 2, 3):
        assert 0.95 < dice(drawn == id_, owner == id_) < 0.995
    # A slice overlooked takes volume away, so the bias of the outline is seen without.
    drawn = manual_mask(owner, grid, np.random.default_rng(seed), Hand(overlooked=0))
    for id_ in (1, 2):
        assert (drawn == id_).sum() == pytest.approx((owner == id_).sum(), rel=0.015)


def test_a_steadier_hand_is_closer() -> None:
    owner, grid = truth((0.6, 0.6, 3.0))
    careful, hasty = (
        manual_mask(owner, grid, np.random.default_rng(0), Hand(wander_mm=w, slice_mm=w / 2)) for w in (0.2, 0.8)
    )
    assert dice(careful > 0, owner > 0) > dice(hasty > 0, owner > 0) + 0.01


def test_errors_wander_over_millimetres_not_voxels() -> None:
    """Voxels that differ from the truth come in patches."""
    owner, grid = truth((0.6, 0.6, 3.0))
    wrong = manual_mask(owner, grid, np.random.default_rng(1)) != owner
    beside = np.zeros(wrong.shape, int)
    for axis in (0, 1):
        beside += np.roll(wrong, 1, axis) + np.roll(wrong, -1, axis)
    assert (beside[wrong] > 0).mean() > 0.8


def test_no_id_is_invented() -> None:
    owner, grid = truth((1.0, 1.0, 1.0))
    sparse = np.where(owner == 3, 77, owner).astype(np.uint8)
    drawn = manual_mask(sparse, grid, np.random.default_rng(0))
    assert set(np.unique(drawn)) == {0, 1, 2, 77}
    assert drawn.dtype == np.uint8
    assert not manual_mask(np.zeros_like(owner), grid, np.random.default_rng(0)).any()


def test_small_end_slices_are_sometimes_overlooked() -> None:
    owner, grid = truth((0.6, 0.6, 3.0))
    hand = Hand(wander_mm=0, slice_mm=0, overlooked=1, small=0.5)
    drawn = manual_mask(owner, grid, np.random.default_rng(0), hand) == 2
    true_slices, slices = (np.flatnonzero(mask.any(axis=(0, 1))) for mask in (owner == 2, drawn))
    assert slices[0] == true_slices[0] + 1


def test_every_drawing_differs_unless_the_seed_is_the_same() -> None:
    owner, grid = truth((1.0, 1.0, 1.0))
    first, again, other = (manual_mask(owner, grid, np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("wrong", [{"wander_mm": -1.0}, {"overlooked": 1.5}, {"smooth_mm": 0.0}])
def test_senseless_hands_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="Hand"):
        Hand(**wrong)
