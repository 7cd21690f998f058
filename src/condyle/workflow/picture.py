"""`condyle picture`: a scan in three planes, with its mask outlined."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from condyle.errors import DataError
from condyle.io import read, read_labels
from condyle.io.atomic import atomic_file
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
    overwrite: bool = False,
) -> Picture:
    """Draw a scan in three planes as a PNG, radiological: the patient's right is on the left.

    Args:
        scan: A file, or a folder or zip of DICOM files.
        out: The PNG file to write.
        mask: A label map on the scan's grid, to be outlined; the planes go through its middle.
        window: Grey values: bone, soft tissue, wide, or auto by the kind of scan.
        series: Which DICOM series: its number, UID or part of its description.
        overwrite: Replace the file if there is one.

    Raises:
        DataError: if a file cannot be read, or scan and mask lie on different grids.
    """
    volume = read(scan, series=series)
    labels = None
    if mask is not None:
        labels = reorient(read_labels(mask), volume.grid.orientation)
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
