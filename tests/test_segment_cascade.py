"""Cascades: the first stage by itself, then the second, which sees what the first found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from condyle.errors import ConfigError
from condyle.labels import Labels
from condyle.models import Model
from condyle.predict.cascade import cascaded
from condyle.predict.mirror import mirrored_once, swapped_inputs
from condyle.space import Volume
from condyle.workflow.segmentation.networks import with_mirrorings
from condyle.workflow.segmentation.segmenter import PredictSettings, Segmenter
from segment_models import knee_labels, knee_scan, pointwise_model

#: The second stage swaps what the first found: 1 where it said 2 and the other way round. It does not trust the scan.
SWAPPED = ((0.0, 0.0, 0.0), (0.0, 0.0, 9.0), (0.0, 9.0, 0.0))


def cascade(**first) -> Model:
    before = pointwise_model(**first)
    return pointwise_model(SWAPPED, (1.0, 0.0, 0.0), before=before, cascade=(1, 2))


def test_the_second_stage_is_shown_what_the_first_found():
    scan = knee_scan()
    labels = Segmenter(cascade()).segment(scan).array
    assert np.array_equal(labels, np.array([0, 2, 1])[knee_labels(scan)])
    assert set(np.unique(labels)) == {0, 1, 2}


def test_a_coarser_first_stage_is_brought_onto_the_seconds_grid():
    """Bones of 4 mm cubes lie on the 2 mm grid exactly; outlines between them are the same in both grids."""
    array = np.zeros((16, 16, 16), np.float32)
    array[4:8, 4:12, 4:12] = 2
    array[8:12, 4:12, 4:12] = 4
    scan = Volume.of(array, np.eye(4))
    coarse = Segmenter(cascade(spacing_mm=(2.0, 2.0, 2.0))).segment(scan).array
    assert np.array_equal(coarse[5:7, 6:10, 6:10], np.full((2, 4, 4), 2))
    assert np.array_equal(coarse[9:11, 6:10, 6:10], np.full((2, 4, 4), 1))
    assert not coarse[:3].any()
    assert not coarse[13:].any()


def test_the_first_stage_is_not_cleaned():
    """The second was trained on what the first says, crumbs and all."""
    scan = knee_scan()
    scan.array[0, 0, 0] = 2
    first = pointwise_model()
    steps = ({"step": "largest_parts", "structure": "femur", "count": 1},)
    first = Model(first.plan, first.labels, first.weights, cleanup=steps)
    assert Segmenter(first).segment(scan).array[0, 0, 0] == 0
    both = pointwise_model(SWAPPED, (1.0, 0.0, 0.0), before=first, cascade=(1, 2))
    assert Segmenter(both).segment(scan).array[0, 0, 0] == 2


def test_scan_and_findings_stand_in_the_order_of_the_plan():
    array = np.arange(8, dtype=np.float32).reshape(1, 2, 2, 2)
    found = np.array([-1, 0, 1, 2, 2, 1, 0, -1], np.int16).reshape(2, 2, 2)
    made = cascaded(array, found, (2, 1))
    assert made[1].ravel().tolist() == [0, 0, 0, 1, 1, 0, 0, 0]
    assert made[2].ravel().tolist() == [0, 0, 1, 0, 0, 1, 0, 0]


SIDED = Labels.of({"femur_left": 1, "femur_right": 2, "sacrum": 3})


def test_mirrored_windows_show_partners_in_each_others_channels():
    assert swapped_inputs((1, 2, 3), SIDED, scans=2) == (0, 1, 3, 2, 4)
    assert swapped_inputs((3,), SIDED, scans=1) == (0, 1)
    assert swapped_inputs((1, 3), SIDED, scans=1) is None
    shown = []

    def net(x):
        shown.append(x.clone())
        return x[:, :3]

    x = torch.arange(12.0).reshape(1, 3, 1, 1, 4)
    mirrored_once(net, (2,), side=2, swap=(0, 2, 1), inputs=(0, 2, 1))(x)
    assert torch.equal(shown[0], torch.flip(x[:, [0, 2, 1]], [4]))


def test_a_cascade_keeps_left_and_right_when_mirrored():
    """The second stage repeats what the first found; mirroring changes nothing."""
    scan = knee_scan()
    first = pointwise_model(labels=Labels.of({"femur_left": 1, "femur_right": 2}))
    repeat = ((0.0, 0.0, 0.0), (0.0, 9.0, 0.0), (0.0, 0.0, 9.0))
    both = pointwise_model(repeat, (1.0, 0.0, 0.0), labels=first.labels, before=first, cascade=(1, 2), mirror=(0, 1, 2))
    labels = Segmenter(both, PredictSettings(mirror="safe")).segment(scan).array
    assert np.array_equal(labels, knee_labels(scan))
    # Without swapping inputs and answers as nnU-Net does, each side is found as it was, for it copies.
    assert np.array_equal(Segmenter(both, PredictSettings(mirror="nnunet")).segment(scan).array, labels)


def test_what_the_first_stage_finds_says_where_to_look_closely():
    scan = knee_scan((40, 20, 20))
    labels = Segmenter(cascade(), PredictSettings(locate="coarse", margin_mm=2)).segment(scan).array
    assert np.array_equal(labels, np.array([0, 2, 1])[knee_labels(scan)])


def test_a_fold_that_the_first_stage_lacks_is_refused():
    made = pointwise_model(SWAPPED, (1.0, 0.0, 0.0), folds=2, before=pointwise_model(), cascade=(1, 2))
    with pytest.raises(ConfigError, match="fold"):
        Segmenter(made, PredictSettings(folds=("1",))).segment(knee_scan())


def test_a_second_stage_that_looks_nearby_calls_the_rest_background():
    """This one calls all that it sees femur."""
    scan = knee_scan((60, 20, 20))
    found = np.argwhere(knee_labels(scan))
    everything = ((0.0, 0.0, 0.0),) * 3, (0.0, 1.0, 0.0)
    near = pointwise_model(*everything, before=pointwise_model(), cascade=(1, 2), near_mm=3.0)
    seen = np.argwhere(Segmenter(near).segment(scan).array == 1)
    assert seen.min(0)[0] == max(0, found.min(0)[0] - 3)
    assert seen.max(0)[0] == found.max(0)[0] + 3 < 59
    nothing = scan.with_array(np.zeros_like(scan.array))
    assert not Segmenter(near).segment(nothing).array.any(), "where nothing was found it does not look"
    assert (
        Segmenter(pointwise_model(*everything, before=pointwise_model(), cascade=(1, 2))).segment(nothing).array.all()
    )


def test_a_margin_needs_a_stage_before():
    with pytest.raises(ConfigError, match="after another stage"):
        pointwise_model(near_mm=3.0)


def test_a_model_that_is_to_be_asked_about_mirrored_windows_is():
    scan = knee_scan()
    plain = pointwise_model(labels=Labels.of({"femur": 1, "tibia": 2}), mirror=(2,))
    made = replace(plain, plan=replace(plain.plan, mirrored=True))
    asked = []

    def count(model, **settings):
        segmenter = Segmenter(model, PredictSettings(**settings))
        asked.append(len(with_mirrorings(segmenter._folds, model, segmenter.settings, scan.grid)))
        return segmenter.segment(scan).array

    answers = [count(plain), count(made), count(made, mirror="off"), count(plain, mirror="safe")]
    assert asked == [1, 2, 1, 2]
    assert all(np.array_equal(answer, knee_labels(scan)) for answer in answers)
