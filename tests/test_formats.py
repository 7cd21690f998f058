"""Every volume format carries every grid: one table, and other programs' readers and writers as witnesses."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import nibabel as nib
import nrrd
import numpy as np
import pytest
import SimpleITK as sitk
import tifffile

from condyle.errors import ConfigError, DataError
from condyle.io import read, read_labels, write
from condyle.space import ORIENTATIONS, Grid, Volume, reorient

SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd", ".tif", ".tiff")
SHAPE = (5, 6, 7)
FLIP = np.diag([-1.0, -1.0, 1.0])


def rotation(*degrees: float) -> Any:
    out = np.eye(3)
    for axis, angle in enumerate(np.radians(degrees)):
        turn = np.eye(3)
        a, b = [n for n in range(3) if n != axis]
        turn[a, a] = turn[b, b] = np.cos(angle)
        turn[a, b], turn[b, a] = -np.sin(angle), np.sin(angle)
        out = turn @ out
    return out


def placed(matrix: Any, origin: tuple[float, float, float] = (-31.7, 12.3, 808.9)) -> Any:
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = matrix, origin
    return affine


SPACING = np.diag([0.7421875, 0.9, 2.5])
BASE = Volume.of(np.arange(np.prod(SHAPE)).reshape(SHAPE).astype(np.int16) - 40, placed(SPACING))
GRIDS: dict[str, Volume] = {o: reorient(BASE, o) for o in ORIENTATIONS}
for name, turn in {
    "oblique": rotation(20, -35, 50),
    "nearly_lps": rotation(0.02, 0.01, 180),
    "gantry_like": rotation(17, 0, 180),
    "mirrored": rotation(5, 170, -95) @ np.diag([1, 1, -1]),
}.items():
    GRIDS[name] = Volume.of(BASE.array, placed(turn @ SPACING))
SHEARED = Volume.of(
    BASE.array, placed(rotation(10, 20, 30) @ np.array([[1, 0.2, 0], [0, 1, 0.1], [0, 0, 1]]) @ SPACING)
)


def said(caplog: pytest.LogCaptureFixture) -> str:
    return "\n".join(r.getMessage() for r in caplog.records if r.name == "condyle")


def test_a_path_may_be_plain_text(tmp_path):
    name = str(tmp_path / "mask.nii.gz")
    write(name, BASE.with_array(BASE.array.clip(0)))
    assert np.array_equal(read(name).array, BASE.array.clip(0))
    assert np.array_equal(read_labels(name).array, BASE.array.clip(0))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_grid_comes_back_with_equal_voxels(tmp_path: Path, suffix: str, caplog: pytest.LogCaptureFixture) -> None:
    grids = GRIDS if suffix in {".mha", ".mhd"} else {**GRIDS, "sheared": SHEARED}
    assert len(grids) >= 52
    for name, volume in grids.items():
        labels = volume.with_array(volume.array % 4 == 1)
        for kind, wanted in (("image", volume), ("labels", labels)):
            path = tmp_path / f"{name}_{kind}{suffix}"
            write(path, wanted)
            back = read(path) if kind == "image" else read_labels(path)
            assert back.grid.matches(wanted.grid, 1e-4), name
            np.testing.assert_array_equal(back.array, wanted.array)
            assert back.array.dtype == (np.int16 if kind == "image" else np.uint8)
    assert said(caplog) == ""


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_patient_point_has_one_value_whichever_way_the_axes_run(tmp_path: Path, suffix: str) -> None:
    points_mm = BASE.grid.to_world(np.array([[0, 0, 0], [1, 2, 3], [4, 5, 6], [4, 0, 2]]))
    for orientation in ORIENTATIONS:
        path = tmp_path / f"{orientation}{suffix}"
        write(path, GRIDS[orientation])
        np.testing.assert_array_equal(read(path).value_at(points_mm), BASE.value_at(points_mm))


@pytest.mark.parametrize("suffix", [".mha", ".mhd"])
def test_metaimage_refuses_a_sheared_grid(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(DataError, match="sheared"):
        write(tmp_path / f"x{suffix}", SHEARED)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "f4"])
def test_number_types_survive(tmp_path: Path, suffix: str, dtype: str) -> None:
    limits = np.iinfo(dtype) if dtype != "f4" else np.finfo(dtype)
    array = np.zeros(SHAPE, dtype)
    array.flat[:3] = [limits.min, limits.max, 7]
    write(tmp_path / f"x{suffix}", Volume(array, BASE.grid))
    back = read(tmp_path / f"x{suffix}").array
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_volume_is_one_file_or_a_header_and_its_data(tmp_path: Path, suffix: str) -> None:
    write(tmp_path / f"x{suffix}", GRIDS["oblique"])
    assert len(list(tmp_path.iterdir())) == (2 if suffix in {".nhdr", ".mhd"} else 1)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_double_precision_becomes_single_unless_values_need_it(tmp_path: Path, suffix: str) -> None:
    for largest, wanted in ((2.0**20, np.float32), (2.0**24 + 1, np.float64)):
        path = tmp_path / f"{int(largest)}{suffix}"
        write(path, Volume(np.full(SHAPE, largest), BASE.grid))
        back = read(path).array
        assert back.dtype == wanted
        assert (back == largest).all()


# Other programs as witnesses.


def position_by_sitk(path: Path, index: tuple[int, int, int]) -> Any:
    return FLIP @ np.array(sitk.ReadImage(str(path)).TransformIndexToPhysicalPoint(index))


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd"])
def test_simpleitk_reads_what_we_write(tmp_path: Path, suffix: str) -> None:
    for name, volume in GRIDS.items():
        path = tmp_path / f"{name}{suffix}"
        write(path, volume)
        np.testing.assert_array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(path))).T, volume.array)
        for index in ((0, 0, 0), tuple(n - 1 for n in volume.shape)):
            np.testing.assert_allclose(position_by_sitk(path, index), volume.grid.to_world(index), atol=2e-3)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_nibabel_reads_what_we_write(tmp_path: Path, suffix: str) -> None:
    for name, volume in {**GRIDS, "sheared": SHEARED}.items():
        write(tmp_path / f"{name}{suffix}", volume)
        image = nib.load(tmp_path / f"{name}{suffix}")
        np.testing.assert_allclose(image.affine, volume.affine, rtol=1e-6, atol=1e-4)
        np.testing.assert_array_equal(np.asarray(image.dataobj), volume.array)
        assert image.header["sform_code"] == 1
        assert image.header["qform_code"] == (0 if name == "sheared" else 1)


def test_pynrrd_and_tifffile_read_what_we_write(tmp_path: Path) -> None:
    write(tmp_path / "x.nrrd", GRIDS["oblique"])
    write(tmp_path / "x.nhdr", GRIDS["oblique"])
    for suffix in ("nrrd", "nhdr"):
        array, header = nrrd.read(str(tmp_path / f"x.{suffix}"))
        np.testing.assert_array_equal(array, BASE.array)
        np.testing.assert_allclose(FLIP @ header["space origin"], GRIDS["oblique"].affine[:3, 3])
    write(tmp_path / "x.tif", GRIDS["oblique"])
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "x.tif").T, BASE.array)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd"])
@pytest.mark.parametrize("compressed", [True, False])
def test_we_read_what_simpleitk_writes(tmp_path: Path, suffix: str, compressed: bool) -> None:
    for name in ("RAS", "LPS", "PIR", "oblique", "mirrored"):
        volume = GRIDS[name]
        image = sitk.GetImageFromArray(volume.array.T)
        image.SetOrigin((FLIP @ volume.grid.origin_mm).tolist())
        image.SetSpacing(volume.spacing_mm)
        image.SetDirection((FLIP @ volume.grid.direction).ravel().tolist())
        sitk.WriteImage(image, str(tmp_path / f"{name}{suffix}"), compressed)
        back = read(tmp_path / f"{name}{suffix}")
        assert back.grid.matches(volume.grid, 2e-3), name
        np.testing.assert_array_equal(back.array, volume.array)


@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize("endianness", ["<", ">"])
@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "f4", "f8"])
def test_we_read_what_nibabel_writes(tmp_path: Path, kind: Any, endianness: str, dtype: str) -> None:
    array = (BASE.array % 100).astype(dtype)
    header = kind.header_class(endianness=endianness)
    header.set_data_dtype(dtype)
    for suffix in (".nii", ".nii.gz"):
        path = tmp_path / f"x{suffix}"
        nib.save(kind(array, GRIDS["oblique"].affine, header), path)
        back = read(path)
        assert back.array.dtype == (np.float32 if dtype == "f8" else np.dtype(dtype))
        np.testing.assert_array_equal(back.array, array)
        assert back.grid.matches(GRIDS["oblique"].grid, 1e-3)


# NIfTI.


def nifti(path: Path, array: Any = BASE.array, affine: Any = BASE.affine, **fields: Any) -> Path:
    """A NIfTI file by nibabel with header fields changed by force."""
    image = nib.Nifti1Image(array, affine)
    image.header.set_xyzt_units("mm")
    block = bytearray(image.to_bytes())
    header = nib.Nifti1Header(bytes(block[:348]), check=False)
    for name, value in fields.items():
        header[name] = value
    path.write_bytes(header.binaryblock + block[348:])
    return path


@pytest.mark.parametrize(
    ("slope", "intercept", "dtype", "wanted"),
    [
        (1, 0, "i2", np.int16),
        (0, 7, "i2", np.int16),  # a slope of 0 is no scaling at all
        (np.nan, np.nan, "i2", np.int16),
        (1, -1024, "u2", np.int16),
        (2, 3, "u1", np.uint8),
        (300, 0, "u1", np.int16),
        (0.5, 0, "i2", np.float32),
        (1, 0.25, "i4", np.float32),
        (2, 0, "f4", np.float32),
    ],
)
def test_scaling_keeps_integers_where_it_can(
    tmp_path: Path, slope: float, intercept: float, dtype: str, wanted: type
) -> None:
    array = (np.arange(np.prod(SHAPE)).reshape(SHAPE) % 100).astype(dtype)
    back = read(nifti(tmp_path / "x.nii", array, scl_slope=slope, scl_inter=intercept)).array
    scaled = array if slope == 0 or np.isnan(slope) else array * float(slope) + intercept
    assert back.dtype == wanted
    np.testing.assert_allclose(back, scaled, rtol=1e-6)


@pytest.mark.parametrize(("unit", "to_mm"), [(0, 1), (1, 1000), (2, 1), (3, 0.001), (2 | 8, 1)])
def test_lengths_are_converted_to_mm(tmp_path: Path, unit: int, to_mm: float) -> None:
    back = read(nifti(tmp_path / "x.nii", xyzt_units=unit))
    np.testing.assert_allclose(back.affine[:3], BASE.affine[:3] * to_mm, rtol=1e-6)


def test_one_voxel_along_a_fourth_axis_is_dropped(tmp_path: Path) -> None:
    nib.save(nib.Nifti1Image(BASE.array[..., None, None], BASE.affine), tmp_path / "x.nii")
    assert read(tmp_path / "x.nii").shape == SHAPE


def test_sform_goes_before_a_qform_that_differs_and_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    image = nib.Nifti1Image(BASE.array, BASE.affine)
    moved = placed(SPACING, (0, 0, 0))
    image.set_qform(moved, code=1)
    image.set_sform(BASE.affine, code=1)
    nib.save(image, tmp_path / "x.nii")
    assert read(tmp_path / "x.nii").grid.matches(BASE.grid, 1e-3)
    assert "sform and qform place voxels up to 810 mm apart" in said(caplog)


def test_qform_counts_where_there_is_no_sform(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    image = nib.Nifti1Image(BASE.array, None)
    image.set_qform(GRIDS["oblique"].affine, code=1)
    nib.save(image, tmp_path / "x.nii")
    assert read(tmp_path / "x.nii").grid.matches(GRIDS["oblique"].grid, 1e-3)
    assert said(caplog) == ""


def test_a_header_without_codes_is_taken_as_las_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    back = read(nifti(tmp_path / "x.nii", sform_code=0, qform_code=0))
    assert back.grid.orientation == "LAS"
    np.testing.assert_allclose(back.affine, nib.load(tmp_path / "x.nii").header.get_base_affine())
    assert "nothing about left and right" in said(caplog)


@pytest.mark.parametrize("signs", [(-1, 1, 1), (1, -1, 1), (-1, -1, -1)])
def test_spacings_below_0_do_not_turn_the_axes_of_a_header_without_codes(
    tmp_path: Path, signs: tuple[int, int, int]
) -> None:
    pixdim = [1, *(np.diag(SPACING) * signs), 1, 1, 1, 1]
    back = read(nifti(tmp_path / "x.nii", sform_code=0, qform_code=0, pixdim=pixdim))
    assert back.grid.orientation == "LAS"
    np.testing.assert_allclose(back.affine, nib.load(tmp_path / "x.nii").affine, rtol=1e-6)


@pytest.mark.parametrize("sform_code", [0, 1])
def test_a_qfac_of_0_is_one(tmp_path: Path, sform_code: int, caplog: pytest.LogCaptureFixture) -> None:
    image = nib.Nifti1Image(BASE.array, None)
    image.set_qform(GRIDS["oblique"].affine, code=1)
    fields = {name: image.header[name] for name in ("qform_code", "quatern_b", "quatern_c", "quatern_d")}
    fields |= {f"qoffset_{axis}": image.header[f"qoffset_{axis}"] for axis in "xyz"}
    pixdim = [0, *image.header["pixdim"][1:]]
    path = nifti(tmp_path / "x.nii", affine=GRIDS["oblique"].affine, sform_code=sform_code, **fields, pixdim=pixdim)
    assert read(path).grid.matches(GRIDS["oblique"].grid, 1e-3)
    assert said(caplog) == ""


def test_a_qform_that_single_precision_cannot_say_is_switched_off(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    codes = set()
    for angle in (0, 1e-3, 0.01, 0.02, 0.03, 0.1, 1):
        volume = Volume.of(np.zeros((512, 512, 2), np.uint8), placed(rotation(angle, angle / 2, 180) @ SPACING))
        write(tmp_path / f"{angle}.nii", volume)
        header = nib.load(tmp_path / f"{angle}.nii").header
        codes.add(int(header["qform_code"]))
        if header["qform_code"]:
            assert Grid(volume.shape, header.get_qform()).matches(volume.grid)
        assert read(tmp_path / f"{angle}.nii").grid.matches(volume.grid, 1e-3)
    assert codes == {0, 1}
    assert said(caplog) == ""


def test_an_axis_too_long_for_nifti_1_is_written_as_nifti_2(tmp_path: Path) -> None:
    long = Volume.of(np.ones((40000, 1, 1), np.uint8), BASE.affine)
    write(tmp_path / "x.nii.gz", long)
    assert isinstance(nib.load(tmp_path / "x.nii.gz"), nib.Nifti2Image)
    assert read(tmp_path / "x.nii.gz").grid.matches(long.grid, 1e-9)


def test_gzip_of_many_blocks_and_of_many_members_reads(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(-1000, 1000, (150, 150, 150)).astype(np.int16)
    large = Volume.of(noise, BASE.affine)
    write(tmp_path / "x.nii.gz", large)
    np.testing.assert_array_equal(read(tmp_path / "x.nii.gz").array, noise)
    np.testing.assert_array_equal(np.asarray(nib.load(tmp_path / "x.nii.gz").dataobj), noise)
    import gzip

    plain = gzip.decompress((tmp_path / "x.nii.gz").read_bytes())
    (tmp_path / "y.nii.gz").write_bytes(gzip.compress(plain[:1000]) + gzip.compress(plain[1000:]))
    np.testing.assert_array_equal(read(tmp_path / "y.nii.gz").array, noise)


def test_compression_is_seen_from_the_content_not_the_name(tmp_path: Path) -> None:
    write(tmp_path / "x.nii", BASE)
    (tmp_path / "x.nii").rename(tmp_path / "y.nii.gz")
    np.testing.assert_array_equal(read(tmp_path / "y.nii.gz").array, BASE.array)


def test_data_behind_the_voxels_are_ignored_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path / "x.nii", BASE)
    with (tmp_path / "x.nii").open("ab") as file:
        file.write(b"more")
    np.testing.assert_array_equal(read(tmp_path / "x.nii").array, BASE.array)
    assert "more data than the header says" in said(caplog)


# Nearly right angles.


def tiff_with(path: Path, affine: Any) -> None:
    description = json.dumps({"condyle": {"affine": affine.tolist()}})
    tifffile.imwrite(path, BASE.array.T, description=description, metadata=None)


@pytest.mark.parametrize("suffix", [".nii", ".nrrd", ".tif"])
def test_small_shears_are_repaired_and_reported_large_ones_kept(
    tmp_path: Path, suffix: str, caplog: pytest.LogCaptureFixture
) -> None:
    for shear in (5e-4, 5e-2):
        skewed = np.eye(3)
        skewed[0, 1] = shear
        affine = placed(skewed @ SPACING)
        path = tmp_path / f"{shear}{suffix}"
        tiff_with(path, affine) if suffix == ".tif" else write(path, Volume.of(BASE.array, affine))
        caplog.clear()
        back = read(path).grid
        assert back.is_sheared == (shear > 1e-3)
        assert ("repaired" in said(caplog)) == (shear < 1e-3)
        np.testing.assert_allclose(back.affine, affine, atol=2e-3 if shear < 1e-3 else 1e-5, rtol=1e-6)


# Headers beside their data.

ODD_STEMS = [
    "listed", "LIST", "LISTS of a", "50%", "%03d", "a\nb", " a ", "C:scan", "..\\scan", "local", "täst", "a.b",
    "\udcff",
]  # fmt: skip


@pytest.mark.parametrize("stem", ODD_STEMS)
@pytest.mark.parametrize("suffix", [".mhd", ".nhdr"])
def test_a_header_of_any_name_is_read_again(tmp_path: Path, suffix: str, stem: str) -> None:
    path = tmp_path / f"{stem}{suffix}"
    write(path, BASE)
    np.testing.assert_array_equal(read(path).array, BASE.array)
    plain = tmp_path / f"plain{suffix}"
    path.rename(plain)  # whose names SimpleITK can open at all
    np.testing.assert_array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(plain))).T, BASE.array)


@pytest.mark.parametrize("name", ["listed.raw", "LISTED", "50%.raw", "%03d.raw"])
def test_one_data_file_called_like_several_is_read(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(BASE.array.astype("<i2").tobytes(order="F"))
    header = "DimSize = 5 6 7\nElementSpacing = 1 1 1\nElementType = MET_SHORT\n"
    (tmp_path / "x.mhd").write_text(f"{header}ElementDataFile = {name}\n")
    for path in (tmp_path / "x.mhd", nrrd_file(tmp_path / "x.nhdr", data_file=name)):
        np.testing.assert_array_equal(read(path).array, BASE.array)


@pytest.mark.parametrize(("suffix", "beside"), [(".mhd", ".zraw"), (".nhdr", ".raw.gz")])
def test_data_that_another_header_may_name_are_overwritten_only_when_asked(
    tmp_path: Path, suffix: str, beside: str
) -> None:
    other = tmp_path / f"x{beside}"
    other.write_bytes(b"another's")
    with pytest.raises(DataError, match="--overwrite"):
        write(tmp_path / f"x{suffix}", BASE)
    assert other.read_bytes() == b"another's"
    assert list(tmp_path.iterdir()) == [other]
    write(tmp_path / f"x{suffix}", BASE, overwrite=True)
    np.testing.assert_array_equal(read(tmp_path / f"x{suffix}").array, BASE.array)


# NRRD.


def nrrd_file(path: Path, **fields: str | None) -> Path:
    """A raw NRRD with header fields replaced, or dropped where None."""
    header: dict[str, str | None] = {
        "type": "short",
        "dimension": "3",
        "space": "left-posterior-superior",
        "sizes": "5 6 7",
        "space directions": "(1,0,0) (0,2,0) (0,0,3)",
        "kinds": "domain domain domain",
        "endian": "little",
        "encoding": "raw",
        "space origin": "(10,20,30)",
    }
    header.update({name.replace("_", " "): value for name, value in fields.items()})
    lines = [f"{name}: {value}" for name, value in header.items() if value is not None]
    path.write_bytes(("\n".join(["NRRD0004", "# made by hand", *lines, "key:=value"]) + "\n\n").encode())
    with path.open("ab") as file:
        file.write(BASE.array.astype("<i2").tobytes(order="F"))
    return path


@pytest.mark.parametrize(
    ("space", "signs"),
    [
        ("left-posterior-superior", (-1, -1, 1)), ("LPS", (-1, -1, 1)), ("right-anterior-superior", (1, 1, 1)),
        ("RAS", (1, 1, 1)), ("left-anterior-superior", (-1, 1, 1)), ("LAS", (-1, 1, 1)),
    ],
)  # fmt: skip
def test_nrrd_spaces_place_the_first_voxel(tmp_path: Path, space: str, signs: tuple[int, int, int]) -> None:
    back = read(nrrd_file(tmp_path / "x.nrrd", space=space))
    np.testing.assert_array_equal(back.grid.origin_mm, np.array([10, 20, 30]) * signs)
    np.testing.assert_array_equal(back.affine[:3, :3], np.diag([1, 2, 3]) * signs)
    np.testing.assert_array_equal(back.array, BASE.array)


def test_nrrd_spacings_without_a_space_are_taken_as_lps_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = nrrd_file(
        tmp_path / "x.nrrd", space=None, space_directions=None, space_origin=None, kinds=None, spacings="1 2 3"
    )
    back = read(path)
    assert (back.grid.orientation, back.spacing_mm) == ("LPS", (1.0, 2.0, 3.0))
    assert "nothing about left and right" in said(caplog)


@pytest.mark.parametrize(("unit", "to_mm"), [("mm", 1), ("cm", 10), ("um", 0.001), ("µm", 0.001)])
def test_nrrd_units_are_converted(tmp_path: Path, unit: str, to_mm: float) -> None:
    back = read(nrrd_file(tmp_path / "x.nrrd", space_units=f'"{unit}" "{unit}" "{unit}"'))
    np.testing.assert_allclose(back.spacing_mm, np.array([1, 2, 3]) * to_mm)


@pytest.mark.parametrize("encoding", ["raw", "gzip", "bzip2"])
@pytest.mark.parametrize("detached", [True, False])
def test_we_read_what_pynrrd_writes(tmp_path: Path, encoding: str, detached: bool) -> None:
    header = {
        "space": "right-anterior-superior",
        "space directions": GRIDS["oblique"].affine[:3, :3].T,
        "space origin": GRIDS["oblique"].affine[:3, 3],
        "encoding": encoding,
    }
    path = tmp_path / ("x.nhdr" if detached else "x.nrrd")
    nrrd.write(str(path), BASE.array, header, detached_header=detached)
    back = read(path)
    assert back.grid.matches(GRIDS["oblique"].grid, 1e-9)
    np.testing.assert_array_equal(back.array, BASE.array)


def test_nrrd_skips_lines_and_bytes_before_the_voxels(tmp_path: Path) -> None:
    data = BASE.array.astype(">i2").tobytes(order="F")
    (tmp_path / "x.raw").write_bytes(b"one line\nabc" + data)
    path = nrrd_file(tmp_path / "x.nhdr", endian="big", data_file="x.raw", line_skip="1", byte_skip="3")
    np.testing.assert_array_equal(read(path).array, BASE.array)
    nrrd_file(path, endian="big", data_file="x.raw", byte_skip="-1")
    np.testing.assert_array_equal(read(path).array, BASE.array)


# MetaImage.


@pytest.mark.parametrize("big", [True, False])
def test_a_raw_mhd_in_either_byte_order_reads(tmp_path: Path, big: bool) -> None:
    (tmp_path / "x.raw").write_bytes(b"head" + BASE.array.astype(">i2" if big else "<i2").tobytes(order="F"))
    (tmp_path / "x.mhd").write_text(
        f"ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = {big}\nHeaderSize = 4\n"
        "DimSize = 5 6 7\nElementSpacing = 1 2 3\nOffset = 10 20 30\nElementType = MET_SHORT\nElementDataFile = x.raw\n"
    )
    back = read(tmp_path / "x.mhd")
    np.testing.assert_array_equal(back.array, BASE.array)
    np.testing.assert_array_equal(back.grid.origin_mm, [-10, -20, 30])
    assert back.spacing_mm == (1, 2, 3)


# TIFF.


def imagej(path: Path, unit: str = "micron", array: Any = BASE.array) -> Path:
    metadata = {"axes": "ZYX", "spacing": 50.0, "unit": unit}
    tifffile.imwrite(path, array.T.copy(), imagej=True, resolution=(1 / 40, 1 / 45), metadata=metadata)
    return path


def ome(path: Path, **sizes: Any) -> Path:
    tifffile.imwrite(path, BASE.array.T.copy(), ome=True, metadata={"axes": "ZYX", **sizes})
    return path


def test_imagej_tells_its_spacing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    back = read(imagej(tmp_path / "x.tif"))
    np.testing.assert_allclose(back.spacing_mm, (0.040, 0.045, 0.050))
    assert back.grid.orientation == "LPS"
    np.testing.assert_array_equal(back.array, BASE.array)
    assert "nothing about left and right" in said(caplog)


def test_ome_tells_its_spacing(tmp_path: Path) -> None:
    sizes = {"PhysicalSizeX": 40.0, "PhysicalSizeY": 45.0, "PhysicalSizeZ": 0.05, "PhysicalSizeZUnit": "mm"}
    back = read(ome(tmp_path / "x.ome.tif", **sizes))
    np.testing.assert_allclose(back.spacing_mm, (0.040, 0.045, 0.050))
    np.testing.assert_array_equal(back.array, BASE.array)


def test_a_stack_without_spacing_needs_the_option(tmp_path: Path) -> None:
    for path in (tmp_path / "plain.tif", imagej(tmp_path / "pixels.tif", "pixel"), ome(tmp_path / "x.ome.tif")):
        if path.name == "plain.tif":
            tifffile.imwrite(path, BASE.array.T, photometric="minisblack")
        with pytest.raises(DataError, match="--spacing"):
            read(path)
        back = read(path, spacing_mm=(0.5, 0.6, 0.7))
        np.testing.assert_allclose(back.spacing_mm, (0.5, 0.6, 0.7))
        np.testing.assert_array_equal(back.array, BASE.array)


def test_a_spacing_that_contradicts_the_file_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "own.tif", BASE)
    for path, told in ((tmp_path / "own.tif", BASE.spacing_mm), (imagej(tmp_path / "x.tif"), (0.04, 0.045, 0.05))):
        near, far = ((told[0], told[1], told[2] * factor) for factor in (1.005, 1.02))
        np.testing.assert_allclose(read(path, spacing_mm=near).spacing_mm, told)
        with pytest.raises(ConfigError, match="the spacing that"):
            read(path, spacing_mm=far)


@pytest.mark.parametrize("bad", [(0, 1, 1), (1, 1, -1), (1, 1, float("nan")), (1, 1)])
def test_a_senseless_spacing_is_refused(tmp_path: Path, bad: Any) -> None:
    with pytest.raises(ConfigError, match="three positive numbers"):
        read(imagej(tmp_path / "x.tif"), spacing_mm=bad)


@pytest.mark.parametrize("compression", [None, "lzw", "zlib", "zstd", "packbits"])
@pytest.mark.parametrize("dtype", ["u1", "u2", ">u2", "f4"])
def test_compressed_pages_read(tmp_path: Path, compression: str | None, dtype: str) -> None:
    array = (BASE.array % 100).astype(dtype)
    order = ">" if dtype[0] == ">" else "<"
    tifffile.imwrite(
        tmp_path / "x.tif", array.T.copy(), compression=compression, photometric="minisblack", byteorder=order
    )
    np.testing.assert_array_equal(read(tmp_path / "x.tif", spacing_mm=(1, 1, 1)).array, array)


def test_a_single_page_is_one_slice(tmp_path: Path) -> None:
    write(tmp_path / "x.tif", Volume.of(BASE.array[..., :1], BASE.affine))
    assert read(tmp_path / "x.tif").shape == (5, 6, 1)


def test_real_scans_go_round_every_format(tmp_path: Path, shared_data: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        scan = read(shared_data / "ct_abdomen_pelvis" / "hip_right.nii.gz")
    for suffix in SUFFIXES:
        write(tmp_path / f"x{suffix}", scan)
        back = read(tmp_path / f"x{suffix}")
        assert back.grid.matches(scan.grid, 1e-3)
        np.testing.assert_array_equal(back.array, scan.array)


@pytest.mark.parametrize("bits", [1, 12])
@pytest.mark.parametrize("pages", [1, 5])
def test_pixels_that_lie_packed_in_a_tiff_are_read_and_missed(tmp_path: Path, bits: int, pages: int) -> None:
    shape = (pages, 16, 17)
    stack = np.arange(np.prod(shape)).reshape(shape).astype("u2") * 7 % 2**bits
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, stack.astype(bool) if bits == 1 else stack, bitspersample=bits, photometric="minisblack")
    np.testing.assert_array_equal(read(path, spacing_mm=(1, 1, 1)).array.T, stack)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match="does not hold them all"):
        read(path, spacing_mm=(1, 1, 1))
