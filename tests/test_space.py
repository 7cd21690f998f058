"""Geometry: a voxel stays where it is in the patient, whatever is done to axes and boxes."""

from __future__ import annotations

import numpy as np
import pytest

from condyle.errors import ConfigError
from condyle.space import (
    ORIENTATIONS,
    Box,
    Grid,
    Volume,
    axis_codes,
    bounding_box,
    crop,
    cropped_grid,
    flip,
    orthonormalized,
    pad,
    permute,
    reorient,
)
from grids import ALL

SHAPE = (4, 5, 6)


def volume_on(affine: np.ndarray) -> Volume:
    return Volume.of(np.arange(np.prod(SHAPE)).reshape(SHAPE), affine)


def same_places(a: Volume, b: Volume) -> bool:
    """Whether every voxel of `b` has the value `a` has at that place."""
    index = np.stack(np.meshgrid(*(np.arange(n) for n in b.shape), indexing="ij"), -1)
    return np.array_equal(a.value_at(b.grid.to_world(index)), b.array)


@pytest.mark.parametrize("name", ALL)
def test_world_and_index_are_inverse(name):
    grid = volume_on(ALL[name]).grid
    index = np.random.default_rng(1).uniform(-3, 9, (20, 3))
    assert np.allclose(grid.to_index(grid.to_world(index)), index)


@pytest.mark.parametrize("name", ORIENTATIONS)
def test_orientation_is_read_off_the_affine(name):
    assert axis_codes(ALL[name]) == name


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("orientation", ["RAS", "LPS", "SPL", "IAR"])
def test_reorient_keeps_every_voxel_in_its_place(name, orientation):
    source = volume_on(ALL[name])
    turned = reorient(source, orientation)
    assert turned.grid.orientation == orientation
    assert same_places(source, turned)
    assert reorient(turned, source.grid.orientation).grid.matches(source.grid, 1e-9)


def test_permute_and_flip_keep_every_voxel_in_its_place():
    source = volume_on(ALL["oblique-PIR"])
    assert same_places(source, permute(source, (2, 0, 1)))
    assert same_places(source, flip(source, [0, 2]))


def test_an_orientation_needs_one_letter_of_each_pair():
    with pytest.raises(ConfigError, match="RRA"):
        reorient(volume_on(ALL["RAS"]), "RRA")


@pytest.mark.parametrize("name", ["RAS", "LPS", "oblique-AIL", "sheared"])
def test_crop_and_pad_keep_every_voxel_in_its_place(name):
    source = volume_on(ALL[name])
    box = Box((1, 0, 2), (3, 4, 5))
    assert same_places(source, crop(source, box))
    assert cropped_grid(source.grid, box).matches(crop(source, box).grid, 1e-9)
    padded = pad(source, (1, 2, 0), (0, 1, 3), value=-7)
    assert padded.shape == (5, 8, 9)
    assert same_places(padded, source)
    assert padded.array[0, 0, 0] == -7


def test_pad_can_repeat_the_edge():
    padded = pad(volume_on(ALL["RAS"]), (1, 0, 0), (0, 0, 0), mode="edge")
    assert np.array_equal(padded.array[0], padded.array[1])


def test_bounding_box_is_tight_and_none_when_empty():
    mask = np.zeros(SHAPE, bool)
    assert bounding_box(mask) is None
    mask[1, 2:4, 5] = True
    assert bounding_box(mask) == Box((1, 2, 5), (2, 4, 6))
    assert Box((1, 2, 5), (2, 4, 6)).grown(2, SHAPE) == Box((0, 0, 3), (4, 5, 6))


def test_voxel_volume_of_a_sheared_grid_is_its_determinant():
    affine = np.eye(4)
    affine[0, 2] = 1.0
    assert Grid((2, 2, 2), affine).voxel_volume_mm3 == pytest.approx(1)
    assert Grid((2, 2, 2), affine).is_sheared


def test_the_nearest_rotation_keeps_spacing_and_origin():
    affine = ALL["oblique-RAS"].copy()
    affine[0, 1] += 4e-4
    repaired = Grid(SHAPE, orthonormalized(affine))
    assert repaired.orthonormality_error < 1e-12
    assert repaired.spacing_mm == pytest.approx(Grid(SHAPE, affine).spacing_mm)
    assert np.array_equal(repaired.origin_mm, affine[:3, 3])


@pytest.mark.parametrize(
    ("shape", "affine"),
    [
        ((4, 4), np.eye(4)),
        ((4, 4, 0), np.eye(4)),
        ((4, 4, 4), np.diag([1, 0, 1, 1.0])),
        ((4, 4, 4), np.diag([1, np.nan, 1, 1.0])),
        ((4, 4, 4), np.ones((4, 4))),
        ((4, 4, 4), np.eye(3)),
    ],
)
def test_a_grid_that_is_no_grid_is_refused(shape, affine):
    with pytest.raises(ValueError, match=r"grid|affine"):
        Grid(shape, affine)


def test_grids_match_to_a_hundredth_of_a_voxel():
    grid = volume_on(ALL["RAS"]).grid
    moved = grid.affine.copy()
    moved[0, 3] += 0.005
    assert grid.matches(Grid(SHAPE, moved))
    moved[0, 3] += 0.005
    assert not grid.matches(Grid(SHAPE, moved))
    assert not grid.matches(Grid((4, 5, 7), grid.affine))


def test_a_volume_is_as_large_as_its_grid():
    with pytest.raises(ValueError, match="shape"):
        Volume(np.zeros((2, 2, 2)), Grid((2, 2, 3), np.eye(4)))


def test_no_value_outside_the_volume():
    with pytest.raises(IndexError):
        volume_on(np.eye(4)).value_at(np.array([[0, 0, 100.0]]))


def test_a_grid_describes_itself_in_one_line():
    assert (
        str(Grid((2, 3, 4), np.diag([-1, 2, 3, 1.0]))) == "2 x 3 x 4 voxels of 1 x 2 x 3 mm, LAS, origin (0, 0, 0) mm"
    )
