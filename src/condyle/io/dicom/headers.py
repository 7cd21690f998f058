"""What the header of a DICOM file says, without its pixels.

* **header**: what a file says once: patient, series, how the pixels are stored.
* **frame**: one image of it: where it lies, how its values are scaled, which echo it is. An ordinary
  file has one frame, an enhanced one many.

Positions and directions of frames are RAS: they turn from DICOM's LPS where frames are read.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

from condyle.errors import DataError
from condyle.io.dicom.elements import Numbers, number, uid_name
from condyle.io.dicom.files import File

if TYPE_CHECKING:
    from pydicom import Dataset

#: The only elements read at first: the rest of a header is private and large.
KEYWORDS = (
    "SpecificCharacterSet", "ImageType", "SOPClassUID", "StudyDate", "AcquisitionTime", "Modality", "SeriesDescription",
    "PatientName", "PatientID", "SliceThickness", "EchoTime", "EchoNumbers", "TriggerTime", "DiffusionBValue",
    "SeriesInstanceUID", "SeriesNumber", "AcquisitionNumber", "ImagePositionPatient", "ImageOrientationPatient",
    "TemporalPositionIdentifier", "SamplesPerPixel", "PhotometricInterpretation", "NumberOfFrames", "Rows", "Columns",
    "PixelSpacing", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "RescaleIntercept",
    "RescaleSlope", "ModalityLUTSequence", "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
)  # fmt: skip

#: What UIDs of the standard begin with.
_STANDARD_ROOT = "1.2.840.10008."


@dataclass(frozen=True)
class Header:
    """What a file says once. Empty text and None stand for what it does not say."""

    file: File
    syntax: str
    patient_id: str
    study_date: str
    modality: str
    series_uid: str
    series_number: int | None
    description: str
    rows: int
    columns: int
    n_frames: int
    samples: int
    photometric: str
    bits_allocated: int
    bits_stored: int
    high_bit: int
    is_signed: bool
    has_pixels: bool
    has_modality_lut: bool
    #: Tells people without an id apart. Never shown: names can be guessed from it.
    name_hash: str = field(repr=False)


@dataclass(frozen=True)
class Frame:
    """One image of a file.

    Args:
        header: The file's.
        index: Which image of the file, from 0.
        position_mm: World (RAS) position of the centre of its first pixel, or None.
        directions: World directions of growing column and of growing row, six numbers, or None.
        pixel_mm: Distance of neighbouring pixels along a row, and along a column, or None.
        thickness_mm: How thick the slice is; says nothing of the distance to the next.
        slope: Stored values times this ...
        intercept: ... plus this are the values.
        image_type: E.g. `("ORIGINAL", "PRIMARY", "AXIAL")`.
        echo_number: As in the file.
        echo_time_ms: Echo time, or None.
        repeats: Temporal position, acquisition number, b-value, trigger and acquisition time: what may tell
            images at one place apart.
    """

    header: Header
    index: int
    position_mm: Numbers | None
    directions: Numbers | None
    pixel_mm: Numbers | None
    thickness_mm: float | None
    slope: float
    intercept: float
    image_type: tuple[str, ...]
    echo_number: tuple[str, ...]
    echo_time_ms: float | None
    repeats: tuple[str, ...]


def read_header(file: File) -> tuple[Header, Dataset] | None:
    """The header of an image file and the elements it comes from; None of a DICOM file of another kind.

    Raises:
        DataError: if the file is an image and breaks off before it.
        Exception: whatever pydicom raises on damaged bytes; see `elements.understood`.
    """
    dataset, has_pixels = _read_dataset(file)
    return (_header(file, dataset, has_pixels), dataset) if _is_image(file, dataset) else None


def _read_dataset(file: File) -> tuple[Dataset, bool]:
    """The wanted elements of a file, and whether its pixels follow."""
    from pydicom import dcmread
    from pydicom.tag import Tag

    with file.path.open("rb") as stream:
        dataset = dcmread(stream, stop_before_pixels=True, specific_tags=list(KEYWORDS), force=True)
        syntax = str(dataset.file_meta.get("TransferSyntaxUID", ""))
        if syntax == "1.2.840.10008.1.2.1.99":  # deflated: the stream is not where the parser is
            full = dcmread(file.path, specific_tags=["PixelData"], force=True)
            return dataset, "PixelData" in full
        group = _next_group(stream, "big" if syntax == "1.2.840.10008.1.2.2" else "little")
        return dataset, group == Tag("PixelData")


def _next_group(stream: BinaryIO, order: Any) -> int:
    """The tag at which the parser stopped."""
    group, element = (int.from_bytes(stream.read(2), order) for _ in range(2))
    return group << 16 | element


def _is_image(file: File, dataset: Dataset) -> bool:
    """Whether a data set is of an image class, or of none but with an image's size.

    Raises:
        DataError: if the file is marked as DICOM but its class is missing or cut short.
    """
    sop_class = _sop_class(dataset)
    if not sop_class and "Rows" in dataset:
        return True
    name = uid_name(sop_class)
    is_private = not _STANDARD_ROOT.startswith(sop_class[: len(_STANDARD_ROOT)])
    if name == sop_class and not is_private and dataset.preamble:
        raise DataError(
            file.shown,
            expected="a DICOM file that says what it is",
            got=f"class {sop_class!r}" if sop_class else "none said",
            hint="It is probably truncated; copy or export it again.",
        )
    return name.endswith("Image Storage")


def _sop_class(dataset: Dataset) -> str:
    """Some de-identified files have it in their meta header only."""
    return str(dataset.get("SOPClassUID") or dataset.file_meta.get("MediaStorageSOPClassUID") or "")


def _header(file: File, dataset: Dataset, has_pixels: bool) -> Header:
    n_frames = int(number(dataset, "NumberOfFrames") or 1)
    if not dataset.get("Rows") or not dataset.get("Columns") or n_frames < 1:
        raise DataError(
            file.shown,
            expected="an image",
            got="an image file without rows and columns",
            hint="It is probably truncated; copy or export it again.",
        )
    bits = int(dataset.get("BitsAllocated") or 0)
    stored = int(dataset.get("BitsStored") or bits)
    high_bit = dataset.get("HighBit")
    series_number = number(dataset, "SeriesNumber")
    return Header(
        file=file,
        syntax=str(dataset.file_meta.get("TransferSyntaxUID") or _assumed_syntax(dataset)),
        patient_id=str(dataset.get("PatientID") or "").strip(),
        study_date=str(dataset.get("StudyDate") or ""),
        modality=str(dataset.get("Modality") or ""),
        series_uid=str(dataset.get("SeriesInstanceUID") or ""),
        series_number=None if series_number is None else int(series_number),
        description=str(dataset.get("SeriesDescription") or "").strip(),
        rows=int(dataset.Rows),
        columns=int(dataset.Columns),
        n_frames=n_frames,
        samples=int(dataset.get("SamplesPerPixel") or 1),
        photometric=str(dataset.get("PhotometricInterpretation") or ""),
        bits_allocated=bits,
        bits_stored=stored,
        high_bit=stored - 1 if high_bit is None else int(high_bit),
        is_signed=bool(dataset.get("PixelRepresentation")),
        has_pixels=has_pixels,
        has_modality_lut="ModalityLUTSequence" in dataset,
        name_hash=_name_hash(dataset),
    )


def _name_hash(dataset: Dataset) -> str:
    """Of the name's bytes as they are: interpreting them could put the name into a library's log."""
    element: Any = dataset.get_item("PatientName") if "PatientName" in dataset else None
    name = element.value if element is not None else None
    return hashlib.sha256((name or b"").strip(b" \0")).hexdigest()


def _assumed_syntax(dataset: Dataset) -> str:
    """Of a file without meta header: as the parser found it."""
    implicit, little = dataset.original_encoding
    if implicit:
        return "1.2.840.10008.1.2"
    return "1.2.840.10008.1.2.1" if little else "1.2.840.10008.1.2.2"
