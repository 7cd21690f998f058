"""Files that are damaged, lying or not what their name says are refused in one clear sentence."""

from __future__ import annotations

import gzip
import json
import os
import resource
import shutil
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import tifffile

from condyle.errors import DataError
from condyle.io import read, read_labels, write
from condyle.space import Volume
from test_formats import BASE, SUFFIXES, nifti, nrrd_file

NOISE = np.random.default_rng(1).integers(0, 255, (24, 25, 26)).astype(np.uint8)
NOISY = Volume.of(NOISE, BASE.affine)


def refused(path: Path, *words: str) -> str:
    """The message of the error that reading gives; it must name the file and hold the words."""
    with pytest.raises(DataError) as caught:
        read(path)
    message = str(caught.value)
    for word in (path.name.split(".")[0], *words):
        assert word in message, message
    return message


# For every format.


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    "content",
    [b"", b"P", b"Dear colleague,\nthis is a text.\n" * 40, bytes(2000), b"\xff" * 2000, b"\x1f\x8b" + b"\0" * 700],
    ids=["empty", "one byte", "text", "zeros", "ones", "broken gzip"],
)
def test_content_that_is_no_image_is_refused(tmp_path: Path, suffix: str, content: bytes) -> None:
    (tmp_path / f"scan{suffix}").write_bytes(content)
    refused(tmp_path / f"scan{suffix}")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("part", [0.02, 0.3, 0.9, 0.999])
def test_a_file_cut_short_is_refused(tmp_path: Path, suffix: str, part: float) -> None:
    write(tmp_path / f"scan{suffix}", NOISY)
    longest = max(tmp_path.iterdir(), key=lambda p: p.stat().st_size)
    longest.write_bytes(longest.read_bytes()[: int(part * longest.stat().st_size)])
    refused(tmp_path / f"scan{suffix}")


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd"])
def test_a_flipped_bit_in_compressed_voxels_is_noticed(tmp_path: Path, suffix: str) -> None:
    write(tmp_path / f"scan{suffix}", NOISY)
    longest = max(tmp_path.iterdir(), key=lambda p: p.stat().st_size)
    content = bytearray(longest.read_bytes())
    content[len(content) // 2] ^= 4
    longest.write_bytes(content)
    refused(tmp_path / f"scan{suffix}")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_bytes_changed_anywhere_never_raise_anything_else(tmp_path: Path, suffix: str) -> None:
    write(tmp_path / f"scan{suffix}", BASE)
    content = (tmp_path / f"scan{suffix}").read_bytes()
    rng = np.random.default_rng(7)
    refusals = 0
    for _ in range(150):
        damaged = bytearray(content)
        for at in rng.integers(0, min(len(content), 800), rng.integers(1, 4)):
            damaged[at] = rng.integers(256)
        (tmp_path / f"scan{suffix}").write_bytes(damaged)
        try:
            read(tmp_path / f"scan{suffix}")
        except DataError:
            refusals += 1
    assert refusals > 0


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_folder_named_like_a_file_is_refused(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"scan{suffix}").mkdir()
    refused(tmp_path / f"scan{suffix}")
    for overwrite in (False, True):
        with pytest.raises(DataError, match="scan"):
            write(tmp_path / f"scan{suffix}", BASE, overwrite=overwrite)
    assert [p.name for p in tmp_path.iterdir() if p.is_dir()] == [f"scan{suffix}"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_complex_values_are_not_written(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(DataError, match="one real number a voxel"):
        write(tmp_path / f"x{suffix}", Volume(BASE.array.astype(complex), BASE.grid))
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_and_an_unknown_suffix_are_refused(tmp_path: Path) -> None:
    refused(tmp_path / "nothing.nii", "nothing of that name")
    with pytest.raises(DataError, match="a name ending in one of"):
        write(tmp_path / "x.jpg", BASE)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_one_may_not_read_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "scan.nii", BASE)
    (tmp_path / "scan.nii").chmod(0)
    refused(tmp_path / "scan.nii", "Permission denied")


@pytest.mark.parametrize(("value", "word"), [(0.5, "fractions"), (-1, "from -1"), (70000, "70000"), (np.nan, "nan")])
def test_an_image_is_no_label_map(tmp_path: Path, value: float, word: str) -> None:
    array = np.zeros(BASE.shape, np.float32)
    array[1, 2, 3] = value
    write(tmp_path / "x.nii", Volume(array, BASE.grid))
    with pytest.raises(DataError, match=word):
        read_labels(tmp_path / "x.nii")


# More promised than there is.


def test_a_gzip_bomb_behind_a_small_header_does_not_fill_the_memory(tmp_path: Path) -> None:
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    plain = nib.Nifti1Image(BASE.array, BASE.affine).to_bytes()
    with (tmp_path / "bomb.nii.gz").open("wb") as file:
        file.write(packer.compress(plain))
        for _ in range(400):
            file.write(packer.compress(bytes(1_000_000)))
        file.write(packer.flush())
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    np.testing.assert_array_equal(read(tmp_path / "bomb.nii.gz").array, BASE.array)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 50_000


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("axis", [30000, 600])
def test_a_nifti_that_promises_more_than_it_holds_is_refused(tmp_path: Path, suffix: str, axis: int) -> None:
    path = nifti(tmp_path / "scan.nii", dim=[3, axis, axis, axis, 1, 1, 1, 1])
    if suffix == ".nii.gz":
        path = path.rename(tmp_path / "scan.nii.gz")
        path.write_bytes(gzip.compress(path.read_bytes()))
    refused(path, f"{axis**3 * 2:,} bytes", "cannot hold")


def test_a_gzip_that_ends_with_too_few_voxels_says_how_many(tmp_path: Path) -> None:
    path = nifti(tmp_path / "scan.nii", dim=[3, 5, 6, 8, 1, 1, 1, 1]).rename(tmp_path / "scan.nii.gz")
    path.write_bytes(gzip.compress(path.read_bytes()))
    refused(path, "480 bytes", "only 420")


def test_other_formats_that_promise_more_are_refused(tmp_path: Path) -> None:
    refused(nrrd_file(tmp_path / "a.nrrd", sizes="50000 50000 50000"), "cannot hold")
    write(tmp_path / "b.mha", BASE)
    head, _, body = (tmp_path / "b.mha").read_bytes().partition(b"DimSize = 5 6 7")
    (tmp_path / "b.mha").write_bytes(head + b"DimSize = 50000 60000 70000" + body)
    refused(tmp_path / "b.mha", "cannot hold")
    tifffile.imwrite(tmp_path / "c.tif", BASE.array.T, photometric="minisblack", truncate=True)
    content = (tmp_path / "c.tif").read_bytes()
    (tmp_path / "c.tif").write_bytes(content[: len(content) - 100])
    refused(tmp_path / "c.tif", "does not hold them all")


def test_a_tiff_whose_chain_of_pages_breaks_off_is_not_a_shorter_stack(tmp_path: Path) -> None:
    write(tmp_path / "scan.tif", BASE)
    content = bytearray((tmp_path / "scan.tif").read_bytes())
    with tifffile.TiffFile(tmp_path / "scan.tif") as tif:
        third = tif.pages[2].offset
    end_of_page = third + 2 + 12 * int.from_bytes(content[third : third + 2], "little")
    content[end_of_page : end_of_page + 4] = (10**7).to_bytes(4, "little")
    (tmp_path / "scan.tif").write_bytes(content)
    refused(tmp_path / "scan.tif", "invalid page offset")


# NIfTI.


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"srow_x": [np.nan, 0, 0, 0]}, "not finite"),
        ({"srow_x": [0, 0, 0, 5]}, "singular"),
        ({"sform_code": 0, "qform_code": 1, "quatern_b": 3.0}, "sound qform"),
        ({"sform_code": 0, "pixdim": [1, 0, 1, 1, 1, 1, 1, 1]}, "singular"),
        ({"sform_code": 0, "qform_code": 1, "pixdim": [1, -1, 1, 1, 1, 1, 1, 1]}, "sound qform"),
        ({"dim": [3, 5, 0, 7, 1, 1, 1, 1]}, "at least one voxel"),
        ({"dim": [3, 5, -6, 7, 1, 1, 1, 1]}, "at least one voxel"),
        ({"dim": [9, 5, 6, 7, 1, 1, 1, 1]}, "1 to 7 axes"),
        ({"dim": [4, 5, 6, 1, 7, 1, 1, 1]}, "4 axes (5, 6, 1, 7)"),
        ({"datatype": 32, "bitpix": 64}, "complex64"),
        ({"datatype": 128, "bitpix": 24}, "one real number"),
        ({"datatype": 1536, "bitpix": 128}, "one real number"),
        ({"datatype": 77}, "datatype 77"),
        ({"vox_offset": 100}, "vox_offset 100"),
        ({"vox_offset": np.nan}, "vox_offset nan"),
        ({"vox_offset": 1e9}, "cannot hold"),
        ({"xyzt_units": 5}, "xyzt_units 5"),
        ({"scl_slope": np.inf}, "finite scaling"),
        ({"scl_slope": 2, "scl_inter": np.nan}, "finite scaling"),
        ({"magic": b"ni1"}, "not NIfTI's"),
        ({"magic": b""}, "Analyze"),
    ],
)
def test_unsound_nifti_headers_are_refused(tmp_path: Path, fields: dict[str, Any], word: str) -> None:
    refused(nifti(tmp_path / "scan.nii", **fields), word)


# NRRD.


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"space_directions": "(nan,0,0) (0,2,0) (0,0,3)"}, "not finite"),
        ({"space_directions": "(0,0,0) (0,2,0) (0,0,3)"}, "singular"),
        ({"space_directions": "none (0,2,0) (0,0,3)"}, "not finite"),
        ({"space_directions": "(1,0) (0,2)"}, "3 x 3 numbers"),
        ({"space_directions": None}, "space directions or spacings"),
        ({"space": "scanner-xyz"}, "scanner-xyz"),
        ({"space": "left-posterior-superior-time"}, "a space that is one of"),
        ({"dimension": "4", "sizes": "3 5 6 7", "kinds": "vector domain domain domain"}, "vector"),
        ({"dimension": "4", "sizes": "2 5 6 7", "kinds": "list domain domain domain"}, "list"),
        ({"sizes": "3 6 7", "kinds": "3-color domain domain"}, "3-color"),
        ({"sizes": "0 6 7"}, "at least one voxel"),
        ({"sizes": "a b c"}, "sound NRRD header"),
        ({"sizes": None}, "sizes missing"),
        ({"type": "block"}, "type block"),
        ({"type": None}, "one real number"),
        ({"endian": None}, "endian"),
        ({"encoding": "ascii"}, "encoding raw, gzip or bzip2"),
        ({"encoding": "gzip"}, "damaged"),
        ({"encoding": "bzip2"}, "damaged"),
        ({"space_units": '"furlong" "furlong" "furlong"'}, "furlong"),
        ({"data_file": "gone.raw"}, "gone.raw"),
        ({"data_file": "LIST"}, "one data file"),
        ({"data_file": "LIST 2"}, "one data file"),
        ({"data_file": "x" * 300}, "no such file"),
        ({"data_file": "slice%03d.raw 1 7 1"}, "one data file"),
        ({"byte_skip": "-5"}, "cannot hold"),
        ({"space_origin": "(1,2)"}, "space origin"),
    ],
)
def test_unsound_nrrd_headers_are_refused(tmp_path: Path, fields: dict[str, Any], word: str) -> None:
    refused(nrrd_file(tmp_path / "scan.nrrd", **fields), word)


# MetaImage.


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("ElementType = MET_SHORT", "ElementType = MET_SHORT\nElementNumberOfChannels = 3", "3 channels"),
        ("MET_SHORT", "MET_STRANGE", "MET_STRANGE"),
        ("DimSize = 5 6 7", "DimSize = 5 6 7 1", "4 axes"),
        ("DimSize = 5 6 7", "DimSize = 5 x 7", "whole numbers"),
        ("DimSize = 5 6 7", "Size = 5 6 7", "DimSize"),
        ("ElementSpacing = ", "ElementSpacing = 0 ", "3 numbers in ElementSpacing"),
        ("ElementSpacing = 0.7421875", "ElementSpacing = 0", "singular"),
        ("ElementSpacing = 0.7421875", "ElementSpacing = nan", "not finite"),
        ("ElementSpacing = ", "Nothing = ", "no such field"),
        ("BinaryData = True", "BinaryData = False", "as text"),
        ("ObjectType = Image", "ObjectType = Tube", "MetaImage header"),
        ("LOCAL", "LIST", "one data file"),
        ("LOCAL", "gone.raw", "gone.raw"),
        ("CompressedData = True", "CompressedData = True\nDistanceUnits = furlong", "furlong"),
    ],
)
def test_unsound_metaimage_headers_are_refused(tmp_path: Path, old: str, new: str, word: str) -> None:
    write(tmp_path / "scan.mha", BASE)
    content = (tmp_path / "scan.mha").read_bytes()
    assert old.encode() in content
    (tmp_path / "scan.mha").write_bytes(content.replace(old.encode(), new.encode(), 1))
    refused(tmp_path / "scan.mha", word)


# Headers that name another file.


@pytest.mark.parametrize(
    "name", ["../secret.raw", "/etc/passwd", "a/../../secret.raw", "C:\\secret.raw", "..\\secret.raw"]
)
def test_a_header_cannot_reach_files_outside_its_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.raw").write_bytes(BASE.array.tobytes(order="F"))
    (tmp_path / "in").mkdir()
    refused(nrrd_file(tmp_path / "in" / "scan.nhdr", data_file=name), "the header's own folder", name)
    (tmp_path / "in" / "scan.mhd").write_text(
        f"NDims = 3\nDimSize = 5 6 7\nElementSpacing = 1 1 1\nElementType = MET_SHORT\nElementDataFile = {name}\n"
    )
    refused(tmp_path / "in" / "scan.mhd", "the header's own folder", name)


@pytest.mark.parametrize("size", ["nan", "inf", "-inf", "-2", "1.5"])
def test_a_header_size_that_is_no_number_of_bytes_is_refused(tmp_path: Path, size: str) -> None:
    write(tmp_path / "scan.mhd", BASE)
    header = (tmp_path / "scan.mhd").read_text()
    (tmp_path / "scan.mhd").write_text(f"HeaderSize = {size}\n{header}")
    refused(tmp_path / "scan.mhd", "HeaderSize", size)


@pytest.mark.parametrize("suffix", [".nhdr", ".mhd"])
def test_a_header_whose_data_file_is_gone_is_refused(tmp_path: Path, suffix: str) -> None:
    write(tmp_path / f"scan{suffix}", BASE)
    next(p for p in tmp_path.iterdir() if p.suffix != suffix).unlink()
    refused(tmp_path / f"scan{suffix}", "no such file")


# TIFF.


def test_colour_channels_and_mixed_pages_are_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "rgb.tif", np.zeros((4, 16, 17, 3), np.uint8), photometric="rgb")
    refused(tmp_path / "rgb.tif", "grey")
    tifffile.imwrite(tmp_path / "one.tif", np.zeros((16, 17, 3), np.uint8), photometric="rgb")
    refused(tmp_path / "one.tif", "grey")
    metadata = {"axes": "ZCYX", "spacing": 1.0, "unit": "mm"}
    tifffile.imwrite(tmp_path / "channels.tif", np.zeros((4, 2, 16, 17), np.uint8), imagej=True, metadata=metadata)
    refused(tmp_path / "channels.tif", "channels")
    with tifffile.TiffWriter(tmp_path / "mixed.tif") as tif:
        tif.write(np.zeros((16, 17), np.uint8))
        tif.write(np.zeros((18, 17), np.uint8))
    refused(tmp_path / "mixed.tif", "one size")
    tifffile.imwrite(tmp_path / "complex.tif", np.zeros((6, 16, 17), np.complex64), photometric="minisblack")
    refused(tmp_path / "complex.tif", "one real number")


@pytest.mark.parametrize(
    ("affine", "word"),
    [([[1, 0], [0, 1]], "shape (2, 2)"), (np.diag([0, 1, 1, 1]).tolist(), "singular"), ("none", "4 x 4 affine")],
)
def test_an_unsound_affine_in_a_tiff_is_refused(tmp_path: Path, affine: Any, word: str) -> None:
    description = json.dumps({"condyle": {"affine": affine}})
    tifffile.imwrite(tmp_path / "scan.tif", BASE.array.T, description=description, metadata=None)
    refused(tmp_path / "scan.tif", word)


# Disks that refuse.


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 kB. Skips where mounting is not allowed."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    if (
        mount is None
        or subprocess.run(
            [mount, "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)], check=False, capture_output=True
        ).returncode
    ):
        pytest.skip("mounting a small file system is not allowed here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_full_disk_leaves_no_partial_file_and_the_old_one_whole(small_disk: Path, suffix: str) -> None:
    path = small_disk / f"scan{suffix}"
    write(path, BASE)
    before = {p.name: p.read_bytes() for p in small_disk.iterdir()}
    large = Volume.of(np.random.default_rng(0).integers(0, 255, (90, 90, 90)).astype(np.uint8), BASE.affine)
    with pytest.raises(DataError, match="No space left") as caught:
        write(path, large, overwrite=True)
    assert str(path) in str(caught.value)
    assert {p.name: p.read_bytes() for p in small_disk.iterdir()} == before
    with pytest.raises(DataError, match="No space left"):
        write(small_disk / f"other{suffix}", large)
    assert {p.name for p in small_disk.iterdir()} == set(before)


def test_a_read_only_disk_is_named(small_disk: Path) -> None:
    write(small_disk / "scan.nii", BASE)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    for suffix in SUFFIXES:
        with pytest.raises(DataError, match="Read-only file system"):
            write(small_disk / f"other{suffix}", BASE)
    assert [p.name for p in small_disk.iterdir()] == ["scan.nii"]
