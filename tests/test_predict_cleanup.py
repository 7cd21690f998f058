"""Cleanup steps: in mm on any grid, safe for touching bones and absent labels."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from condyle.errors import ConfigError, DataError
from condyle.labels import Labels
from condyle.predict.cleanup import FOREGROUND, clean, steps_from_json, steps_to_json
from condyle.predict.locate import asked_box, located
from condyle.predict.steps import (
    Close,
    CloseEachPart,
    DropSmaller,
    FillHoles,
    FollowEdges,
    LargestParts,
    LoneLimb,
    OneLimb,
    OneSide,
    SmallSliceParts,
    Smooth,
    Step,
)
from condyle.space import ORIENTATIONS, Box, Grid, Volume, reorient

LABELS = Labels.of({"femur": 1, "tibia": 2, "patella": 3}, regions={"knee": (1, 2)})
ALL: tuple[Step, ...] = (
    LargestParts("femur", 2),
    DropSmaller("femur", 0.02),
    Close("femur", 3.0),
    CloseEachPart("femur", 3, 4.0),
    FillHoles("femur"),
    SmallSliceParts("femur", 0.05),
    Smooth("femur", 1.0),
)


def label_map(shape=(20, 20, 20), spacing=(1.0, 1.0, 1.0)) -> Volume:
    return Volume.of(np.zeros(shape, np.uint8), np.diag([*spacing, 1.0]))


def test_the_largest_parts_stay_and_others_go():
    volume = label_map()
    volume.array[2:10, 2:10, 2:10] = 1
    volume.array[12:16, 2:6, 2:6] = 1
    volume.array[18, 18, 18] = 1
    assert (clean(volume, LABELS, [LargestParts("femur")]).array == 1).sum() == 512
    assert (clean(volume, LABELS, [LargestParts("femur", 2)]).array == 1).sum() == 512 + 64
    assert (volume.array == 1).sum() == 512 + 64 + 1


def test_the_largest_part_of_the_whole_foreground_or_a_region_may_hold_several_structures():
    volume = label_map()
    volume.array[2:8, 2:8, 2:8] = 1
    volume.array[8:10, 2:8, 2:8] = 2
    volume.array[15:18, 15:18, 15:18] = 2
    volume.array[15, 2, 2] = 3
    cleaned = clean(volume, LABELS, [LargestParts(FOREGROUND)]).array
    assert np.bincount(cleaned.ravel())[1:].tolist() == [216, 72]
    cleaned = clean(volume, LABELS, [LargestParts("knee")]).array
    assert np.bincount(cleaned.ravel())[1:].tolist() == [216, 72, 1]
    with pytest.raises(ConfigError, match="one structure"):
        clean(volume, LABELS, [Close("knee", 2.0)])


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.5, 2.0, 1.0), (0.8, 0.8, 3.0)])
def test_volumes_are_in_ml_on_any_grid(spacing):
    volume = label_map((40, 10, 10), spacing)
    volume.array[1:11, 1:6, 1:5] = 1
    volume.array[20:25, 1:6, 1:5] = 1
    large_ml, small_ml = (n * 20 * np.prod(spacing) / 1000 for n in (10, 5))
    assert (clean(volume, LABELS, [DropSmaller("femur", large_ml)]).array == 1).sum() == 200
    assert (clean(volume, LABELS, [DropSmaller("femur", small_ml)]).array == 1).sum() == 300
    assert not clean(volume, LABELS, [DropSmaller("femur", 1.01 * large_ml)]).array.any()


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.5, 1.0, 2.0), (2.0, 0.5, 1.0)])
def test_closing_bridges_gaps_by_mm_on_any_grid(spacing):
    """Two plates 4 mm apart along i: a ball of 2.5 mm joins them, one of 1.5 mm does not."""
    volume = label_map(tuple(round(30 / s) for s in spacing), spacing)
    at = (np.arange(volume.shape[0]) + 0.5) * spacing[0]
    wide = [slice(round(8 / s), round(22 / s)) for s in spacing[1:]]
    volume.array[(at > 8) & (at < 12), wide[0], wide[1]] = 1
    volume.array[(at > 16) & (at < 20), wide[0], wide[1]] = 1
    middle = tuple(n // 2 for n in volume.shape[1:])
    gap = np.flatnonzero((at > 12) & (at < 16))
    closed = clean(volume, LABELS, [Close("femur", 2.5)]).array
    assert (closed[(gap, *middle)] == 1).all()
    assert np.array_equal(clean(volume, LABELS, [Close("femur", 1.4)]).array, volume.array)


def test_closing_reaches_the_border_only_where_the_structure_does():
    volume = label_map()
    volume.array[2:10, 5:15, 5:15] = 1
    assert np.array_equal(clean(volume, LABELS, [Close("femur", 3.0)]).array, volume.array)
    volume.array[:2, 5:15, 5:15] = 1
    volume.array[0, 8:10, 5:15] = 0
    assert clean(volume, LABELS, [Close("femur", 3.0)]).array[0, 8:10, 8].all()


def test_closing_each_part_builds_no_bridge():
    volume = label_map()
    volume.array[3:8, 5:15, 5:15] = 1
    volume.array[10:15, 5:15, 5:15] = 1
    volume.array[18, 18, 18] = 1
    assert clean(volume, LABELS, [Close("femur", 3.0)]).array[8:10, 8, 8].all()
    parted = clean(volume, LABELS, [CloseEachPart("femur", 2, 3.0)]).array
    assert not parted[8:10].any()
    assert parted[18, 18, 18] == 0
    assert (parted == 1).sum() == 1000


@pytest.mark.parametrize("step", ALL, ids=lambda step: type(step).__name__)
def test_no_step_takes_a_voxel_of_another_structure(step):
    """Femur and tibia touch all along a ragged face, and the patella lies in a cavity of the femur."""
    rng = np.random.default_rng(0)
    volume = label_map((24, 24, 24), (1.0, 0.7, 1.5))
    height = 12 + rng.integers(-2, 3, (24, 24))
    k = np.arange(24)
    volume.array[...] = np.where(k < height[..., None], 1, 2)
    volume.array[rng.random(volume.shape) < 0.05] = 0
    volume.array[8:11, 8:11, 3:6] = 3
    cleaned = clean(volume, LABELS, [step]).array
    for other in (2, 3):
        assert np.array_equal(cleaned == other, volume.array == other)
    assert set(np.unique(cleaned)) <= {0, 1, 2, 3}


@pytest.mark.parametrize("step", ALL, ids=lambda step: type(step).__name__)
def test_an_absent_structure_is_left_absent(step):
    volume = label_map((6, 6, 6))
    assert not clean(volume, LABELS, [step]).array.any()
    volume.array[2:4] = 2
    assert np.array_equal(clean(volume, LABELS, [step]).array, volume.array)


@pytest.mark.parametrize("step", ALL, ids=lambda step: type(step).__name__)
def test_the_box_that_is_worked_on_does_not_show(step):
    """The step on the whole array gives what `clean` gives with its box."""
    volume = label_map((30, 28, 26), (1.0, 1.2, 0.8))
    index = np.indices(volume.shape) * np.array(volume.spacing_mm)[:, None, None, None]
    noise = np.random.default_rng(1).random(volume.shape)
    for centre, radius in (((9, 9, 7), 6), ((20, 20, 12), 4), ((8, 24, 14), 2)):
        ball = ((index - np.array(centre)[:, None, None, None]) ** 2).sum(axis=0) < radius**2
        volume.array[ball & (noise > 0.1)] = 1
    whole = step.apply(volume.array == 1, volume.grid)
    assert np.array_equal(clean(volume, LABELS, [step]).array == 1, whole)


def test_a_bone_lies_on_one_side():
    """Most of the first bone is right, the second is torn in two names, and the tibia is not asked about."""
    sided = Labels.of({"femur_left": 1, "femur_right": 2, "tibia": 3})
    volume = label_map()
    volume.array[2:6, 2:6, 2:6], volume.array[6:16, 2:6, 2:6], volume.array[16:18, 2:6, 2:6] = 1, 2, 3
    volume.array[2:6, 10:14, 10:14], volume.array[6:10, 10:14, 10:14] = 1, 2
    for name in ("femur_left", "femur_right"):
        cleaned = clean(volume, sided, [OneSide(name)]).array
        assert (cleaned[2:16, 2:6, 2:6] == 2).all()
        assert np.array_equal(cleaned[:, 9:], volume.array[:, 9:]), "half and half stays"
        assert np.array_equal(cleaned == 3, volume.array == 3)
    volume.array[6, 10, 10] = 1
    assert (clean(volume, sided, [OneSide("femur_left", 0.5)]).array[2:10, 10:14, 10:14] == 1).all()
    assert np.array_equal(clean(volume, sided, [OneSide("femur_left", 0.99)]).array, volume.array)
    with pytest.raises(ConfigError, match="partner"):
        clean(volume, sided, [OneSide("tibia")])


def test_hips_that_touch_keep_their_sides_however_little_is_seen_of_one():
    """They touch with a third of a face, and the scan ends soon after; with the whole face it is one bone's end."""
    sided = Labels.of({"hip_left": 1, "hip_right": 2})
    volume = label_map((60, 20, 20), (2.0, 2.0, 2.0))
    volume.array[2:8, 13:19, 4:10] = 1
    volume.array[8:12, 13:19, 8:10], volume.array[12:48, 4:19, 4:16], volume.array[40:48, 4:10, 12:16] = 2, 2, 1
    cleaned = clean(volume, sided, [OneSide("hip_left")]).array
    assert (cleaned[2:8] == volume.array[2:8]).all()
    assert set(np.unique(cleaned[8:])) == {0, 2}, "what is named left on its other side is its own"
    volume.array[8:12, 13:19, 4:10] = 2
    assert set(np.unique(clean(volume, sided, [OneSide("hip_left")]).array)) == {0, 2}
    volume.array[2:8] = 0
    volume.array[7, 12, 3] = 1
    assert set(np.unique(clean(volume, sided, [OneSide("hip_left")]).array)) == {0, 2}, "a crumb that hangs by a corner"


LEGS = Labels.of({"femur_left": 1, "femur_right": 2, "tibia_left": 3, "tibia_right": 4})
LEG = OneLimb("femur_left", ("tibia_left",))


def legs(shape=(44, 10, 30)) -> Volume:
    """Femur above tibia, 3 mm apart, 8 mm across; everything is right but for the upper half of the femur."""
    volume = Volume.of(np.zeros(shape, np.uint8), np.diag([3.0, 1.0, 1.0, 1.0]))
    volume.array[2:6, 2:8, 16:20], volume.array[2:6, 2:8, 20:28], volume.array[2:6, 2:8, 2:13] = 2, 1, 4
    return volume


def test_bones_of_a_limb_lie_on_the_side_that_most_of_them_have():
    """Two of three voxels of the femur are left, which alone would settle for left; with the tibia 65 % are right."""
    volume = legs()
    assert np.array_equal(clean(volume, LEGS, [replace(LEG, share=0.7)]).array, volume.array)
    assert (clean(volume, LEGS, [OneSide("femur_left")]).array[2:6, 2:8, 16:28] == 1).all()
    cleaned = clean(volume, LEGS, [LEG]).array
    assert (cleaned[2:6, 2:8, 16:28] == 2).all()
    assert (cleaned[2:6, 2:8, 2:13] == 4).all()
    assert np.array_equal(cleaned > 0, volume.array > 0)


def test_a_limb_further_away_does_not_count():
    cleaned = clean(legs(), LEGS, [replace(LEG, gap_mm=2.0)]).array
    assert (cleaned[2:6, 2:8, 16:28] == 1).all()
    assert (cleaned[2:6, 2:8, 2:13] == 4).all()


def test_two_limbs_that_touch_keep_their_sides():
    """Knees that touch: the middle of what is right lies 39 mm beside that of what is left, and there is less of it."""
    volume = label_map((30, 10, 10), (3.0, 3.0, 3.0))
    volume.array[2:18, 2:8, 2:8], volume.array[18:28, 2:8, 2:8] = 1, 2
    assert np.array_equal(clean(volume, LEGS, [replace(LEG, apart_mm=35.0)]).array, volume.array)
    assert (clean(volume, LEGS, [LEG]).array[2:28, 2:8, 2:8] == 1).all()


def test_two_limbs_that_cross_keep_their_sides():
    """Seen from the front they make an X, so that both have their middle in one place; they touch where they cross."""
    volume = label_map((40, 14, 40), (3.0, 3.0, 3.0))
    for z in range(2, 38):
        volume.array[z - 2 : z + 2, 1:7, z], volume.array[38 - z : 42 - z, 7:12, z] = 1, 2
    most = replace(LEG, share=0.5)
    assert np.array_equal(clean(volume, LEGS, [most]).array, volume.array)
    # At one height after the other, as bones of one limb lie, they get one side.
    volume.array[:, 1:7, 20:], volume.array[:, 7:12, :20] = 0, 0
    assert set(np.unique(clean(volume, LEGS, [most]).array)) == {0, 1}


def test_a_limb_has_one_side_in_all_orientations():
    expected = clean(legs(), LEGS, [LEG]).array
    for orientation in ORIENTATIONS:
        turned = clean(reorient(legs(), orientation), LEGS, [LEG])
        assert np.array_equal(reorient(turned, "RAS").array, expected), orientation


SHANKS = Labels.of(
    {"tibia_left": 1, "tibia_right": 2, "fibula_left": 3, "fibula_right": 4, "femur_left": 5, "femur_right": 6}
)
LONE = LoneLimb("tibia_left", "fibula_left", ("femur_left",))


def shank(x: int = 24, y: int = 18) -> Volume:
    """Femur above tibia, all named left; the fibula is 10 mm to the right, and what is taken for some of it left."""
    volume = label_map((40, 40, 40))
    volume.array[12:20, 12:20, 22:36], volume.array[12:20, 12:20, 2:20] = 5, 1
    volume.array[x : x + 4, y : y + 4, 2:14], volume.array[7:10, 12:20, 14:18] = 3, 3
    return volume


def test_a_lone_limb_has_the_side_on_which_its_fibula_lies():
    for told, side in (("left", "right"), ("right", "left")):
        volume = shank() if told == "left" else shank().with_array(np.where(shank().array, shank().array + 1, 0)[::-1])
        cleaned = clean(volume, SHANKS, [LONE]).array
        named = np.unique([SHANKS[name].id for name in SHANKS.names if name.endswith(side)])
        assert np.array_equal(np.unique(cleaned)[1:], named)
        assert np.array_equal(cleaned > 0, volume.array > 0)
        assert np.array_equal(clean(volume.with_array(cleaned), SHANKS, [LONE]).array, cleaned), "it is settled"


def test_the_side_of_a_limb_that_is_turned_or_not_alone_stays():
    turned = shank(17, 22)
    assert np.array_equal(clean(turned, SHANKS, [LONE]).array, turned.array)
    assert not np.array_equal(clean(turned, SHANKS, [replace(LONE, clear=0.2)]).array, turned.array)
    two = Volume.of(np.concatenate([shank().array, shank().array[::-1]]), np.eye(4))
    assert np.array_equal(clean(two, SHANKS, [LONE]).array, two.array)
    touching = label_map((130, 40, 40))
    touching.array[2:60, 12:20, 2:20], touching.array[60:118, 12:20, 2:20] = 1, 2
    touching.array[120:124, 12:16, 2:14] = 4
    assert np.array_equal(clean(touching, SHANKS, [LONE]).array, touching.array)
    assert set(np.unique(clean(touching, SHANKS, [replace(LONE, apart_mm=60.0)]).array)) == {0, 2, 4}


def test_a_lone_limb_in_pieces_has_the_side_that_all_of_them_tell():
    """The lower end of the shank is found 12 mm below the rest; where the fibula lies inside there, nothing is sure."""
    for x, settled in ((24, True), (7, False), (14, False)):
        volume = label_map((40, 40, 64))
        volume.array[..., 24:] = shank().array
        volume.array[12:20, 12:20, 2:14], volume.array[x : x + 4, 21:25, 2:14] = 1, 3
        cleaned = clean(volume, SHANKS, [LONE]).array
        expected = np.where(volume.array, volume.array + 1, 0) if settled else volume.array
        assert np.array_equal(cleaned, expected), x


def test_a_lone_limb_in_hundreds_of_specks_is_looked_at_speck_by_speck(monkeypatch: pytest.MonkeyPatch):
    looked_at = []
    told = LoneLimb._told

    def counting(self, inner, outer, grid):
        looked_at.append(inner.size)
        return told(self, inner, outer, grid)

    monkeypatch.setattr(LoneLimb, "_told", counting)
    volume = label_map((60, 60, 60))
    volume.array[2::12, 2::12, 2::12], volume.array[4::12, 2::12, 2::12] = 1, 3
    cleaned = clean(volume, SHANKS, [LONE]).array
    assert np.array_equal(cleaned, np.where(volume.array, volume.array + 1, 0))
    assert looked_at == [3] * 125, "the voxels of each speck, not those of the scan"


def test_a_lone_limb_has_one_side_in_all_orientations():
    expected = clean(shank(), SHANKS, [LONE]).array
    for orientation in ORIENTATIONS:
        turned = clean(reorient(shank(), orientation), SHANKS, [LONE])
        assert np.array_equal(reorient(turned, "RAS").array, expected), orientation


def test_bones_of_a_limb_need_partners():
    with pytest.raises(ConfigError, match="partner"):
        clean(label_map(), LABELS, [OneLimb("femur", ("tibia",))])


def test_holes_are_filled_but_for_what_lies_in_them():
    volume = label_map()
    volume.array[4:16, 4:16, 4:16] = 1
    volume.array[6:14, 6:14, 6:14] = 0
    volume.array[9:11, 9:11, 9:11] = 3
    filled = clean(volume, LABELS, [FillHoles("femur")]).array
    assert (filled == 1).sum() == 12**3 - 8
    assert (filled == 3).sum() == 8


def test_small_parts_of_a_slice_go_by_the_area_in_that_slice():
    volume = label_map((20, 20, 4), (1, 1, 5))
    volume.array[2:12, 2:12, 1] = 1
    volume.array[5, 5, 1] = 0
    volume.array[15:17, 15:17, 1] = 1
    volume.array[15:17, 15:17, 2] = 1
    cleaned = clean(volume, LABELS, [SmallSliceParts("femur", 0.05)]).array
    # 4 voxels of 103 are small in slice 1 and everything in slice 2; the hole of one voxel is filled.
    assert [(cleaned[..., k] == 1).sum() for k in range(4)] == [0, 100, 4, 0]


def test_small_parts_are_sought_in_axial_slices_however_the_scan_is_stored():
    """A plate that is thin in every axial slice but wide in the others."""
    volume = label_map((20, 18, 16))
    volume.array[4:14, 4:14, 4:12] = 1
    volume.array[17, 16, 4:12] = 1
    axial, sagittal = (SmallSliceParts("femur", 0.05, slices) for slices in ("axial", "sagittal"))
    for orientation in ORIENTATIONS:
        turned = reorient(volume, orientation)
        cleaned = reorient(clean(turned, LABELS, [axial]), "RAS").array
        assert (cleaned == 1).sum() == 800
        # Alone in its sagittal slice it is all there is of the structure.
        assert np.array_equal(clean(turned, LABELS, [sagittal]).array, turned.array)


def test_what_surrounds_a_structure_in_its_slice_is_no_hole():
    """However thin the rim that is left of the slice."""
    volume = label_map((40, 40, 3))
    volume.array[1:-1, 1:-1, 1] = 1
    assert np.array_equal(clean(volume, LABELS, [SmallSliceParts("femur", 0.2)]).array, volume.array)


def test_steps_run_in_order():
    volume = label_map()
    volume.array[2:8, 5:15, 5:15] = 1
    volume.array[9:12, 5:15, 5:15] = 1
    close, largest = Close("femur", 2.0), LargestParts("femur")
    assert (clean(volume, LABELS, [close, largest]).array == 1).sum() > 900
    assert (clean(volume, LABELS, [largest, close]).array == 1).sum() == 600


def test_48_orientations_are_cleaned_alike():
    volume = label_map((16, 14, 12), (1.0, 0.8, 1.7))
    volume.array[...] = np.random.default_rng(2).random(volume.shape) < 0.5
    steps = [LargestParts("femur"), Close("femur", 2.0), FillHoles("femur")]
    expected = clean(volume, LABELS, steps).array
    for orientation in ORIENTATIONS:
        turned = clean(reorient(volume, orientation), LABELS, steps)
        assert np.array_equal(reorient(turned, "RAS").array, expected), orientation


def test_steps_travel_as_json():
    sides = (OneSide("femur_left", 0.7), OneLimb("femur_left", ("tibia_left",), gap_mm=4.0), LONE)
    steps = (*ALL, *sides, FollowEdges("femur", move_mm=3.0, rounds=2))
    assert steps_from_json(json.loads(json.dumps(steps_to_json(steps))), "cleanup.json") == steps


@pytest.mark.parametrize(
    "bad",
    [
        {"step": "largest_parts"},
        [{"step": "largest", "structure": "femur"}],
        [{"structure": "femur"}],
        [{"step": "close", "structure": "femur"}],
        [{"step": "close", "structure": "femur", "radius_mm": 3, "radius_vox": 3}],
        [{"step": "close", "structure": "femur", "radius_mm": -3}],
        [{"step": "close", "structure": "femur", "radius_mm": "3"}],
        ["close"],
    ],
)
def test_steps_that_make_no_sense_are_refused(bad):
    with pytest.raises(ConfigError, match="cleanup"):
        steps_from_json(bad, "cleanup.json")


def test_a_step_on_an_unknown_structure_is_refused():
    with pytest.raises(ConfigError, match="ulna"):
        clean(label_map(), LABELS, [FillHoles("ulna")])


def test_what_the_coarse_pass_finds_is_boxed_with_a_margin_in_mm():
    scan = Grid((100, 80, 60), np.diag([0.5, 0.5, 2.0, 1.0]))
    coarse = Volume.of(np.zeros((25, 20, 60), np.uint8), np.diag([2.0, 2.0, 2.0, 1.0]))
    coarse.array[10:12, 8:10, 20:30] = 4
    # Its outer faces: 19 to 23 mm, 15 to 19 mm, 39 to 59 mm.
    box = located(coarse, scan, margin_mm=5)
    assert box is not None
    low, high = scan.to_world(np.array(box.start) - 0.5), scan.to_world(np.array(box.stop) - 0.5)
    assert (low <= np.array([14, 10, 34])).all()
    assert (low >= np.array([14, 10, 34]) - scan.spacing_mm).all()
    assert (high >= np.array([28, 24, 64])).all()
    assert (high <= np.array([28, 24, 64]) + scan.spacing_mm).all()
    assert located(coarse.with_array(np.zeros_like(coarse.array)), scan) is None
    assert located(coarse, scan, margin_mm=1000) == Box((0, 0, 0), scan.shape)


def test_the_user_may_say_where_to_look():
    scan = Grid((10, 10, 10), np.diag([-1.0, 1.0, 2.0, 1.0]))
    assert asked_box(scan, (-4, 2, 4), (-2, 5, 100)) == Box((2, 2, 2), (5, 6, 10))
    with pytest.raises(DataError, match="part of the scan"):
        asked_box(scan, (5, 0, 0), (9, 5, 5))
    with pytest.raises(ConfigError):
        asked_box(scan, (0, 0, 0), (0, 5, 5))
