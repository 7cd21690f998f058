"""`condyle picture`: a scan in three planes, with its mask outlined."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from condyle.errors import DataError
from condyle.io import read, read_labels, suffix_of
from condyle.io.atomic import atomic_file, refuse_existing
from condyle.reports.planes import draw_planes
from condyle.space import reorient


@dataclass(frozen=True)
class Picture:
    """Where the picture was written."""

    out: Path

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"out": str(self.out)}

    def __str__(self) -> str:
        return str(self.out)


def picture(
    scan: Path,
    out: Path,
    *,
    mask: Path | None = None,
    window: Literal["auto", "bone", "soft", "wide"] = "auto",
    series: str | None = None,
    spacing: tuple[float, float, float] | None = None,
    fix_tilt: bool = False,
    overwrite: bool = False,
) -> Picture:
    """Draw a scan in three planes as a PNG, radiological: the patient's right is on the left.

    Args:
        scan: A file, or a folder or zip of DICOM files.
        out: The PNG file to write.
        mask: A label map on the scan's grid, to be outlined; the planes go through its middle.
        window: Grey values: bone, soft tissue, wide, or auto by the kind of scan.
        series: Which DICOM series of the scan: its number, UID or part of its description.
        spacing: Voxel spacing in mm of TIFF stacks that do not tell their own.
        fix_tilt: Straighten a DICOM series with gantry tilt.
        overwrite: Replace the file if there is one.

    Raises:
        DataError: if a file cannot be read, or scan and mask lie on different grids.
        ConfigError: if an option is given that neither file has a use for.
    """
    refuse_existing(out, overwrite=overwrite)
    for_mask_alone = mask is not None and _is_tiff(mask) and not _is_tiff(scan)
    volume = read(scan, series=series, spacing_mm=None if for_mask_alone else spacing, fix_tilt=fix_tilt)
    labels = None
    if mask is not None:
        labels = read_labels(
            mask, spacing_mm=spacing if _is_tiff(mask) else None, fix_tilt=fix_tilt and suffix_of(mask) is None
        )
        labels = reorient(labels, volume.grid.orientation)
        if not labels.grid.matches(volume.grid):
            raise DataError(
                mask,
                expected=f"the scan's grid, {volume.grid}",
                got=str(labels.grid),
                hint="Give the mask of this scan, or resample it.",
            )
    with atomic_file(out, overwrite=overwrite) as temporary:
        draw_planes(temporary, volume, labels, window=window, title=scan.name)
    return Picture(out)


def _is_tiff(path: Path) -> bool:
    return suffix_of(path) in {".tif", ".tiff"}
