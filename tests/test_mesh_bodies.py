from __future__ import annotations

import numpy as np
import pytest
import trimesh

from condyle.errors import ConfigError, DataError
from condyle.io import read_labels
from condyle.meshes.bodies import Body, MeshSettings, bodies
from condyle.meshes.crossings import crossings
from condyle.meshes.deviation import distance_mm, samples
from condyle.meshes.placing import as_stored
from condyle.meshes.shape import enclosed_volume, point_normals
from condyle.meshes.slices import refined
from condyle.meshes.solid import is_sound, solid
from condyle.meshes.touching import touching_groups
from condyle.space import ORIENTATIONS, Grid, Volume, reorient
from condyle.space.surface import Surface
from grids import OBLIQUE, SHEARED
from solids import ball, cylinder, drawn, grid_around, torus

ISO, ANISO, THICK = (1.0, 1.0, 1.0), (0.8, 1.1, 1.0), (0.5, 0.5, 2.0)


def mesh_of(body: Body) -> tuple[np.ndarray, np.ndarray]:
    return body.smooth.surface.points_mm, body.smooth.surface.triangles


def volume_of(body: Body) -> float:
    return enclosed_volume(*mesh_of(body))


def only(volume: Volume, settings: MeshSettings = MeshSettings()) -> Body:  # noqa: B008
    (body,) = bodies(volume, settings).values()
    assert is_sound(*mesh_of(body))
    return body


@pytest.mark.parametrize("spacing", [ISO, ANISO, THICK, (2.0, 0.6, 0.6), (0.4, 0.4, 0.4)], ids=str)
@pytest.mark.parametrize("turn", [(0, 0, 0), (12, -25, 31)], ids=["straight", "oblique"])
def test_a_balls_surface_is_within_half_a_voxel_and_its_volume_within_a_percent(spacing, turn):
    body = only(drawn(grid_around(16, spacing, turn), ball((0, 0, 0), 12)))
    off = np.linalg.norm(body.smooth.surface.points_mm, axis=1) - 12
    assert np.abs(off).max() <= max(spacing) / 2
    assert np.abs(off).mean() <= max(spacing) / 8
    assert volume_of(body) == pytest.approx(4 / 3 * np.pi * 12**3, rel=0.01)


@pytest.mark.parametrize("spacing", [ISO, ANISO, THICK], ids=str)
def test_a_torus_keeps_its_hole_and_an_ellipsoid_its_volume(spacing):
    grid = grid_around(21, spacing)
    body = only(drawn(grid, torus(13, 6)))
    assert volume_of(body) == pytest.approx(2 * np.pi**2 * 13 * 36, rel=0.01)
    assert solid(*mesh_of(body)).genus() == 1
    ellipsoid = only(drawn(grid, lambda x: np.linalg.norm(x / [18, 12, 9], axis=-1) - 1))
    assert volume_of(ellipsoid) == pytest.approx(4 / 3 * np.pi * 18 * 12 * 9, rel=0.01)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_thin_tube_of_six_voxels_keeps_its_radius(axis):
    body = only(drawn(grid_around(20, ISO), cylinder(6, axis)))
    points, triangles = mesh_of(body)
    wall = np.unique(triangles[~body.smooth.on_border])
    radius = np.linalg.norm(np.delete(points[wall], axis, axis=1), axis=1)
    # All slices are the same, so the voxels themselves are a little too many or too few.
    voxels = np.sqrt(body.mask_volume_ml * 1000 / 40 / np.pi)
    assert radius.mean() == pytest.approx(voxels, abs=0.03)
    assert radius.mean() == pytest.approx(6, abs=0.1)
    assert np.abs(radius - 6).max() <= 0.5


def test_a_gentle_slope_loses_its_terraces():
    normal = np.array([0.12, 0.05, 1]) / np.linalg.norm([0.12, 0.05, 1])
    body = only(drawn(grid_around(20, ISO), lambda x: x @ normal))
    points, triangles = mesh_of(body)
    slope = ~body.smooth.on_border & (np.abs(points[triangles][..., :2]).max(axis=(1, 2)) < 12)
    tilt = np.degrees(np.arccos(np.clip(point_normals(points, triangles)[np.unique(triangles[slope])] @ normal, -1, 1)))
    raw = body.steps.surface
    middle = np.abs(raw.points_mm[:, :2]).max(axis=1) < 12
    before = np.degrees(np.arccos(np.clip(point_normals(raw.points_mm, raw.triangles)[middle] @ normal, -1, 1)))
    assert np.sqrt((tilt**2).mean()) < 0.4 * np.sqrt((before**2).mean())


def test_a_body_at_the_border_ends_in_a_flat_face_half_a_voxel_beyond_the_last_centres():
    grid = grid_around(12, ISO)
    body = only(drawn(grid, cylinder(6)))
    points, triangles = mesh_of(body)
    capped = np.unique(triangles[body.smooth.on_border])
    along = grid.to_index(points[capped])[:, 2]
    assert body.smooth.cut
    assert np.isclose(along, -0.5, atol=1e-4).sum() + np.isclose(along, grid.shape[2] - 0.5, atol=1e-4).sum() == len(
        along
    )
    # The rim is sharp: smoothing did not round the cut.
    assert volume_of(body) == pytest.approx(np.pi * 36 * grid.shape[2], rel=0.01)
    assert not only(drawn(grid, ball((0, 0, 0), 6))).smooth.cut


def test_every_voxel_centre_stays_on_its_own_side():
    rng = np.random.default_rng(3)
    mask = rng.random((12, 12, 12)) < 0.5
    volume = Volume.of(mask.astype(np.uint8), np.eye(4))
    points, triangles = mesh_of(only(volume))
    made = solid(points, triangles)
    for index in np.ndindex(4, 4, 4):
        centre = np.array(index) * 3
        near = np.abs(points - centre).sum(axis=1).min()
        assert near > 0.02
        # A tiny octahedron around the centre is all inside or all outside.
        box = solid(*_octahedron(centre, 0.01))
        assert bool(mask[tuple(centre)]) == ((made ^ box).volume() > 0.5 * box.volume())


def _octahedron(centre: np.ndarray, radius: float) -> tuple[np.ndarray, np.ndarray]:
    raw = crossings(np.ones((1, 1, 1), bool))
    return raw.points * 2 * radius + centre, raw.triangles


def test_the_budget_bounds_how_far_the_surface_moves():
    volume = drawn(grid_around(14, (0.9, 1.0, 1.1)), ball((0, 0, 0), 11))
    for budget in (0.0, 0.1, 0.3):
        body = only(volume, MeshSettings(smooth_mm=budget))
        steps = body.steps.surface
        moved = np.linalg.norm(body.smooth.surface.points_mm - steps.points_mm, axis=1)
        assert moved.max() <= budget + 1e-5
    assert np.linalg.norm(only(volume).smooth.surface.points_mm - steps.points_mm, axis=1).max() <= 0.55


def test_two_touching_balls_share_a_face_without_overlap_or_gap():
    volume = drawn(grid_around(22, ISO), ball((-8, 0, 0), 12), ball((9, 2, 1), 11))
    made = bodies(volume)
    one, two = (solid(*mesh_of(made[id_])) for id_ in (1, 2))
    whole = one + two
    assert (one ^ two).volume() < 1e-3 * min(one.volume(), two.volume())
    assert whole.volume() == pytest.approx(one.volume() + two.volume(), rel=1e-4)
    # No gap: the union is one body without a hollow, and the shared face's points are in both.
    assert len(whole.decompose()) == 1
    assert whole.genus() == 0
    shared = {tuple(p) for p in made[1].smooth.surface.points_mm} & {tuple(p) for p in made[2].smooth.surface.points_mm}
    assert len(shared) > 200
    for id_ in (1, 2):
        assert volume_of(made[id_]) == pytest.approx(made[id_].mask_volume_ml * 1000, rel=0.01)


def test_a_structure_inside_another_fills_its_hollow():
    made = bodies(drawn(grid_around(15, ISO), ball((0, 0, 0), 7), ball((0, 0, 0), 12)))
    inner, shell = (solid(*mesh_of(made[id_])) for id_ in (1, 2))
    assert (inner + shell).volume() == pytest.approx(4 / 3 * np.pi * 12**3, rel=0.01)
    assert (inner ^ shell).volume() < 1e-3
    assert shell.volume() == pytest.approx(4 / 3 * np.pi * (12**3 - 7**3), rel=0.01)


def test_three_structures_around_one_edge_overlap_nowhere():
    sectors = [lambda x, a=a: np.where(_in_sector(x, a), np.linalg.norm(x, axis=-1) - 12, 1.0) for a in (0, 1, 2)]
    made = bodies(drawn(grid_around(15, ISO), *sectors))
    solids = [solid(*mesh_of(body)) for body in made.values()]
    assert sum(s.volume() for s in solids) == pytest.approx(4 / 3 * np.pi * 12**3, rel=0.01)
    assert all((a ^ b).volume() < 0.1 for a, b in ((solids[0], solids[1]), (solids[1], solids[2])))


def _in_sector(x: np.ndarray, n: int) -> np.ndarray:
    angle = np.arctan2(x[..., 1] + 0.2, x[..., 0] - 0.3)
    return (angle + np.pi) // (2 * np.pi / 3) == n


BALLS = (ball((-12, 0, -13), 14), ball((12, 0, -13), 14), ball((-12, 0, 14), 16))


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)], ids=str)
@pytest.mark.parametrize("budget", [{}, {"triangles": 2000}], ids=str)
def test_no_sliver_of_a_seam_goes_to_a_structure_elsewhere(order, budget):
    # Balls one and two touch far from most of the third, which used to get what the cuts between them left.
    made = bodies(drawn(grid_around(34, ISO), *(BALLS[n] for n in order)), MeshSettings(**budget))
    solids = [solid(*mesh_of(body)) for body in made.values()]
    for body, own in zip(made.values(), solids, strict=True):
        assert len(own.decompose()) == body.mask_parts == 1
        size = np.ptp(body.smooth.surface.points_mm, axis=0)
        assert size == pytest.approx(np.ptp(body.steps.surface.points_mm, axis=0), abs=1)
    whole = solids[0] + solids[1] + solids[2]
    assert whole.volume() == pytest.approx(sum(s.volume() for s in solids), rel=1e-4)
    assert max((a ^ b).volume() for a in solids for b in solids if a is not b) < 1e-3 * whole.volume()


def test_islands_of_touching_structures_are_no_slivers():
    array = np.zeros((24, 24, 24), np.uint8)
    array[4:12, 4:16, 4:16], array[12:18, 4:16, 4:16] = 1, 2
    array[8, 10, 10], array[21, 5, 5], array[20, 20, 20] = 2, 2, 1
    made = bodies(Volume.of(array, np.eye(4)))
    assert [len([p for p in solid(*mesh_of(b)).decompose() if p.volume() > 0]) for b in made.values()] == [2, 3]
    assert [b.mask_parts for b in made.values()] == [2, 3]


@pytest.mark.parametrize("voxels", ["hip_right_labels", "abdomen_labels"])
def test_real_structures_that_touch_have_no_more_parts_than_their_masks(shared_data, voxels):
    for body in bodies(read_labels(shared_data / "ct_abdomen_pelvis" / f"{voxels}.nii.gz")).values():
        shells = solid(*mesh_of(body)).decompose()
        assert sum(shell.volume() > 0 for shell in shells) <= body.mask_parts


@pytest.mark.parametrize("count", [4, 10, 60, 500])
def test_a_lone_body_has_no_more_triangles_than_asked_for(count):
    body = only(drawn(grid_around(14, ISO), ball((0, 0, 0), 11)), MeshSettings(triangles=count))
    assert len(body.smooth.surface.triangles) <= count
    assert body.in_budget


def test_structures_that_touch_or_are_cut_share_their_budget_or_say_that_they_do_not():
    touching = drawn(grid_around(22, ISO), ball((-8, 0, 0), 12), ball((9, 2, 1), 11))
    cut = drawn(grid_around(12, ISO), cylinder(6))
    for volume, count in ((touching, 500), (touching, 2000), (cut, 60)):
        made = bodies(volume, MeshSettings(triangles=count))
        assert sum(len(body.smooth.surface.triangles) for body in made.values()) <= count * len(made)
        assert all(body.in_budget for body in made.values())
    assert not any(body.in_budget for body in bodies(touching, MeshSettings(triangles=4)).values())


def test_groups_are_joined_through_others():
    labels = np.zeros((10, 4, 4), np.uint8)
    labels[0:2], labels[2:4], labels[4:6], labels[8:] = 4, 2, 3, 1
    assert touching_groups(labels, [1, 2, 3, 4]) == [(1,), (2, 3, 4)]


@pytest.mark.parametrize("name", [*OBLIQUE, *SHEARED])
def test_an_oblique_or_sheared_grid_places_the_surface_where_the_voxels_are(name):
    grid = Grid((40, 30, 20), (OBLIQUE | SHEARED)[name])
    centre = grid.to_world([20, 15, 10])
    body = only(drawn(grid, ball(tuple(centre), 12)))
    assert body.smooth.surface.points_mm.mean(axis=0) == pytest.approx(centre, abs=0.3)
    assert volume_of(body) == pytest.approx(4 / 3 * np.pi * 12**3, rel=0.02)


def test_left_stays_left_in_all_48_orientations():
    volume = drawn(grid_around(9, (1.0, 1.2, 0.9)), ball((4, 1, 0), 3), ball((-4, -1, 2), 2.5))
    expected = bodies(volume)
    assert expected[1].smooth.surface.points_mm[:, 0].mean() == pytest.approx(4, abs=0.2)
    for orientation in ORIENTATIONS:
        made = bodies(reorient(volume, orientation))
        for id_ in (1, 2):
            assert np.allclose(mesh_of(made[id_])[0], mesh_of(expected[id_])[0], atol=1e-4)
            assert np.array_equal(mesh_of(made[id_])[1], mesh_of(expected[id_])[1])


@pytest.mark.parametrize("budget", [{"triangles": 600}, {"simplify_mm": 0.2}], ids=str)
def test_fewer_triangles_stay_sound_and_near(budget):
    volume = drawn(grid_around(22, ISO), ball((-8, 0, 0), 12), ball((9, 2, 1), 11))
    full, made = bodies(volume), bodies(volume, MeshSettings(**budget))
    for id_ in (1, 2):
        points, triangles = mesh_of(made[id_])
        assert is_sound(points, triangles)
        assert len(triangles) < len(full[id_].smooth.surface.triangles) / 2
        assert volume_of(made[id_]) == pytest.approx(volume_of(full[id_]), rel=0.02)
        if "simplify_mm" in budget:
            rng = np.random.default_rng(0)
            assert distance_mm(samples(points, triangles, rng), mesh_of(full[id_])).max() < 0.35
    one, two = (solid(*mesh_of(made[id_])) for id_ in (1, 2))
    assert (one ^ two).volume() < 1e-3 * two.volume()


def test_one_voxel_a_thin_sheet_and_lone_islands_do_not_vanish():
    array = np.zeros((30, 30, 12), np.uint8)
    array[4, 4, 4] = 1
    array[8:26, 8:26, 6] = 2
    array[2:28:6, 2:4, 10] = 3
    made = bodies(Volume.of(array, np.eye(4)))
    for id_, voxels in ((1, 1), (2, 324), (3, 10)):
        assert is_sound(*mesh_of(made[id_]))
        assert volume_of(made[id_]) == pytest.approx(voxels, rel=0.15)
    assert len(solid(*mesh_of(made[3])).decompose()) == 5


def test_a_single_slice_is_as_thick_as_its_spacing():
    world = Volume.of(np.pad(np.ones((10, 8, 1), np.uint8), ((3, 3), (3, 3), (0, 0))), np.diag([1, 1, 3.0, 1]))
    body = only(world)
    assert body.smooth.cut
    assert np.ptp(body.smooth.surface.points_mm[:, 2]) == pytest.approx(3, abs=1e-4)
    assert volume_of(body) == pytest.approx(240, rel=0.03)


def test_noise_gives_a_sound_surface_or_is_refused_before_it_takes_long():
    rng = np.random.default_rng(0)
    body = only(Volume.of((rng.random((20, 20, 20)) < 0.5).astype(np.uint8), np.eye(4)))
    assert len(body.smooth.surface.triangles) > 10_000
    with pytest.raises(DataError, match="noise"):
        bodies(Volume.of(rng.integers(0, 4, (40, 40, 40)).astype(np.uint8), np.eye(4)))


def test_an_empty_map_has_no_bodies():
    assert bodies(Volume.of(np.zeros((5, 5, 5), np.uint8), np.eye(4))) == {}


def test_slices_between_thick_ones_leave_those_as_they_were():
    volume = drawn(grid_around(12, (0.5, 0.5, 2.1)), ball((0, 0, 0), 9), ball((4, 0, 0), 7))
    fine = refined(volume)
    assert fine.spacing_mm == pytest.approx((0.5, 0.5, 0.42))
    assert np.array_equal(fine.array[:, :, 2::5], volume.array)
    outer = np.array([[-0.5] * 3, np.array(volume.shape) - 0.5])
    outer_fine = np.array([[-0.5] * 3, np.array(fine.shape) - 0.5])
    assert fine.grid.to_world(outer_fine) == pytest.approx(volume.grid.to_world(outer), abs=1e-9)
    assert refined(drawn(grid_around(5, ANISO), ball((0, 0, 0), 3))).grid.spacing_mm == ANISO


def test_a_real_hip_and_femur_that_touch_are_sound_and_apart(shared_data):
    volume = read_labels(shared_data / "ct_abdomen_pelvis" / "hip_right_labels.nii.gz")
    made = bodies(volume)
    femur, hip = (solid(*mesh_of(made[id_])) for id_ in (1, 2))
    assert (femur ^ hip).volume() < 1e-3 * femur.volume()
    for body in made.values():
        assert is_sound(*mesh_of(body))
        assert body.smooth.cut
        assert volume_of(body) / 1000 == pytest.approx(body.mask_volume_ml, rel=0.01)


@pytest.mark.parametrize(
    "wrong", [{"smooth_mm": -1.0}, {"simplify_mm": float("nan")}, {"triangles": 2}, {"triangles": 9, "simplify_mm": 1}]
)
def test_senseless_budgets_are_refused(wrong):
    with pytest.raises(ConfigError):
        MeshSettings(**wrong)


def test_points_that_rounding_brings_together_do_not_open_the_surface():
    grain = crossings(np.ones((1, 1, 1), bool))
    # Two grains that touch at a tip, as a cut may leave them: the tips keep to their own grain.
    points = np.concatenate([grain.points, grain.points + np.array([1, 0, 0])]) + 500
    triangles = np.concatenate([grain.triangles, grain.triangles + 6])
    apart = as_stored(Surface(points, triangles), np.zeros(16, bool)).surface
    assert len(np.unique(apart.points_mm, axis=0)) == 12
    assert enclosed_volume(apart.points_mm, apart.triangles) == pytest.approx(2 / 6, rel=0.01)
    # A point doubled by a triangle pair as thin as a hair becomes one again.
    a, b, c = grain.triangles[0]
    double = np.concatenate([points[:6], points[[a]] + 1e-9])
    shared = (grain.triangles == a) & (np.arange(8) < 1)[:, None]
    slit = np.concatenate([np.where(shared, 6, grain.triangles), [[a, b, 6], [a, 6, c]]]).astype(np.int32)
    joined = as_stored(Surface(double, slit), np.zeros(10, bool)).surface
    assert (len(joined.points_mm), len(joined.triangles)) == (6, 8)


@pytest.mark.parametrize("seed", range(6))
def test_three_touching_balls_anywhere_are_watertight_as_stored(seed):
    rng = np.random.default_rng(seed)
    grid = grid_around(16, tuple(rng.uniform(0.5, 1, 3)), tuple(rng.uniform(-40, 40, 3)))
    affine = np.array(grid.affine)
    affine[:3, 3] += rng.normal(0, 300, 3)
    balls = [ball(tuple(rng.normal(0, 5, 3)), rng.uniform(5, 8)) for _ in range(3)]
    made = bodies(Volume(drawn(grid, *balls).array, Grid(grid.shape, affine)))
    for body in made.values():
        mesh = trimesh.Trimesh(*mesh_of(body), process=False)
        mesh.merge_vertices()
        assert mesh.is_watertight
        assert mesh.is_winding_consistent
