"""`condyle info`: what is in a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.io import dicom, read, suffix_of
from condyle.io.there import is_there
from condyle.labels import id_counts
from condyle.space import Grid, Volume

#: A volume of whole numbers with no more different values than this is told as a label map.
_FEW_VALUES = 64


@dataclass(frozen=True)
class Info:
    """What is known of one scan or label map, or of the series in a DICOM folder.

    Args:
        path: What was looked at.
        grid: Where its voxels lie; None if several series were found.
        values: Type, smallest, largest, mean, median and outer percentiles of the values; or the ids of a label map.
            Where some are NaN or infinite, `not_finite` counts these, and the rest is of the others.
        series: The DICOM series found, as plain data.
    """

    path: Path
    grid: Grid | None
    values: dict[str, Any]
    series: list[dict[str, Any]]

    @property
    def exit_code(self) -> int:
        """1 if some values are not finite, else 0."""
        return int("not_finite" in self.values)

    def to_json(self) -> dict[str, Any]:
        """Plain data; lengths in mm, the affine takes indices (i, j, k) to RAS mm."""
        out: dict[str, Any] = {"path": str(self.path)}
        if self.grid is not None:
            out |= {
                "shape": list(self.grid.shape),
                "spacing_mm": list(self.grid.spacing_mm),
                "orientation": self.grid.orientation,
                "affine": self.grid.affine.tolist(),
                "sheared": self.grid.is_sheared,
                "values": self.values,
            }
        if self.series:
            out["series"] = self.series
        return out

    def __str__(self) -> str:
        lines = [str(self.path)]
        if self.grid is not None:
            lines.append(f"  {'grid':<15} {self.grid}")
            if self.grid.is_sheared:
                lines.append(f"  {'sheared':<15} axes off a right angle by {self.grid.orthonormality_error:.2g}")
            lines += [f"  {name:<15} {_plain(value)}" for name, value in self.values.items()]
        for entry in self.series:
            lines.append(f"  series {entry['key']}")
            lines += [
                f"    {name:<13} {_plain(value)}"
                for name, value in entry.items()
                if name != "key" and value not in (None, "", [])
            ]
        return "\n".join(lines)


def info(
    path: Path,
    *,
    series: str | None = None,
    spacing: tuple[float, float, float] | None = None,
    fix_tilt: bool = False,
) -> Info:
    """Show the grid, the orientation and the values of a scan, or list the series of a DICOM folder.

    Args:
        path: A file, or a folder or zip of DICOM files.
        series: Look into this DICOM series: its number, UID or part of its description.
        spacing: Voxel spacing in mm of a TIFF stack that does not tell its own.
        fix_tilt: Straighten a DICOM series with gantry tilt.

    Raises:
        DataError: if there is nothing to read.
        ConfigError: if an option is given that the file has no use for.
    """
    listed: list[dict[str, Any]] = []
    if is_there(path) and not (path.is_file() and suffix_of(path)):
        found = dicom.find_series(path)
        listed = [_series(s) for s in found]
        tilted = found[0].tilt_deg and not fix_tilt
        if series is None and (len(found) > 1 or found[0].faults or tilted):
            return Info(path, None, {}, listed)
    volume = read(path, series=series, spacing_mm=spacing, fix_tilt=fix_tilt)
    return Info(path, volume.grid, _values(volume), listed)


def _plain(value: Any) -> str:
    """A value as text: lists by commas, tables as `id: value`, numbers without needless digits."""
    if isinstance(value, dict):
        return ", ".join(f"{k}: {_plain(v)}" for k, v in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(_plain(v) for v in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _series(series: dicom.Series) -> dict[str, Any]:
    return {
        "key": series.key,
        "modality": series.modality,
        "description": series.description,
        "patient_id": series.patient_id,
        "study_date": series.study_date,
        "echo_time_ms": series.echo_time_ms,
        "images": series.n_slices,
        "shape": series.shape and list(series.shape),
        "spacing_mm": series.spacing_mm and list(series.spacing_mm),
        "tilt_deg": series.tilt_deg or None,
        "faults": list(series.faults),
        "uid": series.uid,
    }


def _values(volume: Volume) -> dict[str, Any]:
    array = volume.array
    out: dict[str, Any] = {"type": str(array.dtype)}
    if array.dtype.kind == "f" and not (finite := np.isfinite(array)).all():
        return out | {"not_finite": int(array.size - finite.sum())} | _statistics(array[finite])
    present = np.unique(array[::4, ::4, ::4])
    if len(present) <= _FEW_VALUES and array.dtype.kind in "iu" and array.min() >= 0:
        counts = id_counts(array)
        volume_ml = volume.grid.voxel_volume_mm3 / 1000
        out["labels_ml"] = {int(i): round(float(counts[i]) * volume_ml, 3) for i in np.flatnonzero(counts) if i > 0}
        return out
    return out | _statistics(array)


def _statistics(array: NDArray[Any]) -> dict[str, Any]:
    """Of finite values of any shape; nothing of none."""
    if not array.size:
        return {}
    low, median, high = (float(p) for p in np.percentile(array, (0.5, 50, 99.5)))
    return {
        "min": float(array.min()),
        "max": float(array.max()),
        "mean": round(float(array.mean(dtype=np.float64)), 3),
        "percentile_0_5": low,
        "median": median,
        "percentile_99_5": high,
    }
