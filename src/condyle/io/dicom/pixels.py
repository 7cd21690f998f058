"""Stored pixels to values.

Values are `stored * slope + intercept`, slice by slice. The result is int16, or int32 where that is too small,
if all slopes and intercepts are whole numbers; float32 otherwise. PixelPaddingValue stays a value like any
other. MONOCHROME1 (small is white) is inverted, except in CT, where Hounsfield units have one meaning only.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.errors import DataError
from condyle.io.dicom.decode import stored_images
from condyle.io.dicom.files import File
from condyle.io.dicom.headers import Frame, Header
from condyle.progress import Track, silent

#: No stored pixel of 32 bits is farther from 0, turned round or not.
_FARTHEST_STORED = 2.0**33

#: Up to here every whole number is exact in double precision, and as a 64-bit integer.
_LARGEST_WHOLE = 2.0**53


def pixel_fault(header: Header) -> str:
    """Why the pixels of a file cannot be read as values, or empty."""
    if not header.has_pixels:
        return "no pixel data"
    if header.samples != 1 or header.photometric not in {"MONOCHROME1", "MONOCHROME2"}:
        return f"colour pixels ({header.photometric or 'unknown'})"
    if header.bits_allocated not in {8, 16, 32} or not header.bits_stored <= header.bits_allocated > header.high_bit:
        return f"{header.bits_stored} of {header.bits_allocated} bits a pixel"
    if header.has_modality_lut:
        return "a modality look-up table instead of slope and intercept"
    return ""


def refuse_unreadable(frames: tuple[Frame, ...]) -> None:
    """Raise a `DataError` that names the first file whose pixels cannot become values."""
    for frame in frames:
        if fault := pixel_fault(frame.header):
            raise DataError(
                frame.header.file.shown,
                expected="grey pixels of 8, 16 or 32 bits",
                got=fault,
                hint="Take the original image series of the scanner.",
            )
        largest = abs(frame.slope) * _FARTHEST_STORED + abs(frame.intercept)
        if frame.slope == 0 or not largest <= float(np.finfo(np.float32).max):  # nor is NaN
            raise DataError(
                frame.header.file.shown,
                expected="a rescale slope other than 0 and values that single precision can hold",
                got=f"slope {frame.slope:g}, intercept {frame.intercept:g}",
                hint="Export the series again.",
            )


def read_values(frames: tuple[Frame, ...], where: Path, *, track: Track = silent) -> NDArray[Any]:
    """The values of frames in the order given.

    Args:
        frames: Of one size, none of them refused by `refuse_unreadable`.
        where: What to name in errors that no single file is to blame for.
        track: Told of each file.

    Returns:
        Shape (columns, rows, frames), a view in memory order of the files.

    Raises:
        DataError: if pixels are truncated or cannot be decoded.
    """
    by_file: dict[File, list[int]] = {}
    for slot, frame in enumerate(frames):
        by_file.setdefault(frame.header.file, []).append(slot)
    stored: list[NDArray[Any]] = [np.empty(0)] * len(frames)
    for slots in track(list(by_file.values()), "Reading slices"):
        images = stored_images(frames[slots[0]].header, [frames[slot].index for slot in slots])
        for slot, image in zip(slots, images, strict=True):
            stored[slot] = image
    try:
        values = _rescaled(stored, frames)
    except MemoryError as error:
        raise DataError(where, expected="a volume that fits in memory", got=str(error)) from error
    return values.transpose(2, 1, 0)


def _rescaled(stored: list[NDArray[Any]], frames: tuple[Frame, ...]) -> NDArray[Any]:
    """Values (frames, rows, columns) of the smallest type that holds them, see the module."""
    lines = [_line(frame) for frame in frames]
    kind = _value_type(stored, lines)
    values = np.empty((len(stored), *stored[0].shape), dtype=kind)
    for image, (slope, intercept), out in zip(stored, lines, values, strict=True):
        if kind.kind == "f":
            out[...] = image.astype(np.float64) * slope + intercept
        elif slope == 1 and intercept == 0:
            out[...] = image
        else:
            # 32 bits are enough for 16-bit pixels: what wraps around on the way comes back with the intercept.
            narrow = image.itemsize <= 2 and max(abs(slope), abs(intercept)) < np.iinfo(np.int32).max
            work = np.int32 if narrow and kind == np.int16 else np.int64
            out[...] = image.astype(work) * int(slope) + int(intercept)
    return values


def _line(frame: Frame) -> tuple[float, float]:
    """Slope and intercept, with MONOCHROME1 turned round."""
    header = frame.header
    if header.photometric != "MONOCHROME1" or header.modality == "CT":
        return frame.slope, frame.intercept
    # stored becomes (lowest + highest) - stored
    ends = -1 if header.is_signed else (1 << header.bits_stored) - 1
    return -frame.slope, frame.intercept + frame.slope * ends


def _value_type(stored: list[NDArray[Any]], lines: list[tuple[float, float]]) -> np.dtype[Any]:
    if not all(number.is_integer() and abs(number) <= _LARGEST_WHOLE for line in lines for number in line):
        return np.dtype(np.float32)
    ends = [
        float(end) * slope + intercept
        for image, (slope, intercept) in zip(stored, lines, strict=True)
        for end in (image.min(), image.max())
    ]
    for kind in (np.int16, np.int32):
        if np.iinfo(kind).min <= min(ends) and max(ends) <= np.iinfo(kind).max:
            return np.dtype(kind)
    return np.dtype(np.float32)
