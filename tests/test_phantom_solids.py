"""Solids have the volumes, distances and boxes that geometry says."""

from __future__ import annotations

import numpy as np
import pytest

from condyle.phantoms.body import STEEPEST, Body, Subject, box_of, inside_mask, sample
from condyle.phantoms.part import other_side
from condyle.phantoms.solids import (
    Solid,
    box,
    capsule,
    culled,
    cylinder,
    difference,
    displaced,
    ellipsoid,
    half_space,
    intersection,
    mirrored,
    moved,
    offset,
    plate,
    rotation,
    round_cone,
    smooth_tube,
    sphere,
    torus,
    tube,
    uneven,
    union,
    waves,
)
from condyle.phantoms.solids.loft import Ridge, Section, loft
from condyle.phantoms.tissue import CODES, TISSUES
from condyle.space import Grid

BALL = 4 / 3 * np.pi

SOLIDS: dict[str, tuple[Solid, float]] = {
    "sphere": (sphere((1, 2, 3), 10), BALL * 1000),
    "ellipsoid": (ellipsoid((0, 0, 0), (12, 8, 5), rotation((1, 2, 0), 30)), BALL * 480),
    "capsule": (capsule((-8, 0, 0), (8, 4, 0), 5), BALL * 125 + np.pi * 25 * np.hypot(16, 4)),
    "cylinder": (cylinder((0, 0, -6), (0, 5, 6), 7), np.pi * 49 * 13),
    "torus": (torus((0, 0, 0), (0, 1, 2), 12, 4), 2 * np.pi**2 * 12 * 16),
    "box": (box((0, 1, 0), (8, 6, 4)), 8 * 8 * 6 * 4),
    "half of a ball": (intersection(sphere((0, 0, 0), 10), half_space((0, 0, 0), (1, 1, 0))), BALL * 500),
    "ball with a hole": (difference(sphere((0, 0, 0), 10), sphere((0, 0, 0), 6)), BALL * (1000 - 216)),
    "grown box": (offset(box((0, 0, 0), (6, 5, 4)), 2), 960 + 2 * 2 * (120 + 96 + 80) + np.pi * 4 * 30 + BALL * 8),
    "plate": (plate([(0, 0, 0), (24, 0, 0), (0, 18, 0)], 2), 216 * 4 + np.pi * 2 * (24 + 18 + 30) + BALL * 8),
    "straight tube": (tube([(0, 0, -9), (0, 0, 0), (0, 0, 9)], 5), BALL * 125 + np.pi * 25 * 18),
    "loft": (loft([Section(-10, (8, 5)), Section(10, (8, 5))], cap_mm=0.01), np.pi * 40 * 20),
    "cone loft": (loft([Section(0, (10, 10)), Section(20, (4, 4))], cap_mm=0.01), np.pi * 20 / 3 * (100 + 40 + 16)),
}


def _grid(step_mm: float = 0.5) -> Grid:
    affine = np.diag([step_mm, step_mm, step_mm, 1])
    affine[:3, 3] = (-30.1, -30.2, -30.3)
    n = round(60 / step_mm)
    return Grid((n, n, n), affine)


def _mask(solid: Solid, step_mm: float = 0.5) -> np.ndarray:
    grid = _grid(step_mm)
    found = box_of(solid.bounds_mm, grid)
    out = np.zeros(grid.shape, bool)
    if found is not None:
        out[found.slices] = inside_mask(solid.distance_mm, grid, found)
    return out


def _points(count: int = 4000) -> np.ndarray:
    return np.random.default_rng(5).uniform(-25, 25, (count, 3)).astype(np.float32)


@pytest.mark.parametrize("name", SOLIDS)
def test_a_solid_has_its_volume(name: str) -> None:
    solid, volume_mm3 = SOLIDS[name]
    assert _mask(solid).sum() * 0.125 == pytest.approx(volume_mm3, rel=0.012)


@pytest.mark.parametrize("name", SOLIDS)
def test_a_solid_lies_within_its_box(name: str) -> None:
    solid = SOLIDS[name][0]
    inside = _points()[solid(_points()) < 0]
    assert (inside >= solid.bounds_mm[0] - 1e-4).all()
    assert (inside <= solid.bounds_mm[1] + 1e-4).all()


@pytest.mark.parametrize("name", SOLIDS)
def test_distances_change_by_at_most_the_promised_slope(name: str) -> None:
    solid, points = SOLIDS[name][0], _points()
    step = np.random.default_rng(6).normal(size=points.shape)
    step = (0.1 * step / np.linalg.norm(step, axis=1, keepdims=True)).astype(np.float32)
    near = np.abs(solid(points)) < 4
    assert np.abs(solid(points + step) - solid(points))[near].max() / 0.1 < STEEPEST + 0.02


def test_distances_of_a_sphere_a_box_and_a_torus_are_exact() -> None:
    p = np.array([[10.0, 0, 0], [0, 0, 9], [3, 4, 0]], np.float32)
    assert sphere((0, 0, 0), 4)(p) == pytest.approx([6, 5, 1], abs=1e-6)
    assert box((0, 0, 0), (4, 4, 4))(p) == pytest.approx([6, 5, 0], abs=1e-6)
    assert torus((0, 0, 0), (0, 0, 1), 5, 1)(p) == pytest.approx([4, np.hypot(5, 9) - 1, -1], abs=1e-5)


def test_the_distance_inside_an_ellipsoid_is_never_much_too_deep() -> None:
    solid = ellipsoid((0, 0, 0), (20, 4, 4))
    angle = np.linspace(0, 2 * np.pi, 4001)
    surface = np.stack([20 * np.cos(angle), 4 * np.sin(angle)], -1)
    for x, y in ((0, 0), (10, 0), (15, 1), (0, 2), (19, 0)):
        true = np.hypot(*(surface - (x, y)).T).min()
        assert -solid(np.array([[x, y, 0]], np.float32))[0] < 1.15 * true + 1e-6


def test_a_round_cone_has_its_radius_at_both_ends() -> None:
    cone = round_cone((0, 0, 0), (20, 0, 0), 8, 3)
    ends = np.array([[-8, 0, 0], [23, 0, 0]], np.float32)
    assert cone(ends) == pytest.approx([0, 0], abs=1e-5)


def test_a_smooth_tube_passes_through_its_points() -> None:
    points = np.array([(-15, 0, 0), (-5, 6, 0), (5, -6, 3), (15, 0, 0)], np.float32)
    assert smooth_tube(points, 3, 30)(points) == pytest.approx([-3] * 4, abs=0.3)


def test_a_union_contains_its_parts_and_a_blend_only_adds() -> None:
    a, b, p = sphere((-4, 0, 0), 6), sphere((5, 0, 0), 5), _points()
    sharp, soft = union(a, b)(p), union(a, b, blend_mm=4)(p)
    assert np.array_equal(sharp, np.minimum(a(p), b(p)))
    assert (soft <= sharp).all()
    assert (sharp - soft).max() == pytest.approx(1.0, abs=0.02)


def test_culling_changes_no_sign() -> None:
    solid, p = ellipsoid((3, -4, 2), (9, 6, 4)), _points()
    assert np.array_equal(culled(solid)(p) < 0, solid(p) < 0)


def test_moving_moves_the_solid_and_its_box() -> None:
    turn, p = rotation((0, 0, 1), 90), _points()
    placed = moved(box((5, 0, 0), (5, 1, 1)), turn, (0, 0, 7))
    expected = box((0, 5, 7), (1, 5, 1))
    assert placed(p) == pytest.approx(expected(p), abs=1e-4)
    assert placed.bounds_mm == pytest.approx(expected.bounds_mm, abs=1e-6)


def test_mirroring_twice_is_nothing_and_once_swaps_x() -> None:
    solid, p = sphere((6, 1, 2), 4), _points()
    assert mirrored(solid)(p) == pytest.approx(sphere((-6, 1, 2), 4)(p), abs=1e-5)
    assert np.array_equal(mirrored(mirrored(solid))(p), solid(p))
    assert mirrored(solid).bounds_mm.tolist() == [[-10, -3, -2], [-2, 5, 6]]


def test_waves_have_the_named_size_and_bound() -> None:
    field = waves(np.random.default_rng(3), 0.5, 20)
    values = field(np.random.default_rng(4).uniform(-500, 500, (20000, 3)).astype(np.float32))
    assert values.std() == pytest.approx(0.5, rel=0.03)
    assert np.abs(values).max() < 0.5 * np.sqrt(12)


def test_an_uneven_solid_stays_in_its_box_and_keeps_shells_honest() -> None:
    solid = uneven(sphere((0, 0, 0), 15), np.random.default_rng(1), 0.5, 20)
    inside = _points()[solid(_points()) < 0]
    assert (np.abs(inside) <= solid.bounds_mm[1]).all()
    # A 3 mm shell is 3 mm thick along any ray, to 15 %.
    rays = np.random.default_rng(2).normal(size=(200, 3))
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    radii = np.linspace(8, 18, 1001)
    values = solid((rays[:, None] * radii[:, None]).astype(np.float32))
    thickness = ((values < 0) & (values > -3)).sum(1) * (radii[1] - radii[0])
    assert np.abs(thickness / 3 - 1).max() < 0.15


def test_displacement_moves_a_surface_outwards() -> None:
    grown = displaced(sphere((0, 0, 0), 5), lambda p: np.full(p.shape[:-1], 2, np.float32), 2)
    assert grown(np.array([[7.0, 0, 0]], np.float32))[0] == pytest.approx(0, abs=1e-6)


def test_a_ridge_raises_the_outline_where_it_points() -> None:
    section = Section(0, (10, 10), ridges=(Ridge(90, 3, 10),))
    assert section.radius_mm(np.deg2rad([90.0, 270, 0])) == pytest.approx([13, 10, 10], abs=1e-3)


def test_sampling_in_blocks_is_the_same_as_point_by_point_on_an_oblique_grid() -> None:
    affine = np.eye(4)
    affine[:3, :3] = rotation((1, 2, 3), 25) * (0.9, 1.3, 2.1)
    affine[:3, 3] = -30
    grid = Grid((45, 37, 24), affine)
    solid = union(sphere((-6, 0, 0), 9), ellipsoid((8, 2, 4), (12, 6, 7)), blend_mm=4)
    found = box_of(solid.bounds_mm, grid)
    assert found is not None
    points = grid.to_world(np.moveaxis(np.indices(grid.shape), 0, -1)).astype(np.float32)
    expected = solid(points) < 0
    assert np.array_equal(inside_mask(solid.distance_mm, grid, found), expected[found.slices])
    outside = expected.copy()
    outside[found.slices] = False
    assert not outside.any()


def test_the_later_body_wins_and_owners_follow_first_appearance() -> None:
    ball, core = sphere((0, 0, 0), 10), sphere((0, 0, 0), 5)
    bodies = (
        Body("", "muscle", sphere((0, 0, 0), 14).distance_mm, sphere((0, 0, 0), 14).bounds_mm),
        Body("femur_right", "cortical_bone", ball.distance_mm, ball.bounds_mm),
        Body("tibia_right", "yellow_marrow", core.distance_mm, core.bounds_mm),
    )
    tissue, owner = sample(Subject(bodies), _grid(1.0))
    center, ring, flesh = (30, 30, 30), (38, 30, 30), (42, 30, 30)
    assert [owner[at] for at in (center, ring, flesh)] == [2, 1, 0]
    assert [list(TISSUES)[tissue[at]] for at in (center, ring, flesh)] == ["yellow_marrow", "cortical_bone", "muscle"]
    assert tissue[0, 0, 0] == CODES["air"] == 0


def test_a_subject_outside_the_grid_leaves_air() -> None:
    far = sphere((500, 0, 0), 10)
    tissue, owner = sample(Subject((Body("x", "fat", far.distance_mm, far.bounds_mm),)), _grid(2.0))
    assert not tissue.any()
    assert not owner.any()


def test_sides_swap_in_names_only_as_whole_words() -> None:
    assert [other_side(n) for n in ("femur_left", "kidney_right", "liver", "")] == [
        "femur_right", "kidney_left", "liver", "",
    ]  # fmt: skip
