"""Files in, volumes out, and back. One format a file; the only place where LPS or k-j-i order exists.

`read` and `write` choose the format by the suffix table below, and DICOM by looking inside.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from condyle.errors import ConfigError, DataError
from condyle.io import dicom, metaimage, nifti, nrrd, segnrrd, tiff
from condyle.io.atomic import atomic_file
from condyle.io.there import is_there
from condyle.labels import Labels, label_type
from condyle.space import Volume

Reader = Callable[[Path], Volume]
Writer = Callable[[Path, Volume], None]

#: The one table of suffixes: how each is read and written. TIFF alone may need a spacing, see `read`.
FORMATS: dict[str, tuple[Reader, Writer]] = {
    ".nii": (nifti.read, nifti.write),
    ".nii.gz": (nifti.read, nifti.write),
    ".nrrd": (nrrd.read, nrrd.write),
    ".seg.nrrd": (segnrrd.read, segnrrd.write),
    ".nhdr": (nrrd.read, nrrd.write),
    ".mha": (metaimage.read, metaimage.write),
    ".mhd": (metaimage.read, metaimage.write),
    ".tif": (tiff.read, tiff.write),
    ".tiff": (tiff.read, tiff.write),
}


def suffix_of(path: Path) -> str | None:
    """The suffix of the table that a file name ends with, or None."""
    name = path.name.lower()
    return next((s for s in sorted(FORMATS, key=len, reverse=True) if name.endswith(s)), None)


def stem_of(path: Path) -> str:
    """A file's name without its suffix: `case_01` of `case_01.nii.gz`."""
    suffix = suffix_of(path)
    return path.name[: -len(suffix)] if suffix else path.name


def read(
    path: str | Path,
    *,
    series: str | None = None,
    spacing_mm: tuple[float, float, float] | None = None,
    fix_tilt: bool = False,
) -> Volume:
    """Read a scan or a label map of any known format.

    Args:
        path: A file of a known suffix; or a DICOM file, a folder or a zip of DICOM files.
        series: Which DICOM series, by number, UID or part of its description, where there are several.
        spacing_mm: Voxel spacing of a TIFF stack that does not tell its own.
        fix_tilt: Resample a DICOM series with gantry tilt onto a rectangular grid instead of refusing it.

    Returns:
        The volume in its stored axis order. Values are rescaled (HU for CT) and integers where they can be.

    Raises:
        DataError: if there is no such file, it is of no known format, broken, or its geometry is unsound.
        ConfigError: if an option is given that the format has no use for.
    """
    return _read(Path(path), series, spacing_mm, fix_tilt=fix_tilt)


def _read(
    path: Path,
    series: str | None,
    spacing_mm: tuple[float, float, float] | None,
    *,
    fix_tilt: bool,
    ids: bool = False,
) -> Volume:
    if not is_there(path):
        raise DataError(path, expected="a file or folder", got="nothing of that name", hint="Check the path.")
    suffix = suffix_of(path) if path.is_file() else None
    if spacing_mm is not None and suffix not in {".tif", ".tiff"}:
        raise ConfigError("spacing", expected="a TIFF stack to go with it", got=path.name)
    if suffix is None:
        return dicom.read(path, series=series, fix_tilt=fix_tilt, ids=ids)
    if series is not None or fix_tilt:
        raise ConfigError("series, fix-tilt", expected="a DICOM series to go with it", got=path.name)
    if suffix in {".tif", ".tiff"}:
        return tiff.read(path, spacing_mm=spacing_mm)
    return FORMATS[suffix][0](path)


def read_labels(
    path: str | Path,
    *,
    series: str | None = None,
    spacing_mm: tuple[float, float, float] | None = None,
    fix_tilt: bool = False,
) -> Volume:
    """Read a label map: as `read`, and the values must be whole numbers from 0 to 65535.

    Args:
        path: As in `read`.
        series: As in `read`.
        spacing_mm: Voxel spacing of a TIFF stack that does not tell its own.
        fix_tilt: As in `read`; slices are moved by whole pixels, as ids have no values between them.

    Returns:
        A volume of uint8 or uint16.

    Raises:
        DataError: as `read`, and if a value is negative, too large, or not whole.
        ConfigError: as `read`.
    """
    volume = _read(Path(path), series, spacing_mm, fix_tilt=fix_tilt, ids=True)
    array = volume.array
    low, high = float(array.min()), float(array.max())
    whole = array.dtype.kind in "iu" or np.array_equal(array, np.rint(array))
    if not whole or low < 0 or high > 65535:
        raise DataError(
            path,
            expected="a label map of whole numbers from 0 to 65535",
            got=f"values from {low:g} to {high:g}" + ("" if whole else ", some of them fractions"),
            hint="Give a label map, not an image or probabilities; a resampled mask needs nearest neighbour.",
        )
    return volume.with_array(array.astype(label_type(int(high)), copy=False))


def write(path: str | Path, volume: Volume, *, overwrite: bool = False) -> None:
    """Write a volume in the format its file name asks for; the file is there whole or not at all.

    Raises:
        DataError: if the suffix is unknown, the file exists and `overwrite` is false, the format cannot
            carry the volume's geometry, or the disk refuses.
    """
    path = Path(path)
    suffix = suffix_of(path)
    if suffix is None:
        raise DataError(path, expected=f"a name ending in one of {', '.join(FORMATS)}", got=path.name)
    with atomic_file(path, overwrite=overwrite) as temporary:
        FORMATS[suffix][1](temporary, volume)


def write_segments(path: Path, volume: Volume, labels: Labels | None, *, overwrite: bool = False) -> None:
    """Write a label map as `.seg.nrrd` with the names and colours of its segments.

    Raises:
        DataError: as `write`, and if the volume is not a label map.
    """
    with atomic_file(path, overwrite=overwrite) as temporary:
        segnrrd.write(temporary, volume, labels)
