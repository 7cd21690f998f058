"""Cleanup is chosen on held-out cases: steps that help are kept, steps that harm are not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from condyle import io
from condyle.labels import Labels
from condyle.predict.steps import DropSmaller, FillHoles, FollowEdges, LargestParts, LoneLimb, OneLimb, OneSide
from condyle.space import Volume
from condyle.workflow.learning.cleanup_choice import choose_cleanup
from datasets import GRID, ball

LABELS = Labels.of({"femur": 1, "patella": 2})


@pytest.fixture
def masks(tmp_path):
    """Three cases: femora with crumbs and a hole, patellae that truly lie in two parts of nearly one size."""
    out = {}
    for n in range(3):
        truth = np.zeros(GRID.shape, np.uint8)
        truth[ball(GRID, (15, 10, 8), 4)] = 1
        truth[ball(GRID, (4, 5, 4 + n), 2)] = truth[ball(GRID, (4, 15, 10), 2)] = 2
        found = truth.copy()
        found[ball(GRID, (15, 10, 8), 1)] = 0
        found[21:23, 2:4, 2:4] = 1
        paths = (tmp_path / f"{n}_true.nii.gz", tmp_path / f"{n}_found.nii.gz")
        for path, array in zip(paths, (truth, found), strict=True):
            io.write(path, Volume(array, GRID))
        out[str(n)] = paths
    return out


def test_steps_that_help_are_kept_in_order_and_no_others(masks):
    steps, tried = choose_cleanup(masks, LABELS)
    assert steps == (LargestParts("femur", 1), FillHoles("femur"))
    harm = next(judged for judged in tried if judged.steps == (LargestParts("patella", 1),))
    assert (harm.better, harm.worse) == (0, 3)
    assert harm.after < harm.before


def test_perfect_masks_get_no_cleanup(masks):
    perfect = {case: (truth, truth) for case, (truth, _) in masks.items()}
    assert choose_cleanup(perfect, LABELS)[0] == ()


def test_true_pieces_of_less_than_the_smallest_do_not_count(masks, tmp_path):
    """In three cases more, all there is of a patella is a sliver, which is found in two parts."""
    for n in range(3, 6):
        truth = np.zeros(GRID.shape, np.uint8)
        truth[2:8, 2, 2] = 2
        found = truth.copy()
        found[5, 2, 2] = 0
        masks[str(n)] = (tmp_path / f"{n}_true.nii.gz", tmp_path / f"{n}_found.nii.gz")
        for path, array in zip(masks[str(n)], (truth, found), strict=True):
            io.write(path, Volume(array, GRID))
    sliver_ml = 6 * GRID.voxel_volume_mm3 / 1000
    for smallest_ml, worse in ((0.0, 6), (1.01 * sliver_ml, 3)):
        _, tried = choose_cleanup(masks, LABELS, smallest_ml=smallest_ml)
        largest = next(judged for judged in tried if judged.steps == (LargestParts("patella", 1),))
        assert (largest.better, largest.worse) == (0, worse)


def test_a_false_alarm_that_goes_is_a_gain(tmp_path):
    """Crumbs where the structure is not there at all: Dice is 0 with them, and undefined without."""
    masks = {}
    for n in range(3):
        truth = np.zeros(GRID.shape, np.uint8)
        if n == 0:
            truth[ball(GRID, (15, 10, 8), 4)] = 1
        found = truth.copy()
        found[2, 2, 2 + n] = 1
        masks[str(n)] = (tmp_path / f"{n}_true.nii.gz", tmp_path / f"{n}_found.nii.gz")
        for path, array in zip(masks[str(n)], (truth, found), strict=True):
            io.write(path, Volume(array, GRID))
    steps, tried = choose_cleanup(masks, LABELS)
    crumbs = next(judged for judged in tried if isinstance(judged.steps[0], DropSmaller))
    assert crumbs.steps[0] in steps
    assert (crumbs.better, crumbs.worse, crumbs.after) == (2, 0, pytest.approx(1, abs=0.01))


def test_a_bone_given_its_side_is_worth_the_trifles_that_others_lose(tmp_path):
    """In one case half of a bone has the other side's name; in three others both bones touch in a voxel."""
    masks = {}
    for n in range(4):
        truth = np.zeros(GRID.shape, np.uint8)
        right = ball(GRID, (7, 10, 8), 5)
        truth[right], truth[ball(GRID, (18, 10, 8), 4)] = 1, 2
        touching = np.argwhere(right)[-1]
        truth[tuple(touching)] = 2 if n else 1
        found = truth.copy()
        if n == 0:
            found[:6][truth[:6] > 0] = 2
        masks[str(n)] = (tmp_path / f"{n}_true.nii.gz", tmp_path / f"{n}_found.nii.gz")
        for path, array in zip(masks[str(n)], (truth, found), strict=True):
            io.write(path, Volume(array, GRID))
    steps, (one_side, *_) = choose_cleanup(masks, Labels.of({"femur_right": 1, "femur_left": 2}))
    assert (one_side.better, one_side.worse) == (2, 0)
    assert one_side.steps[0] in steps


def test_a_bone_with_two_sides_gets_one(tmp_path):
    masks = {}
    for n in range(2):
        truth = np.zeros(GRID.shape, np.uint8)
        truth[ball(GRID, (12, 10, 8), 5)] = 1
        found = truth.copy()
        found[:10][truth[:10] > 0] = 2
        masks[str(n)] = (tmp_path / f"{n}_true.nii.gz", tmp_path / f"{n}_found.nii.gz")
        for path, array in zip(masks[str(n)], (truth, found), strict=True):
            io.write(path, Volume(array, GRID))
    steps, _ = choose_cleanup(masks, Labels.of({"femur_right": 1, "femur_left": 2}))
    assert OneSide("femur_left") in steps


def test_a_limb_with_two_sides_gets_one_after_its_bones_are_cleaned(tmp_path):
    """Half of a tibia is taken for left; with the femur above it most of the leg is right."""
    labels = Labels.of({"femur_right": 1, "femur_left": 2, "tibia_right": 3, "tibia_left": 4})
    masks = {}
    for n in range(2):
        truth = np.zeros(GRID.shape, np.uint8)
        truth[8:14, 6:12, 9:15], truth[8:14, 6:12, 2:8] = 1, 3
        found = truth.copy()
        found[8:11, 6:12, 2:8] = 4
        found[20, 2, 2] = 1
        masks[str(n)] = (tmp_path / f"{n}_true.nii.gz", tmp_path / f"{n}_found.nii.gz")
        for path, array in zip(masks[str(n)], (truth, found), strict=True):
            io.write(path, Volume(array, GRID))
    steps, _ = choose_cleanup(masks, labels, limb=("femur_right", "tibia_right"))
    assert steps[:-1] == choose_cleanup(masks, labels)[0]
    assert steps[-1] == OneLimb("femur_right", ("tibia_right",), share=0.5)
    assert steps[:-1]


def test_a_limb_that_is_alone_has_the_side_its_fibula_tells_unless_that_harms(tmp_path):
    """All is named left and lies right; and the same where left is true, which no leg is like."""
    labels = Labels.of({"tibia_right": 1, "tibia_left": 2, "fibula_right": 3, "fibula_left": 4})
    paths = tmp_path / "right.nii.gz", tmp_path / "left.nii.gz"
    for path, side in zip(paths, (0, 1), strict=True):
        array = np.zeros(GRID.shape, np.uint8)
        array[8:14, 6:12, 2:15], array[4:7, 6:9, 2:12] = 1 + side, 3 + side  # i runs to the left
        io.write(path, Volume(array, GRID))
    leg, outer = ("tibia_right", "fibula_right"), "fibula_right"
    lone = LoneLimb("tibia_right", "fibula_right")
    for truth, found, taken in ((0, 1, True), (0, 0, True), (1, 1, False)):
        steps, tried = choose_cleanup({"0": (paths[truth], paths[found])}, labels, limb=leg, outer=outer)
        assert (lone in steps) == taken
        assert tried[-1].steps == (lone,)


def test_an_outline_that_lies_beside_its_edge_is_moved_where_the_scans_are_at_hand(tmp_path):
    masks, scans = {}, {}
    for n in range(2):
        truth, found = np.zeros((2, *GRID.shape), np.uint8)
        truth[ball(GRID, (12, 10, 8), 6)], found[ball(GRID, (13, 10, 8), 6)] = 1, 1
        masks[str(n)] = (tmp_path / f"{n}_true.nii.gz", tmp_path / f"{n}_found.nii.gz")
        scans[str(n)] = tmp_path / f"{n}_scan.nii.gz"
        for path, array in zip((*masks[str(n)], scans[str(n)]), (truth, found, truth * 100), strict=True):
            io.write(path, Volume(array, GRID))
    assert choose_cleanup(masks, LABELS, scans=scans)[0] == (FollowEdges("femur"),)
    assert choose_cleanup(masks, LABELS)[0] == ()


def test_left_and_right_are_cleaned_alike(masks):
    """The right one has crumbs and a hole, the left one neither."""
    steps, _ = choose_cleanup(masks, Labels.of({"femur_right": 1, "femur_left": 2}))
    assert steps
    swapped = {"femur_right": "femur_left", "femur_left": "femur_right"}
    assert {replace(step, structure=swapped[step.structure]) for step in steps} == set(steps)
