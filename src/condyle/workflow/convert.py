"""`condyle convert`: one file format to another, and another grid if asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from condyle.errors import ConfigError
from condyle.io import read, read_labels, suffix_of, write, write_segments
from condyle.io.atomic import refuse_existing
from condyle.space import Grid, reorient, resample_image, resample_labels, spaced_grid
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
        ConfigError: if the format has no names, the orientation is none, or a spacing is not above 0.
    """
    refuse_existing(out, overwrite=overwrite)
    if resample is not None and min(resample) <= 0:
        raise ConfigError("resample", expected="a spacing above 0 mm on every axis", got=str(resample))
    if (names or table) and suffix_of(out) != ".seg.nrrd":
        raise ConfigError("names, table", expected="a .seg.nrrd to write them to", got=out.name)
    volume = read_labels(source) if labels else read(source, series=series, spacing_mm=spacing, fix_tilt=fix_tilt)
    if orientation is not None:
        volume = reorient(volume, orientation)
    if resample is not None:
        grid = spaced_grid(volume.grid, resample)
        volume = resample_labels(volume, grid) if labels else resample_image(volume, grid)
    if suffix_of(out) == ".seg.nrrd":
        write_segments(out, volume, labels_for(source, names=names, table=table), overwrite=overwrite)
    else:
        write(out, volume, overwrite=overwrite)
    return Converted(out, volume.grid)
