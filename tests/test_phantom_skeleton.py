"""The skeleton made of given surfaces: joints, sides, and solids that are solid."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from condyle.errors import ConfigError, DataError
from condyle.io.surface import read_surface
from condyle.phantoms.body import Subject, sample
from condyle.phantoms.skeleton.hip_joint import HipJoint, drawn_hip_joint, head_of, walls
from condyle.phantoms.skeleton.osim import Skeleton, read_osim
from condyle.phantoms.skeleton.posed import posed_bones, varied
from condyle.phantoms.skeleton.subject import skeleton_subject
from condyle.phantoms.solids import sphere
from condyle.phantoms.solids.lattice import (
    apart,
    baked,
    filled,
    grid_points,
    joined,
    lattice_of,
    signed_distance,
    smoothed,
)
from condyle.phantoms.tissue import CODES
from condyle.space import Grid, bounding_box
from condyle.space.surface import Surface

NEUTRAL = {"hip_flexion_r": 0.0}


@pytest.fixture(scope="module")
def shapes(shared_data: Path) -> Path:
    return shared_data / "shapes"


@pytest.fixture(scope="module")
def model(shapes: Path) -> Skeleton:
    return read_osim(shapes / "gait2392.osim")


@pytest.fixture(scope="module")
def bones_only(shapes: Path) -> Subject:
    """Bones of the model as it stands, no shape variation, coarse."""
    return skeleton_subject(
        shapes, np.random.default_rng(0), angles_deg=NEUTRAL, scale=1.0, variation_mm=0, with_flesh=False, step_mm=2.0
    )


@pytest.fixture(scope="module")
def labelled(bones_only: Subject) -> tuple[np.ndarray, Grid, dict[str, int]]:
    """Label map of pelvis and legs on 2 mm, and the number of each name."""
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    affine[:3, 3] = (-170, -200, -960)
    grid = Grid((170, 175, 550), affine)
    _, owner = sample(bones_only, grid)
    return owner, grid, {name: n + 1 for n, name in enumerate(bones_only.names)}


def turn_deg(a: np.ndarray, b: np.ndarray) -> float:
    """Angle between two directions."""
    return math.degrees(math.acos(float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))))


# The model


def test_bodies_and_joints_of_the_model_are_read(model: Skeleton) -> None:
    assert [g.file for g in model.bodies["tibia_l"]] == ["tibia_l.vtp", "l_fibula.vtp"]
    assert {"hip_flexion_r", "knee_angle_l", "lumbar_extension"} <= set(model.coordinates)
    assert model.joints[0].parent == "ground"


@pytest.mark.parametrize(("side", "sign"), [("r", 1), ("l", -1)])
def test_the_hip_is_where_the_model_puts_it(model: Skeleton, side: str, sign: int) -> None:
    assert np.allclose(model.place({})[f"femur_{side}"][:3, 3], (-0.0707, -0.0661, sign * 0.0835))


@pytest.mark.parametrize("side", ["r", "l"])
def test_hip_flexion_turns_the_femur_about_the_hip(model: Skeleton, side: str) -> None:
    rest, bent = model.place({}), model.place({f"hip_flexion_{side}": math.radians(30)})
    femur, tibia = f"femur_{side}", f"tibia_{side}"
    assert np.allclose(bent[femur][:3, 3], rest[femur][:3, 3])
    axes = [p[tibia][:3, 3] - p[femur][:3, 3] for p in (rest, bent)]
    assert turn_deg(axes[0], axes[1]) == pytest.approx(30)
    assert axes[1][0] > axes[0][0] + 0.1, "flexion takes the knee forward"


def test_adduction_takes_both_knees_to_the_midline(model: Skeleton) -> None:
    rest, moved = model.place({}), model.place({f"hip_adduction_{s}": math.radians(15) for s in "rl"})
    assert moved["tibia_r"][2, 3] < rest["tibia_r"][2, 3] - 0.05
    assert moved["tibia_l"][2, 3] > rest["tibia_l"][2, 3] + 0.05


def test_the_knee_slides_along_its_spline(model: Skeleton) -> None:
    """At 0.349066 rad of flexion the file gives a shift of (-1.0, -397.6) mm, at a node of both splines."""
    placed = model.place({"knee_angle_r": -0.349066})
    in_femur = np.linalg.inv(placed["femur_r"]) @ placed["tibia_r"]
    assert np.allclose(in_femur[:3, 3], (-0.001, -0.3976, 0), atol=1e-9)
    assert turn_deg(in_femur[:3, 1], np.array([0.0, 1, 0])) == pytest.approx(20, abs=0.01)


def test_an_unknown_coordinate_is_refused_by_name(model: Skeleton) -> None:
    with pytest.raises(ConfigError, match="hip_flexion_right"):
        model.place({"hip_flexion_right": 0.1})


@pytest.mark.parametrize("text", ["", "<OpenSimDocument/>", "<a><Model><BodySet/></Model></a>", "no xml"])
def test_a_file_that_is_no_model_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.osim"
    path.write_text(text)
    with pytest.raises(DataError, match=r"bad\.osim"):
        read_osim(path)


def test_a_missing_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"one \.osim file"):
        posed_bones(tmp_path, {})
    with pytest.raises(DataError, match="can be read"):
        read_osim(tmp_path / "none.osim")


# Bones in place


def test_at_no_flexion_the_tibia_continues_the_femur(shapes: Path) -> None:
    _, frames = posed_bones(shapes, {})
    for side in "rl":
        hip, knee, ankle = (frames[f"{name}_{side}"][:3, 3] for name in ("femur", "tibia", "talus"))
        assert turn_deg(knee - hip, ankle - knee) < 1.5


@pytest.mark.parametrize("flexion_deg", [0, 40, 90])
def test_the_patella_stays_in_front_of_the_femur(shapes: Path, flexion_deg: float) -> None:
    bones, frames = posed_bones(shapes, {"knee_angle_r": -flexion_deg})
    by_name = {b.name: b for b in bones}
    patella, femur = by_name["patella_right"].surface.points_mm, by_name["femur_right"].surface.points_mm
    nearest = np.linalg.norm(patella[:, None, :] - femur[None, ::3], axis=-1).min()
    assert 2.5 < nearest < 5
    forward = patella.mean(0) - frames["tibia_r"][:3, 3]
    assert turn_deg(forward, by_name["femur_right"].axes[:, 0]) < 25 + 0.7 * flexion_deg
    assert 30 < np.linalg.norm(forward) < 65


def test_variation_moves_neighbours_together(shapes: Path) -> None:
    bones, _ = posed_bones(shapes, {})
    other = varied(bones, np.random.default_rng(0), 1.2)
    shift = {b.name: o.surface.points_mm - b.surface.points_mm for b, o in zip(bones, other, strict=True)}
    everything = np.concatenate(list(shift.values()))
    assert 0.7 < everything.std() < 1.8
    hip = np.array([83.5, -70.7, -66.1])
    near = np.concatenate([
        shift[b.name][np.linalg.norm(b.surface.points_mm - hip, axis=1) < 30]
        for b in bones if b.name in ("femur_right", "hip_right")
    ])  # fmt: skip
    assert near.std(0).max() < 0.9


def test_the_head_of_the_femur_sits_in_its_socket(
    labelled: tuple[np.ndarray, Grid, dict[str, int]],
) -> None:
    """Most directions from the head's centre upwards and inwards meet the hip bone within some millimetres."""
    owner, grid, ids = labelled
    for side, sign in (("right", 1), ("left", -1)):
        centre = np.array([sign * 83.5, -70.7, -66.1])
        hip = grid.to_world(np.argwhere(owner == ids[f"hip_{side}"]))
        femur = grid.to_world(np.argwhere(owner == ids[f"femur_{side}"]))
        assert 21 < np.linalg.norm(hip - centre, axis=1).min() < 27
        assert np.linalg.norm(femur - centre, axis=1).min() < 2
        inward_up = np.array([-sign, 0.1, 1]) / np.linalg.norm([1, 0.1, 1])
        ray = centre + np.arange(15, 40)[:, None] * inward_up
        names = owner[tuple(np.rint(grid.to_index(ray)).astype(int).T)]
        assert ids[f"hip_{side}"] in names
        assert names[0] == ids[f"femur_{side}"]


def test_sides_and_order_from_head_to_foot_are_right(
    labelled: tuple[np.ndarray, Grid, dict[str, int]],
) -> None:
    owner, grid, ids = labelled
    middle = {name: grid.to_world(np.argwhere(owner == id_)).mean(0) for name, id_ in ids.items()}
    for name, at in middle.items():
        if name.endswith("right"):
            assert at[0] > 40
        elif name.endswith("left"):
            assert at[0] < -40
    order = ("spine", "hip_right", "femur_right", "patella_right", "tibia_right")
    assert all(middle[a][2] > middle[b][2] for a, b in itertools.pairwise(order))
    assert middle["patella_right"][1] > middle["femur_right"][1] > middle["sacrum"][1]
    assert middle["fibula_right"][0] > middle["tibia_right"][0]


def test_every_bone_is_one_part_with_space_around_it(labelled: tuple[np.ndarray, Grid, dict[str, int]]) -> None:
    owner, _, ids = labelled
    for name, id_ in ids.items():
        box = bounding_box(owner == id_)
        if name == "other_bone" or box is None:
            continue
        around = owner[box.grown(1, owner.shape).slices]
        mask = around == id_
        parts, _ = ndimage.label(mask, np.ones((3, 3, 3)))
        assert np.bincount(parts.ravel())[1:].max() > 0.999 * mask.sum(), name
        rim = ndimage.binary_dilation(mask) & ~mask
        assert not around[rim].any(), f"{name} touches another bone"


def test_joint_space_is_as_wide_as_asked(shapes: Path) -> None:
    bones, _ = posed_bones(shapes, {})
    hip, femur = (
        lattice_of(b.surface, b.axes, 1.5) for name in ("hip_right", "femur_right") for b in bones if b.name == name
    )
    centre = np.array((83.5, -70.7, -66.1))
    points = (centre + np.random.default_rng(0).uniform(-35, 35, (200_000, 3))).astype(np.float32)
    cut_hip, cut_femur = apart(hip, [femur], 3.0), apart(femur, [hip], 3.0)
    both = np.maximum(cut_hip(points), cut_femur(points))
    # Where one is entered, the other is at least the gap away, less what interpolation takes.
    assert both.min() > 0.8
    assert (cut_femur(points)[cut_hip(points) < 0]).min() > 1.5


def joint(inwards_mm: float, **others: float) -> HipJoint:
    plain = HipJoint(inwards_mm, forwards_mm=0.0, upwards_mm=0.0, larger_mm=0.0, floor_mm=3.0, over_mm=-2.0)
    return replace(plain, **others)


def hip_labels(shapes: Path, hips: HipJoint) -> tuple[np.ndarray, Grid, dict[str, int]]:
    """Both hips on 2 mm, cut at the middle of the thighs."""
    person = skeleton_subject(
        shapes, np.random.default_rng(0), angles_deg=NEUTRAL, scale=1.0, variation_mm=0, gap_mm=2.5, hips=hips,
        with_flesh=False, step_mm=2.0,
    )  # fmt: skip
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    affine[:3, 3] = (-150, -170, -200)
    grid = Grid((150, 90, 110), affine)
    return sample(person, grid)[1], grid, {name: n + 1 for n, name in enumerate(person.names)}


@pytest.mark.parametrize("inwards_mm", [0.0, 11.0])
def test_hips_are_fitted_with_a_socket_behind_the_head_on_either_side(shapes: Path, inwards_mm: float) -> None:
    owner, grid, ids = hip_labels(shapes, joint(inwards_mm, larger_mm=2.0))
    for side, sign in (("right", 1), ("left", -1)):
        centre = np.array([sign * (83.5 - inwards_mm), -70.7, -66.1])
        towards = np.array([-sign * 0.66, -0.34, 0.66])
        ray = centre + np.arange(10, 45, 0.5)[:, None] * towards
        names = owner[tuple(np.rint(grid.to_index(ray)).astype(int).T)]
        femur, hip = names == ids[f"femur_{side}"], names == ids[f"hip_{side}"]
        assert femur[0]
        assert femur[:-1].sum() == femur.argmin(), "no second piece of the femur behind the joint space"
        assert hip.sum() * 0.5 >= 2.0, "the socket has a floor"
        between = hip.argmax() - femur.argmin()
        assert 1 <= between * 0.5 <= 6, "and the head lies in it"
        assert np.argwhere(owner == ids[f"hip_{side}"])[:, 0].size > 20_000


@pytest.mark.parametrize("side", ["right", "left"])
def test_the_ball_that_fits_a_head_is_found_where_the_model_turns_it(shapes: Path, side: str) -> None:
    bones, frames = posed_bones(shapes, NEUTRAL)
    femur = next(bone.surface for bone in bones if bone.name == f"femur_{side}")
    joint_mm = frames[f"femur_{side[0]}"][:3, 3]
    middle_mm, radius_mm = head_of(femur, joint_mm + np.array([2.0, -3.0, 1.0]))
    assert np.linalg.norm(middle_mm - joint_mm) < 1.5
    assert 22 < radius_mm < 24


def test_deeper_hips_take_the_whole_legs_inwards(shapes: Path) -> None:
    _, still = posed_bones(shapes, NEUTRAL)
    bones, moved = posed_bones(shapes, NEUTRAL, legs_mm={side: joint(7.0).shift_mm(side) for side in ("right", "left")})
    assert np.allclose(moved["pelvis"], still["pelvis"])
    for body in ("femur", "tibia", "toes"):
        assert moved[f"{body}_r"][0, 3] == pytest.approx(still[f"{body}_r"][0, 3] - 7)
        assert moved[f"{body}_l"][0, 3] == pytest.approx(still[f"{body}_l"][0, 3] + 7)
    assert {"patella_right", "patella_left"} <= {bone.name for bone in bones}


def test_a_grown_head_is_larger_and_the_joint_space_stays(shapes: Path) -> None:
    (small, _, ids), (large, _, _) = (hip_labels(shapes, joint(4.0, larger_mm=mm)) for mm in (0.0, 3.0))
    femur, hip = ids["femur_right"], ids["hip_right"]
    assert (large == femur).sum() > (small == femur).sum() + 600
    assert not (ndimage.binary_dilation(large == femur) & (large == hip)).any(), "femur and hip touch"


def test_a_socket_may_reach_over_the_heads_equator(shapes: Path) -> None:
    (before, _, ids), (beyond, _, _) = (hip_labels(shapes, joint(4.0, over_mm=mm)) for mm in (-2.0, 6.0))
    hip = ids["hip_right"]
    assert (beyond == hip).sum() > (before == hip).sum() + 200


def test_a_socket_is_walled_most_over_the_head_and_the_head_least() -> None:
    middle_mm, radius_mm = np.array([83.0, -70.0, -66.0]), 23.0
    femur_mm, hip_mm = walls(joint(0.0, larger_mm=1.0, roof_mm=5.0, bare_mm=1.2), (middle_mm, radius_mm))
    over, before, under, far = np.array(
        [middle_mm + np.array(at) for at in ([0, 0, 24.0], [0, 24.0, 0], [0, 0, -24.0], [0, 0, 80.0])], np.float32
    )
    assert hip_mm(np.array([over, before, under, far])) == pytest.approx([5, 0, 0, 0], abs=1e-3)
    assert femur_mm(np.array([over, before, under, far])) == pytest.approx([-1.2, -1.2, -1.2, 0], abs=1e-3)


def test_the_wall_over_a_head_is_cortex_in_the_person_too(shapes: Path) -> None:
    def hard(hips: HipJoint) -> tuple[int, int]:
        person = skeleton_subject(
            shapes, np.random.default_rng(0), angles_deg=NEUTRAL, scale=1.0, variation_mm=0, gap_mm=2.5, hips=hips,
            with_flesh=False, step_mm=2.0,
        )  # fmt: skip
        affine = np.diag([1.0, 1.0, 1.0, 1.0])
        affine[:3, 3] = (58, -95, -66)
        tissue, owner = sample(person, Grid((50, 50, 45), affine))
        cortex = tissue == CODES["cortical_bone"]
        names = {name: n + 1 for n, name in enumerate(person.names)}
        return int((cortex & (owner == names["hip_right"])).sum()), int(
            (cortex & (owner == names["femur_right"])).sum()
        )

    (roof, head), (thick_roof, bare_head) = hard(joint(4.0)), hard(joint(4.0, roof_mm=5.0, bare_mm=1.2))
    assert thick_roof > 1.3 * roof
    assert bare_head < 0.7 * head


def test_drawn_hips_differ_and_follow_the_seed() -> None:
    drawn = [drawn_hip_joint(np.random.default_rng(seed)) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_a_person_has_flesh_around_every_bone_and_the_asked_size(shapes: Path) -> None:
    person = skeleton_subject(
        shapes, np.random.default_rng(1), angles_deg={"knee_angle_r": -30}, scale=1.1, fat_mm=10, step_mm=3.0
    )
    assert person.measures["hip_centres_mm"] == pytest.approx(1.1 * 167)
    affine = np.diag([-6.0, 6.0, 6.0, 1.0])
    affine[:3, 3] = (260, -320, -1150)
    grid = Grid((87, 108, 217), affine)
    tissue, owner = sample(person, grid)
    outside = ndimage.binary_dilation(tissue == 0)
    assert not (owner[outside] > 0).any(), "a bone lies bare"
    parts, _ = ndimage.label(tissue > 0)
    assert np.bincount(parts.ravel())[1:].max() > 0.999 * (tissue > 0).sum()


def test_the_same_seed_gives_the_same_person(shapes: Path) -> None:
    affine = np.diag([6.0, 6.0, 6.0, 1.0])
    affine[:3, 3] = (-200, -200, -200)
    grid = Grid((66, 60, 50), affine)
    first, again = (
        sample(skeleton_subject(shapes, np.random.default_rng(2), with_flesh=False, step_mm=5.0), grid)[1]
        for _ in range(2)
    )
    assert np.array_equal(first, again)
    assert first.any()


def test_senseless_sizes_are_refused(shapes: Path) -> None:
    with pytest.raises(ConfigError, match="positive sizes"):
        skeleton_subject(shapes, np.random.default_rng(0), scale=-1.0)


# Solids from surfaces


def ball_surface(radius_mm: float) -> Surface:
    """An icosahedron, smoothed, with its points on a sphere."""
    g = (1 + 5**0.5) / 2
    points = np.array([p for a in (-1, 1) for b in (-g, g) for p in ((0, a, b), (a, b, 0), (b, 0, a))])
    edge = np.linalg.norm(points[:, None] - points[None], axis=-1).round(6) == 2
    faces = []
    for a, b, c in itertools.combinations(range(12), 3):
        if edge[a, b] and edge[b, c] and edge[a, c]:
            outward = np.linalg.det(points[[a, b, c]]) > 0
            faces.append((a, b, c) if outward else (a, c, b))
    fine = smoothed(Surface(points, np.array(faces, np.int32)), 3)
    on_sphere = fine.points_mm / np.linalg.norm(fine.points_mm, axis=1, keepdims=True)
    return Surface(radius_mm * on_sphere, fine.triangles)


def test_lattice_distances_are_right_to_a_fraction_of_the_step() -> None:
    turned = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    ball = lattice_of(ball_surface(20), turned, 1.0)
    points = np.random.default_rng(1).normal(size=(5000, 3))
    points *= (np.random.default_rng(2).uniform(8, 60, 5000) / np.linalg.norm(points, axis=1))[:, None]
    points = points.astype(np.float32)
    true = np.linalg.norm(points, axis=1) - 20
    error = ball(points) - true
    assert np.abs(error[np.abs(true) < 3]).max() < 0.6
    # The blur shrinks a ball by its variance over the radius, and the facets lie within it.
    assert 0 < error[np.abs(true) < 1].mean() < 0.15
    assert error[np.abs(true) < 1].std() < 0.1
    assert np.abs(error[np.abs(true) < 7]).max() < 1.0
    assert (ball(points)[true > 7] > 5).all()
    assert (error[true > 7] < 1).all(), "distances beyond the lattice are never too long"


def test_a_surface_with_a_hole_is_filled_all_the_same() -> None:
    whole = ball_surface(20)
    holed = Surface(whole.points_mm, whole.triangles[5:])
    grid = Grid((60, 60, 60), np.array([[1.0, 0, 0, -30], [0, 1, 0, -30], [0, 0, 1, -30], [0, 0, 0, 1]]))
    assert filled(holed, grid, 3.0).sum() == pytest.approx(4 / 3 * math.pi * 20**3, rel=0.04)
    assert lattice_of(holed, np.eye(3), 1.0)(np.zeros((1, 3), np.float32))[0] < -15
    assert smoothed(holed) is holed


def test_real_open_surfaces_are_solid(shapes: Path) -> None:
    foot = read_surface(shapes / "foot.vtp", scale_to_mm=1000.0)
    solid = lattice_of(foot, np.eye(3), 1.5)
    volume_ml = (solid.nodes < 0).sum() * 1.5**3 / 1000
    assert volume_ml == pytest.approx(121, rel=0.15)


def test_signed_distance_has_its_zero_between_the_voxels() -> None:
    mask = np.zeros((20, 20, 20), bool)
    mask[:, :, :9] = True
    line = signed_distance(mask, 2.0)[10, 10]
    assert np.allclose(line, 2.0 * (np.arange(20) - 8.5), atol=0.2)


def test_solids_join_on_a_lattice_as_they_would_by_themselves() -> None:
    box = np.array([[-40.0, -40, -40], [60, 40, 40]])
    both = joined(baked(sphere((0, 0, 0), 20), 1.0, box), sphere((25, 0, 0), 15), blend_mm=0, reach_mm=8)
    points = grid_points(Grid((16, 16, 16), np.array([[4.0, 0, 0, -20], [0, 4, 0, -30], [0, 0, 4, -30], [0, 0, 0, 1]])))
    true = np.minimum(np.linalg.norm(points, axis=-1) - 20, np.linalg.norm(points - (25, 0, 0), axis=-1) - 15)
    near = np.abs(true) < 5
    assert np.abs(both(points) - true)[near].max() < 0.2
    assert np.allclose(both.bounds_mm, [[-20, -20, -20], [40, 20, 20]])
