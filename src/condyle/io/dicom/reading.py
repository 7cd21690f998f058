"""From a path to a volume, or to the list of what is there."""

from __future__ import annotations

from pathlib import Path

from condyle.errors import DataError
from condyle.io.dicom.choice import chosen, one_patient
from condyle.io.dicom.files import File, dicom_files
from condyle.io.dicom.frames import read_frames
from condyle.io.dicom.geometry import stacked
from condyle.io.dicom.headers import Frame
from condyle.io.dicom.pixels import read_values, refuse_unreadable
from condyle.io.dicom.series import Series, grouped
from condyle.io.dicom.tilt import untilted
from condyle.progress import Track, silent
from condyle.space import Volume


def read(
    path: Path, *, series: str | None = None, fix_tilt: bool = False, ids: bool = False, track: Track = silent
) -> Volume:
    """Read one image series.

    Args:
        path: A DICOM file, a folder searched to its depths, or a zip of these. Files of other kinds are ignored.
        series: Which one: key, number, UID or part of the description. Needed where there are several.
        fix_tilt: Resample a series with gantry tilt onto a rectangular grid instead of refusing it.
        ids: The values are ids of a label map, which `fix_tilt` must not blend.
        track: Told of each file.

    Returns:
        Shape (columns, rows, slices), slices along the normal of their plane, so that the grid is right-handed.
        Values are rescaled (HU for CT): int16 or int32 where they are whole, else float32.

    Raises:
        DataError: if there is no image series or no clear choice, files are damaged, several patients are mixed,
            or the slices do not make a volume.
    """
    with dicom_files(path, track=track) as files:
        every = grouped(_image_frames(files, path, track), path)
        one_patient(every, path)
        one = chosen(every, series, path)
        refuse_unreadable(one.frames)
        stack = stacked(one.frames, path)
        if stack.tilt_deg and not fix_tilt:
            raise DataError(
                path,
                expected="slices stacked at a right angle",
                got=f"a gantry tilt of {stack.tilt_deg:.2f} degrees",
                hint="Pass --fix-tilt to resample it onto a rectangular grid.",
            )
        volume = Volume(read_values(stack.frames, path, track=track), stack.grid)
    return untilted(volume, ids=ids) if stack.tilt_deg else volume


def find_series(path: Path, *, track: Track = silent) -> list[Series]:
    """All image series at a path, from their headers alone.

    Args:
        path: As `read`.
        track: Told of each file.

    Returns:
        The series in order of number; those that are no volume say why in `faults`. Frames of a zip name files
        that are gone: `read` the zip with the key.

    Raises:
        DataError: if there is no image among the files, or one of them is damaged.
    """
    with dicom_files(path, track=track) as files:
        return grouped(_image_frames(files, path, track), path)


def _image_frames(files: list[File], path: Path, track: Track) -> list[Frame]:
    frames = [frame for file in track(files, "Reading headers") for frame in read_frames(file)]
    if not frames:
        raise DataError(
            path,
            expected="DICOM images",
            got=f"{len(files)} DICOM file{'s' if len(files) > 1 else ''} of other kinds (contours, reports, directory)",
            hint="Give the folder of the scan itself.",
        )
    return frames
