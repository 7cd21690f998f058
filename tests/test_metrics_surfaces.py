"""Distances between surfaces, against bodies a known distance apart."""

from __future__ import annotations

import numpy as np
import pytest

from condyle.io import read_labels
from condyle.meshes.isosurface import isosurface
from condyle.metrics.distances import SurfaceDistances, surface_distances
from condyle.metrics.nearest import distances_to
from condyle.space import Grid
from condyle.space.surface import Surface
from metric_bodies import COARSE, ISOTROPIC, Spacing, ellipsoid, grid_of, mask, plane, rod, shell
from solids import Distance, ball

TURN = (11, -17, 24)

#: Body, swelling in mm, half the field of view in mm.
BODIES = {
    "ball": (ball((0, 0, 0), 14), 1.0, 18),
    "ellipsoid": (ellipsoid((15, 12, 10)), 1.0, 19),
    "rod": (rod(9), 1.0, 18),
    "plane": (plane, 1.0, 14),
    "shell": (shell(8, 14), 0.8, 18),
}


def measured(body: Distance, gap: float, grid: Grid) -> SurfaceDistances:
    out = surface_distances(mask(grid, body), mask(grid, body, gap), grid)
    assert out is not None
    return out


@pytest.mark.parametrize("turn", [(0, 0, 0), TURN], ids=["straight", "oblique"])
@pytest.mark.parametrize("spacing", ISOTROPIC, ids=str)
@pytest.mark.parametrize("name", BODIES)
def test_assd_is_within_two_percent_on_isotropic_voxels(name: str, spacing: Spacing, turn: tuple[float, float, float]):
    body, gap, half = BODIES[name]
    far = measured(body, gap, grid_of(half, spacing, turn))
    assert far.assd_mm == pytest.approx(gap, rel=0.02)
    # A constant gap, seen through voxels: its upper percentiles read the noise of the voxels too.
    assert gap - 0.02 < far.robust_hd_mm() < gap + 0.23 * spacing[0]


@pytest.mark.parametrize("turn", [(0, 0, 0), TURN], ids=["straight", "oblique"])
@pytest.mark.parametrize("spacing", COARSE, ids=str)
@pytest.mark.parametrize("name", ["ball", "ellipsoid", "rod", "plane"])
def test_assd_is_within_ten_percent_up_to_six_to_one(name: str, spacing: Spacing, turn: tuple[float, float, float]):
    body, gap, half = BODIES[name]
    assert measured(body, gap, grid_of(half, spacing, turn)).assd_mm == pytest.approx(gap, rel=0.1)


@pytest.mark.parametrize(("spacing", "limit"), [*((s, 0.02) for s in ISOTROPIC), *((s, 0.1) for s in COARSE)], ids=str)
def test_distances_of_a_shifted_ball_are_what_the_integral_says(spacing: Spacing, limit: float):
    # From a point of a sphere of radius R in direction u to the sphere moved by s: | |R u - s| - R |.
    radius, shift = 16.0, 4.0
    grid = grid_of(22, spacing)
    far = surface_distances(mask(grid, ball((-2, 0, 0), radius)), mask(grid, ball((2, 0, 0), radius)), grid)
    assert far is not None
    cosines = np.linspace(-1, 1, 20001)
    true = np.abs(np.sqrt(radius**2 - 2 * radius * shift * cosines + shift**2) - radius)
    assert far.assd_mm == pytest.approx(true.mean(), rel=limit)
    assert far.robust_hd_mm(95) == pytest.approx(np.percentile(true, 95), rel=limit)
    # One point decides on it: the voxels' noise shows in full.
    assert far.hd_mm == pytest.approx(shift, abs=0.7 * max(spacing))
    assert far.median_mm == pytest.approx(np.median(true), rel=2 * limit)
    assert far.sd_mm == pytest.approx(true.std(), rel=2 * limit)
    assert far.surface_dice(2.0) == pytest.approx((true <= 2).mean(), abs=2 * limit)
    assert far.surface_overlap(2.0) == pytest.approx((true <= 2).mean(), abs=2 * limit)


def test_a_cut_body_is_measured_on_its_own_surface_alone():
    # A lateral error of 2.0 mm of a rod that leaves the field of view at both ends.
    far = measured(rod(8), 2.0, grid_of(13, (1, 1, 1)))
    assert far.cut
    assert far.assd_mm == pytest.approx(2, rel=0.02)


@pytest.mark.parametrize("gap", [1, 2, 3])
@pytest.mark.parametrize("affine", [np.diag([1, 1, 1, 1.0]), np.diag([2, 0.5, 0.5, 1])], ids=["cubes", "thick"])
def test_a_body_that_ends_before_the_border_is_as_far_as_the_border_from_one_that_goes_on(gap: int, affine: np.ndarray):
    # Half of space, cut on five faces of the view, against itself without the layers at the first: they alone differ.
    grid = Grid((30, 24, 24), affine)
    half, short = (np.zeros(grid.shape, bool) for _ in range(2))
    half[:20], short[gap:20] = True, True
    for far in (surface_distances(half, short, grid), surface_distances(half[::-1], short[::-1], grid)):
        assert far is not None
        assert far.hd_mm == pytest.approx(gap * grid.spacing_mm[0], rel=0.01)
        # Two equal faces of the short one: all of one lies that far, nothing of the other.
        assert far.from_prediction.mean_mm == pytest.approx(far.hd_mm / 2, rel=0.02)
        assert far.from_reference.mean_mm == 0


@pytest.mark.parametrize("height", [12, 60])
def test_a_cylinder_one_slice_short_of_the_border_is_off_by_that_slice(height: int):
    body = mask(Grid((40, 40, height), np.eye(4)), lambda x: np.linalg.norm(x[..., :2] - 19.7, axis=-1) - 12)
    short = body.copy()
    short[:, :, 0] = False
    far = surface_distances(body, short, Grid(body.shape, np.eye(4)))
    assert far is not None
    assert far.hd_mm == pytest.approx(1, abs=0.15)
    # Its end has the area 144 pi, its wall 24 pi times its length; the rim is rounded off.
    assert far.from_prediction.mean_mm == pytest.approx(144 / (144 + 24 * (height - 1)), abs=0.05)


@pytest.mark.parametrize("turn", [(0, 0, 0), TURN], ids=["straight", "oblique"])
@pytest.mark.parametrize("name", ["rod", "plane"])
def test_no_cut_face_is_nearer_to_a_body_cut_by_the_view_than_the_others_surface(name: str, turn):
    # Beside the border the cut face of the larger body is right ahead; the true distance is the gap, everywhere.
    body, _, half = BODIES[name]
    far = measured(body, 3.0, grid_of(half, (1, 1, 1), turn))
    for one_way in (far.from_reference, far.from_prediction):
        assert one_way.area_within_mm2(2.5) < 0.01 * one_way.area_mm2.sum()


def test_a_thin_rod_through_the_view_is_measured_to_the_wall_of_the_thick_one_right_to_its_end():
    grid = Grid((41, 41, 16), np.eye(4))
    off = np.linalg.norm(np.indices(grid.shape)[:2] - 20.0, axis=0)
    far = surface_distances(off < 15, off < 4, grid)
    assert far is not None
    assert far.from_prediction.mm[0] == pytest.approx(11, abs=0.5)


def test_a_femur_without_its_last_slice_is_off_by_little_more_than_a_slice(shared_data):
    volume = read_labels(shared_data / "ct_abdomen_pelvis" / "hip_right_labels.nii.gz")
    femur = volume.array == 1
    short = femur.copy()
    short[:, :, 0] = False
    far = surface_distances(femur, short, volume.grid)
    assert far is not None
    assert far.hd_mm < 4
    assert far.robust_hd_mm() < 3
    assert far.assd_mm < 0.3


def test_a_surface_has_no_distance_from_itself():
    grid = grid_of(10, (1, 1, 2))
    far = surface_distances(mask(grid, ball((0, 0, 0), 7)), mask(grid, ball((0, 0, 0), 7)), grid)
    assert far is not None
    assert (far.assd_mm, far.hd_mm, far.surface_dice(0.0)) == (0, 0, 1)


def test_a_lone_voxel_far_away_is_seen_by_the_hausdorff_distance_and_hardly_by_the_mean():
    grid = grid_of(20, (1, 1, 1))
    body = mask(grid, ball((0, 0, 0), 8))
    speck = body.copy()
    speck[1, 20, 20] = True
    far = surface_distances(body, speck, grid)
    assert far is not None
    distance = np.linalg.norm(grid.to_world((1, 20, 20))) - 8
    assert far.hd_mm == pytest.approx(distance, abs=0.5)
    assert far.assd_mm < 0.01


def test_an_empty_mask_or_one_that_fills_the_view_has_no_distances():
    grid = grid_of(6, (1, 1, 1))
    body = mask(grid, ball((0, 0, 0), 4))
    assert surface_distances(body, np.zeros_like(body), grid) is None
    assert surface_distances(body, np.ones_like(body), grid) is None


@pytest.mark.parametrize("tall", [1, 7])
def test_points_above_a_triangle_are_as_far_as_they_should_be(tall: float):
    corners = np.array([[0.0, 0, 0], [4, 0, 0], [0, 4, 0]])
    one = Surface(corners, np.array([[0, 1, 2]], np.int32))
    points = np.array([[1, 1, tall], [2, -3, 0], [4, 4, 0], [-3, -4, 0], [9, 0, 0]])
    np.testing.assert_allclose(distances_to(points, one), [tall, 3, np.sqrt(8), 5, 5])


def test_the_nearest_triangle_is_found_as_by_trying_all():
    grid = grid_of(9, (1, 1, 2))
    surface = isosurface(mask(grid, ellipsoid((7, 5, 4))), grid).surface
    points = np.random.default_rng(3).uniform(-8, 8, (5, 3))
    every = [
        min(distances_to(p[None], Surface(surface.points_mm, t[None]))[0] for t in surface.triangles[::1])
        for p in points[:6]
    ]
    np.testing.assert_allclose(distances_to(points, surface), every, atol=2e-3)
