"""From scores to labels on the scan: against dense interpolation, in every orientation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from condyle.errors import ConfigError, DataError
from condyle.labels import Labels
from condyle.predict.decide import Rule, choose, decide, painted, probabilities
from condyle.predict.restore import each_plane, restored_labels, restored_with_probabilities
from condyle.predict.slide import Window, planes
from condyle.space import (
    ORIENTATIONS,
    Box,
    Grid,
    Volume,
    cropped_grid,
    permute,
    reorient,
    resample_scores,
    resized_grid,
)

CLASSES = Rule((0, 1, 5, 300))
REGIONS = Rule((1, 2, 4), regions=True)


def smooth_scores(channels: int, shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    from scipy.ndimage import gaussian_filter

    noise = np.random.default_rng(seed).normal(size=(channels, *shape))
    return gaussian_filter(noise, (0, 2, 2, 2)).astype(np.float32)


@pytest.mark.parametrize("rule", [CLASSES, REGIONS])
@pytest.mark.parametrize("smooth", [True, False])
def test_labels_equal_those_of_densely_interpolated_scores(rule, smooth):
    shape = (14, 17, 12)
    channels = len(rule.ids)
    rough = np.random.default_rng(0).normal(size=(channels, *shape)).astype(np.float32)
    scores = smooth_scores(channels, shape) if smooth else rough
    # Axes turned and flipped, finer, and sticking out of the scores' field of view on some sides.
    source = Grid(shape, np.array([[0, 0, -1.5, 3], [0, 2, 0, -7], [1.2, 0, 0, 5], [0, 0, 0, 1.0]]))
    target = Grid((40, 50, 45), np.array([[0.5, 0, 0, -15], [0, 0, -0.8, 24], [0, 0.4, 0, 3.1], [0, 0, 0, 1.0]]))
    dense = resample_scores(scores, source, target)
    index = source.to_index(target.to_world(np.moveaxis(np.indices(target.shape), 0, -1)))
    inside = ((index >= -0.5) & (index <= np.array(shape) - 0.5)).all(axis=-1)
    assert 0.2 < inside.mean() < 0.9

    labels = restored_labels(each_plane(scores), source, target, rule)
    # At a tie either is right.
    assert (labels == decide(dense, rule))[inside].mean() > 0.9999
    assert not labels[~inside].any()

    same, p = restored_with_probabilities(each_plane(scores), source, target, rule)
    assert np.array_equal(same, labels)
    assert p[:, inside] == pytest.approx(probabilities(dense, rule)[:, inside], abs=1e-5)
    assert (p[0, ~inside] == (0 if rule.regions else 1)).all()


def test_labels_on_their_own_grid_are_the_highest_scores():
    scores = smooth_scores(4, (9, 8, 7))
    grid = Grid((9, 8, 7), np.diag([1, 2, 3, 1.0]))
    assert np.array_equal(restored_labels(each_plane(scores), grid, grid, CLASSES), decide(scores, CLASSES))


def test_the_nearest_slice_is_taken_along_a_separate_axis():
    scores = smooth_scores(4, (6, 8, 7))
    source = Grid((6, 8, 7), np.diag([3.0, 1, 1, 1]))
    target = resized_grid(source, (18, 8, 7))
    labels = restored_labels(each_plane(scores), source, target, CLASSES, separate=0)
    assert np.array_equal(labels, np.repeat(decide(scores, CLASSES), 3, axis=0))


def test_probabilities_on_disk_are_the_same(tmp_path):
    scores = smooth_scores(4, (6, 8, 7))
    source = Grid((6, 8, 7), np.diag([2.0, 1, 1, 1]))
    target = resized_grid(source, (11, 9, 7))
    _, here = restored_with_probabilities(each_plane(scores), source, target, CLASSES)
    _, there = restored_with_probabilities(each_plane(scores), source, target, CLASSES, scratch=tmp_path)
    assert np.array_equal(here, there)
    assert here.sum(axis=0) == pytest.approx(1, abs=1e-5)


def test_a_grid_oblique_to_the_scores_is_refused():
    turned = np.eye(4)
    turned[:2, :2] = [[0.8, -0.6], [0.6, 0.8]]
    with pytest.raises(DataError, match="along the axes"):
        restored_labels(
            each_plane(smooth_scores(4, (5, 5, 5))), Grid((5, 5, 5), np.eye(4)), Grid((5, 5, 5), turned), CLASSES
        )


@settings(max_examples=20, deadline=None)
@given(size=st.integers(1, 12), patch=st.integers(2, 30), batch=st.integers(1, 3))
def test_a_constant_network_gives_one_label(size, patch, batch):
    def constant(x: torch.Tensor) -> torch.Tensor:
        return torch.tensor([0.1, 0.3, 0.9, 0.2]).reshape(1, 4, 1, 1, 1).expand(len(x), 4, *x.shape[2:])

    array = np.random.default_rng(0).normal(size=(1, size, 7, 9)).astype(np.float32)
    source = Grid((size, 7, 9), np.eye(4))
    target = resized_grid(source, (2 * size, 5, 9))
    made = planes(constant, array, Window((patch, 4, 8), batch=batch))
    assert (restored_labels(made, source, target, CLASSES) == 5).all()


def test_48_orientations_give_the_same_mask_in_the_patient():
    """A net that answers by intensity alone, windows and way back in every order of axes."""
    index = np.indices((13, 17, 11), dtype=np.float32)
    array = (np.sin(index[0] / 3) + np.cos(index[1] / 4) * np.sin(index[2] / 2)).astype(np.float32)
    scan = Volume.of(array, np.array([[-0.9, 0, 0, 10], [0, -1.1, 0, 20], [0, 0, 2.0, -30], [0, 0, 0, 1.0]]))

    def net(x: torch.Tensor) -> torch.Tensor:
        return torch.cat([-(x + 1).abs(), -x.abs(), -(x - 1).abs(), -(x - 2).abs()], 1)

    first = None
    for orientation in ORIENTATIONS:
        turned = permute(reorient(scan, orientation), (2, 1, 0))
        made = planes(net, turned.array[None], Window((6, 7, 5), 0.5, batch=2))
        labels = restored_labels(made, turned.grid, scan.grid, CLASSES)
        first = labels if first is None else first
        assert np.array_equal(labels, first), orientation
    assert len(np.unique(first)) > 2


def test_what_was_cropped_away_is_background():
    scan = Grid((10, 10, 10), np.diag([1, 1, 2.0, 1]))
    kept = cropped_grid(scan, Box((2, 3, 4), (8, 9, 7)))
    scores = np.stack([np.zeros(kept.shape, np.float32), np.ones(kept.shape, np.float32)])
    labels = restored_labels(each_plane(scores), kept, scan, Rule((0, 7)))
    assert np.array_equal(np.argwhere(labels == 7).min(axis=0), (2, 3, 4))
    assert (labels == 7).sum() == 6 * 6 * 3


def test_regions_are_painted_in_order():
    scores = np.array([[-1, 1, 1, 1, -1], [-1, -1, 1, 1, 1], [-1, -1, -1, 1, -1]], np.float32)
    assert painted(REGIONS)[choose(scores, REGIONS)].tolist() == [0, 1, 2, 4, 2]
    assert probabilities(np.zeros((3, 1), np.float32), REGIONS).tolist() == [[0.5]] * 3


def test_the_ignore_label_never_comes_out():
    labels = Labels.of({"femur": 1, "tibia": 3}, ignore=2)
    rule = Rule.of(labels)
    scores = np.random.default_rng(0).normal(size=(3, 20, 20)).astype(np.float32)
    assert set(np.unique(painted(rule)[choose(scores, rule)])) == {0, 1, 3}


def test_the_first_of_equal_scores_wins():
    assert choose(np.ones((4, 2), np.float32), CLASSES).tolist() == [0, 0]


def test_outputs_that_do_not_fit_the_labels_are_refused():
    with pytest.raises(ConfigError, match="3 for 4 labels"):
        choose(np.zeros((3, 2), np.float32), CLASSES)
    with pytest.raises(ConfigError):
        Rule((1, 2))
    with pytest.raises(ConfigError):
        Rule((0, 2), regions=True)
