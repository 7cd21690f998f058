"""The steps of a cleanup, each a few settings and one function, mostly on one structure's mask."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from condyle.classical.morphology import closed, fill_holes, largest_parts, smoothed
from condyle.errors import ConfigError
from condyle.predict.edges import PROFILE_MM, followed
from condyle.predict.parts import near_parts, of_most, parts_of_at_least, without_small_slice_parts
from condyle.space import Grid, Volume, axis_codes, reorient, world_axes

Mask = NDArray[np.bool_]
Spacing = tuple[float, float, float]


@dataclass(frozen=True)
class Step(ABC):
    """One step on one structure.

    Args:
        structure: Its name.

    Attributes:
        adds: Whether the step can add voxels.
        paired: Whether it works on the structure and its partner on the other side.
        needs_scan: Whether it looks at the scan, not at labels alone.

    Raises:
        ConfigError: on numbers that are not above 0.
    """

    structure: str

    adds: ClassVar[bool] = True
    paired: ClassVar[bool] = False
    needs_scan: ClassVar[bool] = False

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if isinstance(value, int | float) and not 0 < value < float("inf"):
                raise ConfigError(f"cleanup: {name}", expected="a number above 0", got=str(value))

    @property
    def structures(self) -> tuple[str, ...]:
        """All that the step works on, without partners."""
        return (self.structure,)

    @property
    def reach_mm(self) -> float:
        """How far from the structure the step looks."""
        return 0.0

    @abstractmethod
    def change(self, labels: NDArray[Any], ids: Sequence[int], grid: Grid, scan: NDArray[Any] | None = None) -> None:
        """Take the step, in place.

        Args:
            labels: The label map (I, J, K), or a box of it around the structure.
            ids: What the step works on: the structure, a region's structures, or each structure and its partner.
            grid: Of the whole label map: the size of voxels and where axes point.
            scan: Values of the same voxels, for steps that need them.
        """


class MaskStep(Step):
    """A step on the mask of one structure. It takes no voxel of another one."""

    def change(self, labels: NDArray[Any], ids: Sequence[int], grid: Grid, scan: NDArray[Any] | None = None) -> None:
        del scan
        before = np.isin(labels, ids)
        after = self.apply(before, grid)
        labels[before & ~after] = 0
        labels[after & (labels == 0)] = ids[0]

    @abstractmethod
    def apply(self, mask: Mask, grid: Grid) -> Mask:
        """The mask (I, J, K) after the step; the given one is not changed.

        Args:
            mask: The structure's voxels, or those of a box around them.
            grid: Of the whole label map: the size of voxels and where axes point.
        """


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

    Two limbs may touch as well, so nothing changes where left and right lie side by side.

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
        from scipy.ndimage import center_of_mass, find_objects

        del scan
        sides = ids[::2], ids[1::2]
        parts = near_parts(np.isin(labels, ids), self.gap_mm, grid.spacing_mm)
        for number, box in enumerate(find_objects(parts), start=1):
            limb, names = parts[box] == number, labels[box]
            found = [(limb & np.isin(names, side), side) for side in sides]
            (fewer, wrong), (more, right) = sorted(found, key=lambda one: np.count_nonzero(one[0]))
            if not fewer.any() or more.sum() < self.share * limb.sum() or more.sum() == fewer.sum():
                continue
            between = grid.affine[0, :3] @ np.subtract(center_of_mass(more), center_of_mass(fewer))
            if abs(between) < self.apart_mm:
                for now, then in zip(wrong, right, strict=True):
                    names[fewer & (names == now)] = then


@dataclass(frozen=True)
class LargestParts(MaskStep):
    """Keep the largest connected parts.

    Args:
        count: How many parts.
    """

    count: int = 1

    adds: ClassVar[bool] = False

    def apply(self, mask: Mask, grid: Grid) -> Mask:
        del grid
        return largest_parts(mask, self.count)


@dataclass(frozen=True)
class DropSmaller(MaskStep):
    """Drop connected parts below a volume.

    Args:
        volume_ml: The smallest volume that stays.
    """

    volume_ml: float

    adds: ClassVar[bool] = False

    def apply(self, mask: Mask, grid: Grid) -> Mask:
        # A part of exactly the volume stays, whatever the rounding of the spacing.
        return parts_of_at_least(mask, self.volume_ml * 1000 / grid.voxel_volume_mm3 - 1e-6)


@dataclass(frozen=True)
class Close(MaskStep):
    """Bridge gaps narrower than a ball.

    Args:
        radius_mm: Of the ball.
    """

    radius_mm: float

    @property
    def reach_mm(self) -> float:
        return self.radius_mm

    def apply(self, mask: Mask, grid: Grid) -> Mask:
        return _closed(mask, self.radius_mm, grid.spacing_mm)


@dataclass(frozen=True)
class CloseEachPart(MaskStep):
    """Of a structure that stands for several bones keep the largest parts, each closed by itself: no bridges.

    After the low-field knee study: the three largest parts (femur, tibia, patella), closed with a ball of 9 voxels.

    Args:
        count: How many parts.
        radius_mm: Of the ball.
    """

    count: int
    radius_mm: float

    @property
    def reach_mm(self) -> float:
        return self.radius_mm

    def apply(self, mask: Mask, grid: Grid) -> Mask:
        left, out = mask.copy(), np.zeros_like(mask)
        for _ in range(self.count):
            part = largest_parts(left, 1)
            if not part.any():
                break
            out |= _closed(part, self.radius_mm, grid.spacing_mm)
            left &= ~part
        return out


@dataclass(frozen=True)
class FillHoles(MaskStep):
    """Fill cavities that nothing joins to the outside."""

    def apply(self, mask: Mask, grid: Grid) -> Mask:
        del grid
        return fill_holes(mask)


@dataclass(frozen=True)
class SmallSliceParts(MaskStep):
    """Slice by slice: fill small holes, then drop small parts, small beside the structure's area in that slice.

    After the paediatric leg study, which took axial slices and 1 %.

    Args:
        fraction: Of the area in the slice.
        slices: Which way slices lie in the patient, however the scan is stored.
    """

    fraction: float = 0.01
    slices: Literal["axial", "coronal", "sagittal"] = "axial"

    def apply(self, mask: Mask, grid: Grid) -> Mask:
        across = ("sagittal", "coronal", "axial").index(self.slices)
        return without_small_slice_parts(mask, self.fraction, world_axes(grid.affine).index(across))


@dataclass(frozen=True)
class Smooth(MaskStep):
    """Round the outline: blur and cut at one half. Flat outlines stay where they are.

    Args:
        sigma_mm: Of the Gaussian.
    """

    sigma_mm: float

    @property
    def reach_mm(self) -> float:
        return 3 * self.sigma_mm

    def apply(self, mask: Mask, grid: Grid) -> Mask:
        return smoothed(mask, self.sigma_mm, grid.spacing_mm)


@dataclass(frozen=True)
class FollowEdges(Step):
    """Move the outline to the edges of the scan, whatever their contrast (see `edges`).

    Args:
        move_mm: How far in one round, in or out.
        rounds: How often.
    """

    move_mm: float = 4.0
    rounds: int = 3

    needs_scan: ClassVar[bool] = True

    @property
    def reach_mm(self) -> float:
        return self.rounds * self.move_mm + PROFILE_MM

    def change(self, labels: NDArray[Any], ids: Sequence[int], grid: Grid, scan: NDArray[Any] | None = None) -> None:
        assert scan is not None  # noqa: S101 - `clean` has checked it
        # However the scan is stored, the outline ends in the same place to the last voxel.
        before, free, values = (
            reorient(Volume.of(array, grid.affine), "RAS")
            for array in (labels == ids[0], np.isin(labels, (0, *ids)), scan)
        )
        moved = followed(
            before.array, free.array, values.array, before.spacing_mm, move_mm=self.move_mm, rounds=self.rounds
        )
        after = reorient(before.with_array(moved), axis_codes(grid.affine)).array
        labels[labels == ids[0]] = 0
        labels[after] = ids[0]


#: Name in files to class; a new step is a class and a line here.
STEPS: dict[str, type[Step]] = {
    "one_side": OneSide,
    "one_limb": OneLimb,
    "largest_parts": LargestParts,
    "drop_smaller": DropSmaller,
    "close": Close,
    "close_each_part": CloseEachPart,
    "fill_holes": FillHoles,
    "small_slice_parts": SmallSliceParts,
    "smooth": Smooth,
    "follow_edges": FollowEdges,
}


def _closed(mask: Mask, radius_mm: float, spacing_mm: Spacing) -> Mask:
    """Closing for which only what reaches the border of the array goes on beyond it."""
    widths = [int(radius_mm / s) + 2 for s in spacing_mm]
    wide = closed(np.pad(mask, [(w, w) for w in widths], mode="edge"), radius_mm, spacing_mm)
    i, j, k = (slice(w, w + n) for w, n in zip(widths, mask.shape, strict=True))
    return wide[i, j, k]
