"""What a step of a cleanup is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from condyle.errors import ConfigError
from condyle.space import Grid

Mask = NDArray[np.bool_]


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
