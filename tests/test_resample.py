"""Resampling: the numbers of nnU-Net's resampler, and label maps that never blend."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter, map_coordinates
from skimage.transform import resize

from condyle.space import (
    CUBIC,
    LINEAR,
    NEAREST,
    Grid,
    Volume,
    orders_with_separate,
    reorient,
    resample_image,
    resample_labels,
    resample_scores,
    resized_grid,
    separate_axis,
    spaced_grid,
)
from grids import ALL, OBLIQUE

SHAPES = [
    ((30, 52, 47), (22, 40, 60)),  # down, down, up
    ((60, 33, 20), (61, 70, 41)),
    ((5, 9, 7), (13, 4, 9)),  # shorter than the prefilter's response
    ((1, 8, 8), (3, 4, 4)),
    ((2, 3, 40), (1, 9, 17)),
]


def smooth_scan(shape, seed=0):
    noise = np.random.default_rng(seed).normal(size=shape)
    return (gaussian_filter(noise, 0.7) * 1000).astype(np.float32)


def several_labels(shape, seed=0):
    noise = np.random.default_rng(seed).normal(size=(5, *shape))
    return np.argmax([gaussian_filter(n, 1.5) for n in noise], axis=0).astype(np.uint8)


def resized(array, shape, orders):
    volume = Volume.of(array, ALL["oblique-PIR"])
    return resample_image(volume, resized_grid(volume.grid, shape), orders=orders).array


@pytest.mark.parametrize(("old", "new"), SHAPES)
@pytest.mark.parametrize("order", [1, 3])
@pytest.mark.parametrize("memory", ["C", "F"])
def test_images_equal_skimage_resize_as_nnunet_calls_it(old, new, order, memory):
    scan = smooth_scan(old)
    expected = resize(scan.astype(float), new, order, mode="edge", anti_aliasing=False)
    got = resized(np.asarray(scan, order=memory), new, (order,) * 3)
    assert np.abs(got - expected).max() < 1e-5 * np.ptp(scan)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_separate_axis_equals_nnunet_slice_by_slice(axis):
    """In plane each slice is resized alone; along the coarse axis the nearest slice is taken."""
    old, new = (20, 24, 18), (27, 19, 30)
    scan = np.moveaxis(smooth_scan(old), axis, 0)
    shape = [n for a, n in enumerate(new) if a != axis]
    slices = np.stack([resize(s.astype(float), shape, 3, mode="edge", anti_aliasing=False) for s in scan])
    coordinates = old[axis] / new[axis] * (np.arange(new[axis]) + 0.5) - 0.5
    nearest = map_coordinates(np.arange(old[axis]), [coordinates], order=0, mode="nearest")
    expected = np.moveaxis(slices[nearest], 0, axis)
    got = resized(smooth_scan(old), new, orders_with_separate(axis, 3))
    assert np.abs(got - expected).max() < 1e-5 * np.ptp(scan)


def one_hot_argmax(labels, shape):
    scores = [resize((labels == c).astype(float), shape, 1, mode="edge", anti_aliasing=False) for c in range(5)]
    top = np.sort(scores, axis=0)
    return np.argmax(scores, axis=0), top[-1] - top[-2] < 1e-6


@pytest.mark.parametrize(("old", "new"), [*SHAPES, ((40, 40, 40), (20, 20, 20))])
def test_labels_equal_interpolated_one_hot_but_for_ties(old, new):
    volume = Volume.of(several_labels(old), ALL["LPS"])
    got = resample_labels(volume, resized_grid(volume.grid, new)).array
    expected, tie = one_hot_argmax(volume.array, new)
    assert np.array_equal(got[~tie], expected[~tie])


def test_labels_along_a_separate_axis_are_those_of_the_nearest_slice():
    volume = Volume.of(several_labels((24, 24, 6)), np.diag([1, 1, 5, 1.0]))
    got = resample_labels(volume, resized_grid(volume.grid, (24, 24, 18)), separate=2).array
    assert np.array_equal(got, np.repeat(volume.array, 3, axis=2))


@settings(max_examples=25, deadline=None)
@given(
    shape=st.tuples(*[st.integers(1, 12)] * 3),
    new=st.tuples(*[st.integers(1, 15)] * 3),
    seed=st.integers(0, 2**16),
)
def test_no_label_appears_that_was_not_there(shape, new, seed):
    labels = np.random.default_rng(seed).choice([0, 1, 3, 250], size=shape).astype(np.uint8)
    volume = Volume.of(labels, np.eye(4))
    got = resample_labels(volume, resized_grid(volume.grid, new)).array
    assert set(np.unique(got)) <= set(np.unique(labels))


@pytest.mark.parametrize("name", ALL)
def test_a_linear_ramp_in_the_patient_stays_that_ramp(name):
    """On any pair of grids, cubic and linear interpolation give a linear function back inside the field of view."""
    source = Grid((24, 22, 12), ALL[name])
    index = np.stack(np.meshgrid(*(np.arange(n) for n in source.shape), indexing="ij"), -1)
    ramp = Volume((source.to_world(index) @ [1.0, -2.0, 0.5]).astype(np.float32), source)
    # Away from the rim: beyond it edge values go on, which a ramp does not.
    centre = source.to_world(np.array(source.shape) / 2 - 0.5)
    affine = np.diag([0.4, 0.5, 0.6, 1.0])
    affine[:3, 3] = centre - [1.0, 1.2, 1.4]
    target = Grid((6, 6, 6), affine)
    places = target.to_world(np.stack(np.meshgrid(*[np.arange(6)] * 3, indexing="ij"), -1))
    for orders in (CUBIC, LINEAR):
        got = resample_image(ramp, target, orders=orders).array
        tolerance = 0.2 if orders == CUBIC else 1e-3  # the prefilter feels the rim of 12 slices a little
        assert np.abs(got - places @ [1.0, -2.0, 0.5]).max() < tolerance


@pytest.mark.parametrize("orders", [CUBIC, LINEAR, NEAREST])
def test_resampling_onto_its_own_grid_in_any_axis_order_changes_nothing(orders):
    volume = Volume.of(smooth_scan((9, 8, 7)), ALL["oblique-RAS"])
    turned = reorient(volume, "SPL")
    got = resample_image(volume, turned.grid, orders=orders)
    assert np.allclose(got.array, turned.array, atol=1e-3)


@pytest.mark.parametrize("name", OBLIQUE)
def test_point_by_point_and_axis_by_axis_agree(name):
    """A grid turned by a hair takes the oblique way and gives nearly the same values."""
    volume = Volume.of(smooth_scan((20, 21, 22)), ALL[name])
    labels = Volume.of(several_labels((20, 21, 22)), ALL[name])
    straight = resized_grid(volume.grid, (16, 22, 20))  # no position midway between voxels
    hair = np.eye(4)
    hair[0, 1] = 3e-5
    turned = Grid(straight.shape, straight.affine @ hair)
    for orders in (CUBIC, LINEAR):
        a, b = (resample_image(volume, grid, orders=orders).array for grid in (straight, turned))
        assert np.abs(a - b).max() < 2e-3 * np.ptp(volume.array)
    a, b = (resample_labels(labels, grid).array for grid in (straight, turned))
    assert (a != b).mean() < 5e-3
    a, b = (resample_image(volume, grid, orders=NEAREST).array for grid in (straight, turned))
    assert (a != b).mean() < 2e-2


def test_beyond_the_field_of_view_is_air_and_background():
    volume = Volume.of(np.full((4, 4, 4), 7, np.int16), np.eye(4))
    volume.array[0, 0, 0] = -1000
    wide = Grid((12, 12, 12), np.block([[np.eye(3), np.full((3, 1), -4.0)], [np.zeros(3), 1]]))
    assert resample_image(volume, wide).array[0, 0, 0] == -1000
    assert resample_image(volume, wide, outside=3).array[0, 0, 0] == 3
    assert resample_image(volume, wide, orders=NEAREST, outside=3).array[0, 0, 0] == 3
    labels = volume.with_array(np.full((4, 4, 4), 7, np.uint8))
    assert np.count_nonzero(resample_labels(labels, wide).array) == 64


def test_scores_are_interpolated_channel_by_channel_and_go_on_at_the_rim():
    scores = np.stack([smooth_scan((8, 9, 10), seed) for seed in (1, 2)])
    source = Grid((8, 9, 10), ALL["LPS"])
    target = resized_grid(source, (11, 6, 20))
    got = resample_scores(scores, source, target)
    for channel, expected in zip(got, scores, strict=True):
        assert np.abs(channel - resize(expected, target.shape, 1, mode="edge", anti_aliasing=False)).max() < 1e-2
    turned = Grid((5, 5, 5), ALL["oblique-LPS"])
    assert np.isfinite(resample_scores(scores, source, turned)).all()


def test_resized_grids_cover_the_same_field_of_view():
    grid = Grid((10, 20, 30), ALL["oblique-AIL"])
    other = resized_grid(grid, (7, 33, 12))
    faces = np.array([[-0.5] * 3, np.array(grid.shape) - 0.5])
    other_faces = np.array([[-0.5] * 3, np.array(other.shape) - 0.5])
    assert np.allclose(grid.to_world(faces), other.to_world(other_faces))
    assert spaced_grid(grid, (1.4, 1.1, 30.0)).shape == (5, 20, 2)
    assert spaced_grid(grid, (1000, 1000, 1000)).shape == (1, 1, 1)


@pytest.mark.parametrize(
    ("source", "target", "axis"),
    [
        ((1, 1, 3.5), (1, 1, 1), 2),
        ((3.5, 1, 1), (1, 1, 1), 0),
        ((1, 1, 3), (1, 1, 1), None),
        ((1, 1, 1), (0.5, 2, 0.5), 1),
        ((0.24, 1.25, 1.25), (1, 1, 1), None),
    ],
)
def test_the_separate_axis_follows_nnunets_rule(source, target, axis):
    assert separate_axis(source, target) == axis


def test_orders_that_differ_need_parallel_axes():
    volume = Volume.of(smooth_scan((5, 5, 5)), np.eye(4))
    with pytest.raises(ValueError, match="orders"):
        resample_image(volume, Grid((4, 4, 4), ALL["oblique-RAS"]), orders=(3, 3, 0))
