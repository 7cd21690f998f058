"""Built subjects have the measures they state, and the shape of what they are called."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from condyle.errors import ConfigError
from condyle.phantoms import population
from condyle.phantoms.anatomy.femur import femur
from condyle.phantoms.anatomy.femur_shape import FemurShape, femur_measures
from condyle.phantoms.anatomy.hip import HipShape, hip
from condyle.phantoms.anatomy.leg import KNEE_GAP_MM, LegShape, leg
from condyle.phantoms.anatomy.limbs import lower_body
from condyle.phantoms.anatomy.shank import ShankShape
from condyle.phantoms.body import Body, Distances, Points, Subject, box_of, inside_mask, sample
from condyle.phantoms.part import mirrored_part
from condyle.phantoms.subjects import KINDS, leg_of
from condyle.phantoms.tissue import TISSUES
from condyle.phantoms.views import bounds_of, grid_over
from condyle.space import Grid

SHAPE = FemurShape()


def _subject(kind: str, side: str = "", seed: int = 11) -> Subject:
    chosen = KINDS[kind]
    side = side or chosen.sides[-1]
    person = chosen.person(np.random.default_rng([seed, 0]))
    return chosen.build(person, side, np.random.default_rng([seed, 0, chosen.sides.index(side)]))


@cache
def _built(kind: str) -> Subject:
    return _subject(kind)


@cache
def _owners(kind: str) -> tuple[Grid, NDArray[np.uint8]]:
    """The named structures of a subject: a grid of 3 or 4 mm, and owners on it."""
    named = _bones_only(_built(kind))
    step_mm = 4.0 if kind in {"thighs", "paediatric_legs"} else 3.0
    grid = grid_over(bounds_of(named, *named.names), "RAS", (step_mm,) * 3)
    return grid, sample(named, grid)[1]


def _bones_only(subject: Subject) -> Subject:
    return Subject(tuple(b for b in subject.bodies if b.name), subject.measures)


def _grid_points(low: tuple[float, ...], high: tuple[float, ...], step: float) -> Points:
    axes = [np.arange(a, b, step, dtype=np.float32) for a, b in zip(low, high, strict=True)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), -1)


def _gap_mm(one: Distances, other: Distances) -> float:
    """How near the surface of one solid comes to another, to a voxel or so."""
    return float(min(other[np.abs(one) < 0.6].min(), one[np.abs(other) < 0.6].min()))


def _named(subject: Subject, name: str) -> Body:
    return next(b for b in subject.bodies if b.name == name)


def test_the_head_of_the_femur_is_the_sphere_it_says() -> None:
    part = femur(SHAPE, np.random.default_rng(1))
    center = SHAPE.head_center_mm
    points = _grid_points(tuple(center - 32), tuple(center + 32), 1.0)
    inside = part.solid(points) < 0
    surface = inside & ~ndimage.binary_erosion(inside)
    found = points[surface]
    # The half that faces away from the neck is all head.
    axis = SHAPE.shaft_turn @ SHAPE.neck_axis
    found = found[(found - center) @ axis > 2].astype(np.float64)
    design = np.column_stack([2 * found, np.ones(len(found))])
    x, y, z, rest = np.linalg.lstsq(design, (found**2).sum(1), rcond=None)[0]
    radius = np.sqrt(rest + x * x + y * y + z * z)
    assert np.linalg.norm((x, y, z) - center) < 0.5
    # Surface voxels lie half a voxel inside on average.
    assert radius + 0.5 == pytest.approx(SHAPE.head_radius_mm, abs=0.5)


@pytest.mark.parametrize(("angle_deg", "version_deg"), [(115, 0), (127, 13), (140, 30)])
def test_the_neck_leaves_the_shaft_at_its_angle_and_version(angle_deg: float, version_deg: float) -> None:
    shape = replace(SHAPE, neck_shaft_angle_deg=angle_deg, anteversion_deg=version_deg)
    part = femur(shape, np.random.default_rng(1))
    neck = part.points_mm["head_center"] - part.points_mm["shaft_origin"]
    shaft = shape.shaft_turn @ (0, 0, -1)
    assert np.linalg.norm(neck) == pytest.approx(shape.neck_length_mm)
    cosine = neck @ shaft / np.linalg.norm(neck)
    assert np.rad2deg(np.arccos(cosine)) == pytest.approx(angle_deg)
    # Version: forward of the condylar axis, seen along the shaft.
    across = neck - (neck @ shaft) * shaft
    assert np.rad2deg(np.arctan2(across[1], -(shape.shaft_turn.T @ across)[0])) == pytest.approx(version_deg, abs=1e-6)


def test_the_shaft_of_the_bone_runs_along_its_axis() -> None:
    """Centroids of sections of the proximal shaft lie on the stated axis."""
    shape = replace(SHAPE, bow_mm=0)
    part = femur(shape, np.random.default_rng(1))
    for along in (-120, -160, -200):
        middle = shape.shaft_origin_mm + shape.shaft_turn @ (0, 0, along)
        flat = _grid_points((-25, -25, 0), (25, 25, 0.5), 0.5)[:, :, 0]
        points = (flat @ shape.shaft_turn.T + middle).astype(np.float32)
        centroid = flat[part.solid(points) < 0].mean(0)
        assert np.hypot(*centroid[:2]) < 1.0


def test_the_cortex_at_mid_shaft_has_its_thickness() -> None:
    part = femur(SHAPE, np.random.default_rng(1))
    canal = part.bodies[1]
    middle = part.points_mm["mid_shaft"]
    radii = np.arange(0, 25, 0.05)
    for angle in np.deg2rad((0, 60, 120, 180, 300)):
        ray = SHAPE.shaft_turn @ (np.cos(angle), np.sin(angle), 0)
        points = (middle + radii[:, None] * ray).astype(np.float32)
        shell = (part.solid(points) < 0) & (canal.distance_mm(points) >= 0)
        assert shell.sum() * 0.05 == pytest.approx(SHAPE.cortex_mm, rel=0.15)


def test_the_condyles_have_their_width_and_stand_on_the_joint_line() -> None:
    part = femur(SHAPE, np.random.default_rng(1))
    points = _grid_points((-50, -45, -5), (50, 40, 60), 0.8)
    inside = points[part.solid(points) < 0]
    assert np.ptp(inside[:, 0]) == pytest.approx(SHAPE.condylar_width_mm, abs=3)
    for side in (-1, 1):
        assert inside[inside[:, 0] * side > 8][:, 2].min() == pytest.approx(0, abs=1.5)
    notch = part.solid(np.array([[0, -25, 8]], np.float32))
    assert notch[0] > 3


def test_measures_state_what_was_asked_for() -> None:
    measures = femur_measures(SHAPE)
    assert measures["head_radius_mm"] == SHAPE.head_radius_mm
    assert measures["neck_shaft_angle_deg"] == SHAPE.neck_shaft_angle_deg
    assert 420 < measures["length_mm"] < 480


def test_a_left_bone_is_the_mirror_image_of_a_right_one() -> None:
    right = femur(SHAPE, np.random.default_rng(1))
    left = mirrored_part(right)
    points = np.random.default_rng(2).uniform((-60, -50, 300), (60, 50, 450), (3000, 3)).astype(np.float32)
    assert np.array_equal(left.solid(points * np.float32([-1, 1, 1])), right.solid(points))
    assert {b.name for b in left.bodies} == {"femur_left"}
    assert left.points_mm["head_center"][0] == -right.points_mm["head_center"][0]


def test_the_joint_space_of_the_hip_is_open_everywhere() -> None:
    shape = HipShape(joint_space_mm=3.5)
    socket = hip(shape, np.random.default_rng(3))
    thigh = femur(SHAPE, np.random.default_rng(3))
    points = _grid_points((-40, -40, -40), (40, 40, 40), 1.25)
    at_femur = points + SHAPE.head_center_mm.astype(np.float32)
    assert _gap_mm(socket.solid(points), thigh.solid(at_femur)) > 2
    cup = points[(np.abs(socket.solid(points)) < 0.5) & (np.linalg.norm(points, axis=-1) < 29)]
    assert np.linalg.norm(cup, axis=1).mean() == pytest.approx(shape.cup_radius_mm, abs=0.3)


@pytest.mark.parametrize("flexion_deg", [0.0, 18.0])
def test_the_bones_of_the_knee_do_not_touch(flexion_deg: float) -> None:
    limb = leg(LegShape(flexion_deg=flexion_deg), np.random.default_rng(4))
    points = _grid_points((-50, -60, -60), (50, 70, 70), 1.5)
    distances = [bone.solid(points) for bone in limb.bones]
    for i, a in enumerate(distances):
        for b in distances[i + 1 :]:
            assert _gap_mm(a, b) > 0.5
    assert 0.4 * KNEE_GAP_MM < _gap_mm(distances[0], distances[2]) < 1.4 * KNEE_GAP_MM


def test_growth_plates_cross_a_childs_bones_and_belong_to_them() -> None:
    limb = leg(LegShape(growing=True), np.random.default_rng(4))
    for bone in (limb.femur, limb.tibia):
        plates = [b for b in bone.bodies if b.tissue == "growth_plate"]
        assert len(plates) == 2
        assert {b.name for b in plates} == {bone.bodies[0].name}
    points = _grid_points((-8, -8, 20), (8, 8, 60), 0.5)
    plate = next(b for b in limb.femur.bodies if b.tissue == "growth_plate").distance_mm(points) < 0
    assert (plate.sum(2) * 0.5).mean() == pytest.approx(2.4, abs=0.5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_names_its_structures_and_its_tissues_exist(kind: str) -> None:
    subject, chosen = _built(kind), KINDS[kind]
    # A subject of one side has the labels of that side; `femur` stands for the femur of any side.
    wanted = {n for n in chosen.labels if len(chosen.sides) == 1 or not n.endswith("_left")}
    assert all(any(name.startswith(n) for name in subject.names) for n in wanted)
    assert {b.tissue for b in subject.bodies} <= set(TISSUES)
    assert all((b.bounds_mm[1] > b.bounds_mm[0]).all() for b in subject.bodies)
    assert all(np.isfinite(b.bounds_mm).all() for b in subject.bodies)


@pytest.mark.parametrize("kind", KINDS)
def test_structures_are_one_part_each_and_do_not_overlap(kind: str) -> None:
    subject, (grid, owner) = _bones_only(_built(kind)), _owners(kind)
    times = np.zeros(grid.shape, np.uint8)
    for i, name in enumerate(subject.names):
        claimed = np.zeros(grid.shape, bool)
        for b in subject.bodies:
            found = box_of(b.bounds_mm, grid)
            if b.name == name and found is not None:
                claimed[found.slices] |= inside_mask(b.distance_mm, grid, found)
        times += claimed
        assert ndimage.label(owner == i + 1, np.ones((3, 3, 3)))[1] == 1, name
    assert (times > 1).sum() <= 0.0005 * (times > 0).sum()


@pytest.mark.parametrize("kind", ["thighs", "abdomen", "paediatric_legs"])
def test_the_patients_left_is_at_smaller_x(kind: str) -> None:
    subject = _built(kind)
    pairs = [n for n in subject.names if n.endswith("_left")]
    assert pairs
    for left in pairs:
        right = left.replace("left", "right")
        assert _named(subject, left).bounds_mm.mean() < _named(subject, right).bounds_mm.mean()


@pytest.mark.parametrize("kind", ["thighs", "knee", "paediatric_legs"])
def test_all_bones_lie_under_the_skin(kind: str) -> None:
    grid, owner = _owners(kind)
    skin = next(b for b in _built(kind).bodies if b.tissue == "skin")
    bone = grid.to_world(np.argwhere(owner > 0))
    assert (skin.distance_mm(bone.astype(np.float32)) < -2).all()


@pytest.mark.parametrize("kind", ["proximal_femur", "knee"])
def test_sampling_in_blocks_misses_nothing_of_a_subject(kind: str) -> None:
    subject = _built(kind)
    grid = grid_over(np.array([[-45, -60, -30], [45, 50, 40]]), "LPS", (1.5, 1.5, 2.5))
    points = grid.to_world(np.moveaxis(np.indices(grid.shape), 0, -1)).astype(np.float32)
    for b in subject.bodies:
        found = box_of(b.bounds_mm, grid)
        inside = np.zeros(grid.shape, bool)
        if found is not None:
            inside[found.slices] = inside_mask(b.distance_mm, grid, found)
        truth = b.distance_mm(points) < 0
        assert (inside != truth).sum() <= 0.001 * truth.sum(), b.tissue


def test_organs_lie_where_they_belong() -> None:
    grid, owner = _owners("abdomen")
    centers = ndimage.center_of_mass(owner > 0, owner, range(1, owner.max() + 1))
    middle = dict(zip(_built("abdomen").names, grid.to_world(centers), strict=True))
    assert middle["liver"][0] > 30
    assert middle["spleen"][0] < -60
    assert middle["kidney_left"][0] < -40 < 40 < middle["kidney_right"][0]
    assert middle["kidney_right"][2] < middle["liver"][2]


def test_organs_have_adult_volumes() -> None:
    grid, owner = _owners("abdomen")
    voxels = dict(zip(_built("abdomen").names, np.bincount(owner.ravel())[1:], strict=True))
    volume_ml = {name: count * grid.voxel_volume_mm3 / 1000 for name, count in voxels.items()}
    assert 900 < volume_ml["liver"] < 2200
    assert 60 < volume_ml["spleen"] < 300
    assert 80 < volume_ml["kidney_left"] < 230


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_subject_and_another_seed_another(kind: str) -> None:
    points = np.random.default_rng(0).uniform((-80, -60, -40), (80, 60, 60), (2000, 3)).astype(np.float32)

    def values(subject: Subject) -> np.ndarray:
        names = [b for b in subject.bodies if b.name][:4]
        return np.concatenate([b.distance_mm(points) for b in names])

    assert np.array_equal(values(_subject(kind, seed=11)), values(_built(kind)))
    assert not np.array_equal(values(_subject(kind, seed=12)), values(_built(kind)))


def test_the_two_femora_of_a_donor_are_alike_but_not_equal() -> None:
    left, right = (_subject("proximal_femur", side, seed=21).measures for side in ("left", "right"))
    strangers = _subject("proximal_femur", "right", seed=22).measures
    for name in ("head_radius_mm", "neck_length_mm", "neck_shaft_angle_deg"):
        assert left[name] != right[name]
        assert left[name] == pytest.approx(right[name], rel=0.05)
    assert strangers["head_radius_mm"] != right["head_radius_mm"]


def test_a_population_has_the_sizes_of_people() -> None:
    people = [population.adult(np.random.default_rng([1, n])) for n in range(200)]
    men = np.array([p.leg.femur.head_radius_mm for p in people if p.sex == "male"])
    women = np.array([p.leg.femur.head_radius_mm for p in people if p.sex == "female"])
    assert men.mean() == pytest.approx(24.4, abs=0.5)
    assert women.mean() == pytest.approx(21.7, abs=0.5)
    stature, length = np.array([(p.stature_mm, p.leg.femur.shaft_length_mm) for p in people]).T
    assert np.corrcoef(stature, length)[0, 1] > 0.8
    age, cortex = np.array([(p.age_years, p.leg.femur.cortex_mm) for p in people if p.sex == "female"]).T
    assert np.corrcoef(age, cortex)[0, 1] < -0.2


def test_children_are_small_and_growing() -> None:
    people = [population.child(np.random.default_rng([2, n])) for n in range(40)]
    assert all(p.leg.growing and p.stature_mm < 1750 and p.leg.femur.condylar_width_mm < 80 for p in people)


def test_shapes_that_make_no_sense_are_refused() -> None:
    for make in (
        lambda: FemurShape(cortex_mm=20),
        lambda: FemurShape(neck_shaft_angle_deg=80),
        lambda: HipShape(joint_space_mm=0),
        lambda: ShankShape(thin_cortex_mm=0.1),
        lambda: leg_of(population.adult(np.random.default_rng(1)), "upper", np.random.default_rng(1)),
    ):
        with pytest.raises(ConfigError):
            make()


@pytest.mark.parametrize("kind", KINDS)
def test_a_field_of_view_holds_labelled_structures_at_a_plausible_grid(kind: str) -> None:
    subject = _bones_only(_built(kind))
    grids = [KINDS[kind].field_of_view(subject, np.random.default_rng(n)) for n in range(3)]
    for grid in grids:
        assert min(grid.shape) >= 20
        assert max(grid.shape) <= 900
        coarse = grid_over(np.stack([grid.corners_mm().min(0), grid.corners_mm().max(0)]), "RAS", (6.0,) * 3)
        assert sample(subject, coarse)[1].any()
    given = KINDS[kind].field_of_view(subject, np.random.default_rng(1), (2.0, 2.5, 3.0))
    assert given.spacing_mm == pytest.approx((2.0, 2.5, 3.0))


def test_ex_vivo_scans_have_the_size_of_the_published_ones() -> None:
    for seed in range(3):
        subject = _subject("proximal_femur", seed=seed)
        short, middle, long = sorted(KINDS["proximal_femur"].field_of_view(subject, np.random.default_rng(seed)).shape)
        assert 55 <= short <= 100
        assert 80 <= middle <= 140
        assert 140 <= long <= 210


def test_both_legs_of_a_lower_body_have_measures_of_their_own() -> None:
    other = replace(LegShape(), femur=replace(SHAPE, neck_shaft_angle_deg=131))
    measures = lower_body(LegShape(), other, np.random.default_rng(1)).measures
    assert measures["neck_shaft_angle_right_deg"] == 127
    assert measures["neck_shaft_angle_left_deg"] == 131
