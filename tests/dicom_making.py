"""DICOM files for the tests: small volumes, edits of written series, an enhanced file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from condyle.io.dicom import write_series
from condyle.space import Volume

#: Columns to the left, rows to the back, slices to the head, as most CT; spacing 0.7 x 0.8 x 2.5 mm.
AFFINE = np.array([[-0.7, 0, 0, 30], [0, -0.8, 0, 40], [0, 0, 2.5, -12], [0, 0, 0, 1.0]])


def small_volume(shape: tuple[int, int, int] = (7, 6, 5), affine: Any = AFFINE, seed: int = 0) -> Volume:
    """Distinct whole numbers, negative and positive."""
    values = np.random.default_rng(seed).permutation(int(np.prod(shape))) - 100
    return Volume.of(values.reshape(shape).astype(np.int16), np.asarray(affine, dtype=np.float64))


def written(folder: Path, volume: Volume | None = None, **options: Any) -> Path:
    """A series of a small volume in a folder."""
    given = {"patient_id": "P1", "modality": "CT", "description": "Thin bone"} | options
    write_series(folder, volume if volume is not None else small_volume(), **given)
    return folder


def edited(
    folder: Path, change: Callable[[Dataset, int], object], only: Callable[[int], bool] = lambda k: True
) -> Path:
    """The files of a folder, in order of name, changed in place."""
    for k, path in enumerate(sorted(folder.iterdir())):
        if only(k):
            dataset = pydicom.dcmread(path)
            change(dataset, k)
            dataset.save_as(path)
    return folder


def setting(**values: Any) -> Callable[[Dataset, int], None]:
    """A change that sets elements; a function is asked for the value of each slice."""

    def change(dataset: Dataset, k: int) -> None:
        for keyword, value in values.items():
            setattr(dataset, keyword, value(k) if callable(value) else value)

    return change


def removing(*keywords: str) -> Callable[[Dataset, int], None]:
    """A change that takes elements away."""

    def change(dataset: Dataset, k: int) -> None:
        del k
        for keyword in keywords:
            delattr(dataset, keyword)

    return change


def enhanced(path: Path, volume: Volume, order: list[int], *, echoes: tuple[float, ...] = (10.0,)) -> Path:
    """An enhanced MR file: the slices of a volume (LPS to the viewer) in any order, once for each echo.

    Echo `n` holds the values plus 1000 n; each frame stores them halved, with a slope of 2.
    """
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.4.1"
    ds.SOPInstanceUID = generate_uid(entropy_srcs=["enhanced"])
    ds.SeriesInstanceUID = generate_uid(entropy_srcs=["enhanced series"])
    ds.PatientID, ds.Modality, ds.SeriesNumber, ds.SeriesDescription = "P1", "MR", 7, "Enhanced"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "T1", "NONE"]
    ds.Columns, ds.Rows = volume.shape[:2]
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 1
    ds.NumberOfFrames = len(order) * len(echoes)
    i_mm, j_mm, k_mm = volume.spacing_mm
    flip = np.array([-1, -1, 1])
    in_plane = (volume.grid.direction[:, :2].T * flip).ravel()
    ds.SharedFunctionalGroupsSequence = [
        _item(
            PixelMeasuresSequence=[_item(PixelSpacing=[j_mm, i_mm], SliceThickness=k_mm)],
            PlaneOrientationSequence=[_item(ImageOrientationPatient=list(in_plane))],
            PixelValueTransformationSequence=[_item(RescaleSlope=2, RescaleIntercept=0, RescaleType="US")],
        )
    ]
    frames, stored = [], []
    for n, echo in enumerate(echoes):
        for k in order:
            place = _item(ImagePositionPatient=list(volume.grid.to_world((0, 0, k)) * flip))
            frames.append(_item(PlanePositionSequence=[place], MREchoSequence=[_item(EffectiveEchoTime=echo)]))
            stored.append((volume.array[:, :, k].T // 2 + 500 * n).astype("<i2"))
    ds.PerFrameFunctionalGroupsSequence = frames
    ds.PixelData = np.stack(stored).tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.save_as(path, enforce_file_format=True)
    return path


def _item(**values: Any) -> Dataset:
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset
