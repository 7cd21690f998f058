"""Every fault, planted once in a small dataset, is found there and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from condyle import io
from condyle.data import Case, Dataset, Folds
from condyle.data.case import image_path, labels_path
from condyle.data.checks import Loaded
from condyle.data.checks.labelled import not_interpolated
from condyle.data.checks.loaded import LabelMap, load_case
from condyle.data.checks.sides import left_is_left
from condyle.data.checks.summary import fingerprint
from condyle.errors import DataError
from condyle.labels import Labels
from condyle.space import ORIENTATIONS, Grid, Volume, reorient
from condyle.workflow.check import CheckReport, check
from datasets import AFFINE, GRID, LABELS, ball, label_map, scan, small_dataset


def codes(report: CheckReport) -> list[tuple[str, str, str]]:
    """Severity, code and case of each finding."""
    return [(finding.severity, finding.code, finding.case) for finding in report.findings]


def change_labels(folder: Path, id_: str, change: Callable[[np.ndarray], None]) -> None:
    """Draw in a case's label map."""
    path = folder / labels_path("reference", id_)
    volume = io.read_labels(path)
    array = volume.array.copy()
    change(array)
    io.write(path, volume.with_array(array), overwrite=True)


def change_image(folder: Path, id_: str, volume: Volume) -> None:
    io.write(folder / image_path("CT", id_), volume, overwrite=True)


def test_a_clean_dataset_has_no_findings(tmp_path: Path) -> None:
    small_dataset(tmp_path)
    report = check(tmp_path)
    assert report.findings == ()
    assert report.ok
    assert report.exit_code == 0
    assert report.cases == 3


def put(index: tuple[slice | int, ...], value: int) -> Callable[[np.ndarray], None]:
    def change(array: np.ndarray) -> None:
        array[index] = value

    return change


def swap_sides(array: np.ndarray) -> None:
    table = np.array([0, 2, 1, 3, 4], np.uint8)
    array[:] = table[array]


def smear(array: np.ndarray) -> None:
    """What linear interpolation half a voxel aside does to a label map."""
    mixed = 0.5 * array[:-1] + 0.5 * array[1:]
    array[:-1] = np.rint(mixed)


@pytest.mark.parametrize(
    ("change", "severity", "code"),
    [
        (put((0, 0, 0), 9), "error", "label_unknown"),
        (put((slice(None),), 0), "warning", "labels_empty"),
        (put((6, 10, 8), 0), "warning", "holes"),
        (put((6, 16, 8), 2), "warning", "islands"),
        (put((slice(0, 6), 10, 8), 2), "info", "at_border"),
        (swap_sides, "warning", "sides_swapped"),
    ],
)
def test_a_fault_in_a_label_map_is_found_where_it_is(
    tmp_path: Path, change: Callable[[np.ndarray], None], severity: str, code: str
) -> None:
    small_dataset(tmp_path)
    change_labels(tmp_path, "b", change)
    assert codes(check(tmp_path)) == [(severity, code, "b")]


def test_islands_are_counted_in_words_and_places_have_no_negative_zero(tmp_path: Path) -> None:
    small_dataset(tmp_path)
    messages = []
    for voxels in ((6, 16, 8), (6, 17, 15)):
        change_labels(tmp_path, "b", put(voxels, 2))
        messages += [finding.message for finding in check(tmp_path).findings if finding.code == "islands"]
    assert messages[0].startswith("One stray island of ")
    assert messages[1].startswith("2 stray islands, ")
    assert "-0" not in "".join(messages)


def test_a_ring_in_one_slice_is_open_to_both_sides_and_no_hole(tmp_path: Path) -> None:
    small_dataset(tmp_path)

    def ring(array: np.ndarray) -> None:
        array[:] = 0
        array[5:10, 5:10, 8] = 2
        array[7, 7, 8] = 0

    change_labels(tmp_path, "b", ring)
    assert {finding.code for finding in check(tmp_path).findings} == {"structure_absent"}


def test_a_structure_that_one_case_lacks_is_an_info_and_one_that_all_lack_a_warning(tmp_path: Path) -> None:
    small_dataset(tmp_path)

    def erase(array: np.ndarray) -> None:
        array[array == 4] = 0
        array[ball(GRID, (6, 10, 8), 4)] = 2
        array[7, 10, 13] = 2  # so that no two maps are the same

    change_labels(tmp_path, "b", erase)
    assert codes(check(tmp_path)) == [("info", "structure_absent", "b")]
    for id_ in "ac":
        change_labels(tmp_path, id_, lambda array: array.__setitem__(array == 4, 0))
    assert ("warning", "structure_nowhere", "") in codes(check(tmp_path))


def test_interpolated_labels_are_told_from_drawn_ones(tmp_path: Path) -> None:
    labels = Labels.of({"tibia": 1, "femur": 2, "fibula": 3, "pelvis": 4})
    drawn = np.zeros((30, 30, 30), np.uint8)
    grid = Grid((30, 30, 30), np.eye(4))
    drawn[ball(grid, (15, 15, 15), 9)] = 4
    drawn[ball(grid, (15, 15, 15), 9) & (np.indices(grid.shape)[0] < 12)] = 1

    def findings(array: np.ndarray, labels: Labels = labels) -> list[str]:
        maps = {"reference": LabelMap.of(Volume(array, grid))}
        return [f.code for f in not_interpolated(Loaded(Case("a", "a", {}), labels, {}, maps))]

    smeared = drawn.copy()
    smear(smeared)
    assert set(np.unique(smeared)) > set(np.unique(drawn))
    assert findings(drawn) == []
    assert findings(smeared) == ["labels_interpolated"]


def test_a_thin_shell_of_one_region_is_no_interpolation() -> None:
    grid = Grid((30, 30, 30), np.eye(4))
    array = np.zeros(grid.shape, np.uint8)
    array[ball(grid, (15, 15, 15), 9)] = 1
    array[ball(grid, (15, 15, 15), 8)] = 2
    maps = {"reference": LabelMap.of(Volume(array, grid))}
    apart = Labels.of({"cortex": 1, "marrow": 2})
    joined = Labels.of({"cortex": 1, "marrow": 2}, regions={"bone": (1, 2)})
    assert not_interpolated(Loaded(Case("a", "a", {}), apart, {}, maps))
    assert not not_interpolated(Loaded(Case("a", "a", {}), joined, {}, maps))


def test_a_label_map_with_fractions_is_no_label_map(tmp_path: Path) -> None:
    small_dataset(tmp_path)
    path = tmp_path / labels_path("reference", "b")
    io.write(path, Volume(label_map().array * 0.5, GRID), overwrite=True)
    report = check(tmp_path)
    assert ("error", "labels_not_whole", "b") in codes(report)
    assert {finding.case for finding in report.findings} == {"b"}


def test_a_mask_beside_its_scan_is_found(tmp_path: Path) -> None:
    small_dataset(tmp_path)
    moved = AFFINE.copy()
    moved[2, 3] += 1
    path = tmp_path / labels_path("reference", "b")
    io.write(path, Volume.of(io.read_labels(path).array, moved), overwrite=True)
    report = check(tmp_path)
    assert codes(report) == [("error", "grid_mismatch", "b")]
    assert "mm" in report.findings[0].message


def test_nan_and_constant_images_are_found(tmp_path: Path) -> None:
    small_dataset(tmp_path)
    array = scan(0).array.astype(np.float32) + 0.5
    array[3, 3, 3] = np.nan
    change_image(tmp_path, "a", Volume(array, GRID))
    change_image(tmp_path, "c", Volume(np.full(GRID.shape, 7, np.int16), GRID))
    assert codes(check(tmp_path)) == [("error", "image_not_finite", "a"), ("error", "image_constant", "c")]


def test_missing_broken_and_unlisted_files_are_found_in_one_pass(tmp_path: Path) -> None:
    small_dataset(tmp_path)
    (tmp_path / image_path("CT", "a")).unlink()
    whole = (tmp_path / labels_path("reference", "b")).read_bytes()
    (tmp_path / labels_path("reference", "b")).write_bytes(whole[: len(whole) // 2])
    (tmp_path / "labels/reference/d.nii.gz").write_bytes(whole)
    report = check(tmp_path)
    assert codes(report) == [
        ("error", "file_missing", "a"),
        ("error", "file_unreadable", "b"),
        ("warning", "file_unlisted", ""),
    ]
    assert report.findings[2].where == "labels/reference/d.nii.gz"
    assert report.exit_code == 1


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("same_group", [False, True])
def test_a_scan_under_two_ids_is_found_whichever_way_it_lies(tmp_path: Path, turned: bool, same_group: bool) -> None:
    dataset = small_dataset(tmp_path)
    copy = reorient(scan(0), "SAR") if turned else scan(0)
    path = image_path("CT", "d")
    io.write(tmp_path / path, copy)
    dataset.with_case(Case("d", "a" if same_group else "d", {"CT": path})).save()
    report = check(tmp_path)
    assert codes(report) == [("warning" if same_group else "error", "image_twice", "d")]
    assert "a" in report.findings[0].message


def test_a_mask_copied_to_the_wrong_case_is_found(tmp_path: Path) -> None:
    small_dataset(tmp_path)
    (tmp_path / labels_path("reference", "c")).write_bytes((tmp_path / labels_path("reference", "a")).read_bytes())
    assert codes(check(tmp_path)) == [("warning", "labels_twice", "c")]


def test_a_patient_in_two_groups_is_found(tmp_path: Path) -> None:
    dataset = small_dataset(tmp_path)
    for id_ in "ab":
        dataset = dataset.with_case(replace(dataset[id_], patient="P1"))
    dataset.save()
    assert codes(check(tmp_path)) == [("error", "patient_in_groups", "b")]


def test_a_case_without_fold_is_found(tmp_path: Path) -> None:
    dataset = small_dataset(tmp_path)
    replace(dataset, folds=Folds("kfold", 0, {"a": 0, "b": 1})).save()
    assert codes(check(tmp_path)) == [("warning", "no_fold", "c")]


def test_a_spacing_unlike_all_others_is_found_and_small_differences_are_not(tmp_path: Path) -> None:
    dataset = small_dataset(tmp_path, ("a", "b", "c", "d", "e"))
    for n, id_ in enumerate("abcde"):
        affine = AFFINE @ np.diag([1, 1, 3 if id_ == "d" else 1 + 0.02 * n, 1])
        for path in dataset[id_].paths:
            io.write(tmp_path / path, Volume.of(io.read(tmp_path / path).array, affine), overwrite=True)
    report = check(tmp_path)
    assert codes(report) == [("warning", "spacing_outlier", "d")]
    assert "up-down" in report.findings[0].message


def wide_body(orientation: str = "RAS") -> Volume:
    """A pelvis-wide body, 300 mm, in air."""
    grid = Grid((80, 40, 10), np.array([[5, 0, 0, -200], [0, 5, 0, -100], [0, 0, 5, 0], [0, 0, 0, 1.0]]))
    x, y = np.indices(grid.shape)[:2] * 5
    body = ((x - 200) / 150) ** 2 + ((y - 100) / 80) ** 2 < 1
    return reorient(Volume(np.where(body, 40, -1000).astype(np.int16), grid), orientation)


@pytest.mark.parametrize("orientation", ["RAS", "LPS", "SPL"])
@pytest.mark.parametrize("x_mm", [-80, 80])
def test_one_sided_labels_are_compared_with_the_middle_of_a_whole_body(orientation: str, x_mm: float) -> None:
    image = wide_body(orientation)
    center = image.grid.to_index((x_mm, 0, 20))
    array = ball(image.grid, (center[0], center[1], center[2]), 3).astype(np.uint8)
    labels = Labels.of({"femur_right": 1})
    maps = {"reference": LabelMap.of(Volume(array, image.grid))}
    found = left_is_left(Loaded(Case("a", "a", {}), labels, {"CT": image}, maps))
    assert bool(found) is (x_mm < 0)


def test_a_single_limb_says_nothing_about_sides() -> None:
    narrow = Volume.of(wide_body().array, np.diag([2.0, 2, 5, 1]))
    array = ball(narrow.grid, (20, 20, 5), 3).astype(np.uint8)
    maps = {"reference": LabelMap.of(Volume(array, narrow.grid))}
    loaded = Loaded(Case("a", "a", {}), Labels.of({"tibia_right": 1}), {"CT": narrow}, maps)
    assert left_is_left(loaded) == []


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_the_fingerprint_is_blind_to_orientation_and_number_type(dtype: type[np.generic]) -> None:
    array = np.random.default_rng(0).integers(0, 200, (5, 6, 6))
    volume = Volume.of(array.astype(dtype), np.eye(4))
    prints = {fingerprint(reorient(volume, orientation).array) for orientation in ORIENTATIONS}
    assert prints == {fingerprint(array.astype(np.int16))}
    array[2, 3, 4] += 1
    assert fingerprint(array.astype(dtype)) not in prints


def test_fractions_have_a_fingerprint_too() -> None:
    volume = Volume.of(np.random.default_rng(0).normal(size=(4, 5, 6)).astype(np.float32), np.eye(4))
    assert len({fingerprint(reorient(volume, orientation).array) for orientation in ORIENTATIONS}) == 1


def test_the_report_is_plain_data_and_text_and_errors_come_first(tmp_path: Path) -> None:
    small_dataset(tmp_path)
    change_labels(tmp_path, "a", put((6, 10, 8), 0))
    change_labels(tmp_path, "c", put((0, 0, 0), 9))
    report = check(tmp_path)
    content = json.loads(json.dumps(report.to_json()))
    assert [finding["severity"] for finding in content["findings"]] == ["error", "warning"]
    assert content["counts"] == {"error": 1, "warning": 1, "info": 0}
    assert content["ok"] is False
    assert "1 error, 1 warning, 0 infos" in str(report)
    assert "ml" in str(report)


def test_infos_alone_are_ok(tmp_path: Path) -> None:
    small_dataset(tmp_path)
    change_labels(tmp_path, "b", put((slice(0, 6), 10, 8), 2))
    assert check(tmp_path).ok


def test_a_broken_dataset_json_is_an_error_not_a_finding(tmp_path: Path) -> None:
    (tmp_path / "dataset.json").write_text("{")
    with pytest.raises(DataError, match="JSON"):
        check(tmp_path)


def test_nothing_is_written_by_a_check(tmp_path: Path) -> None:
    small_dataset(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    check(tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_name_that_cannot_be_looked_up_does_not_stop_the_check(tmp_path: Path) -> None:
    dataset = small_dataset(tmp_path)
    broken = replace(dataset["a"], images={"CT": f"images/CT/{'x' * 300}.nii.gz"})
    dataset.with_case(broken).save()
    assert ("error", "file_unreadable", "a") in codes(check(tmp_path))


def test_what_cannot_be_read_does_not_stop_the_case(tmp_path: Path) -> None:
    dataset = small_dataset(tmp_path)
    (tmp_path / image_path("CT", "a")).write_bytes(b"")
    loaded, faults = load_case(Dataset.open(tmp_path), dataset["a"])
    assert list(loaded.maps) == ["reference"]
    assert [fault.code for fault in faults] == ["file_unreadable"]
    assert set(loaded.maps["reference"].boxes) == set(LABELS.ids)
