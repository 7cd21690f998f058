"""Other people's folders become a dataset: the same voxels at the same places under the right names."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from condyle import io
from condyle.data import Dataset, load_image, load_labels
from condyle.errors import ConfigError, DataError
from condyle.io import segnrrd
from condyle.io.dicom import write_series
from condyle.labels import Labels
from condyle.space import Grid, Volume, reorient
from condyle.workflow.import_ import ImportResult, import_
from datasets import AFFINE, GRID, LABELS, ball, label_map, scan, source_folders
from killed import leftover

STRUCTURES = {s.name: s.id for s in LABELS.structures}


def imported(tmp_path: Path, ids: list[str], **options: Any) -> ImportResult:
    """Import of a folder of scans and one of masks into `tmp_path/ds`."""
    scans, masks = source_folders(tmp_path, ids)
    options = {"label_sets": {"reference": masks}, "names": STRUCTURES, **options}
    return import_([scans], tmp_path / "ds", **options)


def tree(folder: Path) -> dict[str, bytes]:
    """All files below a folder, unpacked, the lock aside."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {
        str(path.relative_to(folder)): gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        for path in files
    }


# ---- folders of files


@pytest.mark.parametrize("suffix", [".nrrd", ".nii.gz", ".mha"])
def test_scans_and_masks_of_the_same_name_become_cases(tmp_path: Path, suffix: str) -> None:
    scans, masks = source_folders(tmp_path, ["7L_fall", "7R_fall", "8L_fall"], suffix)
    result = import_(
        [scans],
        tmp_path / "ds",
        label_sets={"corrected": masks},
        names=STRUCTURES,
        group_pattern=r"^(\d+)",
        channels=["CT"],
    )
    assert result.added == ("7L_fall", "7R_fall", "8L_fall")
    assert result.ok
    dataset = Dataset.open(tmp_path / "ds")
    assert dataset.labels == LABELS
    assert [case.group for case in dataset.cases] == ["7", "7", "8"]
    for seed, case in enumerate(dataset.cases):
        image, labels = load_image(dataset, case, "CT"), load_labels(dataset, case, "corrected")
        np.testing.assert_array_equal(image.array, scan(seed).array)
        np.testing.assert_array_equal(labels.array, label_map().array)
        assert image.grid.matches(GRID)
        assert labels.grid.matches(image.grid, 1e-6)


@pytest.mark.parametrize("ending", ["_seg", "_mask", "_labels", "_0000"])
def test_endings_that_say_mask_are_understood(tmp_path: Path, ending: str) -> None:
    scans, masks = source_folders(tmp_path, ["a", "b"])
    for path in list(masks.iterdir()):
        path.rename(masks / f"{path.name.removesuffix('.nii.gz')}{ending}.nii.gz")
    result = import_([scans], tmp_path / "ds", label_sets={"reference": masks}, names=STRUCTURES)
    assert result.added == ("a", "b")


def test_a_scan_and_its_mask_may_be_single_files_of_any_names(tmp_path: Path) -> None:
    io.write(tmp_path / "Knee Scan 1.nrrd", scan(0))
    io.write(tmp_path / "my mask.nii", label_map())
    result = import_(
        [tmp_path / "Knee Scan 1.nrrd"],
        tmp_path / "ds",
        label_sets={"reference": tmp_path / "my mask.nii"},
        names=STRUCTURES,
    )
    assert result.added == ("Knee_Scan_1",)


def test_scans_alone_make_a_dataset_without_labels(tmp_path: Path) -> None:
    scans, _ = source_folders(tmp_path, ["a"])
    import_([scans], tmp_path / "ds", name="mine")
    dataset = Dataset.open(tmp_path / "ds")
    assert (dataset.name, dataset.channels, dataset.labels) == ("mine", ("image",), Labels(()))


def test_a_tiff_stack_takes_the_spacing_it_is_given(tmp_path: Path) -> None:
    import tifffile

    for folder, array in (("scans", scan(0).array), ("masks", (label_map().array > 0) * np.uint8(255))):
        (tmp_path / folder).mkdir()
        tifffile.imwrite(tmp_path / folder / "knee.tif", array.T, photometric="minisblack")
    options: dict[str, Any] = {"label_sets": {"reference": tmp_path / "masks"}, "remap": {"255": "bone"}}
    assert "spacing" in import_([tmp_path / "scans"], tmp_path / "no", **options).failed["knee"]
    import_([tmp_path / "scans"], tmp_path / "ds", spacing=(1.0, 1.0, 3.0), **options)
    dataset = Dataset.open(tmp_path / "ds")
    assert load_image(dataset, dataset["knee"], "image").spacing_mm == (1.0, 1.0, 3.0)
    np.testing.assert_array_equal(load_labels(dataset, dataset["knee"], "reference").array, label_map().array > 0)


def test_a_pattern_finds_scans_deep_down(tmp_path: Path) -> None:
    for seed, id_ in enumerate(["s01", "s02"]):
        for n, channel in enumerate(["T1", "PD"]):
            io.write(tmp_path / "raw" / id_ / f"{channel}.nii.gz", scan(10 * n + seed))
        io.write(tmp_path / "raw" / id_ / "other.nii.gz", scan(0))
    import_(
        [tmp_path / "raw"],
        tmp_path / "ds",
        channels=["T1", "PD"],
        case_pattern=r"^(?P<case>[^/]+)/(?P<channel>T1|PD)$",
    )
    dataset = Dataset.open(tmp_path / "ds")
    assert dataset.channels == ("T1", "PD")
    np.testing.assert_array_equal(load_image(dataset, dataset["s02"], "PD").array, scan(11).array)


def test_patterns_tell_scans_from_masks_in_one_folder(tmp_path: Path) -> None:
    for seed, id_ in enumerate("ab"):
        io.write(tmp_path / "all" / f"{id_}.nii.gz", scan(seed))
        io.write(tmp_path / "all" / f"{id_}_labels.nii.gz", label_map())
    result = import_(
        [tmp_path / "all"],
        tmp_path / "ds",
        case_pattern=r"^(?P<case>[a-z])$",
        label_sets={"reference": tmp_path / "all"},
        mask_pattern=r"^(?P<case>[a-z])_labels$",
        names=STRUCTURES,
    )
    assert result.added == ("a", "b")
    assert result.unmatched == ()


def test_numbers_at_the_end_of_all_names_are_channels(tmp_path: Path) -> None:
    for n in range(2):
        io.write(tmp_path / "scans" / f"a_{n:04d}.nii.gz", scan(n))
    import_([tmp_path / "scans"], tmp_path / "ds", channels=["T1", "PD"])
    dataset = Dataset.open(tmp_path / "ds")
    np.testing.assert_array_equal(load_image(dataset, dataset["a"], "PD").array, scan(1).array)
    with pytest.raises(ConfigError, match="Name all channels"):
        import_([tmp_path / "scans"], tmp_path / "no", channels=["T1"])
    io.write(tmp_path / "scans/b_0000.nii.gz", scan(2))
    with pytest.raises(DataError, match="no PD of b"):
        import_([tmp_path / "scans"], tmp_path / "no", channels=["T1", "PD"])


def test_channels_may_lie_in_folders_of_their_own(tmp_path: Path) -> None:
    for n, channel in enumerate(["T1", "PD"]):
        io.write(tmp_path / channel / "a.nii.gz", scan(n))
    images = {"T1": tmp_path / "T1", "PD": tmp_path / "PD"}
    import_([], tmp_path / "ds", images=images)
    dataset = Dataset.open(tmp_path / "ds")
    np.testing.assert_array_equal(load_image(dataset, dataset["a"], "PD").array, scan(1).array)
    io.write(tmp_path / "T1" / "b.nii.gz", scan(2))
    with pytest.raises(DataError, match="no file for b"):
        import_([], tmp_path / "ds2", images=images)


def test_channels_on_two_grids_fail_by_name(tmp_path: Path) -> None:
    io.write(tmp_path / "T1" / "a.nii.gz", scan(0))
    io.write(tmp_path / "PD" / "a.nii.gz", Volume.of(scan(1).array, np.eye(4)))
    result = import_([], tmp_path / "ds", images={"T1": tmp_path / "T1", "PD": tmp_path / "PD"})
    assert "channel PD" in result.failed["a"]
    assert not result.ok


# ---- masks on their scan's grid


@pytest.mark.parametrize("orientation", ["RAS", "LPI", "SAR", "PIL"])
def test_a_mask_in_another_order_of_axes_is_turned_without_loss(tmp_path: Path, orientation: str) -> None:
    scans, masks = source_folders(tmp_path, ["a"])
    io.write(masks / "a.nii.gz", reorient(label_map(), orientation), overwrite=True)
    result = import_([scans], tmp_path / "ds", label_sets={"reference": masks}, names=STRUCTURES)
    assert result.notes == ()
    dataset = Dataset.open(tmp_path / "ds")
    np.testing.assert_array_equal(load_labels(dataset, dataset["a"], "reference").array, label_map().array)


def test_a_mask_on_another_grid_fails_with_both_grids_and_the_others_go_on(tmp_path: Path) -> None:
    scans, masks = source_folders(tmp_path, ["a", "b", "c"])
    moved = AFFINE.copy()
    moved[0, 3] += 0.7
    io.write(masks / "b.nii.gz", Volume.of(label_map().array, moved), overwrite=True)
    options: dict[str, Any] = {"label_sets": {"reference": masks}, "names": STRUCTURES}
    result = import_([scans], tmp_path / "ds", **options)
    assert result.added == ("a", "c")
    assert "origin (30, 40, -20)" in result.failed["b"]
    assert "origin (30.7, 40, -20)" in result.failed["b"]
    assert not list((tmp_path / "ds").rglob("b.nii.gz"))
    again = import_([scans], tmp_path / "ds", resample_masks=True, **options)
    assert again.added == ("b",)
    assert again.already == ("a", "c")
    assert "nearest voxel" in again.notes[0]
    dataset = Dataset.open(tmp_path / "ds")
    np.testing.assert_array_equal(load_labels(dataset, dataset["b"], "reference").array, label_map().array)


def test_a_mask_far_from_its_scan_is_refused_even_when_resampled(tmp_path: Path) -> None:
    scans, masks = source_folders(tmp_path, ["a"])
    moved = AFFINE.copy()
    moved[0, 3] += 1000
    io.write(masks / "a.nii.gz", Volume.of(label_map().array, moved), overwrite=True)
    result = import_([scans], tmp_path / "ds", label_sets={"reference": masks}, names=STRUCTURES, resample_masks=True)
    assert "beside it" in result.failed["a"]


# ---- pairing


def test_files_without_partner_are_listed_and_nothing_is_written(tmp_path: Path) -> None:
    scans, masks = source_folders(tmp_path, ["a", "b"])
    (masks / "b.nii.gz").rename(masks / "stray.nii.gz")
    options: dict[str, Any] = {"label_sets": {"reference": masks}, "names": STRUCTURES}
    with pytest.raises(DataError, match=r"stray\.nii\.gz: a mask without scan(.|\n)*b: a scan without mask"):
        import_([scans], tmp_path / "ds", **options)
    assert not (tmp_path / "ds/dataset.json").exists()
    result = import_([scans], tmp_path / "ds", allow_unmatched=True, **options)
    assert result.added == ("a", "b")
    assert len(result.unmatched) == 2
    assert Dataset.open(tmp_path / "ds")["b"].label_sets == {}


def test_two_scans_of_one_id_are_refused(tmp_path: Path) -> None:
    io.write(tmp_path / "scans/a.nii.gz", scan(0))
    io.write(tmp_path / "scans/a.nrrd", scan(1))
    with pytest.raises(DataError, match="second one"):
        import_([tmp_path / "scans"], tmp_path / "ds")
    io.write(tmp_path / "more/a.nrrd", scan(1))
    with pytest.raises(DataError, match="of its own"):
        import_([tmp_path / "scans/a.nrrd", tmp_path / "more/a.nrrd"], tmp_path / "ds")


def test_a_label_map_beside_masks_of_its_structures_is_refused(tmp_path: Path) -> None:
    scans, masks = source_folders(tmp_path, ["a"])
    io.write(masks / "a_femur.nii.gz", label_map())
    with pytest.raises(DataError, match="one label map of a case"):
        import_([scans], tmp_path / "ds", label_sets={"reference": masks}, names=STRUCTURES)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mask_pattern": r"(?P<case>zzz)"}, "none for"),
        ({"mask_pattern": r"(?P<case>["}, "regular expression"),
        ({"mask_pattern": r"a"}, "case"),
        ({"case_pattern": r"(?P<case>zzz)"}, "none for"),
        ({"case_pattern": r"(?P<case>.+)(?P<colour>x)"}, "groups among"),
        ({"group_pattern": r"("}, "regular expression"),
        ({"group_pattern": r"\d"}, "no match"),
        ({"names": None}, "names for its numbers"),
        ({"label_sets": {"../x": Path()}}, "letters"),
        ({"label_sets": {"reference": Path("nowhere")}}, "nothing of that name"),
        ({"channels": ["a", "b"]}, "name for each channel"),
        ({"remap": {"1": "femur"}}, "femur"),
        ({"priority": ["skull"]}, "skull"),
        ({"images": {"CT": Path()}}, "both"),
    ],
)
def test_senseless_options_are_refused_before_anything_is_written(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises((ConfigError, DataError), match=message):
        imported(tmp_path, ["a"], **options)
    assert not (tmp_path / "ds/dataset.json").exists()


def test_nothing_to_import_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="sources"):
        import_([], tmp_path / "ds")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="scans in it"):
        import_([tmp_path / "empty"], tmp_path / "ds")
    with pytest.raises(DataError, match="nothing of that name"):
        import_([tmp_path / "none"], tmp_path / "ds")


# ---- names and numbers of structures


def test_a_remap_table_selects_and_renumbers(tmp_path: Path) -> None:
    remap = {"4": "patella", "2": "femur_right", "1": ""}
    assert imported(tmp_path, ["a"], names=None, remap=remap).ok
    dataset = Dataset.open(tmp_path / "ds")
    assert dataset.labels == Labels.of({"patella": 1, "femur_right": 2})
    array = load_labels(dataset, dataset["a"], "reference").array
    source = label_map().array
    np.testing.assert_array_equal(array == 1, source == 4)
    np.testing.assert_array_equal(array == 2, source == 2)
    assert not array[source == 1].any()


def test_a_star_stands_for_all_other_ids(tmp_path: Path) -> None:
    imported(tmp_path, ["a"], names=None, remap={"1": "femur", "2": "femur", "*": ""})
    dataset = Dataset.open(tmp_path / "ds")
    array = load_labels(dataset, dataset["a"], "reference").array
    np.testing.assert_array_equal(array, np.isin(label_map().array, (1, 2)))


@pytest.mark.parametrize("options", [{"names": {"femur": 1}}, {"names": None, "remap": {"1": "femur"}}])
def test_an_id_without_meaning_fails_the_case(tmp_path: Path, options: dict[str, Any]) -> None:
    result = imported(tmp_path, ["a"], **options)
    assert "also 2, 4" in result.failed["a"]


def test_a_name_in_a_remap_table_that_stands_for_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="femoral"):
        imported(tmp_path, ["a"], names=None, remap={"femoral": "femur", "*": ""})


def test_an_ignore_id_is_kept(tmp_path: Path) -> None:
    imported(tmp_path, ["a"], names={"femur_left": 1, "femur_right": 2}, ignore=4)
    dataset = Dataset.open(tmp_path / "ds")
    assert dataset.labels.ignore == 4
    np.testing.assert_array_equal(load_labels(dataset, dataset["a"], "reference").array, label_map().array)


def test_an_image_given_as_a_mask_fails(tmp_path: Path) -> None:
    scans, masks = source_folders(tmp_path, ["a"])
    io.write(masks / "a.nii.gz", scan(0), overwrite=True)
    result = import_([scans], tmp_path / "ds", label_sets={"reference": masks}, names=STRUCTURES)
    assert "label map" in result.failed["a"]


# ---- one file a structure


def structure_masks(folder: Path, names: Mapping[str, np.ndarray], layout: str) -> None:
    """A file for each structure; `layout` has {case} and {structure}."""
    for name, mask in names.items():
        path = folder / layout.format(case="c01", structure=name)
        io.write(path, Volume(mask.astype(np.uint8), GRID))


TIBIA, FEMUR = ball(GRID, (8, 10, 8), 4), ball(GRID, (13, 10, 8), 4)


@pytest.mark.parametrize(
    "layout", ["{case}/{structure}.nii.gz", "{case}/segmentations/{structure}.nii.gz", "{case}_{structure}.nrrd"]
)
def test_overlapping_masks_are_joined_by_priority_never_by_sums(tmp_path: Path, layout: str) -> None:
    io.write(tmp_path / "scans/c01.nii.gz", scan(0))
    structure_masks(tmp_path / "masks", {"tibia": TIBIA, "femur": FEMUR}, layout)
    options: dict[str, Any] = {"label_sets": {"reference": tmp_path / "masks"}}
    overlap = np.count_nonzero(TIBIA & FEMUR)
    assert overlap > 0
    refused = import_([tmp_path / "scans"], tmp_path / "no", **options)
    assert f"in {overlap} voxels" in refused.failed["c01"]
    import_([tmp_path / "scans"], tmp_path / "ds", priority=["tibia", "femur"], **options)
    dataset = Dataset.open(tmp_path / "ds")
    assert dataset.labels == Labels.of({"tibia": 1, "femur": 2})
    array = load_labels(dataset, dataset["c01"], "reference").array
    np.testing.assert_array_equal(array == 1, TIBIA)
    np.testing.assert_array_equal(array == 2, FEMUR & ~TIBIA)


def test_a_pattern_reads_case_and_structure_from_names_of_any_kind(tmp_path: Path) -> None:
    for n, code in enumerate(["9B", "15A"]):
        io.write(tmp_path / "scans" / f"{n}_AutoBindWATER_65{n}_{code}.nii", scan(n))
        io.write(tmp_path / "masks" / f"{n}_RR_tibia_{code}.nii", Volume(TIBIA.astype(np.uint8), GRID))
        io.write(tmp_path / "masks" / f"{n}_R_femur_{code}.nii", Volume((FEMUR & ~TIBIA).astype(np.uint8), GRID))
    result = import_(
        [tmp_path / "scans"],
        tmp_path / "ds",
        case_pattern=r"_(?P<case>[^_]+)$",
        label_sets={"reference": tmp_path / "masks"},
        mask_pattern=r"_(?P<structure>tibia|femur|fibula|pelvis)_(?P<case>[^_]+)$",
    )
    assert result.added == ("15A", "9B")
    dataset = Dataset.open(tmp_path / "ds")
    assert dataset.labels.names == ("femur", "tibia")
    assert np.count_nonzero(load_labels(dataset, dataset["9B"], "reference").array == 2) == np.count_nonzero(TIBIA)


def test_structures_select_among_many_files_and_say_what_they_leave(tmp_path: Path) -> None:
    io.write(tmp_path / "scans/c01.nii.gz", scan(0))
    structure_masks(tmp_path / "masks", {"tibia": TIBIA, "femur": FEMUR, "aorta": FEMUR}, "{case}/{structure}.nii.gz")
    options: dict[str, Any] = {"label_sets": {"reference": tmp_path / "masks"}}
    result = import_([tmp_path / "scans"], tmp_path / "ds", names={"femur": 7}, **options)
    assert "aorta, tibia" in result.notes[0]
    dataset = Dataset.open(tmp_path / "ds")
    np.testing.assert_array_equal(load_labels(dataset, dataset["c01"], "reference").array, FEMUR * np.uint8(7))
    with pytest.raises(ConfigError, match="fermur"):
        import_([tmp_path / "scans"], tmp_path / "no", names={"fermur": 1}, **options)


def test_a_case_that_lacks_a_structure_is_not_taken_as_background_unasked(tmp_path: Path) -> None:
    for n, id_ in enumerate("ab"):
        io.write(tmp_path / "scans" / f"{id_}.nii.gz", scan(n))
        io.write(tmp_path / "masks" / id_ / "tibia.nii.gz", Volume(TIBIA.astype(np.uint8), GRID))
    io.write(tmp_path / "masks" / "a" / "pelvis.nii.gz", Volume(np.zeros(GRID.shape, np.uint8), GRID))
    with pytest.raises(DataError, match="b: no mask of pelvis"):
        import_([tmp_path / "scans"], tmp_path / "ds", label_sets={"reference": tmp_path / "masks"})


def test_a_structure_without_place_in_the_priority_fails_the_case(tmp_path: Path) -> None:
    io.write(tmp_path / "scans/c01.nii.gz", scan(0))
    structure_masks(tmp_path / "masks", {"tibia": TIBIA, "femur": FEMUR}, "{case}/{structure}.nii.gz")
    result = import_(
        [tmp_path / "scans"], tmp_path / "ds", label_sets={"reference": tmp_path / "masks"}, priority=["tibia"]
    )
    assert "no place for femur" in result.failed["c01"]


def test_files_of_structures_may_be_renamed_and_joined(tmp_path: Path) -> None:
    io.write(tmp_path / "scans/c01.nii.gz", scan(0))
    structure_masks(tmp_path / "masks", {"tibia": TIBIA, "femur": FEMUR, "aorta": FEMUR}, "{case}/{structure}.nii.gz")
    options: dict[str, Any] = {"label_sets": {"reference": tmp_path / "masks"}}
    import_([tmp_path / "scans"], tmp_path / "ds", remap={"tibia": "bone", "femur": "bone", "*": ""}, **options)
    dataset = Dataset.open(tmp_path / "ds")
    np.testing.assert_array_equal(load_labels(dataset, dataset["c01"], "reference").array, TIBIA | FEMUR)
    with pytest.raises(DataError, match="aorta"):
        import_([tmp_path / "scans"], tmp_path / "no", remap={"tibia": "bone", "femur": "bone"}, **options)


def test_a_file_for_one_structure_with_several_values_fails(tmp_path: Path) -> None:
    io.write(tmp_path / "scans/c01.nii.gz", scan(0))
    io.write(tmp_path / "masks/c01/femur.nii.gz", label_map())
    result = import_([tmp_path / "scans"], tmp_path / "ds", label_sets={"reference": tmp_path / "masks"})
    assert "1, 2, 4" in result.failed["c01"]


# ---- surfaces


# No face runs through voxel centres.
LOW, HIGH = np.array([0.1, 0.1, -9.3]), np.array([15.1, 20.1, 5.3])


def write_box(path: Path, low: np.ndarray = LOW, high: np.ndarray = HIGH) -> None:
    """A box as STL or PLY text, its faces outward, in the numbers given."""
    corners = np.array([[(low, high)[b >> a & 1][a] for a in range(3)] for b in range(8)])
    quads = [(0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (2, 6, 7, 3), (0, 4, 6, 2), (1, 3, 7, 5)]
    triangles = [t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))]
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".stl":
        facets = "".join(
            "facet normal 0 0 0\nouter loop\n"
            + "".join("vertex {} {} {}\n".format(*corners[v]) for v in t)
            + "endloop\nendfacet\n"
            for t in triangles
        )
        path.write_text(f"solid box\n{facets}endsolid box\n")
    else:
        head = "ply\nformat ascii 1.0\nelement vertex 8\nproperty float x\nproperty float y\nproperty float z\n"
        head += "element face 12\nproperty list uchar int vertex_indices\nend_header\n"
        rows = "".join("{} {} {}\n".format(*c) for c in corners) + "".join("3 {} {} {}\n".format(*t) for t in triangles)
        path.write_text(head + rows)


def box_voxels() -> np.ndarray:
    world = GRID.to_world(np.stack(np.indices(GRID.shape), -1))
    return ((world > LOW) & (world < HIGH)).all(axis=-1)


@pytest.mark.parametrize("name", ["c01_tibia.stl", "c01/tibia.ply"])
def test_surfaces_become_the_voxels_inside_them(tmp_path: Path, name: str) -> None:
    io.write(tmp_path / "scans/c01.nii.gz", scan(0))
    write_box(tmp_path / "meshes" / name)
    import_([tmp_path / "scans"], tmp_path / "ds", label_sets={"reference": tmp_path / "meshes"})
    dataset = Dataset.open(tmp_path / "ds")
    assert dataset.labels.names == ("tibia",)
    np.testing.assert_array_equal(load_labels(dataset, dataset["c01"], "reference").array == 1, box_voxels())


def test_surfaces_in_lps_metres_are_read_as_told(tmp_path: Path) -> None:
    io.write(tmp_path / "scans/c01.nii.gz", scan(0))
    flip = np.array([-1, -1, 1])
    write_box(
        tmp_path / "meshes/c01.ply",
        np.minimum(LOW * flip, HIGH * flip) / 1000,
        np.maximum(LOW * flip, HIGH * flip) / 1000,
    )
    import_(
        [tmp_path / "scans"],
        tmp_path / "ds",
        label_sets={"reference": tmp_path / "meshes"},
        names={"tibia": 1},
        mesh_space="LPS",
        mesh_scale_to_mm=1000,
    )
    dataset = Dataset.open(tmp_path / "ds")
    np.testing.assert_array_equal(load_labels(dataset, dataset["c01"], "reference").array == 1, box_voxels())


def test_a_surface_without_a_structure_in_its_name_needs_a_table_of_one(tmp_path: Path) -> None:
    io.write(tmp_path / "scans/c01.nii.gz", scan(0))
    write_box(tmp_path / "meshes/c01.stl")
    result = import_(
        [tmp_path / "scans"], tmp_path / "ds", label_sets={"reference": tmp_path / "meshes"}, names=STRUCTURES
    )
    assert "tells its structure" in result.failed["c01"]


def test_a_surface_with_a_hole_fails_by_name(tmp_path: Path) -> None:
    io.write(tmp_path / "scans/c01.nii.gz", scan(0))
    write_box(tmp_path / "meshes/c01_tibia.stl")
    text = (tmp_path / "meshes/c01_tibia.stl").read_text().split("facet normal", 2)
    (tmp_path / "meshes/c01_tibia.stl").write_text(f"{text[0]}facet normal{text[2]}")
    result = import_([tmp_path / "scans"], tmp_path / "ds", label_sets={"reference": tmp_path / "meshes"})
    assert "c01_tibia.stl" in result.failed["c01"]


# ---- DICOM


def test_each_patients_folder_or_zip_is_a_case_and_the_patient_id_its_group(tmp_path: Path) -> None:
    for n, (name, patient) in enumerate([("visit1", "P7"), ("visit2", "P7"), ("other", "P8")]):
        write_series(tmp_path / "dicom" / name, scan(n), patient_id=patient, modality="CT", seed=name)
    with zipfile.ZipFile(tmp_path / "dicom/zipped.zip", "w") as archive:
        for path in (tmp_path / "dicom/other").iterdir():
            archive.write(path, path.name)
    shutil.rmtree(tmp_path / "dicom/other")
    import_([tmp_path / "dicom"], tmp_path / "ds", channels=["CT"])
    dataset = Dataset.open(tmp_path / "ds")
    assert {case.id: (case.group, case.patient) for case in dataset.cases} == {
        "visit1": ("P7", "P7"),
        "visit2": ("P7", "P7"),
        "zipped": ("P8", "P8"),
    }
    stored = load_image(dataset, dataset["visit2"], "CT")
    np.testing.assert_array_equal(reorient(stored, GRID.orientation).array, scan(1).array)


def test_several_series_of_a_patient_are_several_cases_unless_one_is_named(tmp_path: Path) -> None:
    for n, name in enumerate(["soft", "bone"], start=1):
        folder = tmp_path / "dicom" / name
        write_series(folder, scan(n), patient_id="P", modality="CT", series_number=n, description=name, seed=name)
    localizer = Volume(scan(3).array[..., :2], Grid((24, 20, 2), AFFINE))
    write_series(tmp_path / "dicom/loc", localizer, patient_id="P", modality="CT", series_number=9, seed="loc")
    flat = tmp_path / "P"
    flat.mkdir()
    for path in sorted((tmp_path / "dicom").rglob("*.dcm")):
        shutil.copy(path, flat / f"{path.parent.name}_{path.name}")
    result = import_([flat], tmp_path / "ds")
    assert result.added == ("P_1", "P_2")
    assert "left out 9" in result.notes[0]
    assert import_([flat], tmp_path / "one", series="bone").added == ("P",)
    dataset = Dataset.open(tmp_path / "one")
    stored = load_image(dataset, dataset["P"], "image")
    np.testing.assert_array_equal(reorient(stored, GRID.orientation).array, scan(2).array)


def test_a_real_dicom_scan_and_its_label_map_become_a_case(tmp_path: Path, shared_data: Path) -> None:
    masks = shared_data / "ct_dicom_abdomen_labels.nii.gz"
    result = import_(
        [shared_data / "ct_dicom_abdomen"],
        tmp_path / "ds",
        label_sets={"reference": masks},
        names={"liver": 1, "spleen": 2},
    )
    assert result.ok
    dataset = Dataset.open(tmp_path / "ds")
    labels = load_labels(dataset, dataset["ct_dicom_abdomen"], "reference")
    assert labels.shape == (512, 512, 20)
    # The liver is on the right, which is at larger x in RAS.
    x = [labels.grid.to_world(np.argwhere(labels.array == id_).mean(axis=0))[0] for id_ in (1, 2)]
    assert x[0] > x[1]


def test_scan_files_beside_dicom_are_refused_since_one_kind_would_be_left_out(tmp_path: Path) -> None:
    write_series(tmp_path / "both/p1", scan(1), patient_id="P1", modality="CT")
    io.write(tmp_path / "both/atlas.nii.gz", scan(2))
    with pytest.raises(DataError, match=r"atlas.nii.gz beside p1"):
        import_([tmp_path / "both"], tmp_path / "ds")
    result = import_([tmp_path / "both/p1", tmp_path / "both/atlas.nii.gz"], tmp_path / "ds")
    assert result.added == ("atlas", "p1")


def test_a_zip_that_cannot_be_opened_does_not_keep_scans_beside_it_from_import(tmp_path: Path) -> None:
    write_series(tmp_path / "series", scan(1), patient_id="P1", modality="CT")
    io.write(tmp_path / "files/a.nii.gz", scan(2))
    for folder in ("series", "files"):
        with zipfile.ZipFile(tmp_path / folder / "other.zip", "w") as archive:
            archive.writestr("../outside", b"x")
        assert len(import_([tmp_path / folder], tmp_path / f"{folder}_ds").added) == 1


# ---- nnU-Net


@pytest.mark.parametrize("kind", ["ct", "mr"])
def test_an_nnunet_folder_keeps_voxels_channels_regions_and_ignore(
    tmp_path: Path, shared_nnunet: Path, kind: str
) -> None:
    source = next((shared_nnunet / kind / "raw").iterdir())
    result = import_([source], tmp_path / "ds")
    assert len(result.added) == 8
    dataset = Dataset.open(tmp_path / "ds")
    case = dataset["case_03"]
    for n, channel in enumerate(dataset.channels):
        mine, theirs = load_image(dataset, case, channel), io.read(source / f"imagesTr/case_03_{n:04d}.nii.gz")
        np.testing.assert_array_equal(mine.array, theirs.array)
        np.testing.assert_allclose(mine.affine, theirs.affine, atol=1e-5)
    theirs = io.read_labels(source / "labelsTr/case_03.nii.gz")
    np.testing.assert_array_equal(load_labels(dataset, case, "reference").array, theirs.array)
    if kind == "mr":
        assert dataset.channels == ("T1", "PD")
        assert dataset.labels.ignore == 3
        assert dataset.labels.regions == {"bone": (1, 2)}
        assert dataset.labels.names == ("bone_1", "marrow")
    else:
        assert dataset.labels.names == ("femur", "hip")


def nnunet_source(folder: Path, **changes: Any) -> Path:
    """A small raw folder: a case to train on, one to test on."""
    io.write(folder / "imagesTr/a_0000.nii.gz", scan(0))
    io.write(folder / "labelsTr/a.nii.gz", label_map())
    io.write(folder / "imagesTs/b_0000.nii.gz", scan(1))
    content: dict[str, Any] = {
        "channel_names": {"0": "CT"},
        "labels": {"background": 0, "left kidney": 1, "right kidney": 2, "aorta": 3, "liver": 4},
        "numTraining": 1,
        "file_ending": ".nii.gz",
        **changes,
    }
    (folder / "dataset.json").write_text(json.dumps(content))
    return folder


def test_nnunet_names_may_be_remapped_and_test_scans_need_no_labels(tmp_path: Path) -> None:
    source = nnunet_source(tmp_path / "Dataset007_Organs")
    remap = {"left kidney": "kidney_left", "2": "kidney_right", "*": ""}
    result = import_([source], tmp_path / "ds", remap=remap)
    assert result.added == ("a", "b")
    dataset = Dataset.open(tmp_path / "ds")
    assert dataset.name == "Organs"
    assert dataset.labels == Labels.of({"kidney_left": 1, "kidney_right": 2})
    array = load_labels(dataset, dataset["a"], "reference").array
    source_array = label_map().array
    np.testing.assert_array_equal(array, np.where(source_array <= 2, source_array, 0))
    assert dataset["b"].label_sets == {}


def test_an_unknown_name_in_a_remap_table_is_refused(tmp_path: Path) -> None:
    source = nnunet_source(tmp_path / "raw")
    with pytest.raises(ConfigError, match="lever"):
        import_([source], tmp_path / "ds", remap={"lever": "liver"})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"channel_names": None}, "channel_names"),
        ({"channel_names": {"1": "CT"}}, 'keys "0"'),
        ({"channel_names": {"0": "CT", "1": "PET"}}, "no PET of a"),
        ({"labels": {"femur": 1}}, "background 0"),
        ({"labels": {"background": 0, "femur": "1"}}, "an id or a list"),
        ({"labels": {"background": 0, "a": 1, "b": 1}}, "unique ids"),
        ({"file_ending": ".png"}, "file_ending"),
        ({"condyle": {"groups": 7}}, "groups"),
        ({"condyle": {"labels": {"structures": []}}}, "as many structures"),
    ],
)
def test_a_faulty_nnunet_json_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    source = nnunet_source(tmp_path / "raw", **changes)
    with pytest.raises(DataError, match=message):
        import_([source], tmp_path / "ds")


def test_nnunet_scans_without_label_map_are_listed(tmp_path: Path) -> None:
    source = nnunet_source(tmp_path / "raw")
    io.write(source / "imagesTr/c_0000.nii.gz", scan(2))
    with pytest.raises(DataError, match="c_0000"):
        import_([source], tmp_path / "ds")


# ---- groups


def test_a_table_of_groups_goes_before_the_pattern(tmp_path: Path) -> None:
    (tmp_path / "groups.csv").write_text("case,patient\n1L,donor one\n")
    imported(tmp_path, ["1L", "2L"], groups=tmp_path / "groups.csv", group_pattern=r"^\d")
    assert [case.group for case in Dataset.open(tmp_path / "ds").cases] == ["donor one", "2"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "lines of case and group"),
        ("id,group\na,b\n", "columns case and group"),
        ("case,group\na,\n", "both filled"),
        ("case,group\na,x\na,y\n", "a in two"),
        ("case,group\nz,x\n", "a line in the table"),
    ],
)
def test_a_faulty_table_of_groups_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "groups.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        imported(tmp_path, ["a"], groups=tmp_path / "groups.csv")


# ---- label maps that name their segments


def segments(tmp_path: Path, case: str, ids: dict[str, int]) -> Path:
    """A `.seg.nrrd` of a left femur at one place and a right one at another, numbered as told."""
    array = np.zeros(GRID.shape, np.uint8)
    for name, centre in (("femur_left", (6, 10, 8)), ("femur_right", (17, 10, 8))):
        if name in ids:
            array[ball(GRID, centre, 4)] = ids[name]
    path = tmp_path / f"masks/{case}.seg.nrrd"
    path.parent.mkdir(exist_ok=True)
    segnrrd.write(path, Volume(array, GRID), Labels.of(ids))
    return path.parent


def test_names_of_segments_go_before_their_numbers(tmp_path: Path) -> None:
    scans, _ = source_folders(tmp_path, ["a", "b"])
    shutil.rmtree(tmp_path / "masks")
    segments(tmp_path, "a", {"femur_left": 1, "femur_right": 2})
    masks = segments(tmp_path, "b", {"femur_right": 1, "femur_left": 2})
    for n, structures in enumerate((None, {"femur_right": 2, "femur_left": 1})):
        import_([scans], tmp_path / f"ds{n}", label_sets={"reference": masks}, names=structures)
        dataset = Dataset.open(tmp_path / f"ds{n}")
        assert {s.name: s.id for s in dataset.labels.structures} == {"femur_left": 1, "femur_right": 2}
        a, b = (load_labels(dataset, dataset[id_], "reference").array for id_ in "ab")
        np.testing.assert_array_equal(a, b)
        assert set(np.unique(a)) == {0, 1, 2}


def test_segments_may_be_left_out_or_renamed_and_what_is_unknown_is_told(tmp_path: Path) -> None:
    scans, _ = source_folders(tmp_path, ["a"])
    shutil.rmtree(tmp_path / "masks")
    masks = segments(tmp_path, "a", {"femur_left": 1, "femur_right": 2})
    options: dict[str, Any] = {"label_sets": {"reference": masks}}
    result = import_([scans], tmp_path / "one", names={"femur_left": 7}, **options)
    assert result.notes == ("reference: left out femur_right, as asked",)
    one = Dataset.open(tmp_path / "one")
    assert set(np.unique(load_labels(one, one["a"], "reference").array)) == {0, 7}
    import_([scans], tmp_path / "both", remap={"femur_left": "bone", "femur_right": "bone"}, **options)
    both = Dataset.open(tmp_path / "both")
    assert set(np.unique(load_labels(both, both["a"], "reference").array)) == {0, 1}
    rest = import_([scans], tmp_path / "rest", remap={"femur_left": "bone", "*": ""}, **options)
    assert rest.notes == ("reference: left out all others, as asked",)
    with pytest.raises(ConfigError, match="--remap"):
        import_([scans], tmp_path / "none", names={"tibia": 1}, **options)
    with pytest.raises(ConfigError, match="got femur_right"):
        import_([], tmp_path / "one", label_sets={"again": masks})


def test_a_segment_may_have_another_number_in_each_file_and_no_number_two_meanings(tmp_path: Path) -> None:
    scans, _ = source_folders(tmp_path, ["a", "b"])
    shutil.rmtree(tmp_path / "masks")
    segments(tmp_path, "a", {"femur_left": 1, "femur_right": 4})
    masks = segments(tmp_path, "b", {"femur_left": 1, "femur_right": 3})
    options: dict[str, Any] = {"label_sets": {"reference": masks}, "names": {"left": 1, "right": 2}}
    import_([scans], tmp_path / "both", remap={"1": "left", "3": "right", "4": "right"}, **options)
    both = Dataset.open(tmp_path / "both")
    a, b = (load_labels(both, both[id_], "reference").array for id_ in "ab")
    np.testing.assert_array_equal(a, b)
    assert set(np.unique(a)) == {0, 1, 2}
    with pytest.raises(ConfigError, match="got 5"):
        import_([scans], tmp_path / "no", remap={"1": "left", "5": "right"}, **options)
    segments(tmp_path, "b", {"femur_right": 1, "femur_left": 3})
    with pytest.raises(ConfigError, match="b: expected 1 to be femur_left, as in a, got femur_right"):
        import_([scans], tmp_path / "no", remap={"1": "left", "3": "right", "4": "right"}, **options)
    assert not (tmp_path / "no/dataset.json").exists()


def test_a_label_map_that_names_its_segments_may_lie_beside_one_that_does_not(tmp_path: Path) -> None:
    scans, _ = source_folders(tmp_path, ["a", "b"])
    (tmp_path / "masks/a.nii.gz").unlink()
    masks = segments(tmp_path, "a", {"femur_left": 1, "femur_right": 2})
    remap = {"1": "femur_left", "2": "femur_right", "4": "patella"}
    import_([scans], tmp_path / "ds", label_sets={"reference": masks}, remap=remap)
    dataset = Dataset.open(tmp_path / "ds")
    assert set(np.unique(load_labels(dataset, dataset["b"], "reference").array)) == {0, 1, 2, 3}


# ---- adding to a dataset, stopping and going on


def test_a_scan_is_not_replaced_under_label_sets_that_were_made_on_it(tmp_path: Path) -> None:
    imported(tmp_path, ["a"])
    before = tree(tmp_path / "ds")
    assert import_([tmp_path / "scans"], tmp_path / "ds", overwrite=True).ok
    io.write(tmp_path / "scans/a.nii.gz", scan(99), overwrite=True)
    result = import_([tmp_path / "scans"], tmp_path / "ds", overwrite=True)
    assert "label sets reference were made on" in result.failed["a"]
    assert tree(tmp_path / "ds") == before


def test_a_second_label_set_leaves_everything_else_as_it_is(tmp_path: Path) -> None:
    imported(tmp_path, ["a", "b"])
    before = tree(tmp_path / "ds")
    io.write(tmp_path / "corrected/a.nii.gz", label_map())
    result = import_([], tmp_path / "ds", label_sets={"corrected": tmp_path / "corrected"})
    assert result.extended == ("a",)
    dataset = Dataset.open(tmp_path / "ds")
    assert set(dataset["a"].label_sets) == {"reference", "corrected"}
    assert set(dataset["b"].label_sets) == {"reference"}
    after = tree(tmp_path / "ds")
    assert {name: after[name] for name in before if name != "dataset.json"} == {
        name: content for name, content in before.items() if name != "dataset.json"
    }


def test_a_second_import_of_the_same_does_nothing(tmp_path: Path) -> None:
    imported(tmp_path, ["a", "b"])
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "ds").rglob("*.nii.gz")}
    result = import_([tmp_path / "scans"], tmp_path / "ds", label_sets={"reference": tmp_path / "masks"})
    assert result.already == ("a", "b")
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "ds").rglob("*.nii.gz")} == times


def test_what_is_there_is_replaced_only_when_asked(tmp_path: Path) -> None:
    imported(tmp_path, ["a"])
    io.write(tmp_path / "scans/a.nii.gz", scan(99), overwrite=True)
    options: dict[str, Any] = {"label_sets": {"reference": tmp_path / "masks"}}
    assert import_([tmp_path / "scans"], tmp_path / "ds", **options).already == ("a",)
    assert import_([tmp_path / "scans"], tmp_path / "ds", overwrite=True, **options).extended == ("a",)
    dataset = Dataset.open(tmp_path / "ds")
    np.testing.assert_array_equal(load_image(dataset, dataset["a"], "image").array, scan(99).array)


def test_a_file_in_the_way_is_not_overwritten(tmp_path: Path) -> None:
    imported(tmp_path, ["a"])
    stranger = tmp_path / "ds/images/image/b.nii.gz"
    io.write(stranger, scan(77))
    before = stranger.read_bytes()
    io.write(tmp_path / "scans/b.nii.gz", scan(1))
    io.write(tmp_path / "masks/b.nii.gz", label_map())
    result = import_([tmp_path / "scans"], tmp_path / "ds", label_sets={"reference": tmp_path / "masks"})
    assert "in the way" in result.failed["b"]
    assert not (tmp_path / "ds/labels/reference/b.nii.gz").exists()
    assert stranger.read_bytes() == before


def test_structures_that_contradict_the_dataset_are_refused(tmp_path: Path) -> None:
    imported(tmp_path, ["a"])
    with pytest.raises(ConfigError, match="id 4, as in the dataset"):
        import_([], tmp_path / "ds", label_sets={"new": tmp_path / "masks"}, names={"patella": 1})
    import_([], tmp_path / "ds", label_sets={"new": tmp_path / "masks"}, names={**STRUCTURES, "tibia": 5})
    assert Dataset.open(tmp_path / "ds").labels.names == (*LABELS.names, "tibia")


def test_other_channels_than_the_datasets_are_refused(tmp_path: Path) -> None:
    imported(tmp_path, ["a"])
    with pytest.raises(ConfigError, match="as in the dataset"):
        import_([tmp_path / "scans"], tmp_path / "ds", channels=["MR"])


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "ds").mkdir()
    (tmp_path / "ds/thesis.txt").write_text("mine")
    (tmp_path / "ds/.condyle-mine").mkdir()
    with pytest.raises(DataError, match="other things"):
        imported(tmp_path, ["a"])
    assert sorted(path.name for path in (tmp_path / "ds").iterdir()) == [".condyle-mine", "thesis.txt"]


def test_a_target_that_cannot_be_written_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    scans, _ = source_folders(tmp_path, ["a"])
    with pytest.raises(DataError, match="can write"):
        import_([scans], tmp_path / "file" / "ds")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_target_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    scans, _ = source_folders(tmp_path, ["a"])
    with pytest.raises(DataError, match="can write"):
        import_([scans], tmp_path / "locked" / "ds")


def test_a_broken_scan_is_reported_and_the_others_go_on(tmp_path: Path) -> None:
    scans, masks = source_folders(tmp_path, ["a", "b", "c"])
    (scans / "b.nii.gz").write_bytes(b"no scan at all")
    result = import_([scans], tmp_path / "ds", label_sets={"reference": masks}, names=STRUCTURES)
    assert result.added == ("a", "c")
    assert list(result.failed) == ["b"]
    assert not list((tmp_path / "ds").rglob("b.nii.gz"))
    assert result.exit_code == 1
    assert json.loads(json.dumps(result.to_json()))["failed"]["b"] == result.failed["b"]
    assert "failed: b" in str(result)


CHILD = """
import sys, time
from pathlib import Path
from condyle.workflow.import_ import import_

def slowly(items, what):
    for item in items:
        time.sleep(0.03)
        yield item

root = Path(sys.argv[1])
import_([root / "scans"], root / "ds", label_sets={"reference": root / "masks"},
        names={"femur_left": 1, "femur_right": 2, "patella": 4}, track=slowly)
"""


@pytest.mark.parametrize("wait_s", [0.0, 0.011, 0.023])
def test_an_import_killed_midway_is_finished_by_the_next(tmp_path: Path, wait_s: float) -> None:
    ids = [f"c{n:02d}" for n in range(12)]
    source_folders(tmp_path, ids)
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path)])
    deadline = time.monotonic() + 30
    while not (tmp_path / "ds/labels/reference/c02.nii.gz").exists() and time.monotonic() < deadline:
        time.sleep(0.002)
    time.sleep(wait_s)
    child.send_signal(signal.SIGKILL)
    child.wait()
    done = [case.id for case in Dataset.open(tmp_path / "ds").cases]
    assert 0 < len(done) < len(ids)
    leftover(tmp_path / "ds/images/image")
    options: dict[str, Any] = {"label_sets": {"reference": tmp_path / "masks"}}
    result = import_([tmp_path / "scans"], tmp_path / "ds", **options)
    assert sorted([*result.added, *result.already]) == ids
    assert list(result.already) == done
    whole = import_([tmp_path / "scans"], tmp_path / "whole/ds", names=STRUCTURES, **options)
    assert whole.ok
    assert tree(tmp_path / "ds") == tree(tmp_path / "whole/ds")
    assert not list((tmp_path / "ds").rglob(".condyle-*"))
