"""A volume as a DICOM series: one file a slice, as a scanner would send it.

Written are the attributes that the CT and MR image definitions demand (PS3.3 A.3 and A.4), empty where
nothing is known. UIDs follow from the arguments and the voxels alone: the same input gives the same bytes.
"""

from __future__ import annotations

import datetime
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from condyle.errors import ConfigError, DataError
from condyle.io.atomic import atomic_folder
from condyle.io.geometry import FLIP_XY, refuse_sheared
from condyle.progress import Track, silent
from condyle.space import Grid, Volume

if TYPE_CHECKING:
    from pydicom import Dataset

_CLASSES = {"CT": "1.2.840.10008.5.1.4.1.1.2", "MR": "1.2.840.10008.5.1.4.1.1.4"}
_CT_WINDOW = (400.0, 1800.0)


@dataclass(frozen=True)
class _Coding:
    """How values become 16-bit numbers: `stored * slope + intercept`."""

    signed: bool
    slope: float
    intercept: float

    def stored(self, values: NDArray[Any]) -> NDArray[Any]:
        if self.slope == 1 and values.dtype.kind in "iu":
            out = values.astype(np.int64) - int(self.intercept)
        else:
            out = np.rint((values.astype(np.float64) - self.intercept) / self.slope)
        return out.astype("<i2" if self.signed else "<u2")


def write_series(
    folder: Path,
    volume: Volume,
    *,
    patient_id: str,
    modality: Literal["CT", "MR"],
    description: str = "",
    series_number: int = 1,
    study_date: str = "20000101",
    window: tuple[float, float] | None = None,
    step: float | None = None,
    seed: str = "",
    overwrite: bool = False,
    track: Track = silent,
) -> None:
    """Write a volume as a folder of DICOM files.

    `read` gives the same voxels at the same places. It orders slices along the normal of their plane: a
    volume on a left-handed grid comes back with its k axis reversed, all others in the same order.

    Args:
        folder: To be made; it is there whole or not at all.
        volume: Slices along k; i runs along the rows of an image, j along its columns.
        patient_id: Patient id; the patient's name is left empty.
        modality: `CT` or `MR`.
        description: Series description, at most 64 characters.
        series_number: Series number.
        study_date: `YYYYMMDD`, of study, series and content.
        window: Centre and width for display; a bone window for CT and the range of values for MR if None.
        step: Values are rounded to multiples of this. None: they are whole numbers, which nothing is lost of.
        seed: Series of one seed, patient and study date belong to one study and frame of reference.
        overwrite: Whether a folder of that name may be replaced.
        track: Told of each slice.

    Raises:
        ConfigError: if an option cannot be written.
        DataError: if the grid is sheared, values have fractions and no step is given, they need more than 16
            bits or are not finite, or the folder exists or cannot be written.
    """
    from pydicom.uid import generate_uid

    _check_options(
        patient_id=patient_id, modality=modality, description=description, number=series_number, date=study_date,
        window=window,
    )  # fmt: skip
    refuse_sheared(folder, volume.grid, "a DICOM series")
    if max(volume.shape[:2]) > 65535:
        raise DataError(folder, expected="at most 65535 columns and rows", got=str(volume.shape[:2]))
    coding = _coding(folder, volume.array, step)
    study = [seed, patient_id, study_date]
    digest = hashlib.sha256(np.ascontiguousarray(volume.array).data)
    digest.update(volume.affine.tobytes())
    series = [*study, modality, description, str(series_number), str(volume.array.dtype), digest.hexdigest()]

    common = _common(patient_id, modality, description, series_number, study_date)
    common.StudyInstanceUID = generate_uid(entropy_srcs=["study", *study])
    common.SeriesInstanceUID = generate_uid(entropy_srcs=["series", *series])
    common.FrameOfReferenceUID = generate_uid(entropy_srcs=["frame", *study])
    _add_pixel_description(common, volume, coding, modality, window)
    _add_plane(common, volume.grid)
    with atomic_folder(folder, overwrite=overwrite) as target:
        for k in track(range(volume.shape[2]), "Writing slices"):
            common.SOPInstanceUID = generate_uid(entropy_srcs=["slice", *series, str(k)])
            common.InstanceNumber = k + 1
            common.ImagePositionPatient = _decimals(FLIP_XY[:3, :3] @ volume.grid.to_world((0, 0, k)))
            common.PixelData = coding.stored(volume.array[:, :, k].T).tobytes()
            common.save_as(target / f"{k + 1:04d}.dcm", enforce_file_format=True)


def _check_options(
    *, patient_id: str, modality: str, description: str, number: int, date: str, window: tuple[float, float] | None
) -> None:
    if modality not in _CLASSES:
        raise ConfigError("modality", expected="CT or MR", got=modality)
    for name, text in (("patient_id", patient_id), ("description", description)):
        if len(text) > 64 or "\\" in text or not text.isascii() or not text.isprintable():
            raise ConfigError(name, expected="at most 64 printable ASCII characters, no backslash", got=repr(text))
    if not 0 <= number < 2**31:
        raise ConfigError("series_number", expected="a number from 0 to 2147483647", got=str(number))
    if window is not None and not (np.isfinite(window).all() and window[1] >= 1):
        raise ConfigError("window", expected="a centre and a width of at least 1", got=str(window))
    try:
        datetime.date.fromisoformat(date)
        sound = len(date) == 8 and date.isdigit()
    except ValueError:
        sound = False
    if not sound:
        raise ConfigError("study_date", expected="a date as YYYYMMDD", got=date)


def _coding(folder: Path, array: NDArray[Any], step: float | None) -> _Coding:
    """16 bits that hold the values exactly, or to the nearest step."""
    low, high = float(array.min()), float(array.max())
    if not np.isfinite([low, high]).all():
        raise DataError(folder, expected="finite values", got=f"values from {low:g} to {high:g}")
    if step is None and array.dtype.kind == "f" and not np.array_equal(array, np.rint(array)):
        raise DataError(folder, expected="whole numbers", got="fractions", hint="Round them, or give a step.")
    slope = 1.0 if step is None else step
    if not (np.isfinite(slope) and slope > 0):
        raise ConfigError("step", expected="a number above 0", got=f"{slope:g}")
    if low >= -32768 * slope and high <= 32767 * slope:
        return _Coding(signed=True, slope=slope, intercept=0.0)
    if high - low > 65535 * slope:
        raise DataError(
            folder,
            expected="values that fit in 16 bits",
            got=f"{low:g} to {high:g} in steps of {slope:g}",
            hint="Give a larger step.",
        )
    return _Coding(signed=False, slope=slope, intercept=low)


def _common(patient_id: str, modality: str, description: str, series_number: int, date: str) -> Dataset:
    """What all slices say alike, pixels and places aside."""
    from pydicom import Dataset
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID = _CLASSES[modality]
    for keyword in ("StudyDate", "SeriesDate", "ContentDate", "AcquisitionDate"):
        setattr(ds, keyword, date)
    for keyword in ("StudyTime", "SeriesTime", "ContentTime", "AcquisitionTime"):
        setattr(ds, keyword, "000000")
    ds.PatientID, ds.Modality, ds.SeriesNumber = patient_id, modality, series_number
    ds.SeriesDescription, ds.StudyID, ds.Manufacturer, ds.PatientPosition = description, "1", "Condyle", "HFS"
    # Attributes that must be there and may be empty.
    for keyword in (
        "AccessionNumber", "ReferringPhysicianName", "PatientName", "PatientBirthDate", "PatientSex", "Laterality",
        "PositionReferenceIndicator", "AcquisitionNumber",
    ):  # fmt: skip
        setattr(ds, keyword, None)
    ds.ImageType = ["DERIVED", "SECONDARY", "AXIAL"] if modality == "CT" else ["DERIVED", "SECONDARY", "OTHER"]
    if modality == "CT":
        ds.KVP, ds.RescaleType = None, "HU"
    else:
        ds.ScanningSequence, ds.SequenceVariant, ds.ScanOptions, ds.MRAcquisitionType = "RM", "NONE", None, None
        ds.RepetitionTime, ds.EchoTime, ds.EchoTrainLength = None, None, None
    return ds


def _add_pixel_description(
    ds: Dataset, volume: Volume, coding: _Coding, modality: str, window: tuple[float, float] | None
) -> None:
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Columns, ds.Rows = volume.shape[0], volume.shape[1]
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, 16, 15
    ds.PixelRepresentation = int(coding.signed)
    # The classic MR image has no rescaling; it is added only where values would be wrong without.
    if modality == "CT" or (coding.slope, coding.intercept) != (1.0, 0.0):
        ds.RescaleIntercept, ds.RescaleSlope = _decimals([coding.intercept, coding.slope])
    if window is None and modality == "CT":
        window = _CT_WINDOW
    elif window is None:
        low, high = float(volume.array.min()), float(volume.array.max())
        window = (low + high) / 2, max(high - low, 1.0)
    ds.WindowCenter, ds.WindowWidth = _decimals(list(window))


def _add_plane(ds: Dataset, grid: Grid) -> None:
    i_mm, j_mm, k_mm = grid.spacing_mm
    ds.PixelSpacing = _decimals([j_mm, i_mm])  # between rows, then between columns
    ds.SliceThickness, ds.SpacingBetweenSlices = _decimals([k_mm, k_mm])
    if ds.Modality == "CT":
        del ds.SpacingBetweenSlices  # not an attribute of the classic CT image
    lps = FLIP_XY[:3, :3] @ grid.direction
    ds.ImageOrientationPatient = _decimals([*lps[:, 0], *lps[:, 1]])


def _decimals(values: Any) -> list[Any]:
    """Numbers as DICOM decimal strings: the most digits that 16 characters hold."""
    from pydicom.valuerep import DSfloat

    return [DSfloat(float(value), auto_format=True) for value in values]
