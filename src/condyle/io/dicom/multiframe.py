"""Frames of an enhanced multi-frame file, whose places stand in functional groups.

Each property is in a sequence (a macro, PS3.3 C.7.6.16.2), shared by all frames or given for each one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from condyle.errors import DataError
from condyle.io.dicom.elements import across, number, numbers, ras, texts
from condyle.io.dicom.headers import Frame, Header

if TYPE_CHECKING:
    from pydicom import Dataset

_FRAME_TYPES = ("CTImageFrameTypeSequence", "MRImageFrameTypeSequence", "PETFrameTypeSequence")


def enhanced_frames(header: Header, dataset: Dataset) -> list[Frame]:
    """One frame for each item of the per-frame functional groups.

    Raises:
        DataError: if there are not as many items as frames.
        ValueError: if a value is not what its element should hold.
    """
    groups = dataset.PerFrameFunctionalGroupsSequence
    if len(groups) != header.n_frames:
        raise DataError(
            header.file.shown,
            expected=f"a functional group for each of {header.n_frames} frames",
            got=str(len(groups)),
            hint="The file may be truncated; export it again.",
        )
    shared = dataset.get("SharedFunctionalGroupsSequence") or [type(dataset)()]
    return [_frame(header, dataset, [own, shared[0]], index) for index, own in enumerate(groups)]


def _frame(header: Header, dataset: Dataset, places: list[Dataset], index: int) -> Frame:
    measures = _macro(places, "PixelMeasuresSequence")
    rescale = _macro(places, "PixelValueTransformationSequence")
    content = _macro(places, "FrameContentSequence")
    slope = number(rescale, "RescaleSlope")
    frame_type = next((found for name in _FRAME_TYPES if (found := texts(_macro(places, name), "FrameType"))), ())
    return Frame(
        header=header,
        index=index,
        position_mm=ras(numbers(_macro(places, "PlanePositionSequence"), "ImagePositionPatient", 3)),
        directions=ras(numbers(_macro(places, "PlaneOrientationSequence"), "ImageOrientationPatient", 6)),
        pixel_mm=across(numbers(measures, "PixelSpacing", 2)),
        thickness_mm=number(measures, "SliceThickness"),
        slope=1.0 if slope is None else slope,
        intercept=number(rescale, "RescaleIntercept") or 0.0,
        image_type=frame_type or texts(dataset, "ImageType"),
        echo_number=(),
        echo_time_ms=number(_macro(places, "MREchoSequence"), "EffectiveEchoTime"),
        repeats=(
            str(content.get("TemporalPositionIndex") or ""),
            str(content.get("FrameAcquisitionNumber") or ""),
            str(_macro(places, "MRDiffusionSequence").get("DiffusionBValue") or ""),
            str(_macro(places, "CardiacSynchronizationSequence").get("NominalCardiacTriggerDelayTime") or ""),
            "",
        ),
    )


def _macro(places: list[Dataset], name: str) -> Dataset:
    """A frame's own macro, else the shared one, else an empty data set."""
    for place in places:
        if sequence := place.get(name):
            return sequence[0]
    return type(places[0])()
