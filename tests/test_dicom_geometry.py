"""Slices become one grid by their positions, or are refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from condyle.errors import DataError
from condyle.io.dicom import find_series, read
from condyle.io.dicom.tilt import untilted
from condyle.space import ORIENTATIONS, Grid, Volume, reorient
from dicom_making import AFFINE, edited, removing, setting, small_volume, written

OBLIQUE = {
    "30 degrees about x": (30, 0, 0),
    "20 about y, -40 about z": (0, 20, -40),
    "near 45 everywhere": (44, 46, -43),
}


def turned(degrees: tuple[float, float, float]) -> np.ndarray:
    rotation = np.eye(4)
    for axis, angle in enumerate(np.radians(degrees)):
        a, b = [n for n in range(3) if n != axis]
        once = np.eye(4)
        once[[a, a, b, b], [a, b, a, b]] = np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)
        rotation = once @ rotation
    return rotation @ AFFINE


def assert_same_places(a: Volume, b: Volume) -> None:
    """Both volumes hold the same values at random world positions within the grid."""
    index = np.random.default_rng(3).uniform(-0.45, np.array(a.shape) - 0.55, (200, 3))
    world = a.grid.to_world(index)
    np.testing.assert_array_equal(a.value_at(world), b.value_at(world))


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_every_axis_order_comes_back_at_the_same_places(tmp_path: Path, orientation: str) -> None:
    volume = reorient(small_volume(), orientation)
    back = read(written(tmp_path / "s", volume))
    assert_same_places(volume, back)
    left_handed = np.linalg.det(volume.affine[:3, :3]) < 0
    expected = volume.array[:, :, ::-1] if left_handed else volume.array
    np.testing.assert_array_equal(back.array, expected)
    assert np.linalg.det(back.affine[:3, :3]) > 0
    assert back.affine.dtype == np.float64


@pytest.mark.parametrize("name", OBLIQUE)
def test_oblique_volumes_come_back_at_the_same_places(tmp_path: Path, name: str) -> None:
    volume = small_volume(affine=turned(OBLIQUE[name]))
    back = read(written(tmp_path / "s", volume))
    assert_same_places(volume, back)
    assert back.grid.matches(volume.grid, 1e-9)


def test_slice_distance_comes_from_positions_not_from_thickness(tmp_path: Path) -> None:
    folder = edited(written(tmp_path / "s"), setting(SliceThickness=5, SpacingBetweenSlices=7))
    assert read(folder).spacing_mm == pytest.approx((0.7, 0.8, 2.5))


def test_instance_numbers_and_file_names_do_not_order_slices(tmp_path: Path) -> None:
    folder = edited(written(tmp_path / "s"), setting(InstanceNumber=lambda k: (k * 3) % 5 + 1))
    for k, path in enumerate(sorted(folder.iterdir())):
        path.rename(folder / f"{(k * 2) % 5}_{k}")
    np.testing.assert_array_equal(read(folder).array, small_volume().array)


def test_a_single_slice_has_its_thickness(tmp_path: Path) -> None:
    volume = small_volume((7, 6, 1))
    folder = written(tmp_path / "s", volume)
    back = read(folder / "0001.dcm")
    assert back.shape == (7, 6, 1)
    assert back.grid.matches(volume.grid)
    with pytest.raises(DataError, match="at least two slices, or a SliceThickness"):
        read(edited(folder, removing("SliceThickness")))


def test_a_missing_slice_is_refused_with_its_position(tmp_path: Path) -> None:
    folder = written(tmp_path / "s")
    (folder / "0003.dcm").unlink()
    with pytest.raises(DataError, match=r"a slice each 2.5 mm, got 1 missing between -9.5 and -4.5 mm"):
        read(folder)


def test_two_slices_left_of_three_are_a_volume_but_a_gap_among_three_is_seen(tmp_path: Path) -> None:
    folder = written(tmp_path / "s", small_volume((7, 6, 4)))
    (folder / "0002.dcm").unlink()
    with pytest.raises(DataError, match="1 missing between -12 and -7 mm"):
        read(folder)


def _moved(k_moved: int, vector: tuple[float, float, float]) -> Callable[[Dataset, int], None]:
    def change(dataset: Dataset, k: int) -> None:
        if k == k_moved:
            dataset.ImagePositionPatient = [a + b for a, b in zip(dataset.ImagePositionPatient, vector, strict=True)]

    return change


FAULTS: dict[str, tuple[Callable[[Dataset, int], object], str]] = {
    "irregular distance": (_moved(2, (0, 0, 0.9)), "equal distances .* 3.4 mm after -9.5 mm, 1.6 mm after"),
    "last slice too far": (_moved(4, (0, 0, 0.4)), "2.9 mm after -4.5 mm"),
    "two at one place": (_moved(2, (0, 0, 2.5)), "one slice at each position, got more than one at -4.5 mm"),
    "moved sideways": (_moved(2, (0.8, 0, 0)), "straight line, got .* at -7 mm"),
    "one slice turned by 2 degrees": (
        lambda ds, k: k == 3 and setattr(ds, "ImageOrientationPatient", [0.99939, 0.0349, 0, -0.0349, 0.99939, 0]),
        "parallel slices, got other directions at -4.5 mm",
    ),
    "another pixel spacing": (
        lambda ds, k: k == 3 and setattr(ds, "PixelSpacing", [0.81, 0.7]),
        "one pixel spacing, got 0.7 x 0.8 and 0.7 x 0.81 mm",
    ),
    "another size": (
        lambda ds, k: k == 3 and (setattr(ds, "Rows", 3), setattr(ds, "PixelData", bytes(7 * 3 * 2))),
        "slices of one size, got 7 x 3, 7 x 6",
    ),
    "no position": (
        lambda ds, k: k == 3 and delattr(ds, "ImagePositionPatient"),
        "ImagePositionPatient in each slice, got 1 of 5 without",
    ),
    "no orientation": (removing("ImageOrientationPatient"), "ImageOrientationPatient in each slice, got 5 of 5"),
    "no pixel spacing": (removing("PixelSpacing"), "PixelSpacing in each slice"),
    "zero spacing": (setting(PixelSpacing=[0, 0.7]), "a pixel spacing above 0"),
    "skewed axes": (setting(ImageOrientationPatient=[1, 0, 0, 0.01, 1, 0]), "at a right angle, got an error of 0.01"),
    "long axes": (setting(ImageOrientationPatient=[1.01, 0, 0, 0, 1, 0]), "length 1"),
    "not finite": (setting(ImagePositionPatient=["nan", 0, 0]), "finite numbers"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
def test_slices_that_make_no_volume_are_refused_and_listed_with_the_fault(tmp_path: Path, fault: str) -> None:
    change, message = FAULTS[fault]
    folder = edited(written(tmp_path / "s"), change)
    with pytest.raises(DataError, match=message):
        read(folder)
    listed = find_series(folder)
    assert listed[0].faults
    assert listed[0].shape is None


def test_distances_that_grow_slowly_are_refused(tmp_path: Path) -> None:
    folder = written(tmp_path / "s", small_volume((4, 3, 9)))
    edited(folder, setting(ImagePositionPatient=lambda k: [0, 0, 2.5 * k + 0.013 * k * k]))
    with pytest.raises(DataError, match=r"equal distances on a straight line, got 0.12 mm off it"):
        read(folder)


def test_rounded_positions_are_accepted(tmp_path: Path) -> None:
    affine = np.diag([-0.7, -0.8, 0.75, 1])
    folder = written(tmp_path / "s", small_volume((4, 3, 12), affine))
    edited(folder, setting(ImagePositionPatient=lambda k: [0, 0, round(0.75 * k, 1)]))
    assert read(folder).spacing_mm[2] == pytest.approx(0.75, abs=0.005)


def test_nearly_orthonormal_directions_are_repaired_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = edited(written(tmp_path / "s"), setting(ImageOrientationPatient=[1, 0.0004, 0, 0, 1, 0]))
    grid = read(folder).grid
    assert grid.orthonormality_error < 1e-12
    assert "repaired" in caplog.text


def tilted(folder: Path, degrees: float, volume: Volume) -> Path:
    """A series whose slices drift along the columns, as with a tilted gantry."""
    drift = np.tan(np.radians(degrees)) * volume.spacing_mm[2]

    def change(dataset: Dataset, k: int) -> None:
        x, y, z = dataset.ImagePositionPatient
        dataset.ImagePositionPatient = [x, y + k * drift, z]

    return edited(written(folder, volume), change)


def test_gantry_tilt_is_refused_with_its_angle(tmp_path: Path) -> None:
    folder = tilted(tmp_path / "s", 12.5, small_volume())
    with pytest.raises(DataError, match=r"gantry tilt of 12.50 degrees. Pass --fix-tilt"):
        read(folder)
    (series,) = find_series(folder)
    assert series.tilt_deg == pytest.approx(12.5)
    assert not series.faults
    assert "tilted 12.5 deg" in str(series)


@pytest.mark.parametrize("degrees", [-20.0, 7.0, 25.0])
def test_undoing_tilt_keeps_a_ramp_at_its_place(tmp_path: Path, degrees: float) -> None:
    shape = (12, 30, 9)
    # What the tilted scanner sees: the drift is along LPS y, so along -y in RAS.
    seen = np.array(AFFINE)
    seen[1, 2] = -np.tan(np.radians(degrees)) * 2.5
    ramp = np.array([10.0, -20.0, 30.0])
    world = Grid(shape, seen).to_world(np.stack(np.indices(shape), -1))
    volume = Volume.of(np.rint(world @ ramp).astype(np.int16), AFFINE)
    back = read(tilted(tmp_path / "s", degrees, volume), fix_tilt=True)
    assert not back.grid.is_sheared
    assert back.spacing_mm == pytest.approx((0.7, 0.8, 2.5))
    index = np.stack(np.indices(back.shape), -1)
    places = back.grid.to_world(index)
    inside = Grid(shape, seen).to_index(places)
    kept = ((inside >= 0) & (inside <= np.array(shape) - 1)).all(-1)
    assert kept.mean() > 0.4
    # Half a unit from rounding before, half from rounding after.
    assert np.abs(back.array - places @ ramp)[kept].max() <= 1.0


def test_undoing_tilt_keeps_a_sphere_round_and_in_place() -> None:
    shape = (60, 80, 50)
    sheared = np.diag([1.0, 1.0, 1.2, 1.0])
    sheared[:3, 2] = 0.15, 0.4, 1.2
    centre = Grid(shape, sheared).to_world((np.array(shape) - 1) / 2)
    world = Grid(shape, sheared).to_world(np.stack(np.indices(shape), -1))
    distance = np.linalg.norm(world - centre, axis=-1)
    ball = Volume.of(np.clip(20.5 - distance, 0, 1).astype(np.float32), sheared)
    back = untilted(ball)
    places = back.grid.to_world(np.stack(np.indices(back.shape), -1))
    mass = back.array.astype(float)
    found = (places * mass[..., None]).sum((0, 1, 2)) / mass.sum()
    np.testing.assert_allclose(found, centre, atol=0.02)
    assert mass.sum() * back.grid.voxel_volume_mm3 == pytest.approx(4 / 3 * np.pi * 20**3, rel=0.01)
    inside = places[mass > 0.5] - centre
    assert np.linalg.norm(inside, axis=-1).max() < 21
    for axis in np.eye(3):
        assert np.abs(inside @ axis).max() == pytest.approx(20, abs=0.7)


def test_undoing_no_tilt_changes_nothing() -> None:
    volume = small_volume()
    back = untilted(volume)
    np.testing.assert_array_equal(back.array, volume.array)
    np.testing.assert_array_equal(back.affine, volume.affine)


def test_outside_the_slices_is_the_smallest_value_or_the_given_one() -> None:
    sheared = np.array(AFFINE)
    sheared[0, 2] = 5
    volume = small_volume(affine=sheared)
    assert (
        untilted(volume).array[0, 0, 0] == volume.array.min() or untilted(volume).array[-1, 0, 0] == volume.array.min()
    )
    assert (untilted(volume, fill=-999).array == -999).any()
