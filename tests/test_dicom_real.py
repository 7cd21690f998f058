"""A real CT, against three other readers."""

from __future__ import annotations

import itertools
import subprocess
from pathlib import Path

import dcm2niix
import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from condyle.errors import DataError
from condyle.io.dicom import find_series, read, write_series
from condyle.space import Volume, crop, reorient
from condyle.space.crop import Box

LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


@pytest.fixture(scope="module")
def folder(shared_data: Path) -> Path:
    return shared_data / "ct_dicom_abdomen"


@pytest.fixture(scope="module")
def scan(folder: Path) -> Volume:
    return read(folder)


def by_simpleitk(folder: Path) -> Volume:
    """A series as SimpleITK reads it, as a volume of ours."""
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    image = reader.Execute()
    affine = np.eye(4)
    affine[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    return Volume.of(sitk.GetArrayFromImage(image).transpose(2, 1, 0), LPS @ affine)


def test_the_real_series_has_its_known_size_and_spacing(folder: Path, scan: Volume) -> None:
    assert scan.shape == (512, 512, 20)
    assert scan.spacing_mm == pytest.approx((0.9765625, 0.9765625, 2.0))
    assert scan.array.dtype == np.int16
    (series,) = find_series(folder)
    assert (series.modality, series.description, series.faults) == ("CT", "CT Body 3.0", ())
    assert series.shape == scan.shape


def test_the_labels_lie_on_the_same_grid(shared_data: Path, scan: Volume) -> None:
    image = nib.load(shared_data / "ct_dicom_abdomen_labels.nii.gz")
    labels = Volume.of(np.asarray(image.dataobj), np.asarray(image.affine))
    turned = reorient(scan, labels.grid.orientation)
    assert turned.grid.matches(labels.grid)
    # Liver and spleen are soft tissue: the labels would not be if they lay elsewhere.
    assert 40 < turned.array[labels.array == 1].mean() < 160
    assert 40 < turned.array[labels.array == 2].mean() < 180


def test_simpleitk_reads_the_same_voxels_at_the_same_places(folder: Path, scan: Volume) -> None:
    other = by_simpleitk(folder)
    np.testing.assert_array_equal(other.array, scan.array)
    np.testing.assert_allclose(other.affine, scan.affine, atol=1e-9)


def by_dcm2niix(folder: Path, out: Path) -> Volume:
    """The one volume dcm2niix makes of a folder."""
    out.mkdir()
    command = [dcm2niix.bin, "-b", "n", "-z", "n", "-f", "scan", "-o", out, folder]
    subprocess.run(command, check=True, capture_output=True)
    (path,) = out.glob("*.nii")
    image = nib.load(path)
    return Volume.of(np.asarray(image.dataobj), np.asarray(image.affine))


def test_dcm2niix_reads_equal_values_at_equal_places(folder: Path, scan: Volume, tmp_path: Path) -> None:
    other = by_dcm2niix(folder, tmp_path / "nii")
    turned = reorient(scan, other.grid.orientation)
    assert turned.grid.matches(other.grid)
    np.testing.assert_array_equal(turned.array, other.array)


@pytest.mark.parametrize("degrees", [(0, 0, 0), (25, -10, 40)])
def test_other_readers_agree_on_what_is_written(tmp_path: Path, degrees: tuple[float, float, float]) -> None:
    affine = np.eye(4)
    for axis, angle in enumerate(np.radians(degrees)):
        a, b = [n for n in range(3) if n != axis]
        turn = np.eye(4)
        turn[[a, a, b, b], [a, b, a, b]] = np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)
        affine = affine @ turn
    affine = affine @ np.diag([-0.7, -0.9, 1.5, 1.0])
    affine[:3, 3] = 11, -22, 33
    values = np.random.default_rng(0).integers(-1000, 2000, (24, 20, 9)).astype(np.int16)
    volume = Volume.of(values, affine)
    write_series(tmp_path / "s", volume, patient_id="P1", modality="CT")
    other = by_simpleitk(tmp_path / "s")
    np.testing.assert_array_equal(other.array, volume.array)
    np.testing.assert_allclose(other.affine, volume.affine, atol=1e-6)
    third = by_dcm2niix(tmp_path / "s", tmp_path / "nii")
    index = np.array(list(itertools.product(range(1, 23, 3), range(1, 19, 3), range(1, 8))))
    world = volume.grid.to_world(index)
    np.testing.assert_array_equal(third.value_at(world), volume.value_at(world))
    found = third.grid.to_index(world)
    np.testing.assert_allclose(found, np.rint(found), atol=1e-3)


def test_with_a_slice_missing_simpleitk_stretches_and_we_refuse(scan: Volume, tmp_path: Path) -> None:
    part = crop(scan, Box((200, 200, 0), (240, 230, 20)))
    write_series(tmp_path / "s", part, patient_id="P1", modality="CT")
    (tmp_path / "s" / "0010.dcm").unlink()
    stretched = by_simpleitk(tmp_path / "s")
    assert stretched.spacing_mm[2] == pytest.approx(2 * 19 / 18)  # 20 slices of 2 mm became 19 of 2.11 mm
    with pytest.raises(DataError, match=r"1 missing between -788.5 and -784.5 mm"):
        read(tmp_path / "s")


def test_with_a_slice_missing_the_real_series_is_refused(folder: Path, tmp_path: Path) -> None:
    for n, path in enumerate(sorted(folder.iterdir())):
        if n != 7:
            (tmp_path / path.name).symlink_to(path)
    with pytest.raises(DataError, match=r"a slice each 2 mm, got 1 missing between -782.5 and -778.5 mm"):
        read(tmp_path)
