"""Pictures drawn for training: maps that keep distances, poses that keep sides, scanners that keep the mean."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from condyle import io, load, models, train
from condyle.config import Channel
from condyle.data import Case, Dataset
from condyle.data.case import image_path, labels_path
from condyle.errors import ConfigError, DataError
from condyle.io import write
from condyle.labels import Labels
from condyle.losses.targets import class_table
from condyle.phantoms.anatomy.arms import arm
from condyle.phantoms.body import Subject, sample
from condyle.phantoms.part import body
from condyle.phantoms.skeleton.subject import skeleton_subject
from condyle.phantoms.solids import box, offset, sphere
from condyle.phantoms.synthetic.acquisition import Sampling, acquired, drawn_sampling, scanner_noise, smooth_wave
from condyle.phantoms.synthetic.anatomy import LABELS, REACH_MM, WALL_MM, AnatomyMap, anatomy_map
from condyle.phantoms.synthetic.cohort import SyntheticCohort
from condyle.phantoms.synthetic.draw import Pair, drawn_pair, read_posed
from condyle.phantoms.synthetic.looks import ct_look, drawn_look
from condyle.phantoms.synthetic.people import SHARES, drawn_person, kind_of
from condyle.phantoms.synthetic.pose import Pose, View, drawn_pose
from condyle.phantoms.synthetic.reading import read_map
from condyle.phantoms.synthetic.stored import MAPS, MapInMemory, stored_maps, write_map
from condyle.phantoms.tissue import CODES
from condyle.planning import fingerprint, make_plan
from condyle.recipe import RECIPES
from condyle.space import Grid, Volume
from condyle.training import synthetic
from condyle.training.synthetic import SyntheticBatches

RIGHT_MM, RADIUS_MM, WALL = 30.0, 16.0, 3.0


def two_balls() -> Subject:
    """A right and a left femur of sorts: balls 16 mm wide, walls of 3 mm, in a block of flesh."""
    flesh = body("", "muscle", box((0, 0, 0), (60, 40, 40)))
    bodies = [flesh]
    for side, sign in (("right", 1), ("left", -1)):
        ball = sphere((sign * RIGHT_MM, 0, 0), RADIUS_MM)
        bodies.append(body(f"femur_{side}", "cortical_bone", ball))
        bodies.append(body(f"femur_{side}", "trabecular_bone", offset(ball, -WALL)))
    return Subject(tuple(bodies))


def grid(step_mm: float = 2.0) -> Grid:
    affine = np.diag([step_mm, step_mm, step_mm, 1.0])
    affine[:3, 3] = (-70, -50, -50)
    return Grid((int(140 / step_mm), int(100 / step_mm), int(100 / step_mm)), affine)


@pytest.fixture(scope="module")
def balls() -> AnatomyMap:
    return anatomy_map(two_balls(), grid())


@pytest.fixture(scope="module")
def view() -> View:
    return View((32, 40, 48), (3.0, 3.0, 3.0))


def straight(view: View, *, mirrored: bool = False) -> Pose:
    flip = np.diag([-1.0 if mirrored else 1.0, 1.0, 1.0])
    return Pose(flip @ np.eye(3)[:, list(view.axes)], np.zeros(3), np.zeros((3, 2, 2, 2), np.float32), mirrored)


def read(made: AnatomyMap, pose: Pose, view: View) -> tuple[np.ndarray, np.ndarray]:
    codes, depth = np.empty((3, *view.patch), np.uint8), np.empty(view.patch, np.float32)
    read_map(made.planes, pose.frame(view, made.grid, view.patch), pose.arrows(made.grid), codes, depth)
    return codes, depth * np.float32(REACH_MM / 127)


# Maps


def test_a_map_keeps_the_distance_to_the_nearest_bone(balls: AnatomyMap) -> None:
    points = balls.grid.to_world(np.moveaxis(np.indices(balls.grid.shape), 0, -1))
    true = np.min([np.linalg.norm(points - (s * RIGHT_MM, 0, 0), axis=-1) for s in (1, -1)], 0) - RADIUS_MM
    kept = (balls.planes[2].astype(float) - 128) * REACH_MM / 127
    near = np.abs(true) < REACH_MM - 1
    assert np.abs(kept - true)[near].max() < REACH_MM / 127
    assert (kept[true > REACH_MM] > REACH_MM - 0.1).all()


def test_a_map_knows_side_and_wall_of_the_nearest_bone(balls: AnatomyMap) -> None:
    at = tuple(np.rint(balls.grid.to_index((RIGHT_MM + RADIUS_MM - 2, 0, 0))).astype(int))
    assert balls.planes[1][at] & 15 == LABELS["femur_right"].id
    assert (balls.planes[1][at] >> 4) * WALL_MM == pytest.approx(WALL, abs=WALL_MM / 2)


def test_a_bone_without_a_name_is_another_bone() -> None:
    rib = Subject((body("", "cortical_bone", sphere((0, 0, 0), 12)),))
    made = anatomy_map(rib, grid(4.0))
    assert set(np.unique(made.planes[1] & 15)) == {0, LABELS["other_bone"].id}


def test_a_map_comes_back_from_disk_as_it_was(balls: AnatomyMap, tmp_path: Path) -> None:
    write_map(tmp_path / MAPS / "a", balls)
    stored = stored_maps(tmp_path / MAPS)["a"]
    assert np.array_equal(stored.planes(), balls.planes)
    assert stored.grid.shape == balls.grid.shape
    assert np.array_equal(stored.grid.affine, balls.grid.affine)
    one, other = (m.centre(np.random.default_rng(3)) for m in (stored, MapInMemory(balls)))
    assert np.array_equal(one, other)


def test_a_broken_map_is_named(balls: AnatomyMap, tmp_path: Path) -> None:
    stored = write_map(tmp_path / "a", balls)
    for name in ("planes.npy", "places.npy", "map.json"):
        (tmp_path / "a" / name).write_bytes(b"nothing")
    for use in (stored.planes, lambda: stored.centre(np.random.default_rng(0)), lambda: stored.grid):
        with pytest.raises(DataError, match="a map of a subject"):
            use()


# Poses


def test_labels_finer_than_the_map_have_the_true_volume(balls: AnatomyMap) -> None:
    fine = View((60, 60, 120), (1.0, 1.0, 1.0))
    codes, depth = read(balls, straight(fine), fine)
    true = 4 / 3 * np.pi * RADIUS_MM**3
    for side in ("left", "right"):
        found = ((depth < 0) & (codes[1] == LABELS[f"femur_{side}"].id)).sum()
        assert found == pytest.approx(true, rel=0.02)


def test_tensor_axes_are_where_the_view_says(balls: AnatomyMap, view: View) -> None:
    codes, depth = read(balls, straight(view), view)
    right = np.argwhere((depth < 0) & (codes[1] == LABELS["femur_right"].id)).mean(0)
    middle = (np.array(view.patch) - 1) / 2
    assert (right - middle) * view.spacing_mm == pytest.approx((0, 0, RIGHT_MM), abs=0.5)


def test_a_mirrored_pose_shows_the_right_one_on_the_left(balls: AnatomyMap, view: View) -> None:
    codes, depth = read(balls, straight(view, mirrored=True), view)
    right = np.argwhere((depth < 0) & (codes[1] == LABELS["femur_right"].id)).mean(0)
    assert right[2] < (view.patch[2] - 1) / 2


def test_arrows_move_what_is_seen(balls: AnatomyMap, view: View) -> None:
    still = straight(view)
    arrows = np.zeros((3, 3, 3, 3), np.float32)
    arrows[0] = 6.0
    moved = Pose(still.matrix, still.centre_mm, arrows, mirrored=False)
    places = []
    for pose in (still, moved):
        codes, depth = read(balls, pose, view)
        places.append(np.argwhere((depth < 0) & (codes[1] == LABELS["femur_right"].id)).mean(0)[2] * 3)
    assert places[0] - places[1] == pytest.approx(6.0, abs=0.6)


def test_no_pose_folds_space(view: View) -> None:
    for n in range(20):
        pose = drawn_pose(view, np.zeros(3), np.random.default_rng(n))
        nodes = np.array(pose.arrows_mm.shape[1:])
        steps = view.size_mm / (nodes - 1)
        slopes = [np.abs(np.diff(pose.arrows_mm, axis=1 + a)).max() / steps[a] for a in range(3)]
        assert max(slopes) < 0.6


def test_thicker_bones_grow_on_all_sides(balls: AnatomyMap) -> None:
    fine = View((60, 60, 120), (1.0, 1.0, 1.0))
    for thicker_mm in (-1.0, 2.0):
        pose = replace(straight(fine), thicker_mm=thicker_mm)
        codes, depth = read_posed(MapInMemory(balls), pose, fine, fine.patch)
        found = ((depth < 0) & (codes[1] == LABELS["femur_right"].id)).sum()
        assert found == pytest.approx(4 / 3 * np.pi * (RADIUS_MM + thicker_mm) ** 3, rel=0.03)


def test_a_joint_alone_is_seen_in_some_pictures(balls: AnatomyMap) -> None:
    view = View((16, 12, 16), (24.0, 24.0, 24.0))
    seen = [drawn_pair(MapInMemory(balls), view, np.random.default_rng(n)).seen for n in range(60)]
    largest_mm = [max(b - a for a, b in zip(box.start, box.stop, strict=True)) * 24.0 for box in seen]
    assert 3 <= sum(mm <= 260 for mm in largest_mm) <= 30


# Looks


def test_half_of_the_pictures_look_like_ct() -> None:
    kinds = Counter(drawn_look(np.random.default_rng(n)).kind for n in range(200))
    assert 0.4 < kinds["ct"] / 200 < 0.6
    assert {"mr", "random"} <= set(kinds)


def test_cortex_is_brighter_than_what_lies_in_it_in_every_ct() -> None:
    for n in range(50):
        look = ct_look(np.random.default_rng(n))
        inside = look.tissues[0, CODES["trabecular_bone"]] * look.bones[0, 1:14]
        assert (look.bones[1, 1:14] > inside + 50).all()


# Scanners


@pytest.mark.parametrize("kind", ["ct", "mr"])
def test_a_scanner_keeps_what_is_even(kind: str, view: View) -> None:
    even = np.full((48, 60, 72), 7.0, np.float32)
    for n in range(10):
        sampling = drawn_sampling(kind, view.axes, np.random.default_rng(n))
        seen = acquired(even, sampling, view.patch, view.size_mm)
        assert seen.shape == view.patch
        assert seen == pytest.approx(7.0, abs=1e-3)


def test_repeated_slices_are_alike(view: View) -> None:
    sampling = Sampling((12.0, 1.0, 1.0), (12.0, 1.0, 1.0), (0.5, 0.5, 0.5), (True, False, False))
    ramp = np.linspace(0, 1, 48, dtype=np.float32)[:, None, None] * np.ones((48, 60, 72), np.float32)
    seen = acquired(ramp, sampling, view.patch, view.size_mm)[:, 20, 20]
    assert len(np.unique(np.round(seen, 5))) <= 32 * 3 // 12 + 1


def test_noise_has_a_deviation_of_one_in_voxels_finer_than_the_network_sees(view: View) -> None:
    sampling = Sampling((1.0, 1.0, 1.0), (1.0, 1.0, 1.0), (0.5, 0.5, 0.5), (False, False, False))
    noise = scanner_noise(sampling, view.patch, view.size_mm, np.random.default_rng(0))
    assert noise.std() == pytest.approx(1, abs=0.02)


def test_a_wave_is_slow(view: View) -> None:
    wave = smooth_wave(view.patch, 3, np.random.default_rng(0))
    assert wave.shape == view.patch
    assert np.corrcoef(wave[1:].ravel(), wave[:-1].ravel())[0, 1] > 0.97


# Pairs


def test_a_pair_follows_from_its_generator(balls: AnatomyMap, view: View) -> None:
    one, again, other = (drawn_pair(MapInMemory(balls), view, np.random.default_rng(n)) for n in (4, 4, 5))
    assert np.array_equal(one.image, again.image)
    assert np.array_equal(one.labels, again.labels)
    assert not np.array_equal(one.image, other.image)


def test_nothing_is_labelled_outside_the_field_of_view(balls: AnatomyMap, view: View) -> None:
    for n in range(20):
        pair = drawn_pair(MapInMemory(balls), view, np.random.default_rng(n))
        outside = np.ones(view.patch, bool)
        outside[pair.seen.slices] = False
        assert not pair.labels[outside].any()
        assert np.isfinite(pair.image).all()


def test_right_and_left_keep_their_places_in_mirrored_pairs_too(balls: AnatomyMap, view: View) -> None:
    both = 0
    for n in range(30):
        labels = drawn_pair(MapInMemory(balls), view, np.random.default_rng(n)).labels
        right, left = (np.argwhere(labels == LABELS[f"femur_{s}"].id) for s in ("right", "left"))
        if len(right) and len(left):
            both += 1
            assert right.mean(0)[2] > left.mean(0)[2]
    assert both > 5


# People


def test_kinds_take_turns() -> None:
    kinds = Counter(kind_of(n, 3, with_shapes=True) for n in range(sum(SHARES.values())))
    assert kinds == SHARES
    assert "skeleton" not in {kind_of(n, 3, with_shapes=False) for n in range(100)}


def test_things_hold_no_leg() -> None:
    for n in range(4):
        person = drawn_person("things", None, 6.0, np.random.default_rng(n))
        made = anatomy_map(person.subject, person.grid)
        assert set(np.unique(made.planes[1] & 15)) <= {0, LABELS["other_bone"].id}
        assert (made.planes[0] > 0).any()


def test_a_skeleton_needs_surfaces() -> None:
    with pytest.raises(ConfigError, match="bone surfaces"):
        drawn_person("skeleton", None, 4.0, np.random.default_rng(0))


def test_all_bones_of_an_arm_are_other_bones() -> None:
    joints = np.array([(0, 0, 0), (10, 0, -290), (0, 30, -530), (0, 40, -610)])
    limb = Subject(arm(joints, 1.0, 6.0, np.random.default_rng(0)))
    assert limb.names == ("other_bone",)
    affine = np.diag([4.0, 4.0, 4.0, 1.0])
    affine[:3, 3] = (-80, -80, -760)
    _, owner = sample(limb, Grid((40, 50, 210), affine))
    heights = np.flatnonzero(owner.any(axis=(0, 1))) * 4 - 760
    assert heights.min() < -640
    assert heights.max() > -10


def test_a_skeleton_with_viscera_has_muscles_vessels_bowel_and_ribs(shared_data: Path) -> None:
    rng = np.random.default_rng(0)
    subject = skeleton_subject(shared_data / "shapes", rng, step_mm=3.0, with_viscera=True, enhanced=True)
    affine = np.diag([5.0, 5.0, 5.0, 1.0])
    affine[:3, 3] = (-200, -220, -600)
    tissue, owner = sample(subject, Grid((80, 80, 200), affine))
    there = set(np.unique(tissue))
    wanted = ("blood", "blood_enhanced", "bowel_content", "water", "liver", "lung", "fat", "muscle")
    assert {CODES[name] for name in wanted} <= there
    other = owner == 1 + subject.names.index("other_bone")
    assert other[:, :, 150:].any(), "ribs above the pelvis"


# Training


def dataset(folder: Path, made: AnatomyMap, *, with_map: bool = True) -> Path:
    names = ("s001", "s002")
    cases = []
    for name in names:
        case = Case(name, name, {"scan": image_path("scan", name)}, {"truth": labels_path("truth", name)})
        pair = drawn_pair(MapInMemory(made), View((40, 40, 40), (3.0,) * 3, (0, 1, 2)), np.random.default_rng(8))
        lattice = Grid(pair.labels.shape, np.diag([3.0, 3.0, 3.0, 1.0]))
        write(folder / case.images["scan"], Volume(pair.image, lattice))
        truth = pair.labels.astype(np.uint8)
        truth[18:22, 18:22, 18:22] = 1
        write(folder / case.label_sets["truth"], Volume(truth, lattice))
        cases.append(case)
        if with_map:
            write_map(folder / MAPS / name, made)
    Dataset(folder, "drawn", ("scan",), LABELS, tuple(cases)).save()
    return folder


def batches(maps: Path, **changed: int) -> SyntheticBatches:
    settings = {"iterations": 3, "seed": 2, **changed}
    return SyntheticBatches(
        {}, ("s001", "s002"), (24, 24, 24), 2, class_table(LABELS), maps=stored_maps(maps), **settings,  # type: ignore[arg-type]
    )  # fmt: skip


def test_batches_are_the_same_however_many_threads_draw_them(balls: AnatomyMap, tmp_path: Path) -> None:
    for name in ("s001", "s002"):
        write_map(tmp_path / name, balls)
    one, two = (list(batches(tmp_path, workers=n).over([0])) for n in (1, 2))
    assert len(one) == 3
    for a, b in zip(one, two, strict=True):
        assert a.image.shape == (2, 1, 24, 24, 24)
        assert a.image.equal(b.image)
        assert a.target.equal(b.target)
    assert not one[0].image.equal(one[1].image)


def test_the_network_leaves_a_core_to_those_who_draw(balls: AnatomyMap, tmp_path: Path) -> None:
    for name in ("s001", "s002"):
        write_map(tmp_path / name, balls)
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    try:
        stream = batches(tmp_path).over([0])
        next(stream)
        assert torch.get_num_threads() == 3
        stream.close()
        assert torch.get_num_threads() == 4
    finally:
        torch.set_num_threads(before)


def test_pictures_are_easy_at_first_and_never_in_validation(
    balls: AnatomyMap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("s001", "s002"):
        write_map(tmp_path / name, balls)
    kinds: list[str] = []

    def noted(*arguments: Any, easy: bool) -> Pair:
        pair = drawn_pair(*arguments, easy=easy)
        kinds.append(pair.kind)
        return pair

    monkeypatch.setattr(synthetic, "drawn_pair", noted)

    def share_of_ct(epoch: int, easy_epochs: int = synthetic.EASY_EPOCHS) -> float:
        kinds.clear()
        for n in range(40):
            batches(tmp_path, easy_epochs=easy_epochs).sample(epoch, n)
        return kinds.count("ct") / len(kinds)

    assert share_of_ct(1) > 0.9
    assert share_of_ct(1, easy_epochs=0) < 0.9, "no beginner"
    assert share_of_ct(0) < 0.9
    assert share_of_ct(synthetic.EASY_EPOCHS) < 0.9


def test_pictures_are_normalised_as_the_plan_says(balls: AnatomyMap, tmp_path: Path) -> None:
    for name in ("s001", "s002"):
        write_map(tmp_path / name, balls)
    ct = replace(batches(tmp_path), channel=Channel("CT", "ct", mean=0, std=100, low=-200, high=300))
    for n in range(6):
        image = ct.sample(0, n).image
        assert -2.001 <= float(image.min()) <= float(image.max()) <= 3.001


def test_the_second_stage_sees_coarse_outlines_that_are_off(balls: AnatomyMap, tmp_path: Path) -> None:
    for name in ("s001", "s002"):
        write_map(tmp_path / name, balls)
    second = replace(batches(tmp_path), roughly=LABELS.ids)
    off = []
    for n in range(24):
        image, target = second.sample(0, n)
        assert image.shape == (1 + len(LABELS.ids), 24, 24, 24)
        found = (image[1:] * torch.tensor(LABELS.ids).reshape(-1, 1, 1, 1)).sum(0)
        off.append(float((found != target).float().mean()))
        alone = replace(second, roughly=()).sample(0, n)
        assert alone.image.equal(image[:1])
    assert np.median(off) > 0, "not the answer itself"
    assert np.median(off) < 0.1, "near it"


def test_a_patch_is_normalised_by_the_scan_it_was_cut_from(balls: AnatomyMap) -> None:
    """Of a scan that is mostly air a patch full of flesh is bright."""
    view, means = View((16, 16, 16), (1.0, 1.0, 1.0)), []
    for n in range(12):
        pair = drawn_pair(MapInMemory(balls), view, np.random.default_rng([1, n]))
        means.append((pair.image[pair.seen.slices].mean() - pair.around.mean()) / max(float(pair.around.std()), 1e-6))
    assert np.ptp(means) > 0.3, "not always by itself"


def test_both_stages_are_trained_on_drawn_pictures(balls: AnatomyMap, tmp_path: Path) -> None:
    folder = dataset(tmp_path / "data", balls)
    recipe = replace(
        RECIPES["synthetic"], patch=(32, 32, 32), features=8, epochs=1, iterations=2, val_iterations=1, average=0.0
    )
    trained = train(folder, out=tmp_path / "model", recipe=recipe, fold="all")
    assert trained.folds["all"].steps == 2
    model = models.load(tmp_path / "model")
    assert model.plan.cascade == LABELS.ids
    assert model.before is not None
    assert (model.plan.spacing_mm, model.before.plan.spacing_mm) == ((2.0,) * 3, (6.0,) * 3)
    scan = io.read(folder / image_path("scan", "s001"))
    assert load(tmp_path / "model").segment(scan).grid.shape == scan.grid.shape
    again = train(folder, out=tmp_path / "model", recipe=recipe, fold="all")
    assert again.folds["all"].steps == 2, "what is trained is not trained again"


def test_the_model_that_ships_has_the_plans_of_the_recipe(balls: AnatomyMap, tmp_path: Path) -> None:
    """`make pretrain` gives a model that is asked as the one that ships is."""
    data = Dataset.open(dataset(tmp_path / "data", balls))
    planned = make_plan(fingerprint(data, "truth"), data.labels, RECIPES["synthetic"])
    ships = models.load(models.find("bones"))
    assert ships.before is not None
    assert planned.cascade == ships.plan
    assert planned.low == ships.before.plan


def test_a_dataset_without_maps_is_refused(balls: AnatomyMap, tmp_path: Path) -> None:
    folder = dataset(tmp_path / "data", balls, with_map=False)
    recipe = replace(RECIPES["synthetic"], patch=(32, 32, 32), features=8, epochs=1, iterations=1)
    with pytest.raises(DataError, match="condyle phantom synthetic"):
        train(folder, out=tmp_path / "model", recipe=recipe, fold="all")


@pytest.mark.parametrize("changed", [{"dim": 2, "patch": (32, 32), "spacing_mm": ()}, {"iterations": 0}])
def test_flat_pictures_and_an_epoch_without_end_are_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="if synthetic"):
        replace(RECIPES["synthetic"], **changed)


def test_other_labels_than_those_that_are_drawn_are_refused(balls: AnatomyMap, tmp_path: Path) -> None:
    folder = dataset(tmp_path / "data", balls)
    named = replace(Dataset.open(folder), labels=Labels.of({f"bone_{n}": n for n in LABELS.ids}))
    named.save()
    recipe = replace(RECIPES["synthetic"], patch=(32, 32, 32), features=8, epochs=1, iterations=1)
    with pytest.raises(ConfigError, match="the structures of condyle phantom synthetic"):
        train(folder, out=tmp_path / "model", recipe=recipe, fold="all")


def test_a_cohort_makes_the_same_subject_twice() -> None:
    cohort = SyntheticCohort(None, 60, 1, step_mm=6.0)
    thing = next(m for m in cohort.members if kind_of(m.person, 1, with_shapes=False) == "things")
    one, again = cohort.make(thing), cohort.make(thing)
    assert one.anatomy is not None
    assert again.anatomy is not None
    assert np.array_equal(one.anatomy.planes, again.anatomy.planes)
    assert np.array_equal(one.image.array, again.image.array)
    assert one.label_sets["truth"].grid is one.image.grid
