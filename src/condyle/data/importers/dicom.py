"""Scans that are DICOM: a file, a zip, a folder of one patient, or a folder of such folders and zips."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from condyle import io
from condyle.data.importers.found import FoundCase, ScanFile
from condyle.data.names import safe_name
from condyle.errors import DataError
from condyle.io.dicom import find_series, is_dicom

#: Series of fewer images are localizers and single pictures, not scans.
FEWEST_IMAGES = 4


def dicom_cases(path: Path, channel: str, series: str | None = None) -> tuple[list[FoundCase], list[str]]:
    """A case for each series, or for each patient's folder if a series is named.

    A case is called like its folder or zip; where that holds several series their keys are added. The
    PatientID is kept as the patient.

    Args:
        path: A DICOM file or zip; a folder with DICOM files directly in it, which is one patient's; or else a
            folder of such files and folders, each one patient's.
        channel: Name of the images.
        series: Number, UID or part of the description of the series that is meant, the same in each folder.

    Returns:
        The cases, and a sentence for each series left out because it has too few images.

    Raises:
        DataError: if there is no DICOM image, or a header is broken.
    """
    found: list[FoundCase] = []
    notes: list[str] = []
    for place in _places(path):
        name = safe_name(place.name.removesuffix(place.suffix) if place.is_file() else place.resolve().name)
        listed = find_series(place)
        scans = [one for one in listed if one.n_slices >= FEWEST_IMAGES] or listed
        if series is not None:
            found.append(FoundCase(name, {channel: ScanFile(place, series)}, patient=listed[0].patient_id))
            continue
        notes += [f"{place}: left out {one}" for one in listed if one not in scans]
        for one in scans:
            case = FoundCase(name, {channel: ScanFile(place, one.key)}, patient=one.patient_id)
            found.append(case if len(scans) == 1 else replace(case, id=safe_name(f"{name}_{one.key}")))
    return found, notes


def dicom_beside(files: Collection[Path], folder: Path) -> list[Path]:
    """Files, folders and zips beside some files of a folder that are DICOM or hold some, sorted.

    What cannot be looked into, such as a zip with a password, holds none that anybody could have meant.
    """
    return [child for child in _visible(folder) if child not in files and _looks_like_dicom(child)]


def _looks_like_dicom(path: Path) -> bool:
    try:
        return is_dicom(path)
    except DataError:
        return False


def _visible(folder: Path) -> list[Path]:
    return [child for child in sorted(folder.iterdir()) if not child.name.startswith(".")]


def _places(path: Path) -> list[Path]:
    """One path for each patient."""
    if path.is_file():
        return [path]
    inside = _visible(path)
    if any(child.is_file() and child.suffix.lower() != ".zip" and is_dicom(child) for child in inside):
        return [path]
    places = [child for child in inside if is_dicom(child)]
    if not places:
        raise DataError(
            path,
            expected="scans in it",
            got="none",
            hint=f"Known are {', '.join(io.FORMATS)} and DICOM. Files deeper down need a case pattern.",
        )
    return places
