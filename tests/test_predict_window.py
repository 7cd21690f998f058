"""The sliding window: nnU-Net's places and weights, full coverage, and the identity."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from condyle.errors import ConfigError, DataError
from condyle.predict.slide import Window, planes, slide
from condyle.predict.window import coverage, profile, starts

SHAPE = st.tuples(*[st.integers(1, 24)] * 3)
STEP = st.sampled_from([0.2, 0.3, 0.5, 0.75, 1.0])


def identity(x: torch.Tensor) -> torch.Tensor:
    return x


# What nnunetv2 2.8.1 `compute_steps_for_sliding_window` gives.
@pytest.mark.parametrize(
    ("size", "patch", "step", "expected"),
    [
        (110, 64, 0.5, [0, 23, 46]),
        (133, 128, 0.5, [0, 5]),
        (199, 192, 0.5, [0, 7]),
        (300, 64, 0.5, [0, 30, 59, 88, 118, 148, 177, 206, 236]),
        (200, 64, 0.5, [0, 27, 54, 82, 109, 136]),
        (100, 32, 0.3, [0, 8, 17, 26, 34, 42, 51, 60, 68]),
        (102, 64, 0.3, [0, 19, 38]),
        (64, 64, 1.0, [0]),
        (65, 64, 1.0, [0, 1]),
        (21, 4, 0.5, [0, 2, 4, 6, 8, 9, 11, 13, 15, 17]),
        (65, 7, 0.5, [0, 3, 7, 10, 14, 17, 20, 24, 27, 31, 34, 38, 41, 44, 48, 51, 55, 58]),
    ],
)
def test_windows_lie_where_nnunet_puts_them(size, patch, step, expected):
    assert starts(size, patch, step) == expected


# What nnunetv2 2.8.1 `compute_gaussian` gives in single precision: sum, and values at some flat indices.
@pytest.mark.parametrize(
    ("patch", "total", "values"),
    [
        ((4, 4, 4), 2.053254726008113, {0: 3.7751344e-11, 9: 4.5399931e-05, 32: 1.1253518e-07}),
        ((8, 6), 4.711042062702049, {0: 1.1253518e-07, 16: 0.05563799664378166, 47: 0.0003173340519424528}),
        ((16, 5, 7), 17.239449101759533, {0: 5.6165343e-09, 186: 0.0469786897, 559: 3.6624403e-08}),
        ((32, 48, 40), 1889.572334970431, {8777: 0.0081887012347579, 61439: 4.167760025985956e-10}),
        ((128, 128, 128), 64498.07694660308, {299593: 0.0029608893673866987, 2097151: 7.945268748477119e-11}),
    ],
)  # fmt: skip
def test_importance_is_nnunets_gaussian(patch, total, values):
    weights = profile(patch[0])
    for size in patch[1:]:
        weights = np.multiply.outer(weights, profile(size))
    assert weights.sum(dtype=np.float64) == pytest.approx(total, rel=1e-6)
    assert {n: weights.flat[n] for n in values} == pytest.approx(values, rel=2e-6)
    assert weights.max() == 1
    assert weights.min() > 0


@settings(max_examples=40, deadline=None)
@given(shape=SHAPE, window=st.builds(Window, SHAPE, STEP, st.booleans(), st.integers(1, 4), st.booleans()))
def test_the_identity_network_gives_its_input(shape, window):
    array = np.random.default_rng(0).normal(size=(2, *shape)).astype(np.float32)
    assert slide(identity, array, window) == pytest.approx(array, abs=1e-5)


@settings(max_examples=20, deadline=None)
@given(shape=SHAPE, patch=st.tuples(*[st.integers(1, 24)] * 2), step=STEP, batch=st.integers(1, 5))
def test_the_identity_of_slices_gives_its_input(shape, patch, step, batch):
    array = np.random.default_rng(1).normal(size=(1, *shape)).astype(np.float32)
    assert slide(identity, array, Window(patch, step, batch=batch)) == pytest.approx(array, abs=1e-5)


def test_planes_in_a_scratch_file_are_the_same(tmp_path):
    array = np.random.default_rng(2).normal(size=(2, 33, 20, 17)).astype(np.float32)
    window = Window((8, 9, 10), 0.4, batch=3)
    # A net whose answer depends on the place in the window, so that blending shows.
    ramp = torch.linspace(0, 1, 8)[:, None, None]
    in_memory = slide(lambda x: x * ramp, array, window)
    assert np.array_equal(slide(lambda x: x * ramp, array, window, scratch=tmp_path), in_memory)
    assert list(tmp_path.iterdir()) == []


def test_blending_is_the_weighted_mean_of_the_windows():
    array = np.zeros((1, 12, 9, 7), np.float32)
    window = Window((8, 6, 7), 0.5, skip_empty=False)
    ramp = torch.arange(8 * 6 * 7, dtype=torch.float32).reshape(8, 6, 7)
    sums, total = np.zeros((12, 9, 7)), np.zeros((12, 9, 7))
    importance = np.einsum("i,j,k->ijk", *(profile(p).astype(np.float64) for p in window.size))
    for (i, j, k), *_ in window.batches((12, 9, 7)):
        here = (slice(i, i + 8), slice(j, j + 6), slice(k, k + 7))
        sums[here] += ramp.numpy() * importance
        total[here] += importance
    blended = slide(lambda x: x + ramp, array, window)
    assert blended[0] == pytest.approx(sums / total, rel=1e-5)


@settings(max_examples=40, deadline=None)
@given(size=st.integers(1, 200), patch=st.integers(1, 80), step=STEP)
def test_every_voxel_is_covered(size, patch, step):
    assert coverage(size, starts(size, patch, step), profile(patch)).min() > 0
    assert starts(size, patch, step)[-1] + patch >= size


def test_a_scan_smaller_than_the_patch_lies_in_its_middle_amid_zeros():
    seen = []

    def look(x: torch.Tensor) -> torch.Tensor:
        seen.append(x.clone())
        return x

    slide(look, np.ones((1, 3, 4, 5), np.float32), Window((8, 8, 5)))
    (window,) = seen
    assert window.sum() == 60
    # As nnU-Net pads: half of the difference before, the larger half behind.
    assert window[0, 0, 2:5, 2:6].min() == 1


def test_planes_are_finished_in_order_and_one_by_one():
    array = np.random.default_rng(3).normal(size=(1, 30, 6, 6)).astype(np.float32)
    made = list(planes(identity, array, Window((8, 6, 6), 0.5, batch=2)))
    assert len(made) == 30
    assert np.stack(made, 1) == pytest.approx(array, abs=1e-5)


def test_a_long_scan_holds_no_more_planes_than_a_short_one():
    window = Window((16, 8, 8), 0.5)
    assert window.depth((1000, 8, 8)) == window.depth((32, 8, 8)) == 16


def test_the_net_is_asked_once_about_air():
    array = np.full((1, 64, 16, 16), -1.0, np.float32)
    array[0, :10] = np.random.default_rng(4).normal(size=(10, 16, 16))
    asked = []

    def net(x: torch.Tensor) -> torch.Tensor:
        asked.append(len(x))
        return 2 * x

    scores = slide(net, array, Window((16, 16, 16), 0.5))
    assert sum(asked) == 3
    assert scores == pytest.approx(2 * array, abs=1e-5)


def test_values_that_are_not_finite_are_refused():
    array = np.zeros((1, 9, 9, 9), np.float32)
    array[0, 4, 4, 4] = np.nan
    with pytest.raises(DataError, match="finite"):
        slide(identity, array, Window((8, 8, 8)))


@pytest.mark.parametrize("bad", [{"patch": (4,)}, {"patch": (4, 4, 0)}, {"step": 0.0}, {"step": 1.1}, {"batch": 0}])
def test_senseless_windows_are_refused(bad):
    with pytest.raises(ConfigError):
        Window(**{"patch": (4, 4, 4), **bad})
