"""Stored pixels become values; what cannot be read is refused by name."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from condyle.errors import DataError
from condyle.io.dicom import find_series, read
from dicom_making import edited, enhanced, removing, setting, small_volume, written

SOURCE = small_volume().array


def stored_as(kind: str, start: int = 0, **elements: object) -> Callable[[Dataset, int], None]:
    """A change that stores consecutive numbers of a type."""

    def change(dataset: Dataset, k: int) -> None:
        image = (np.arange(42) + 42 * k + start).astype(kind)
        bits = image.dtype.itemsize * 8
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = bits, bits, bits - 1
        dataset.PixelRepresentation = int(kind[-2] == "i")
        dataset["PixelData"].VR = "OB" if bits == 8 else "OW"
        dataset.PixelData = image.tobytes()
        setting(**elements)(dataset, k)

    return change


COUNT = np.arange(210).reshape(5, 6, 7).transpose(2, 1, 0)


@pytest.mark.parametrize(
    ("kind", "slope", "intercept", "dtype"),
    [
        ("u1", 1, 0, np.int16),
        ("<u2", 1, -1024, np.int16),
        ("<i2", 2, 10, np.int16),
        ("<u2", 1000, 0, np.int32),
        ("<u4", 1, 0, np.int16),
        ("<u2", 0.5, 0, np.float32),
        ("<i2", 1, 0.25, np.float32),
        ("<u4", 10**9, 0, np.float32),
    ],
)
def test_values_are_stored_times_slope_plus_intercept(
    tmp_path: Path, kind: str, slope: float, intercept: float, dtype: type
) -> None:
    folder = edited(written(tmp_path / "s"), stored_as(kind, RescaleSlope=slope, RescaleIntercept=intercept))
    array = read(folder).array
    assert array.dtype == dtype
    np.testing.assert_array_equal(array, (COUNT * slope + intercept).astype(dtype))


@pytest.mark.parametrize(("slope", "dtype"), [(1, np.int16), (1000, np.int32)])
def test_an_intercept_beyond_32_bits_takes_large_pixels_back(tmp_path: Path, slope: int, dtype: type) -> None:
    start = 4 * 10**9
    change = stored_as("<u4", start, RescaleSlope=slope, RescaleIntercept=-start * slope)
    array = read(edited(written(tmp_path / "s"), change)).array
    assert array.dtype == dtype
    np.testing.assert_array_equal(array, COUNT * slope)


def test_an_intercept_that_no_integer_holds_gives_fractions(tmp_path: Path) -> None:
    array = read(edited(written(tmp_path / "s"), stored_as("<u4", RescaleIntercept="-1e20"))).array
    assert array.dtype == np.float32
    np.testing.assert_array_equal(array, np.full(array.shape, -1e20, np.float32))


def test_each_slice_has_its_own_slope(tmp_path: Path) -> None:
    folder = edited(
        written(tmp_path / "s"), stored_as("<u2", RescaleSlope=lambda k: k + 1, RescaleIntercept=lambda k: -k)
    )
    np.testing.assert_array_equal(read(folder).array, COUNT * np.arange(1, 6) - np.arange(5))


def test_without_rescaling_values_are_as_stored(tmp_path: Path) -> None:
    folder = edited(written(tmp_path / "s"), removing("RescaleSlope", "RescaleIntercept"))
    np.testing.assert_array_equal(read(folder).array, SOURCE)


def test_bits_above_the_stored_ones_are_removed_and_the_sign_carried_up(tmp_path: Path) -> None:
    def twelve_bits(dataset: Dataset, k: int) -> None:
        low = np.frombuffer(dataset.PixelData, "<i2").view("<u2") & 0x0FFF
        dataset.PixelData = (low | 0x3000).tobytes()  # an overlay in the upper bits
        dataset.BitsStored, dataset.HighBit = 12, 11

    np.testing.assert_array_equal(read(edited(written(tmp_path / "s"), twelve_bits)).array, SOURCE)


def test_pixels_in_the_upper_bits_are_moved_down(tmp_path: Path) -> None:
    def upper(dataset: Dataset, k: int) -> None:
        dataset.PixelData = (np.frombuffer(dataset.PixelData, "<i2") << 4).tobytes()
        dataset.BitsStored, dataset.HighBit = 12, 15

    np.testing.assert_array_equal(read(edited(written(tmp_path / "s"), upper)).array, SOURCE)


def test_monochrome1_is_inverted_except_in_ct(tmp_path: Path) -> None:
    change = stored_as("u1", PhotometricInterpretation="MONOCHROME1")
    np.testing.assert_array_equal(read(edited(written(tmp_path / "m", modality="MR"), change)).array, 255 - COUNT)
    signed = setting(PhotometricInterpretation="MONOCHROME1")
    np.testing.assert_array_equal(read(edited(written(tmp_path / "n", modality="MR"), signed)).array, -1 - SOURCE)
    np.testing.assert_array_equal(read(edited(written(tmp_path / "c"), signed)).array, SOURCE)


def test_padding_stays_a_value(tmp_path: Path) -> None:
    folder = edited(written(tmp_path / "s"), lambda ds, k: ds.add_new("PixelPaddingValue", "SS", -100))
    assert read(folder).array.min() == SOURCE.min() == -100


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
def test_every_uncompressed_transfer_syntax_is_read(tmp_path: Path, syntax: UID) -> None:
    folder = written(tmp_path / "s")
    for path in folder.iterdir():
        dataset = dcmread(path)
        if syntax == ExplicitVRBigEndian:
            dataset.PixelData = np.frombuffer(dataset.PixelData, "<i2").astype(">i2").tobytes()
        dataset.file_meta.TransferSyntaxUID = syntax
        list(dataset.iterall())  # values are decoded before the byte order changes
        implicit = syntax == ImplicitVRLittleEndian
        dcmwrite(path, dataset, implicit_vr=implicit, little_endian=syntax.is_little_endian, force_encoding=True)
    np.testing.assert_array_equal(read(folder).array, SOURCE)


def _packed(dataset: Dataset, stream: bytes, syntax: UID) -> None:
    dataset.PixelData = encapsulate([stream])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = syntax


def _jpeg_lossless(predictor: int, syntax: UID) -> Callable[[Dataset, int], None]:
    def change(dataset: Dataset, k: int) -> None:
        image = np.frombuffer(dataset.PixelData, "<u2").reshape(dataset.Rows, dataset.Columns)
        stream = imagecodecs.jpeg8_encode(image, lossless=True, predictor=predictor, bitspersample=16)
        _packed(dataset, stream, syntax)

    return change


COMPRESSIONS: dict[str, Callable[[Dataset, int], None]] = {
    "RLE": lambda ds, k: ds.compress(RLELossless),
    "JPEG-LS": lambda ds, k: ds.compress(JPEGLSLossless),
    "JPEG 2000": lambda ds, k: ds.compress(JPEG2000Lossless),
    "JPEG lossless, first predictor": _jpeg_lossless(1, JPEGLosslessSV1),
    "JPEG lossless, seventh predictor": _jpeg_lossless(7, JPEGLossless),
}


@pytest.mark.parametrize("name", COMPRESSIONS)
@pytest.mark.parametrize("signed", [True, False])
def test_lossless_compression_gives_equal_voxels(tmp_path: Path, name: str, signed: bool) -> None:
    volume = small_volume((40, 33, 3))
    folder = written(tmp_path / "s", volume)
    if not signed:
        edited(folder, _as_unsigned)
    edited(folder, COMPRESSIONS[name])
    assert dcmread(folder / "0001.dcm").file_meta.TransferSyntaxUID.is_compressed
    np.testing.assert_array_equal(read(folder).array, volume.array)


def _as_unsigned(dataset: Dataset, k: int) -> None:
    dataset.PixelData = (np.frombuffer(dataset.PixelData, "<i2").astype(np.int32) + 1024).astype("<u2").tobytes()
    dataset.PixelRepresentation, dataset.RescaleIntercept = 0, -1024


@pytest.mark.parametrize(("bits", "syntax"), [(8, JPEGBaseline8Bit), (12, JPEGExtended12Bit)])
def test_lossy_jpeg_is_read_to_within_its_loss(tmp_path: Path, bits: int, syntax: UID) -> None:
    smooth = np.add.outer(np.arange(32), 3 * np.arange(24)).astype("u1" if bits == 8 else "u2") * (
        1 if bits == 8 else 16
    )

    def compress(dataset: Dataset, k: int) -> None:
        dataset.Rows, dataset.Columns = smooth.shape
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = smooth.itemsize * 8, bits, bits - 1
        dataset.PixelRepresentation = 0
        _packed(dataset, imagecodecs.jpeg8_encode(smooth, level=95, bitspersample=bits), syntax)

    array = read(edited(written(tmp_path / "s"), compress)).array
    assert np.abs(array[:, :, 0] - smooth.T.astype(int)).max() <= 8


def test_a_jpeg_stream_that_breaks_off_is_refused(tmp_path: Path) -> None:
    def shorten(dataset: Dataset, k: int) -> None:
        _jpeg_lossless(1, JPEGLosslessSV1)(dataset, k)
        stream = next(generate_frames(dataset.PixelData, number_of_frames=1))
        _packed(dataset, stream[: len(stream) // 2], JPEGLosslessSV1)

    with pytest.raises(DataError, match="the JPEG stream breaks off"):
        read(edited(written(tmp_path / "s"), shorten))


def test_an_enhanced_compressed_file_is_read(tmp_path: Path) -> None:
    volume = small_volume((40, 36, 4))
    path = enhanced(tmp_path / "e.dcm", volume, [2, 0, 3, 1])
    dataset = dcmread(path)
    dataset.compress(RLELossless)
    dataset.save_as(path)
    np.testing.assert_array_equal(read(path).array, volume.array // 2 * 2)


def test_a_compressed_stream_that_breaks_off_is_refused_by_transfer_syntax(tmp_path: Path) -> None:
    def spoil(dataset: Dataset, k: int) -> None:
        dataset.compress(JPEGLSLossless)
        dataset.file_meta.TransferSyntaxUID = JPEG2000Lossless
        dataset.PixelData = encapsulate([b"\xff\x4f\xff\x51" + bytes(60)])

    with pytest.raises(DataError, match=r"got JPEG 2000 Image Compression \(Lossless Only\), which failed"):
        read(edited(written(tmp_path / "s"), spoil))


def test_a_transfer_syntax_without_decoder_is_refused_by_name(tmp_path: Path) -> None:
    def mpeg(dataset: Dataset, k: int) -> None:
        _packed(dataset, bytes(64), UID("1.2.840.10008.1.2.4.102"))

    with pytest.raises(DataError, match=r"MPEG-4 AVC/H.264 High Profile / Level 4.1, which failed"):
        read(edited(written(tmp_path / "s"), mpeg))


REFUSED: dict[str, tuple[Callable[[Dataset, int], object], str]] = {
    "colour": (
        setting(SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0, PixelData=bytes(42 * 6)),
        r"colour pixels \(RGB\)",
    ),
    "palette": (setting(PhotometricInterpretation="PALETTE COLOR"), "colour pixels"),
    "no pixels": (removing("PixelData"), "no pixel data"),
    "one bit": (setting(BitsAllocated=1, BitsStored=1, HighBit=0), "1 of 1 bits a pixel"),
    "look-up table": (setting(ModalityLUTSequence=[Dataset()]), "a modality look-up table"),
    "too few pixels": (setting(PixelData=bytes(40)), "84 bytes of pixels, got 40"),
    "no size": (removing("Rows"), "without rows and columns"),
    "other class": (setting(SOPClassUID="1.2.840.10008.5.1.4.1.1.481.3"), "5 DICOM files of other kinds"),
    "slope 0": (setting(RescaleSlope=0), "a rescale slope other than 0"),
    "intercept beyond all numbers": (setting(RescaleIntercept="-1e300"), "single precision can hold, got slope 1"),
    "slope beyond all numbers": (setting(RescaleSlope="1e305"), "single precision can hold"),
    "frames below 1": (setting(NumberOfFrames=-1), "without rows and columns"),
    "bad number": (
        lambda ds, k: ds.add_new("SliceThickness", "DS", "2") or setattr(ds["SliceThickness"], "_value", "thin"),
        "cannot be understood",
    ),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_files_that_are_no_grey_images_are_refused(tmp_path: Path, fault: str) -> None:
    change, message = REFUSED[fault]
    with pytest.raises(DataError, match=message):
        read(edited(written(tmp_path / "s"), change))


def test_a_slice_without_pixels_is_a_fault_in_the_list(tmp_path: Path) -> None:
    folder = edited(written(tmp_path / "s"), removing("PixelData"), only=lambda k: k == 4)
    assert find_series(folder)[0].faults == ("no pixel data",)


@pytest.mark.parametrize("kept", [0.02, 0.1, 0.15, 0.25, 0.4, 0.6, 0.8, 0.93, 0.999])
@pytest.mark.parametrize("compressed", [False, True])
def test_a_truncated_file_is_refused_wherever_it_breaks_off(tmp_path: Path, kept: float, compressed: bool) -> None:
    folder = written(tmp_path / "s", small_volume((16, 16, 3)))
    if compressed:
        edited(folder, lambda ds, k: ds.compress(JPEGLSLossless))
    path = folder / "0003.dcm"
    whole = path.read_bytes()
    path.write_bytes(whole[: min(int(len(whole) * kept), len(whole) - 9)])
    if len(path.read_bytes()) < 132:
        # What is left cannot be told from any other file; alone it is refused.
        folder = path
    with pytest.raises(DataError):
        read(folder)


def test_noise_behind_the_magic_word_is_refused(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    for n in range(40):
        path = tmp_path / f"{n}.dcm"
        path.write_bytes(bytes(128) + b"DICM" + generator.bytes(600))
        with pytest.raises(DataError):
            read(path)


@pytest.mark.parametrize("name", ["none", *COMPRESSIONS])
def test_damaged_bytes_raise_nothing_but_a_data_error(tmp_path: Path, name: str) -> None:
    folder = written(tmp_path / "s", small_volume((40, 33, 1)))
    if name != "none":
        edited(folder, COMPRESSIONS[name])
    path = folder / "0001.dcm"
    whole = path.read_bytes()
    generator = np.random.default_rng(1)
    for _ in range(100):
        damaged = bytearray(whole)
        for place in generator.integers(132, len(whole), 3):
            damaged[place] = generator.integers(256)
        path.write_bytes(damaged)
        with suppress(DataError):
            read(path)


@pytest.mark.parametrize("make", ["empty folder", "text", "text file", "nothing"])
def test_a_place_without_dicom_is_refused(tmp_path: Path, make: str) -> None:
    path = tmp_path / "here"
    if make == "empty folder":
        path.mkdir()
    elif make == "text":
        path.mkdir()
        (path / "a.txt").write_text("words " * 100)
    elif make == "text file":
        path.write_text("words " * 100)
    with pytest.raises(DataError) as caught:
        read(path)
    assert caught.value.where == str(path)
    assert caught.value.hint


def test_progress_is_told(tmp_path: Path) -> None:
    told = io.StringIO()

    def track(items, what):  # type: ignore[no-untyped-def]
        told.write(f"{what} {len(items)}. ")
        return iter(items)

    read(written(tmp_path / "s"), track=track)
    assert told.getvalue() == "Reading headers 5. Reading slices 5. "
