"""A written series is standard, whole, and the same each time."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from condyle.errors import ConfigError, DataError
from condyle.io.dicom import read, write_series
from condyle.space import Volume
from dicom_making import AFFINE, small_volume, written


@pytest.mark.parametrize("modality", ["CT", "MR"])
@pytest.mark.parametrize("description", ["Thin bone", ""])
def test_a_standard_validator_finds_no_error(tmp_path: Path, modality: str, description: str) -> None:
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy (Debian package dicom3tools) is not installed")
    folder = written(tmp_path / "s", modality=modality, description=description)
    for path in folder.iterdir():
        done = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False)
        assert "Error" not in done.stderr
        assert f"{modality}Image" in done.stderr


def test_dcmtk_reads_a_written_file(tmp_path: Path) -> None:
    if shutil.which("dcmdump") is None:
        pytest.skip("dcmdump (Debian package dcmtk) is not installed")
    folder = written(tmp_path / "s")
    done = subprocess.run(["dcmdump", folder / "0001.dcm"], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert "=CTImageStorage" in done.stdout


def test_the_header_says_what_was_given(tmp_path: Path) -> None:
    folder = written(tmp_path / "s", series_number=4, study_date="20260504", window=(40, 400))
    first, second = (dcmread(folder / name) for name in ("0001.dcm", "0002.dcm"))
    assert (first.PatientID, first.Modality, first.SeriesNumber, first.StudyDate) == ("P1", "CT", 4, "20260504")
    assert (first.WindowCenter, first.WindowWidth) == (40, 400)
    assert first.PixelSpacing == [0.8, 0.7]
    assert first.ImageOrientationPatient == [1, 0, 0, 0, 1, 0]
    assert first.ImagePositionPatient == [-30, -40, -12]
    assert first.PatientName == ""
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
        assert first[keyword].value == second[keyword].value
    assert first.SOPInstanceUID != second.SOPInstanceUID
    assert (first.InstanceNumber, second.InstanceNumber) == (1, 2)


def test_the_same_input_gives_the_same_bytes_and_another_other_uids(tmp_path: Path) -> None:
    def contents(name: str, **options: object) -> list[bytes]:
        return [path.read_bytes() for path in sorted(written(tmp_path / name, **options).iterdir())]

    assert contents("a") == contents("b")
    uids = set()
    for name, options in {
        "c": {},
        "d": {"seed": "x"},
        "e": {"patient_id": "P2"},
        "f": {"series_number": 2},
        "g": {"volume": small_volume(seed=1)},
        "h": {"study_date": "20000102"},
    }.items():
        uids.add(dcmread(written(tmp_path / name, **options) / "0001.dcm").SeriesInstanceUID)
    assert len(uids) == 6


def test_series_of_one_study_share_study_and_frame_of_reference(tmp_path: Path) -> None:
    a = dcmread(written(tmp_path / "a") / "0001.dcm")
    b = dcmread(written(tmp_path / "b", small_volume(seed=1), modality="MR", series_number=2) / "0001.dcm")
    assert a.StudyInstanceUID == b.StudyInstanceUID
    assert a.FrameOfReferenceUID == b.FrameOfReferenceUID
    assert a.SeriesInstanceUID != b.SeriesInstanceUID


@pytest.mark.parametrize(
    "values",
    [
        np.array([-1024.0, 3071], np.float32),
        np.array([0, 65535], np.uint16),
        np.array([-40000, 25535], np.int32),
        np.array([100_000, 165_535], np.int64),
        np.array([0, 1], bool),
        np.array([5, 5], np.uint8),
    ],
)
@pytest.mark.parametrize("modality", ["CT", "MR"])
def test_whole_numbers_come_back_exactly(tmp_path: Path, values: np.ndarray, modality: str) -> None:
    volume = Volume.of(np.resize(values, (4, 3, 2)), AFFINE)
    back = read(written(tmp_path / "s", volume, modality=modality))
    np.testing.assert_array_equal(back.array, volume.array)


def test_fractions_need_a_step_and_come_back_within_half_of_it(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(4, 3, 2))
    volume = Volume.of(values, AFFINE)
    with pytest.raises(DataError, match="whole numbers, got fractions"):
        written(tmp_path / "s", volume)
    assert not (tmp_path / "s").exists()
    back = read(written(tmp_path / "s", volume, step=0.001))
    assert np.abs(back.array - values).max() <= 0.000501


@pytest.mark.parametrize(
    ("array", "options", "message"),
    [
        (np.array([0, 70_000]), {}, "values that fit in 16 bits, got 0 to 70000 in steps of 1"),
        (np.array([0, np.nan]), {}, "finite values"),
        (np.array([0, np.inf]), {"step": 1.0}, "finite values"),
    ],
)
def test_values_that_16_bits_cannot_hold_are_refused(
    tmp_path: Path, array: np.ndarray, options: dict[str, float], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        written(tmp_path / "s", Volume.of(np.resize(array, (4, 3, 2)), AFFINE), **options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "options",
    [
        {"modality": "PT"},
        {"patient_id": "a\\b"},
        {"description": "x" * 65},
        {"description": "Hüfte"},
        {"study_date": "2026-05-04"},
        {"study_date": "20261399"},
        {"step": 0.0},
        {"step": float("nan")},
        {"series_number": 2**31},
        {"window": (0.0, 0.0)},
    ],
)
def test_senseless_options_are_refused(tmp_path: Path, options: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        written(tmp_path / "s", **options)
    assert list(tmp_path.iterdir()) == []


def test_a_sheared_grid_is_refused(tmp_path: Path) -> None:
    sheared = np.array(AFFINE)
    sheared[0, 2] = 1
    with pytest.raises(DataError, match="axes at right angles, as a DICOM series needs"):
        written(tmp_path / "s", small_volume(affine=sheared))


def test_more_columns_than_dicom_can_count_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="at most 65535 columns and rows"):
        written(tmp_path / "s", Volume.of(np.zeros((65536, 1, 1), np.int16), AFFINE))


def test_an_existing_folder_is_replaced_only_when_asked(tmp_path: Path) -> None:
    folder = written(tmp_path / "s")
    with pytest.raises(DataError, match="--overwrite"):
        written(folder)
    written(folder, small_volume((3, 3, 2)), overwrite=True)
    assert read(folder).shape == (3, 3, 2)
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


def test_an_error_while_writing_leaves_nothing(tmp_path: Path) -> None:
    def stop(items, what):  # type: ignore[no-untyped-def]
        yield from items[:2]
        raise InterruptedError

    with pytest.raises(InterruptedError):
        write_series(tmp_path / "s", small_volume(), patient_id="P1", modality="CT", track=stop)
    assert list(tmp_path.iterdir()) == []
