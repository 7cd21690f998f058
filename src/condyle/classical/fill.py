"""The `fill` mask: threshold, then fill what bone encloses.

The mask that finite element work on proximal femora uses: all that lies inside the outer (periosteal)
surface, though marrow and thin trabeculae are below any threshold. A voxel is filled when it has enough
line marks (`marks`). The rule knows no anatomy, and its two known failures follow from it: a wide opening
(half-angle above 45 degrees) is not closed, and a narrow notch, as between head and trochanter, is.

Lines run along voxel axes and diagonals, so the 45 degrees hold on isotropic grids.

Reference: Pahr and Zysset, "From high-resolution CT data to finite element models", CMBBE 12(1), 2009.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from condyle.classical.marks import LINES_3D, count_marks, lines_2d
from condyle.classical.morphology import Mask, fill_holes, largest_parts, opened, smoothed
from condyle.classical.threshold import bone_threshold
from condyle.errors import ConfigError, DataError
from condyle.space import Volume, bounding_box

Kind = Literal["outer", "inner", "shell"]


@dataclass(frozen=True)
class FillSettings:
    """How to fill.

    Args:
        threshold: Values at or above it are bone, in the scan's unit (HU, mgHA/cm3); or "otsu".
        kind: `outer`: all inside the outer surface; `inner`: what the cortex encloses; `shell`: the cortex.
        valid: Marks a voxel needs to be filled: of 7, or of 4 in slices. 5 (of 4: 3) bridges notches.
        plane_normal: Work in slices with this normal (axis 0, 1 or 2) instead of in the volume.
        kernel_mm: Features of the outline smaller than about this are smoothed away (a Gaussian of half of it),
            and so are strands of marrow thinner than twice it; 0 leaves the outline as it is.
        parts: How many separate bones to keep, largest first; 0 keeps all.
    """

    threshold: float | Literal["otsu"] = 250.0
    kind: Kind = "outer"
    valid: int | None = None
    plane_normal: int | None = None
    kernel_mm: float = 1.0
    parts: int = 1

    def __post_init__(self) -> None:
        if isinstance(self.threshold, str) and self.threshold != "otsu":
            raise ConfigError("threshold", expected='a number or "otsu"', got=repr(self.threshold))
        if self.plane_normal not in {None, 0, 1, 2}:
            raise ConfigError("plane normal", expected="axis 0, 1 or 2", got=str(self.plane_normal))
        if not 1 <= self.marks_needed <= self.lines:
            raise ConfigError("valid", expected=f"1 to {self.lines} marks", got=str(self.valid))
        if not 0 <= self.kernel_mm <= 50:
            raise ConfigError("kernel", expected="a radius from 0 to 50 mm", got=f"{self.kernel_mm:g} mm")
        if self.parts < 0:
            raise ConfigError("parts", expected="0 (all) or more", got=str(self.parts))

    @property
    def lines(self) -> int:
        """How many marks a voxel can have."""
        return 7 if self.plane_normal is None else 4

    @property
    def marks_needed(self) -> int:
        if self.valid is not None:
            return self.valid
        return 5 if self.plane_normal is None else 3


def fill(scan: Volume, settings: FillSettings | None = None) -> Volume:
    """The `fill` mask of a scan.

    Args:
        scan: Shape (I, J, K).
        settings: See `FillSettings`.

    Returns:
        uint8 mask (1 inside) on the scan's grid.

    Raises:
        DataError: if nothing in the scan reaches the threshold.
    """
    settings = settings or FillSettings()
    threshold = bone_threshold(scan.array) if settings.threshold == "otsu" else settings.threshold
    bone = _kept(scan.array >= threshold, settings.parts)
    box = bounding_box(bone)
    if box is None:
        raise DataError(
            "scan",
            expected=f"values of at least {threshold:g}",
            got=f"none above {float(scan.array.max()):g}",
            hint="Lower the threshold, or let --threshold otsu find one.",
        )
    box = box.grown(int(np.ceil(settings.kernel_mm / min(scan.spacing_mm))), scan.shape)
    filled = np.zeros(scan.shape, np.uint8)
    filled[box.slices] = fill_mask(bone[box.slices], settings, scan.spacing_mm)
    return scan.with_array(filled)


def fill_mask(bone: Mask, settings: FillSettings, spacing_mm: tuple[float, float, float]) -> Mask:
    """The filled mask of a thresholded one; a bone cut by the border of the array goes on beyond it."""
    bone, inside = _beyond_cut_faces(bone)
    normal = settings.plane_normal
    marks = count_marks(bone, LINES_3D if normal is None else lines_2d(normal))
    outer = bone | (marks >= settings.marks_needed)
    if settings.kernel_mm > 0:
        outer = smoothed(outer, settings.kernel_mm / 2, spacing_mm)
    outer = _kept(fill_holes(outer, normal=normal), settings.parts)
    if settings.kind != "outer":
        inner = outer & ~bone
        if settings.kernel_mm > 0:
            inner = opened(inner, settings.kernel_mm, spacing_mm)
        inner = _kept(inner, settings.parts)
        outer = inner if settings.kind == "inner" else outer & ~inner
    return outer[inside]


def _kept(mask: Mask, parts: int) -> Mask:
    return largest_parts(mask, parts) if parts else mask


def _beyond_cut_faces(bone: Mask) -> tuple[Mask, tuple[slice, slice, slice]]:
    """The bone carried on beyond every face of the array it touches, and where the array lies in that.

    A shaft that ends at the border has no cap there, and lines through its marrow would escape. As many
    copies of the face are put on as bone is wide in it: then a diagonal from its middle meets the wall.
    """
    widths = []
    for axis in range(3):
        ends = []
        for end in (0, -1):
            rows, columns = np.nonzero(np.take(bone, end, axis))
            ends.append(int(max(np.ptp(rows), np.ptp(columns))) + 1 if len(rows) else 0)
        widths.append((ends[0], ends[1]))
    i, j, k = (slice(before, before + n) for (before, _), n in zip(widths, bone.shape, strict=True))
    return np.pad(bone, widths, mode="edge"), (i, j, k)
