"""`condyle convert`: one file format to another, and another grid if asked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from condyle.errors import ConfigError
from condyle.io import read, read_labels, suffix_of, write, write_segments
from condyle.io.atomic import refuse_existing
from condyle.machine import free_memory_gib
from condyle.space import Grid, Volume, reorient, resample_image, resample_labels, spaced_grid, voxels_at
from condyle.workflow.shared.naming import labels_for


@dataclass(frozen=True)
class Converted:
    """Where the volume was written, and on which grid."""

    out: Path
    grid: Grid

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "out": str(self.out),
            "shape": list(self.grid.shape),
            "spacing_mm": list(self.grid.spacing_mm),
            "orientation": self.grid.orientation,
        }

    def __str__(self) -> str:
        return f"{self.out}: {self.grid}"


def convert(
    source: Path,
    out: Path,
    *,
    orientation: str | None = None,
    resample: tuple[float, float, float] | None = None,
    labels: bool = False,
    names: Mapping[str, int] | None = None,
    table: Path | None = None,
    series: str | None = None,
    spacing: tuple[float, float, float] | None = None,
    fix_tilt: bool = False,
    overwrite: bool = False,
) -> Converted:
    """Write a scan or a label map in another format; it stays where it is in the patient.

    Args:
        source: A file, or a folder or zip of DICOM files.
        out: The file to write; its suffix says the format.
        orientation: Order and direction of the axes, e.g. RAS or LPS; as in the source if not given.
        resample: New voxel spacing in mm along the axes of the result. Scans are interpolated with cubic splines.
        labels: The source is a label map: ids are voted on, never averaged.
        names: Structures by name and id, e.g. femur_right=1, for a .seg.nrrd; it keeps those of another.
        table: A JSON file of them: a dataset.json or {"femur_right": 1}.
        series: Which DICOM series: its number, UID or part of its description.
        spacing: Voxel spacing in mm of a TIFF stack that does not tell its own.
        fix_tilt: Straighten a DICOM series with gantry tilt.
        overwrite: Replace the file if there is one.

    Raises:
        DataError: if the source cannot be read, or the file not written.
        ConfigError: if the format has no names, the orientation is none, a spacing is not a number above 0, or so
            small that the result does not fit in memory.
    """
    refuse_existing(out, overwrite=overwrite)
    if resample is not None and not all(0 < spacing_mm < math.inf for spacing_mm in resample):
        raise ConfigError("resample", expected="a spacing above 0 mm on every axis", got=str(resample))
    if (names or table) and suffix_of(out) != ".seg.nrrd":
        raise ConfigError("names, table", expected="a .seg.nrrd to write them to", got=out.name)
    reader = read_labels if labels else read
    volume = reader(source, series=series, spacing_mm=spacing, fix_tilt=fix_tilt)
    if orientation is not None:
        volume = reorient(volume, orientation)
    if resample is not None:
        volume = _resampled(volume, resample, labels=labels)
    if suffix_of(out) == ".seg.nrrd":
        write_segments(out, volume, labels_for(source, names=names, table=table), overwrite=overwrite)
    else:
        write(out, volume, overwrite=overwrite)
    return Converted(out, volume.grid)


def _resampled(volume: Volume, spacing_mm: tuple[float, float, float], *, labels: bool) -> Volume:
    """The volume with another spacing.

    Raises:
        ConfigError: if the result does not fit in memory.
    """
    needed_gib = voxels_at(volume.grid, spacing_mm) * (volume.array.itemsize if labels else 4) / 2**30
    free_gib = free_memory_gib()
    too_large = ConfigError(
        "resample",
        expected=f"a result that fits in memory ({free_gib:.1f} GiB free)",
        got=f"{' x '.join(f'{s:g}' for s in spacing_mm)} mm, which take {needed_gib:,.1f} GiB",
        hint="Choose a larger spacing.",
    )
    if needed_gib > free_gib:
        raise too_large
    grid = spaced_grid(volume.grid, spacing_mm)
    try:
        return resample_labels(volume, grid) if labels else resample_image(volume, grid)
    except MemoryError as error:
        raise too_large from error
