"""From the places of single slices to one grid, or a clear no.

A series is a volume if its slices stand like rungs of a ladder: parallel, of one size, at equal distances.
The distance comes from the positions alone; SliceThickness is how thick a slice is, which is another thing.

Tolerances, all on what exporters do to numbers that were right:

* directions of two slices may differ by 1e-4 (0.05 mm at the rim of a 500 mm field);
* pixel spacings by 1e-4 of their value;
* a slice may stand off its rung by 1 % of the slice distance, or by 0.06 mm if that is more (positions written
  with one decimal are wrong by up to 0.05), but never by more than 10 % of the distance;
* axes off a right angle by up to 1e-3 are repaired with a warning (`condyle.io.geometry`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from condyle.errors import DataError
from condyle.io.dicom.headers import Frame
from condyle.io.geometry import REPAIRABLE, checked_grid
from condyle.space import Grid

Array = NDArray[np.float64]

DIRECTION_TOLERANCE = 1e-4
SPACING_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Stack:
    """Frames in order along the normal of their plane, and the grid they fill.

    Args:
        frames: One a slice. The normal is the cross product of row and column direction, so that the grid is
            always right-handed.
        grid: Shape (columns, rows, slices). Sheared where the gantry was tilted.
        tilt_deg: Angle between the slices' normal and the line of their origins; 0 without tilt.
    """

    frames: tuple[Frame, ...]
    grid: Grid
    tilt_deg: float


def stacked(frames: tuple[Frame, ...], where: Path) -> Stack:
    """Put frames in order and place them.

    Args:
        frames: Of one series, in any order.
        where: What to name in errors.

    Raises:
        DataError: if a frame has no place; sizes, pixel spacings or directions differ; two slices are at one
            position; one is missing; or distances are irregular. Positions are named in mm along the normal.
    """
    _same_size(frames, where)
    directions, pixel_mm = _same_plane(frames, where)
    positions = _vectors([frame.position_mm for frame in frames], "ImagePositionPatient", where)
    normal = np.cross(directions[0], directions[1])
    normal /= np.linalg.norm(normal)
    along = positions @ normal
    order = np.argsort(along, kind="stable")
    if len(frames) == 1:
        step = normal * _lone_thickness(frames[0], where)
    else:
        _same_distance(along[order], where)
        step = _straight_step(positions[order], along[order], where)
    affine = np.eye(4)
    affine[:3, :3] = np.column_stack([directions[0] * pixel_mm[0], directions[1] * pixel_mm[1], step])
    affine[:3, 3] = positions[order[0]]
    affine += 0.0  # turning LPS to RAS leaves zeros with a minus
    header = frames[0].header
    grid = checked_grid(where, (header.columns, header.rows, len(frames)), affine)
    tilt = np.arctan2(np.linalg.norm(np.cross(step, normal)), step @ normal) if grid.is_sheared else 0.0
    return Stack(tuple(frames[n] for n in order), grid, float(np.degrees(tilt)))


def _same_size(frames: tuple[Frame, ...], where: Path) -> None:
    sizes = sorted({(f.header.columns, f.header.rows) for f in frames})
    if len(sizes) > 1:
        raise _unsound(where, "slices of one size", ", ".join(f"{a} x {b}" for a, b in sizes))


def _same_plane(frames: tuple[Frame, ...], where: Path) -> tuple[Array, Array]:
    """The two unit directions (2, 3) and the pixel spacing (2) that all frames share."""
    directions = _vectors([f.directions for f in frames], "ImageOrientationPatient", where).reshape(-1, 2, 3)
    spacings = _vectors([f.pixel_mm for f in frames], "PixelSpacing", where)
    if (spacings <= 0).any():
        raise _unsound(where, "a pixel spacing above 0", str(spacings.min()))
    spread = np.abs(spacings / spacings[0] - 1).max(axis=1)
    if spread.max() > SPACING_TOLERANCE:
        values = " and ".join(f"{a:g} x {b:g}" for a, b in (spacings[0], spacings[spread.argmax()]))
        raise _unsound(where, "one pixel spacing", f"{values} mm")
    turned = np.abs(directions - directions[0]).max(axis=(1, 2)) > DIRECTION_TOLERANCE
    if turned.any():
        normals = np.cross(directions[:, 0], directions[:, 1])
        places = [f"{p:g}" for p in _vectors([f.position_mm for f in frames], "position", where)[turned] @ normals[0]]
        raise _unsound(where, "parallel slices", f"other directions at {_listed(places)} mm")
    first = directions[0]
    lengths = np.linalg.norm(first, axis=1)
    error = max(float(np.abs(lengths - 1).max()), abs(float(first[0] @ first[1])))
    if error > REPAIRABLE:
        raise _unsound(where, "row and column directions of length 1 at a right angle", f"an error of {error:.2g}")
    return first / lengths[:, None], spacings[0]


def _same_distance(along: Array, where: Path) -> None:
    """Refuse positions (sorted, mm along the normal) that do not stand at equal distances."""
    gaps = np.diff(along)
    middle = float(np.sort(gaps)[(len(gaps) - 1) // 2])
    same = np.flatnonzero(gaps <= max(0.01 * middle, 1e-4))
    if len(same):
        places = _listed([f"{along[n]:g}" for n in same])
        raise _unsound(where, "one slice at each position", f"more than one at {places} mm")
    tolerance = _tolerance_mm(middle)
    wide = np.flatnonzero(np.abs(gaps - middle) > 2 * tolerance)
    if not len(wide):
        return
    times = np.rint(gaps[wide] / middle)
    if ((times >= 2) & (np.abs(gaps[wide] - times * middle) <= 2 * tolerance)).all():
        holes = _listed([f"{along[n]:g} and {along[n + 1]:g}" for n in wide])
        count = int((times - 1).sum())
        raise _unsound(where, f"a slice each {middle:g} mm", f"{count} missing between {holes} mm")
    found = _listed([f"{gaps[n]:g} mm after {along[n]:g} mm" for n in wide])
    raise _unsound(where, f"slices at equal distances ({middle:g} mm)", found)


def _straight_step(positions: Array, along: Array, where: Path) -> Array:
    """The world step from slice to slice: the line of best fit, from which no slice may stand off."""
    count = np.arange(len(positions)) - (len(positions) - 1) / 2
    step: Array = count @ positions / (count @ count)
    off_mm = np.linalg.norm(positions - positions.mean(axis=0) - count[:, None] * step, axis=1)
    worst = int(off_mm.argmax())
    if off_mm[worst] > _tolerance_mm(float(np.linalg.norm(step))):
        got = f"{off_mm[worst]:.2g} mm off it at {along[worst]:g} mm"
        raise _unsound(where, "slices at equal distances on a straight line", got)
    return step


def _tolerance_mm(distance_mm: float) -> float:
    return min(max(0.06, 0.01 * distance_mm), 0.1 * distance_mm)


def _lone_thickness(frame: Frame, where: Path) -> float:
    """A single slice has no neighbour to measure to; its own thickness is all there is."""
    if not frame.thickness_mm or frame.thickness_mm <= 0:
        raise _unsound(where, "at least two slices, or a SliceThickness", "one slice without")
    return frame.thickness_mm


def _vectors(values: list[tuple[float, ...] | None], what: str, where: Path) -> Array:
    """All values as one array."""
    missing = sum(value is None for value in values)
    if missing:
        raise _unsound(where, f"{what} in each slice", f"{missing} of {len(values)} without")
    array = np.array(values, dtype=np.float64)
    if not np.isfinite(array).all():
        raise _unsound(where, f"finite numbers in {what}", "others")
    return array


def _listed(places: list[str]) -> str:
    return ", ".join(places[:5]) + (f" and {len(places) - 5} more" if len(places) > 5 else "")


def _unsound(where: Path, expected: str, got: str) -> DataError:
    return DataError(where, expected=expected, got=got, hint="Export the series again, whole and as one series.")
