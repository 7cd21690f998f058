"""Steps that settle what is left and what is right."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from condyle.classical.morphology import largest_parts
from condyle.labels import side_of
from condyle.predict.parts import near_parts
from condyle.predict.steps.base import Mask, Step
from condyle.space import Grid

#: Pieces below this share of what they hang on are no bone of their own, and too many to look at each.
_CRUMB = 0.01


class _ByMost(Step):
    """Give each part of what the step works on the side that most of it has, but for pieces that lie apart."""

    share: float
    apart_mm: float

    adds: ClassVar[bool] = False
    paired: ClassVar[bool] = True

    @abstractmethod
    def parts(self, mask: Mask, grid: Grid) -> NDArray[np.int32]:
        """What belongs together, numbered from 1."""

    def change(self, labels: NDArray[Any], ids: Sequence[int], grid: Grid, scan: NDArray[Any] | None = None) -> None:
        from scipy.ndimage import find_objects, label

        del scan
        parts = self.parts(np.isin(labels, ids), grid)
        boxes, sides = find_objects(parts), (ids[::2], ids[1::2])
        sizes = np.array([np.bincount(parts[np.isin(labels, side)], minlength=len(boxes) + 1) for side in sides])
        torn = (sizes.min(0) > 0) & (sizes[0] != sizes[1]) & (sizes.max(0) >= self.share * sizes.sum(0))
        for number in np.flatnonzero(torn):
            box = boxes[number - 1]
            wrong, right = sides if sizes[0, number] < sizes[1, number] else sides[::-1]
            part, names = parts[box] == number, labels[box]
            fewer, more = (part & np.isin(names, side) for side in (wrong, right))
            pieces, count = label(fewer)
            voxels = np.bincount(pieces.ravel())
            another = np.zeros(count + 1, bool)
            for n in range(1, count + 1):
                another[n] = voxels[n] >= _CRUMB * part.sum() and self.another(pieces == n, more, grid)
            _rename(names, fewer & ~another[pieces], wrong, right)

    def another(self, piece: Mask, rest: Mask, grid: Grid) -> bool:
        """Whether the piece is of the other side, as it is named, and not of the rest."""
        return _apart_mm(rest, piece, grid) >= self.apart_mm


@dataclass(frozen=True)
class OneSide(_ByMost):
    """Give each connected part of a bone and its partner on the other side the name that most of it has.

    The hip bones of both sides may touch in front, whole or with one cut off by the scan's edge, so pieces keep their
    side where they lie apart from the rest at the same heights and touch it little: what is cut across a bone touches
    the rest with all of its thickness.

    Args:
        structure: The bone.
        share: What "most" is, at least.
        apart_mm: How far apart the middles of two bones lie, at least.
        touching: Over how much of a face two bones touch at most, of a cube as large as the smaller one.
    """

    share: float = 0.6
    apart_mm: float = 40.0
    touching: float = 0.5

    def parts(self, mask: Mask, grid: Grid) -> NDArray[np.int32]:
        return near_parts(mask, 0.0, grid.spacing_mm)

    def another(self, piece: Mask, rest: Mask, grid: Grid) -> bool:
        face_mm2 = float(piece.sum() * grid.voxel_volume_mm3) ** (2 / 3)
        return super().another(piece, rest, grid) and _contact_mm2(piece, rest, grid) < self.touching * face_mm2


@dataclass(frozen=True)
class OneLimb(_ByMost):
    """Give bones of a limb that lie close together the side that most of them have.

    Two limbs may touch as well, or cross, so pieces keep their side where they lie apart from the rest at the same
    heights.

    Args:
        structure: A bone of the limb.
        others: Its other bones, of the same side.
        share: What "most" is, at least.
        gap_mm: How far apart the bones of a limb may lie.
        apart_mm: How far apart the middles of two limbs lie, at least. A child's knees are 60 mm wide.
    """

    others: tuple[str, ...]
    share: float = 0.6
    gap_mm: float = 6.0
    apart_mm: float = 50.0

    @property
    def structures(self) -> tuple[str, ...]:
        return (self.structure, *self.others)

    def parts(self, mask: Mask, grid: Grid) -> NDArray[np.int32]:
        return near_parts(mask, self.gap_mm, grid.spacing_mm)


@dataclass(frozen=True)
class LoneLimb(Step):
    """Give a limb that is alone in the scan the side that its anatomy tells: the fibula lies outside the tibia.

    A network has little else to tell the side of a knee by. A limb may be found in pieces, which then have to tell the
    same. Nothing changes where the scan shows several limbs, which may touch, or where the leg is turned so far that
    the one bone lies before or behind the other.

    Args:
        structure: A bone of the limb.
        outer: The one that lies on its outer side.
        others: Its other bones, of the same side.
        gap_mm: How far apart the bones of a limb may lie.
        apart_mm: How far apart the middles of two limbs lie, at least.
        clear: How much of the way from bone to bone, across the body, goes outwards, at least: a cosine.
    """

    outer: str
    others: tuple[str, ...] = ()
    gap_mm: float = 6.0
    apart_mm: float = 50.0
    clear: float = 0.5

    adds: ClassVar[bool] = False
    paired: ClassVar[bool] = True

    @property
    def structures(self) -> tuple[str, ...]:
        return (self.structure, self.outer, *self.others)

    def change(self, labels: NDArray[Any], ids: Sequence[int], grid: Grid, scan: NDArray[Any] | None = None) -> None:
        from scipy.ndimage import find_objects

        del scan
        parts = near_parts(np.isin(labels, ids), self.gap_mm, grid.spacing_mm)
        inner, outer = (np.isin(labels, pair) for pair in (ids[:2], ids[2:4]))
        pieces = np.intersect1d(parts[inner], parts[outer])
        limb = np.isin(parts, pieces)
        first, second = (limb & np.isin(labels, side) for side in (ids[::2], ids[1::2]))
        if first.any() and second.any() and _apart_mm(first, second, grid) >= self.apart_mm:
            return
        told: set[str | None] = set()
        boxes = find_objects(parts)
        for piece in pieces:
            # Each in its own box, as a torn limb may have hundreds. Where they differ or one is not clear, all stays.
            box = boxes[piece - 1]
            own = parts[box] == piece
            told.add(self._told(inner[box] & own, outer[box] & own, grid))
            if told not in ({"left"}, {"right"}):
                return
        if told == {side_of(self.structure)}:
            _rename(labels, limb, ids[1::2], ids[::2])
        elif told:
            _rename(labels, limb, ids[::2], ids[1::2])

    def _told(self, inner: Mask, outer: Mask, grid: Grid) -> str | None:
        """The side that a limb is on by its two bones; none where it is not clear."""
        away = _offsets_mm(inner, largest_parts(outer), grid)
        right_mm, forward_mm, _ = np.average(away[:, :3], axis=0, weights=away[:, 3])
        if abs(right_mm) <= self.clear * np.hypot(right_mm, forward_mm):
            return None
        return "right" if right_mm > 0 else "left"


def _rename(labels: NDArray[Any], where: Mask, now: Sequence[int], then: Sequence[int]) -> None:
    """Give the voxels of a mask that have one side's ids the other's, in place."""
    for old, new in zip(now, then, strict=True):
        labels[where & (labels == old)] = new


def _contact_mm2(first: Mask, second: Mask, grid: Grid) -> float:
    """How large the faces are that voxels of two masks share."""
    area_mm2 = 0.0
    for axis, mm in enumerate(grid.spacing_mm):
        a, b = np.moveaxis(first, axis, 0), np.moveaxis(second, axis, 0)
        area_mm2 += np.count_nonzero((a[1:] & b[:-1]) | (a[:-1] & b[1:])) * grid.voxel_volume_mm3 / mm
    return area_mm2


def _apart_mm(first: Mask, second: Mask, grid: Grid) -> float:
    """How far apart two masks lie across the body, in the mean over their heights."""
    away = _offsets_mm(first, second, grid)
    return float(np.average(np.linalg.norm(away[:, :3], axis=1), weights=away[:, 3]))


def _offsets_mm(first: Mask, second: Mask, grid: Grid) -> NDArray[np.float64]:
    """The way from one mask to another at the heights both reach, or from shadow to shadow where there are none.

    Returns:
        Shape (heights, 4): RAS mm from middle to middle, and the voxels of the smaller one.
    """
    from scipy.ndimage import center_of_mass

    up = int(np.argmax(np.abs(grid.affine[2, :3]) / grid.spacing_mm))
    heights = zip(np.moveaxis(first, up, 0), np.moveaxis(second, up, 0), strict=True)
    both = [(a, b) for a, b in heights if a.any() and b.any()] or [(first.any(up), second.any(up))]
    across = np.delete(grid.affine[:3, :3], up, axis=1)
    away = [across @ np.subtract(center_of_mass(b), center_of_mass(a)) for a, b in both]
    return np.array([(*mm, min(a.sum(), b.sum())) for mm, (a, b) in zip(away, both, strict=True)])
