"""The `fill` mask: how enclosed a voxel must be, what is closed and what is not, and its known failures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import condyle
from condyle import io
from condyle.classical.body import body_mask
from condyle.classical.fill import FillSettings, fill, fill_mask
from condyle.classical.marks import LINES_3D, count_marks, lines_2d
from condyle.classical.morphology import closed, fill_holes, largest_parts, opened, smoothed
from condyle.classical.threshold import bone_threshold, otsu
from condyle.data import Dataset, load_labels
from condyle.errors import ConfigError, DataError
from condyle.labels import Labels
from condyle.space import Volume

ISOTROPIC = (1.0, 1.0, 1.0)


def centred(n: int) -> np.ndarray:
    return np.indices((n, n, n)) - (n - 1) / 2


def ball(n: int, radius: float) -> np.ndarray:
    return (centred(n) ** 2).sum(0) < radius**2


def open_shell(full_angle_deg: float) -> tuple[np.ndarray, np.ndarray]:
    """A spherical shell with a conical hole, and its interior."""
    grid = centred(96)
    radius = np.sqrt((grid**2).sum(0))
    polar = np.degrees(np.arccos(grid[2] / radius))
    return (radius < 40) & (radius > 36) & (polar >= full_angle_deg / 2), radius < 36


def femur_like(cortex: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """A head, a neck and a shaft cut by the border, solid and as a cortex."""
    i, j, k = np.indices((60, 44, 100)).astype(float)
    head = (i - 42) ** 2 + (j - 22) ** 2 + (k - 78) ** 2 < 15**2
    along = np.clip(((i - 20) * 22 + (k - 60) * 18) / (22**2 + 18**2), 0, 1)
    neck = (i - 20 - 22 * along) ** 2 + (j - 22) ** 2 + (k - 60 - 18 * along) ** 2 < 11**2
    shaft = ((i - 20) ** 2 + (j - 22) ** 2 < 13**2) & (k < 66)
    solid = head | neck | shaft
    padded = np.pad(solid, cortex, mode="edge")
    core = ~padded
    from scipy.ndimage import binary_dilation

    inner = ~binary_dilation(core, iterations=cortex)[cortex:-cortex, cortex:-cortex, cortex:-cortex]
    return solid, solid & ~inner


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b))


def test_inside_a_closed_shell_every_line_marks_outside_none():
    shell, inside = open_shell(0)
    marks = count_marks(shell)
    assert (marks[inside] == 7).all()
    outside = ~inside & ~shell
    assert (marks[outside] == 0).all()


@pytest.mark.parametrize(
    ("angle", "valid", "filled"),
    [
        (20, 5, 0.999), (30, 5, 0.994), (45, 5, 0.973), (60, 5, 0.93), (90, 5, 0.77), (120, 5, 0.52),
        (20, 7, 0.92), (30, 7, 0.82), (45, 7, 0.63), (60, 7, 0.42), (90, 7, 0.10), (120, 7, 0.005),
    ],
)  # fmt: skip
def test_a_wider_opening_is_filled_less(angle, valid, filled):
    shell, inside = open_shell(angle)
    assert (count_marks(shell)[inside] >= valid).mean() == pytest.approx(filled, abs=0.035)


@pytest.mark.parametrize("width", [8, 12, 20])
def test_a_slot_keeps_five_marks_below_half_its_width(width):
    """A long slot open to +i: so `valid` 5 bridges notches and `valid` 6 does not."""
    block = np.ones((60, 60, 120), bool)
    block[30:, 30 - width // 2 : 30 + width // 2, :] = False
    block = np.pad(block, ((0, 10), (10, 10), (10, 10)))
    marks = count_marks(block)[:, 40, 70]
    mouth = 60
    assert marks[mouth - width // 2 - 2] == 5
    assert marks[mouth - 2] <= 3


@pytest.mark.parametrize("valid", [4, 5, 6])
def test_a_cut_femur_is_filled_to_its_cut_face(valid):
    solid, cortex = femur_like()
    filled = fill_mask(cortex, FillSettings(valid=valid, kernel_mm=0), ISOTROPIC)
    # Between head and shaft a notch is bridged: that is the rule's known failure, not a missing part.
    assert np.count_nonzero(filled & solid) / np.count_nonzero(solid) > 0.998
    assert dice(filled, solid) > 0.97


def test_without_padding_the_marrow_of_the_cut_shaft_stays_empty():
    solid, cortex = femur_like()
    marrow = (solid & ~cortex)[..., :10]
    marks = count_marks(cortex)[..., :10]
    assert (marks[marrow] >= 5).mean() < 0.3
    assert (marks[marrow] >= 6).mean() < 0.05
    assert fill_mask(cortex, FillSettings(kernel_mm=0), ISOTROPIC)[..., :10][marrow].all()


def test_hole_filling_alone_does_not_fill_an_open_bone():
    solid, cortex = femur_like()
    assert dice(fill_holes(cortex), solid) < 0.8
    assert dice(closed(cortex, 5, ISOTROPIC), solid) < 0.95


def test_seven_marks_alone_lose_the_cut_end():
    solid, cortex = femur_like()
    assert (count_marks(cortex) >= 7)[solid & ~cortex].mean() < 0.95


def test_inner_and_shell_part_the_outer_mask():
    solid, cortex = femur_like()
    outer, inner, shell = (
        fill_mask(cortex, FillSettings(kind=kind, kernel_mm=0), ISOTROPIC) for kind in ("outer", "inner", "shell")
    )
    assert np.array_equal(outer, inner | shell)
    assert not (inner & shell).any()
    assert dice(inner, solid & ~cortex) > 0.98


@pytest.mark.parametrize("normal", [0, 1, 2])
def test_in_slices_a_ring_is_filled_across_its_normal_only(normal):
    radius = np.hypot(*(np.indices((40, 40)) - 19.5))
    ring = np.stack([(radius < 15) & (radius > 12)] * 5)
    tube = np.moveaxis(ring, 0, normal)
    disc = np.moveaxis(np.stack([radius < 15] * 5), 0, normal)
    filled = fill_mask(tube, FillSettings(plane_normal=normal, kernel_mm=0), ISOTROPIC)
    assert np.array_equal(filled, disc)
    assert all(line[normal] == 0 for line in lines_2d(normal))


def test_the_longest_direction_of_a_scan_does_not_matter():
    solid, cortex = femur_like()
    settings = FillSettings(kernel_mm=0)
    upright = fill_mask(cortex, settings, ISOTROPIC)
    lying = fill_mask(cortex.transpose(2, 0, 1)[:, ::-1], settings, ISOTROPIC)
    assert np.array_equal(lying, upright.transpose(2, 0, 1)[:, ::-1])
    assert dice(upright, solid) > 0.97


def test_fill_reads_bone_off_the_scan_and_keeps_the_grid():
    solid, cortex = femur_like()
    scan = Volume.of(np.where(cortex, 900, np.where(solid, -20, -1000)).astype(np.int16), np.diag([-1, -1, 1, 1.0]))
    scan.array[2, 2, 2] = 2000  # a speck far from the bone
    mask = fill(scan, FillSettings(kernel_mm=0))
    assert mask.grid is scan.grid
    assert mask.array.dtype == np.uint8
    assert dice(mask.array > 0, solid) > 0.97
    assert mask.array[2, 2, 2] == 0
    assert fill(scan, FillSettings(kernel_mm=0, parts=0)).array[2, 2, 2] == 1
    assert np.array_equal(fill(scan, FillSettings(threshold="otsu", kernel_mm=0)).array, mask.array)


def test_smoothing_does_not_move_a_flat_outline():
    half = np.zeros((30, 30, 30), bool)
    half[:, 13:] = True
    assert np.array_equal(smoothed(half, 1.5, ISOTROPIC), half)
    big = ball(60, 25)
    assert np.count_nonzero(smoothed(big, 1, ISOTROPIC)) == pytest.approx(np.count_nonzero(big), rel=0.005)


def test_morphology_works_in_millimetres():
    gap = np.ones((15, 15, 15), bool)
    gap[..., 8:10] = False
    spacing = (1.0, 1.0, 2.5)
    assert closed(gap, 3, spacing)[7, 7, 8]
    assert not closed(gap, 2, spacing)[7, 7, 8]
    assert not opened(ball(15, 2), 3, ISOTROPIC).any()
    assert opened(ball(31, 10), 3, ISOTROPIC).sum() > 0.97 * ball(31, 10).sum()


def test_largest_parts_are_ordered_by_size():
    mask = np.zeros((10, 3, 3), bool)
    mask[0, 0, :1] = mask[4, 0, :3] = mask[8, 0, :2] = True
    assert largest_parts(mask, 1).sum() == 3
    assert largest_parts(mask, 2).sum() == 5
    assert np.array_equal(largest_parts(mask, 9), mask)


def test_a_hole_is_a_cavity_not_a_tunnel():
    cube = np.zeros((9, 9, 9), bool)
    cube[1:8, 1:8, 1:8] = True
    cavity = cube.copy()
    cavity[4, 4, 4] = False
    tunnel = cube.copy()
    tunnel[4, 4] = False
    assert np.array_equal(fill_holes(cavity), cube)
    assert np.array_equal(fill_holes(tunnel), tunnel)
    assert np.array_equal(fill_holes(tunnel, normal=2)[..., 1:8], cube[..., 1:8])


def test_otsu_parts_two_tissues():
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(0, 10, 5000), rng.normal(500, 40, 2000)])
    assert 50 < otsu(values) < 350
    with_air = np.concatenate([np.full(20000, -1000.0), values])
    assert 50 < bone_threshold(with_air) < 350


def test_the_body_is_found_without_the_table():
    i, j, k = np.indices((60, 50, 30))
    trunk = ((i - 30) / 22) ** 2 + ((j - 22) / 15) ** 2 < 1
    lungs = ((i - 30) / 10) ** 2 + ((j - 22) / 6) ** 2 < 1
    table = (j >= 41) & (j < 43) & (i > 5) & (i < 55)
    scan = np.where(trunk, np.where(lungs & (k > 4), -800, 40), np.where(table, 100, -1000)).astype(np.int16)
    mask = body_mask(Volume.of(scan, np.eye(4))).array > 0
    assert dice(mask, trunk) > 0.98
    assert not (mask & table).any()


def test_an_mr_body_needs_no_hounsfield_units():
    image = np.where(ball(40, 14), 300.0, 3.0)
    assert dice(body_mask(Volume.of(image, np.eye(4))).array > 0, ball(40, 14)) > 0.97


@pytest.mark.parametrize(
    "settings",
    [
        {"threshold": "high"}, {"valid": 8}, {"valid": 0}, {"valid": 5, "plane_normal": 2}, {"plane_normal": 3},
        {"kernel_mm": -1}, {"parts": -1},
    ],
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused(settings):
    with pytest.raises(ConfigError):
        FillSettings(**settings)


def test_a_scan_without_bone_is_an_error_that_names_the_threshold():
    with pytest.raises(DataError, match="250"):
        fill(Volume.of(np.zeros((5, 5, 5), np.int16), np.eye(4)))


def test_seven_lines_run_through_a_voxel():
    assert len(set(LINES_3D)) == 7


# ---- a dataset


def test_a_dataset_keeps_its_masks_itself_whatever_id_its_bone_has(tmp_path):
    folder = tmp_path / "ds"
    image = Volume.of(np.where(ball(24, 8), 900, -50).astype(np.int16), np.eye(4))
    io.write(tmp_path / "scans/a.nii.gz", image)
    condyle.import_([tmp_path / "scans"], folder)
    replace(Dataset.open(folder), labels=Labels.of({"femur": 300})).save()
    settings = FillSettings(threshold=300, kernel_mm=0)
    with pytest.raises(ConfigError, match="--label-set"):
        condyle.fill(folder, out=tmp_path / "elsewhere.nii.gz", settings=settings)
    condyle.fill(folder, settings=settings)
    filled_one = Dataset.open(folder)
    assert set(np.unique(load_labels(filled_one, filled_one["a"], "fill").array)) == {0, 300}
