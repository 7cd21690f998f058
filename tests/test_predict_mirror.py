"""Mirroring that keeps left and right, ensembles and their disagreement, three views."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from condyle.config import Region
from condyle.errors import ConfigError
from condyle.labels import Labels, Structure
from condyle.predict.cascade import cascaded
from condyle.predict.decide import Rule, choose, probabilities
from condyle.predict.ensemble import ensemble, keep_last_channel, with_disagreement
from condyle.predict.mirror import mirrored, mirrored_once, mirrorings, safe_axes, swapped_channels
from condyle.predict.slide import Window, planes, slide
from condyle.predict.views import VIEWS, as_scores, fuse_views
from condyle.space import ORIENTATIONS, Volume, permute, reorient, side_axis

LABELS = Labels.of({"femur_left": 1, "femur_right": 2, "sacrum": 3})
RULE = Rule.of(LABELS)
SWAP = (0, 2, 1, 3)


def sided_net(x: torch.Tensor) -> torch.Tensor:
    """Knows left from right by place: bone in the lower half of the last axis is left, in the upper half right."""
    bone = (x[:, 0] > 0).float()
    lower = torch.zeros_like(bone)
    lower[..., : x.shape[-1] // 2] = 1
    return torch.stack([1 - bone, bone * lower, bone * (1 - lower), -bone], 1)


def test_sided_channels_are_swapped_with_their_partners():
    assert swapped_channels(LABELS) == SWAP


def test_mirroring_with_the_swap_does_not_mix_left_and_right():
    x = torch.randn(1, 1, 4, 5, 8)
    plain = sided_net(x)
    assert torch.equal(ensemble(mirrored(sided_net, (0, 1, 2), side=2, swap=SWAP))(x), plain)
    mixed = ensemble(mirrored(sided_net, (0, 1, 2)))(x)
    # nnU-Net's way gives every bone voxel to both sides equally.
    assert torch.equal(mixed[:, 1], mixed[:, 2])


def test_every_combination_is_averaged_as_nnunet_does():
    x = torch.randn(2, 1, 4, 5, 6)
    ramp = torch.rand(3, 4, 5, 6)

    def net(y: torch.Tensor) -> torch.Tensor:
        return y * ramp

    expected = (
        sum(torch.flip(net(torch.flip(x, d)), d) for d in [(), (2,), (3,), (4,), (2, 3), (2, 4), (3, 4), (2, 3, 4)]) / 8
    )
    assert torch.allclose(ensemble(mirrored(net, (0, 1, 2)))(x), expected, atol=1e-6)
    assert len(mirrorings((0, 2))) == 4
    assert mirrored_once(net, ())(x).equal(net(x))


def test_left_right_is_not_mirrored_where_a_structure_has_no_partner():
    alone = Labels.of({"femur_left": 1, "sacrum": 2})
    assert swapped_channels(alone) is None
    assert safe_axes((0, 1, 2), 2, None) == (0, 1)
    assert safe_axes((0, 1, 2), 2, SWAP) == (0, 1, 2)
    assert safe_axes((0, 1), None, None) == (0, 1)


def test_a_side_without_a_word_in_its_name_counts_too():
    labels = Labels((Structure(1, "graft", (0, 0, 0), side="left"),))
    assert swapped_channels(labels) is None


def test_regions_are_swapped_by_what_they_join():
    labels = Labels.of({"femur_left": 1, "femur_right": 2, "tibia_left": 3, "tibia_right": 4})
    left, right, femora = Region("left", (1, 3), 1), Region("right", (2, 4), 2), Region("femora", (1, 2), 3)
    assert swapped_channels(labels, [left, right, femora]) == (1, 0, 2)
    assert swapped_channels(labels, [left, femora]) is None
    assert Rule.of(labels, [left, right, femora]) == Rule((1, 2, 3), regions=True)


def test_the_side_axis_follows_the_patient_in_all_orientations():
    scan = Volume.of(np.zeros((3, 4, 5), np.float32), np.eye(4))
    for orientation in ORIENTATIONS:
        turned = reorient(scan, orientation)
        expected = next(n for n, letter in enumerate(orientation) if letter in "RL")
        assert side_axis(turned.grid) == expected
        tensor = permute(turned, (2, 1, 0))
        # For a net that sees slices across the first tensor axis.
        in_slice = 2 - expected - 1
        assert side_axis(tensor.grid, dim=2) == (in_slice if in_slice >= 0 else None)


def test_48_orientations_with_safe_mirroring_give_the_same_patient_mask():
    """A net that finds left and right by marks in the intensities, whichever way the scan is turned."""
    array = np.random.default_rng(0).integers(-1, 4, (9, 8, 7)).astype(np.float32)
    scan = Volume.of(array, np.eye(4))

    def net(x: torch.Tensor) -> torch.Tensor:
        return torch.cat([-x.abs(), -(x - 1).abs(), -(x - 2).abs(), -(x - 3).abs()], 1)

    # Marks do not swap when mirrored: only the plain net may be asked to mirror left-right.
    for orientation in ORIENTATIONS:
        turned = reorient(scan, orientation)
        axes = safe_axes((0, 1, 2), side_axis(turned.grid), None)
        assert len(axes) == 2
        scores = slide(ensemble(mirrored(net, axes)), turned.array[None], Window((5, 5, 5)))
        labels = turned.with_array(choose(scores, RULE))
        assert np.array_equal(reorient(labels, "RAS").array, np.clip(array, 0, 3)), orientation


def test_an_ensemble_is_the_mean_of_its_members_scores():
    x = torch.randn(1, 2, 4, 4, 4)
    members = [lambda x, n=n: x * n for n in (1.0, 2.0, 6.0)]
    assert torch.allclose(ensemble(members)(x), 3 * x)
    with pytest.raises(ConfigError):
        ensemble([])


def test_disagreement_is_zero_among_equals_and_log_two_between_opposites():
    sure = torch.tensor([20.0, -20.0]).reshape(1, 2, 1, 1, 1)

    def yes(x: torch.Tensor) -> torch.Tensor:
        return sure.expand(len(x), 2, *x.shape[2:])

    def no(x: torch.Tensor) -> torch.Tensor:
        return -yes(x)

    def unsure(x: torch.Tensor) -> torch.Tensor:
        return 0 * yes(x)

    x = torch.zeros(1, 1, 2, 2, 2)
    assert with_disagreement([yes, yes])(x)[:, 2].abs().max() < 1e-6
    assert with_disagreement([unsure, unsure])(x)[:, 2].abs().max() < 1e-6
    assert with_disagreement([yes, no])(x)[:, 2].numpy() == pytest.approx(np.log(2), rel=1e-5)
    assert with_disagreement([yes, no], regions=True)(x)[:, 2].numpy() == pytest.approx(np.log(2), rel=1e-5)
    assert with_disagreement([yes, no])(x).shape == (1, 3, 2, 2, 2)
    with pytest.raises(ConfigError, match="two"):
        with_disagreement([yes])


def test_the_uncertainty_map_is_parted_from_the_scores():
    array = np.random.default_rng(0).normal(size=(1, 9, 8, 7)).astype(np.float32)
    net = with_disagreement([lambda x: torch.cat([x, -x], 1), lambda x: torch.cat([0 * x, x], 1)])
    doubt = np.empty((9, 8, 7), np.float32)
    scores = np.stack(list(keep_last_channel(planes(net, array, Window((5, 5, 5))), doubt)), 1)
    assert scores.shape == (2, 9, 8, 7)
    assert scores[0] == pytest.approx(0.5 * array[0], abs=1e-5)
    assert doubt.min() >= 0
    assert doubt.max() > 0


@pytest.mark.parametrize("patch", [(6, 6, 6), (6, 6)])
def test_three_views_of_a_net_without_direction_are_one_view(patch):
    array = np.random.default_rng(0).normal(size=(1, 9, 8, 10)).astype(np.float32)

    def net(x: torch.Tensor) -> torch.Tensor:
        return torch.cat([x, 1 - x], 1)

    rule = Rule((0, 1))
    one = probabilities(slide(net, array, Window(patch)), rule)
    assert fuse_views([net] * 3, array, Window(patch), rule) == pytest.approx(one, abs=1e-5)
    assert fuse_views([net] * 3, array, Window(patch), rule, how="or") == pytest.approx(one, abs=1e-5)


def test_views_are_joined_by_mean_or_by_one_that_is_sure(tmp_path):
    array = np.zeros((1, 8, 8, 8), np.float32)
    said = iter([3.0, -1.0, -1.0] * 2)

    def net(x: torch.Tensor) -> torch.Tensor:
        return torch.full((len(x), 1, *x.shape[2:]), next(said))

    rule = Rule((1,), regions=True)
    sigmoid = [1 / (1 + np.exp(-s)) for s in (3.0, -1.0, -1.0)]
    assert fuse_views([net] * 3, array, Window((8, 8, 8)), rule) == pytest.approx(np.mean(sigmoid), rel=1e-5)
    joined = fuse_views([net] * 3, array, Window((8, 8, 8)), rule, how="or", scratch=tmp_path)
    assert joined == pytest.approx(max(sigmoid), rel=1e-5)
    assert as_scores(joined, rule) == pytest.approx(3.0, rel=1e-4)


def test_each_axis_is_looked_along_once():
    assert sorted(view[0] for view in VIEWS) == [0, 1, 2]


def test_a_cascade_sees_what_was_found_before():
    array = np.random.default_rng(0).normal(size=(2, 3, 3, 3)).astype(np.float32)
    found = np.array([-1, 0, 1, 3, 3, 1, 0, 0, 1] * 3, np.int16).reshape(3, 3, 3)
    both = cascaded(array, found, (1, 3))
    assert np.array_equal(both[:2], array)
    assert both[2:].sum(axis=(1, 2, 3)).tolist() == [9, 6]
