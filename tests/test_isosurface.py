"""The surface of a mask: where it lies, what it encloses, which way it faces."""

from __future__ import annotations

import numpy as np
import pytest

from condyle.meshes.isosurface import isosurface
from condyle.space import Grid
from grids import ALL
from metric_bodies import ISOTROPIC, Spacing, ellipsoid, grid_of, is_closed, mask, plane, rod, volume_mm3
from solids import Distance, ball


@pytest.mark.parametrize("spacing", [*ISOTROPIC, (1.0, 1.0, 3.0), (0.5, 0.5, 3.0)], ids=str)
@pytest.mark.parametrize("turn", [(0, 0, 0), (11, -17, 24)], ids=["straight", "oblique"])
def test_a_smooth_body_keeps_its_volume_within_one_percent(spacing: Spacing, turn: tuple[float, float, float]):
    grid = grid_of(19, spacing, turn)
    made = isosurface(mask(grid, ellipsoid((16, 14, 12))), grid)
    volume = volume_mm3(made.surface.points_mm, made.surface.triangles)
    assert volume == pytest.approx(4 / 3 * np.pi * 16 * 14 * 12, rel=0.01)
    assert is_closed(made.surface.triangles)
    assert not made.cut


@pytest.mark.parametrize(("radius", "bias"), [(3, 0.09), (5, 0.03), (10, 0.008), (20, 0.003)])
def test_the_bias_on_volume_is_as_documented(radius: float, bias: float):
    ratios = []
    for n in range(4):
        centre = np.random.default_rng(n).uniform(-0.5, 0.5, 3)
        grid = grid_of(radius + 4, (1, 1, 1))
        made = isosurface(mask(grid, ball(tuple(centre), radius)), grid)
        volume = volume_mm3(made.surface.points_mm, made.surface.triangles)
        ratios.append(volume / (mask(grid, ball(tuple(centre), radius)).sum()))
    assert np.mean(ratios) == pytest.approx(1, abs=bias)


@pytest.mark.parametrize("spacing", ISOTROPIC, ids=str)
def test_every_point_lies_within_half_a_voxel_of_the_true_ball(spacing: Spacing):
    grid = grid_of(17, spacing)
    made = isosurface(mask(grid, ball((0, 0, 0), 14)), grid)
    off = np.abs(np.linalg.norm(made.surface.points_mm, axis=1) - 14)
    assert off.max() < 0.5 * spacing[0]
    assert off.mean() < 0.06 * spacing[0]


@pytest.mark.parametrize("name", ALL)
def test_the_surface_faces_outward_and_lies_in_place_on_every_grid(name: str):
    grid = Grid((30, 24, 14), ALL[name])
    centre = grid.to_world((14.3, 11.8, 6.6))
    made = isosurface(mask(grid, ball(tuple(centre), 7)), grid)
    assert volume_mm3(made.surface.points_mm, made.surface.triangles) == pytest.approx(4 / 3 * np.pi * 343, rel=0.03)
    np.testing.assert_allclose(made.surface.points_mm.mean(0), centre, atol=0.15)


def test_the_surface_separates_the_same_voxel_centres_as_the_mask():
    # On a line of voxel centres the surface crosses once between each two that differ, whatever the noise.
    noise = np.random.default_rng(0).random((9, 8, 7)) > 0.6
    made = isosurface(noise, Grid(noise.shape, np.eye(4)))
    points = made.surface.points_mm
    along_i = points[np.isclose(points[:, 1:], np.rint(points[:, 1:])).all(1)]
    padded = np.pad(noise, 1)
    assert len(along_i) == np.count_nonzero(padded[1:] != padded[:-1])


def test_one_voxel_has_a_surface_around_its_centre():
    one = np.zeros((5, 5, 5), bool)
    one[2, 1, 3] = True
    made = isosurface(one, Grid((5, 5, 5), np.eye(4)))
    np.testing.assert_allclose(made.surface.points_mm.mean(0), (2, 1, 3), atol=1e-6)
    assert is_closed(made.surface.triangles)


def test_an_empty_mask_has_no_triangles():
    made = isosurface(np.zeros((4, 4, 4), bool), Grid((4, 4, 4), np.eye(4)))
    assert len(made.surface.triangles) == 0
    assert not made.cut


@pytest.mark.parametrize("body", [rod(8), plane], ids=["rod", "plane"])
def test_a_body_cut_by_the_border_is_closed_half_a_voxel_beyond_and_marked(body: Distance):
    grid = grid_of(12, (1, 1, 1))
    made = isosurface(mask(grid, body), grid)
    index = grid.to_index(made.surface.points_mm)
    assert is_closed(made.surface.triangles)
    assert made.cut
    assert index.min() == pytest.approx(-0.5, abs=1e-4)
    inner = index[np.unique(made.surface.triangles[~made.on_border])]
    assert inner.min() >= -1e-4
    assert (inner <= np.array(grid.shape) - 1 + 1e-4).all()
    off = np.abs(body(grid.to_world(inner)))
    assert off.mean() < 0.1


def test_a_single_slice_gives_its_outline():
    grid = Grid((40, 40, 1), np.diag([1, 1, 5, 1]))
    made = isosurface(mask(grid, lambda x: np.hypot(x[..., 0] - 20.2, x[..., 1] - 19.6) - 12), grid)
    points = made.surface.points_mm[np.unique(made.surface.triangles[~made.on_border])]
    radii = np.hypot(points[:, 0] - 20.2, points[:, 1] - 19.6)
    assert radii.mean() == pytest.approx(12, abs=0.1)


def test_memory_order_of_the_mask_does_not_matter():
    grid = grid_of(9, (1, 1, 1))
    body = mask(grid, ball((0, 0, 0), 6))
    a, b = isosurface(body, grid), isosurface(np.asfortranarray(body), grid)
    np.testing.assert_array_equal(a.surface.points_mm, b.surface.points_mm)
