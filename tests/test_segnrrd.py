from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from condyle.errors import DataError
from condyle.io import read, read_labels, segnrrd, write, write_segments
from condyle.labels import Labels
from condyle.space import Volume
from condyle.workflow.convert import convert

AFFINE = np.array([[0.0, -1.5, 0, 10], [0.8, 0, 0, -4], [0, 0, 3.0, 55], [0, 0, 0, 1]])


def label_map() -> Volume:
    array = np.zeros((8, 7, 6), np.uint8)
    array[1:4, 2:5, 1:3] = 1
    array[4:7, 2:5, 1:6] = 3
    return Volume.of(array, AFFINE)


LABELS = Labels.of({"femur_right": 1, "Hüftbein rechts": 2, "tumour": 3}, colors={"tumour": (200, 10, 255)})


def header_of(path: Path) -> str:
    return path.read_bytes().split(b"\n\n")[0].decode()


def test_names_colours_values_and_place_come_back(tmp_path):
    path = tmp_path / "mask.seg.nrrd"
    write_segments(path, label_map(), LABELS)
    back = read_labels(path)
    assert np.array_equal(back.array, label_map().array)
    assert back.affine == pytest.approx(AFFINE)
    assert segnrrd.read_table(path) == LABELS


def test_the_header_says_what_slicer_wants_to_know(tmp_path):
    path = tmp_path / "mask.seg.nrrd"
    write_segments(path, label_map(), LABELS)
    lines = header_of(path).splitlines()
    assert lines[0] == "NRRD0004"
    assert "space: left-posterior-superior" in lines
    for line in (
        "Segment0_Name:=femur_right",
        "Segment0_LabelValue:=1",
        "Segment0_Layer:=0",
        "Segment0_Extent:=1 3 2 4 1 2",
        "Segment1_Name:=Hüftbein rechts",
        "Segment1_Extent:=0 -1 0 -1 0 -1",
        "Segment2_LabelValue:=3",
        "Segment2_ID:=Segment_3",
        "Segment2_Color:=0.784314 0.0392157 1",
    ):
        assert line in lines


def test_simpleitk_reads_the_same_labels_at_the_same_place(tmp_path):
    sitk = pytest.importorskip("SimpleITK")
    path = tmp_path / "mask.seg.nrrd"
    write(path, label_map())
    image = sitk.ReadImage(str(path))
    assert np.array_equal(sitk.GetArrayFromImage(image).T, label_map().array)
    lps = np.array(image.TransformIndexToPhysicalPoint((1, 2, 3)))
    assert lps * [-1, -1, 1] == pytest.approx(label_map().grid.to_world([1, 2, 3]))
    assert image.GetMetaData("Segment0_Name") == "segment_1"


def test_ids_nobody_names_get_a_name_and_repeated_names_an_id(tmp_path):
    path = tmp_path / "mask.seg.nrrd"
    write_segments(path, label_map(), Labels.of({"femur": 1}))
    assert segnrrd.read_table(path).names == ("femur", "segment_3")
    renamed = path.read_bytes().replace(b"Name:=segment_3", b"Name:=femur")
    path.write_bytes(renamed)
    assert segnrrd.read_table(path).names == ("femur_1", "femur_3")


def test_an_old_file_without_layers_and_colours_is_read(tmp_path):
    path = tmp_path / "mask.seg.nrrd"
    write(path, label_map())
    kept = [line for line in header_of(path).split("\n") if "Layer" not in line and "Color" not in line]
    path.write_bytes("\n".join(kept).encode() + b"\n\n" + path.read_bytes().split(b"\n\n", 1)[1])
    assert read(path).array.max() == 3
    assert segnrrd.read_table(path).ids == (1, 3)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b"Segment1_Layer:=0", b"Segment1_Layer:=1", "2 layers"),
        (b"Segment1_LabelValue:=3", b"Segment1_LabelValue:=1", "unique ids"),
        (b"Segment1_LabelValue:=3", b"Segment1_LabelValue:=x", "LabelValue"),
        (b"Segment0_Color:=", b"Segment0_Color:=7 ", "colour"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused(tmp_path, old, new, said):
    path = tmp_path / "mask.seg.nrrd"
    write(path, label_map())
    path.write_bytes(path.read_bytes().replace(old, new, 1))
    with pytest.raises(DataError, match=said):
        segnrrd.read_table(path)


def test_overlapping_layers_are_refused_with_the_way_out(tmp_path):
    path = tmp_path / "mask.seg.nrrd"
    write(path, label_map())
    content = path.read_bytes().replace(b"Segment1_Layer:=0", b"Segment1_Layer:=1")
    content = content.replace(b"dimension: 3", b"dimension: 4").replace(b"sizes: 8", b"sizes: 2 8")
    path.write_bytes(content)
    with pytest.raises(DataError, match="Collapse labelmap layers"):
        read(path)


def test_an_image_is_no_segmentation(tmp_path):
    with pytest.raises(DataError, match="label map"):
        write(tmp_path / "scan.seg.nrrd", Volume.of(np.full((3, 3, 3), 0.5, np.float32), np.eye(4)))


def test_convert_gives_and_keeps_names(tmp_path):
    plain, named, again = tmp_path / "mask.nii.gz", tmp_path / "mask.seg.nrrd", tmp_path / "turned.seg.nrrd"
    write(plain, label_map())
    convert(plain, named, labels=True, names={"femur_right": 1, "hip_right": 3})
    convert(named, again, labels=True, orientation="LPS")
    assert segnrrd.read_table(again).names == ("femur_right", "hip_right")
    assert read_labels(again).grid.orientation == "LPS"
