"""Preparation: nnU-Net's numbers, voxels that stay where they are in the patient, and clear refusals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from condyle.config import Channel, NetConfig, Plan
from condyle.errors import DataError
from condyle.io import read, read_labels
from condyle.models import load
from condyle.prepare import OUTSIDE, prepare
from condyle.space import ORIENTATIONS, Volume, reorient, resample_scores
from grids import ALL


def plan_of(*channels: Channel, spacing_mm=(1.0, 1.0, 1.0), dim=3, **others) -> Plan:
    channels = channels or (Channel("CT", "none"),)
    net = NetConfig("plain_unet", dim, len(channels), 2, (8,), ((3,) * dim,), ((1,) * dim,), (2,), ())
    return Plan(net, channels, spacing_mm, (16,) * dim, **others)


def scan(shape=(30, 34, 26), spacing=(1.2, 0.8, 1.5), seed=0) -> Volume:
    noise = np.random.default_rng(seed).normal(size=shape)
    return Volume.of((gaussian_filter(noise, 1.5) * 1000 + 300).astype(np.float32), np.diag([*spacing, 1.0]))


def padded(volume: Volume, width: int) -> Volume:
    array = np.zeros_like(volume.array)
    inner = (slice(width, -width),) * 3
    array[inner] = volume.array[inner]
    return volume.with_array(array)


@pytest.mark.parametrize(
    ("data", "dataset", "model"),
    [
        ("ct", "Dataset701_CtBones", "nnUNetTrainer__nnUNetPlans__3d_fullres"),
        ("mr", "Dataset702_MrAniso", "nnUNetTrainer__nnUNetResEncUNetMPlans__3d_fullres"),
    ],
)
def test_a_prepared_case_equals_nnunets(shared_nnunet, data, dataset, model):
    plan = load(shared_nnunet / data / model).plan
    raw = shared_nnunet / data / "raw" / dataset
    images = [read(raw / "imagesTr" / f"case_00_{n:04d}.nii.gz") for n in range(len(plan.channels))]
    prepared = prepare(images, plan, read_labels(raw / "labelsTr" / "case_00.nii.gz"))
    (file,) = (shared_nnunet / data / "preprocessed").glob("case_00_*.npz")
    with np.load(file) as theirs:
        np.testing.assert_allclose(prepared.array, theirs["data"], atol=1e-5)
        np.testing.assert_array_equal(prepared.labels, theirs["seg"][0])
    alone = prepare(images, plan)
    np.testing.assert_array_equal(alone.array, prepared.array)
    assert alone.labels is None


@pytest.mark.parametrize("name", list(ALL))
@pytest.mark.parametrize("orientation", [None, "RAS"])
def test_values_stay_at_their_places_in_the_patient(name, orientation):
    slope = np.array([0.3, -0.2, 0.1])
    empty = Volume.of(np.zeros((26, 24, 20), np.float32), ALL[name])
    index = np.stack(np.indices(empty.shape), -1)
    ramp = empty.with_array((empty.grid.to_world(index) @ slope + 500).astype(np.float32))
    plan = plan_of(spacing_mm=(1.3, 1.0, 1.6), axes=(0, 2, 1), orientation=orientation, separate="never")
    prepared = prepare([padded(ramp, 1)], plan)
    place_mm = prepared.grid.to_world(np.stack(np.indices(prepared.grid.shape), -1))
    # Splines and linear interpolation give a ramp back, but for what the repeated end samples do near the border.
    index_there = ramp.grid.to_index(place_mm)
    inner = ((index_there > 6) & (index_there < np.array(ramp.shape) - 7)).all(axis=-1)
    assert inner.any()
    np.testing.assert_allclose(prepared.array[0][inner], (place_mm @ slope + 500)[inner], atol=0.02)
    back = resample_scores(prepared.array, prepared.grid, prepared.source)[0]
    np.testing.assert_allclose(back[8:-8, 8:-8, 8:-8], ramp.array[8:-8, 8:-8, 8:-8], atol=0.02)


def test_every_axis_order_of_a_scan_gives_the_same_tensor():
    volume = padded(scan(), 2)
    plan = plan_of(Channel("MR", "zscore"), orientation="RAS")
    expected = prepare([volume], plan)
    for orientation in ORIENTATIONS:
        turned = prepare([reorient(volume, orientation)], plan)
        np.testing.assert_allclose(turned.array, expected.array, atol=1e-5)
        assert turned.grid.matches(expected.grid)


def test_zeros_around_the_scan_are_cropped_and_zeros_inside_stay():
    volume = padded(scan(spacing=(1, 1, 1)), 5)
    volume.array[12:15, 12:15, 12:15] = 0
    prepared = prepare([volume], plan_of())
    assert prepared.array.shape == (1, 16, 24, 20)
    np.testing.assert_array_equal(prepared.array[0].T, volume.array[5:-5, 5:-5, 5:-5])
    np.testing.assert_allclose(prepared.grid.origin_mm, (5, 5, 5))
    whole = prepare([volume], replace(plan_of(), crop_nonzero=False))
    assert whole.array.shape == (1, 26, 34, 30)


def test_background_outside_the_nonzero_region_is_marked_and_labels_there_are_not():
    volume = scan(spacing=(1, 1, 1))
    volume.array[:6, :6] = 0  # a notch that leads in from the border
    volume.array[12, 12, 12] = 0  # a hole
    labels = np.zeros(volume.shape, np.uint8)
    labels[2:20, 2:4, 3:9] = 3
    marked = prepare([volume], plan_of(), volume.with_array(labels)).labels.T
    assert marked.dtype == np.int16
    assert marked[0, 0, 0] == OUTSIDE
    assert marked[12, 12, 12] == 0
    np.testing.assert_array_equal(marked == 3, labels == 3)
    np.testing.assert_array_equal(np.argwhere(marked == OUTSIDE).max(axis=0), (5, 5, 25))


def test_a_hole_in_one_channel_only_is_inside():
    first, second = scan(seed=1), scan(seed=2)
    first.array[:8] = 0
    labels = first.with_array(np.zeros(first.shape, np.uint8))
    plan = plan_of(Channel("T1", "none"), Channel("PD", "none"))
    assert (prepare([first, second], plan, labels).labels == 0).all()


def test_ct_is_clipped_and_scaled_by_the_training_sets_numbers():
    volume = scan(spacing=(1, 1, 1))
    prepared = prepare([volume], plan_of(Channel("CT", "ct", False, 250.0, 80.0, 100.0, 500.0)))
    np.testing.assert_allclose(prepared.array[0].T, (np.clip(volume.array, 100, 500) - 250) / 80, atol=1e-6)


@pytest.mark.parametrize("nonzero_only", [False, True])
def test_zscore_has_mean_0_and_deviation_1_over_its_region(nonzero_only):
    volume = scan(spacing=(1, 1, 1))
    volume.array[:10, :10] = 0
    array = prepare([volume], plan_of(Channel("MR", "zscore", nonzero_only))).array[0].T
    outside = volume.array == 0
    region = array[~outside] if nonzero_only else array
    assert region.mean(dtype=np.float64) == pytest.approx(0, abs=1e-5)
    assert region.std(dtype=np.float64) == pytest.approx(1, abs=1e-5)
    assert (array[outside] == 0).all() == nonzero_only


def test_rescale_and_rgb_reach_from_0_to_1():
    volume = scan(spacing=(1, 1, 1))
    array = prepare([volume], plan_of(Channel("X", "rescale"))).array
    assert (array.min(), array.max()) == (0, 1)
    colors = volume.with_array(np.random.default_rng(0).integers(0, 256, volume.shape).astype(np.uint8))
    np.testing.assert_allclose(
        prepare([colors], plan_of(Channel("R", "rgb"))).array[0].T, colors.array / 255, atol=1e-7
    )
    with pytest.raises(DataError, match="RGB values from 0 to 255"):
        prepare([volume], plan_of(Channel("R", "rgb")))


def test_a_constant_scan_becomes_0():
    volume = scan().with_array(np.full((30, 34, 26), 7, np.int16))
    assert not prepare([volume], plan_of(Channel("MR", "zscore"))).array.any()


def test_slices_of_an_anisotropic_scan_are_not_mixed():
    volume = scan((24, 24, 8), (1.0, 1.0, 4.0))
    plan = plan_of(spacing_mm=(2.0, 1.0, 1.0))
    prepared = prepare([volume], plan)
    assert prepared.separate == 0
    np.testing.assert_allclose(prepared.array[0], np.repeat(volume.array.T, 2, axis=0), atol=1e-3)
    mixed = prepare([volume], replace(plan, separate="never"))
    assert mixed.separate is None
    assert np.abs(mixed.array - prepared.array).max() > 10


def test_a_2d_plan_keeps_the_slices():
    volume = scan((24, 20, 9), (1.0, 1.0, 2.5))
    prepared = prepare([volume], plan_of(spacing_mm=(None, 0.5, 0.8), dim=2))
    assert prepared.array.shape == (1, 9, 40, 30)
    np.testing.assert_allclose(prepared.grid.spacing_mm, (2.5, 0.5, 0.8))


def test_labels_are_never_blended():
    volume = scan()
    labels = np.random.default_rng(0).choice(np.array([0, 2, 40], np.uint8), volume.shape)
    out = prepare([volume], plan_of(spacing_mm=(0.7, 1.1, 0.9)), volume.with_array(labels)).labels
    assert set(np.unique(out)) == {0, 2, 40}


def test_the_scan_is_left_as_it_was():
    volume = scan()
    before = volume.array.copy()
    prepare(
        [volume], plan_of(Channel("CT", "ct", False, 0.0, 2.0, -1.0, 1.0)), volume.with_array(before.astype(np.uint8))
    )
    np.testing.assert_array_equal(volume.array, before)


def test_what_does_not_fit_is_refused():
    two = plan_of(Channel("T1", "zscore"), Channel("PD", "zscore"))
    volume = scan()
    labels = volume.with_array(np.zeros(volume.shape, np.uint16))
    with pytest.raises(DataError, match=r"expected 2 channels \(T1, PD\), got 1"):
        prepare([volume], two)
    with pytest.raises(DataError, match="channel PD: expected the grid of channel T1"):
        prepare([volume, scan(spacing=(1.2, 0.8, 1.6))], two)
    with pytest.raises(DataError, match="labels: expected the grid of channel CT"):
        prepare([volume], plan_of(), Volume.of(labels.array, np.diag([1.2, 0.8, -1.5, 1.0])))
    labels.array[0, 0, 0] = 40_000
    with pytest.raises(DataError, match="ids from 0 to 32767"):
        prepare([volume], plan_of(), labels)
    with pytest.raises(DataError, match="0 in every voxel"):
        prepare([volume.with_array(np.zeros_like(volume.array))], plan_of())


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_intensities_that_are_not_finite_are_refused_with_their_number(bad):
    volume = scan()
    volume.array[3, 4, 5:7] = bad
    with pytest.raises(DataError, match="channel CT: expected finite intensities, got 2 voxels"):
        prepare([volume], plan_of())
