"""Steps that settle what is left and what is right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from condyle.predict.parts import near_parts, of_most
from condyle.predict.steps.base import Mask, Step
from condyle.space import Grid


@dataclass(frozen=True)
class OneSide(Step):
    """Give each connected part of a bone and its partner on the other side the name that most of it has.

    Args:
        share: What "most" is, at least. The hip bones of both sides may touch in front; half and half stays as it is.
    """

    share: float = 0.6

    adds: ClassVar[bool] = False
    paired: ClassVar[bool] = True

    def change(self, labels: NDArray[Any], ids: Sequence[int], grid: Grid, scan: NDArray[Any] | None = None) -> None:
        del grid, scan
        both = np.isin(labels, ids)
        for id_ in ids:
            labels[of_most(both, labels == id_, self.share)] = id_


@dataclass(frozen=True)
class OneLimb(Step):
    """Give bones of a limb that lie close together the side that most of them have.

    Two limbs may touch as well, or cross, so nothing changes where left and right lie apart at the same heights.

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

    adds: ClassVar[bool] = False
    paired: ClassVar[bool] = True

    @property
    def structures(self) -> tuple[str, ...]:
        return (self.structure, *self.others)

    def change(self, labels: NDArray[Any], ids: Sequence[int], grid: Grid, scan: NDArray[Any] | None = None) -> None:
        from scipy.ndimage import find_objects

        del scan
        sides = ids[::2], ids[1::2]
        parts = near_parts(np.isin(labels, ids), self.gap_mm, grid.spacing_mm)
        for number, box in enumerate(find_objects(parts), start=1):
            limb, names = parts[box] == number, labels[box]
            found = [(limb & np.isin(names, side), side) for side in sides]
            (fewer, wrong), (more, right) = sorted(found, key=lambda one: np.count_nonzero(one[0]))
            if not fewer.any() or more.sum() < self.share * limb.sum() or more.sum() == fewer.sum():
                continue
            if _apart_mm(more, fewer, grid) < self.apart_mm:
                for now, then in zip(wrong, right, strict=True):
                    names[fewer & (names == now)] = then


def _apart_mm(first: Mask, second: Mask, grid: Grid) -> float:
    """How far apart two masks lie across the body: the mean over the heights both reach, or from shadow to shadow."""
    from scipy.ndimage import center_of_mass

    up = int(np.argmax(np.abs(grid.affine[2, :3]) / grid.spacing_mm))
    heights = zip(np.moveaxis(first, up, 0), np.moveaxis(second, up, 0), strict=True)
    both = [(a, b) for a, b in heights if a.any() and b.any()] or [(first.any(up), second.any(up))]
    across = np.delete(grid.affine[:3, :3], up, axis=1)
    away_mm = [np.linalg.norm(across @ np.subtract(center_of_mass(a), center_of_mass(b))) for a, b in both]
    return float(np.average(away_mm, weights=[min(a.sum(), b.sum()) for a, b in both]))
