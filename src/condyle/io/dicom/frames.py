"""The frames of a file, ordinary or enhanced."""

from __future__ import annotations

from typing import TYPE_CHECKING

from condyle.io.dicom.elements import across, number, numbers, ras, texts, understood
from condyle.io.dicom.files import File
from condyle.io.dicom.headers import Frame, Header, read_header
from condyle.io.dicom.multiframe import enhanced_frames

if TYPE_CHECKING:
    from pydicom import Dataset

#: What may tell images at one place apart, in this order.
_REPEATS = ("TemporalPositionIdentifier", "AcquisitionNumber", "DiffusionBValue", "TriggerTime", "AcquisitionTime")


def read_frames(file: File) -> list[Frame]:
    """The frames of an image file; none if it is a DICOM file of another kind (report, contour, directory).

    Raises:
        DataError: if the file cannot be understood, or an image file breaks off before its image.
    """
    with understood(file):
        found = read_header(file)
        if found is None:
            return []
        header, dataset = found
        if "PerFrameFunctionalGroupsSequence" in dataset:
            return enhanced_frames(header, dataset)
        return [_plain_frame(header, dataset)]


def _plain_frame(header: Header, dataset: Dataset) -> Frame:
    """The frame of a single-frame file. Old multi-frame files say no place for their frames: none is assumed."""
    placed = header.n_frames == 1
    slope = number(dataset, "RescaleSlope")
    return Frame(
        header=header,
        index=0,
        position_mm=ras(numbers(dataset, "ImagePositionPatient", 3)) if placed else None,
        directions=ras(numbers(dataset, "ImageOrientationPatient", 6)),
        pixel_mm=across(numbers(dataset, "PixelSpacing", 2)),
        thickness_mm=number(dataset, "SliceThickness"),
        slope=1.0 if slope is None else slope,
        intercept=number(dataset, "RescaleIntercept") or 0.0,
        image_type=texts(dataset, "ImageType"),
        echo_number=texts(dataset, "EchoNumbers"),
        echo_time_ms=number(dataset, "EchoTime"),
        repeats=tuple(str(dataset.get(keyword) or "") for keyword in _REPEATS),
    )
