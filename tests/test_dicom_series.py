"""Which files are found, which belong together, and which series is read."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset
from pydicom.filewriter import dcmwrite as write_dataset

from condyle.errors import DataError
from condyle.io.dicom import find_series, is_dicom, read
from dicom_making import edited, enhanced, removing, setting, small_volume, written


def same_voxels(path: Path, **options: object) -> bool:
    back = read(path, **options)  # type: ignore[arg-type]
    return np.array_equal(back.array, small_volume().array) and back.grid.matches(small_volume().grid)


def test_any_file_names_in_any_subfolders_are_found_and_other_files_ignored(tmp_path: Path) -> None:
    folder = written(tmp_path / "s")
    for k, path in enumerate(sorted(folder.iterdir())):
        deeper = tmp_path / "all" / f"part {k % 2}" / "x"
        deeper.mkdir(parents=True, exist_ok=True)
        path.rename(deeper / ("IM" + "7" * k, f"{k}.ima", f"{k}.dcm.old", f"{k}", f"é{k}")[k])
    (tmp_path / "all" / "notes.txt").write_text("not an image")
    (tmp_path / "all" / "empty").touch()
    (tmp_path / "all" / "picture.jpg").write_bytes(b"\xff\xd8\xff" + bytes(300))
    assert is_dicom(tmp_path / "all")
    assert same_voxels(tmp_path / "all")


def test_a_directory_file_is_ignored(tmp_path: Path) -> None:
    folder = written(tmp_path / "s")
    directory = Dataset()
    directory.FileSetID = "DISC"
    directory.file_meta = dcmread(folder / "0001.dcm").file_meta
    directory.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    write_dataset(folder / "DICOMDIR", directory, enforce_file_format=False)
    assert same_voxels(folder)


def test_dead_links_and_pipes_are_never_opened(tmp_path: Path) -> None:
    folder = written(tmp_path / "s")
    (folder / "gone").symlink_to(tmp_path / "nowhere")
    (folder / "self").symlink_to(folder)
    os.mkfifo(folder / "pipe")  # opening it would wait for ever
    assert same_voxels(folder)
    with pytest.raises(DataError, match="a pipe, socket or device"):
        read(folder / "pipe")
    assert not is_dicom(folder / "pipe")


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    memory = Path("/proc/self/mem")  # a regular file that gives an error, even to the super-user
    if not memory.is_file():
        pytest.skip("needs a Linux system")
    with pytest.raises(DataError, match="to be able to read it, got Input/output error"):
        read(memory)
    folder = written(tmp_path / "s")
    (folder / "bad").symlink_to(memory)
    for ask in (read, find_series):
        with pytest.raises(DataError, match="to be able to read it"):
            ask(folder)
    with pytest.raises(DataError, match="to be able to read it"):
        is_dicom(memory)


@pytest.mark.parametrize("kind", ["one file", "folder", "zip", "text", "nothing"])
def test_dicom_is_told_from_other_files(tmp_path: Path, kind: str) -> None:
    folder = written(tmp_path / "s")
    (tmp_path / "text").write_text("plain " * 50)
    with zipfile.ZipFile(tmp_path / "text.zip", "w") as archive:
        archive.write(tmp_path / "text")
    with zipfile.ZipFile(tmp_path / "scan.zip", "w") as archive:
        archive.write(folder / "0001.dcm")
    given = {
        "one file": folder / "0001.dcm",
        "folder": tmp_path,
        "zip": tmp_path / "scan.zip",
        "text": tmp_path / "text.zip",
        "nothing": tmp_path / "nothing",
    }
    assert is_dicom(given[kind]) == (kind in {"one file", "folder", "zip"})


def test_links_to_files_are_followed(tmp_path: Path) -> None:
    folder = written(tmp_path / "s")
    (tmp_path / "links").mkdir()
    for path in folder.iterdir():
        (tmp_path / "links" / path.name).symlink_to(path)
    assert same_voxels(tmp_path / "links")


@pytest.mark.parametrize("implicit", [True, False])
def test_files_without_preamble_are_read(tmp_path: Path, implicit: bool) -> None:
    folder = written(tmp_path / "s")
    for path in folder.iterdir():
        dataset = dcmread(path)
        del dataset.file_meta
        dataset.preamble = None
        dcmwrite(path, dataset, implicit_vr=implicit, little_endian=True, force_encoding=True)
        assert path.read_bytes()[128:132] != b"DICM"
    assert same_voxels(folder)


def test_a_zip_is_read_as_its_folder(tmp_path: Path) -> None:
    folder = written(tmp_path / "s")
    with zipfile.ZipFile(tmp_path / "scan.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("readme.txt", "hello")
        archive.writestr("inner.zip", b"PK\x05\x06" + bytes(18))
        for path in folder.iterdir():
            archive.write(path, f"a/b/{path.stem}")
    assert is_dicom(tmp_path / "scan.zip")
    assert same_voxels(tmp_path / "scan.zip")
    assert find_series(tmp_path / "scan.zip")[0].n_slices == 5


def test_errors_in_a_zip_name_its_member_not_a_temporary_file(tmp_path: Path) -> None:
    folder = written(tmp_path / "s")
    edited(folder, removing("PixelData"), only=lambda k: k == 2)
    with zipfile.ZipFile(tmp_path / "scan.zip", "w") as archive:
        for path in folder.iterdir():
            archive.write(path, f"a/{path.name}")
    with pytest.raises(DataError, match="no pixel data") as caught:
        read(tmp_path / "scan.zip")
    assert caught.value.where == f"{tmp_path / 'scan.zip'}/a/0003.dcm"


def two_series(folder: Path) -> Path:
    written(folder / "x")
    written(folder / "y", small_volume(seed=1), series_number=12, description="Soft tissue", modality="MR")
    return folder


def test_several_series_are_refused_with_a_list(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read(two_series(tmp_path))
    message = str(caught.value)
    assert "expected one image series, got 2" in message
    assert "1: CT 'Thin bone', 7 x 6 x 5" in message
    assert "12: MR 'Soft tissue', 7 x 6 x 5" in message
    assert "--series" in message


def test_series_are_listed_from_their_headers(tmp_path: Path) -> None:
    first, second = find_series(two_series(tmp_path))
    assert (first.number, first.key, first.modality, first.description) == (1, "1", "CT", "Thin bone")
    assert (first.patient_id, first.study_date, first.n_slices) == ("P1", "20000101", 5)
    assert first.shape == (7, 6, 5)
    assert first.spacing_mm == pytest.approx((0.7, 0.8, 2.5))
    assert first.faults == ()
    assert first.image_type == ("DERIVED", "SECONDARY", "AXIAL")
    assert second.number == 12


@pytest.mark.parametrize("wanted", ["1", "thin", "bone", "uid"])
def test_a_series_is_chosen_by_number_description_or_uid(tmp_path: Path, wanted: str) -> None:
    two_series(tmp_path)
    wanted = find_series(tmp_path)[0].uid if wanted == "uid" else wanted
    assert same_voxels(tmp_path, series=wanted)


@pytest.mark.parametrize(("wanted", "hits"), [("t", 2), ("ankle", 0), ("", 0), ("2", 0)])
def test_a_choice_that_fits_none_or_several_is_refused(tmp_path: Path, wanted: str, hits: int) -> None:
    with pytest.raises(DataError, match=f"one series that fits '{wanted}', got {hits}; there are\n  1: CT"):
        read(two_series(tmp_path), series=wanted)


def test_series_of_one_number_get_running_keys(tmp_path: Path) -> None:
    written(tmp_path / "x")
    written(tmp_path / "y", small_volume(seed=1))
    assert [one.key for one in find_series(tmp_path)] == ["1.1", "1.2"]
    with pytest.raises(DataError, match="one series that fits '1', got 2"):
        read(tmp_path, series="1")
    assert read(tmp_path, series="1.2").shape == (7, 6, 5)


def test_files_without_series_uid_are_grouped_by_number_and_description(tmp_path: Path) -> None:
    two_series(tmp_path)
    for part in "xy":
        edited(tmp_path / part, setting(SeriesInstanceUID=""))
    assert len(find_series(tmp_path)) == 2
    assert same_voxels(tmp_path, series="1")


def test_two_patients_are_refused_by_id_even_when_a_series_is_chosen(tmp_path: Path) -> None:
    written(tmp_path / "x")
    written(tmp_path / "y", patient_id="P2", series_number=2)
    for wanted in (None, "2"):
        with pytest.raises(DataError, match="images of one patient, got several: 'P1', 'P2'"):
            read(tmp_path, series=wanted)
    assert {one.patient_id for one in find_series(tmp_path)} == {"P1", "P2"}


def test_names_are_never_shown_but_tell_patients_without_id_apart(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    edited(written(tmp_path / "x"), setting(PatientID="", PatientName="Secret^Anna"))
    edited(written(tmp_path / "y", series_number=2), setting(PatientID="", PatientName="Secret^Berta"))
    with pytest.raises(DataError, match="got several: 2 names without id") as caught:
        read(tmp_path)
    shown = str(caught.value) + caplog.text + repr(find_series(tmp_path)) + repr(find_series(tmp_path)[0].frames)
    assert "Secret" not in shown


def test_two_echoes_in_one_series_are_two_entries(tmp_path: Path) -> None:
    late = small_volume(seed=1)
    edited(written(tmp_path / "x", modality="MR"), setting(EchoTime=10, EchoNumbers=1, SeriesInstanceUID="1.2.3"))
    edited(written(tmp_path / "y", late, modality="MR"), setting(EchoTime=80, EchoNumbers=2, SeriesInstanceUID="1.2.3"))
    first, second = find_series(tmp_path)
    assert (first.key, first.echo_time_ms, second.key, second.echo_time_ms) == ("1.1", 10, "1.2", 80)
    assert "echo 80 ms" in str(second)
    np.testing.assert_array_equal(read(tmp_path, series="1.2").array, late.array)


def test_several_echo_numbers_in_one_image_are_one_echo(tmp_path: Path) -> None:
    assert same_voxels(edited(written(tmp_path / "x", modality="MR"), setting(EchoNumbers=[1, 2])))


def test_image_types_of_one_series_are_apart(tmp_path: Path) -> None:
    kinds = ("ORIGINAL", "PRIMARY", "M"), ("ORIGINAL", "PRIMARY", "P")
    for name, kind, seed in zip("xy", kinds, (0, 1), strict=True):
        folder = written(tmp_path / name, small_volume(seed=seed), modality="MR")
        edited(folder, setting(ImageType=list(kind), SeriesInstanceUID="1.2.3"))
    assert [one.image_type for one in find_series(tmp_path)] == list(kinds)
    assert same_voxels(tmp_path, series="1.1")


def test_a_three_plane_localizer_is_three_entries_and_harms_no_other(tmp_path: Path) -> None:
    written(tmp_path / "scan", series_number=2)
    planes = [1, 0, 0, 0, 1, 0], [0, 1, 0, 0, 0, -1], [1, 0, 0, 0, 0, -1]
    for n, plane in enumerate(planes):
        folder = written(tmp_path / f"loc{n}", small_volume((7, 6, 1 + n), seed=n), description="Localizer")
        edited(folder, setting(SeriesInstanceUID="1.2.3", ImageOrientationPatient=plane))
        along = np.cross(plane[:3], plane[3:])
        edited(folder, setting(ImagePositionPatient=lambda k, along=along: list(along * 10.0 * k)))
    series = find_series(tmp_path)
    assert [(one.key, one.n_slices) for one in series] == [("1.1", 1), ("1.2", 2), ("1.3", 3), ("2", 5)]
    assert all(not one.faults for one in series)
    assert same_voxels(tmp_path, series="2")


@pytest.mark.parametrize("keyword", ["TemporalPositionIdentifier", "AcquisitionNumber", "AcquisitionTime"])
def test_repeated_positions_are_split_by_what_tells_them_apart(tmp_path: Path, keyword: str) -> None:
    for n, name in enumerate("xy"):
        folder = written(tmp_path / name, small_volume(seed=n))
        edited(folder, setting(**{"SeriesInstanceUID": "1.2.3", keyword: f"12000{n}"}))
    assert [one.n_slices for one in find_series(tmp_path)] == [5, 5]
    assert same_voxels(tmp_path, series="1.1")


def test_repeated_positions_that_nothing_tells_apart_are_refused(tmp_path: Path) -> None:
    folder = written(tmp_path / "s")
    (folder / "copy").write_bytes((folder / "0002.dcm").read_bytes())
    # Each slice has its own acquisition time, as in most CT: no way to split by it.
    edited(folder, setting(AcquisitionTime=lambda k: f"1200{k:02d}"))
    with pytest.raises(DataError, match=r"more than one at -9.5 mm"):
        read(folder)


def test_an_enhanced_file_is_read_by_its_functional_groups(tmp_path: Path) -> None:
    volume = small_volume()
    even = volume.with_array(volume.array // 2 * 2)
    back = read(enhanced(tmp_path / "e.dcm", volume, [3, 1, 0, 4, 2]))
    np.testing.assert_array_equal(back.array, even.array)
    assert back.grid.matches(volume.grid)


def test_echoes_of_an_enhanced_file_are_apart(tmp_path: Path) -> None:
    volume = small_volume()
    enhanced(tmp_path / "e.dcm", volume, [0, 1, 2, 3, 4], echoes=(10.0, 30.0))
    first, second = find_series(tmp_path)
    assert (first.key, first.echo_time_ms, second.echo_time_ms) == ("7.1", 10, 30)
    np.testing.assert_array_equal(read(tmp_path, series="7.2").array, volume.array // 2 * 2 + 1000)


def test_a_missing_frame_of_an_enhanced_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"1 missing between -9.5 and -4.5 mm"):
        read(enhanced(tmp_path / "e.dcm", small_volume(), [0, 1, 3, 4]))


def test_functional_groups_that_do_not_count_up_are_refused(tmp_path: Path) -> None:
    path = enhanced(tmp_path / "e.dcm", small_volume(), [0, 1, 2])
    dataset = dcmread(path)
    dataset.NumberOfFrames = 4
    dataset.save_as(path)
    with pytest.raises(DataError, match="a functional group for each of 4 frames, got 3"):
        read(path)


def test_an_old_multi_frame_file_without_places_is_refused(tmp_path: Path) -> None:
    folder = edited(written(tmp_path / "s", small_volume((7, 6, 1))), setting(NumberOfFrames=2, PixelData=bytes(168)))
    with pytest.raises(DataError, match="ImagePositionPatient in each slice, got 1 of 1 without"):
        read(folder)
