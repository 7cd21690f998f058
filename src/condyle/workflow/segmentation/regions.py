"""The part of a scan that the user wants looked at."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from condyle.errors import ConfigError, DataError
from condyle.io import FORMATS, read
from condyle.predict.locate import asked_box, located
from condyle.space import Box, Grid


@dataclass(frozen=True)
class Region:
    """A region as it is asked for.

    Args:
        faces_mm: x0 x1 y0 y1 z0 z1 in world (RAS mm), the same for all cases; or None.
        masks: A mask file, or a folder with one for each case, by the case's name; or None. The box around all that
            is above 0 counts.

    Raises:
        ConfigError: if both are given.
    """

    faces_mm: tuple[float, float, float, float, float, float] | None = None
    masks: Path | None = None

    def __post_init__(self) -> None:
        if self.faces_mm is not None and self.masks is not None:
            raise ConfigError("region, region-mask", expected="one of them", got="both")
        if self.faces_mm is not None and not all(map(isfinite, self.faces_mm)):
            raise ConfigError("region", expected="six finite numbers of mm", got=str(self.faces_mm))

    def box(self, case: str, scan: Grid) -> Box | None:
        """The region of a case on its scan's grid; None where none is asked for.

        Raises:
            DataError: if there is no mask, or nothing of the region lies in the scan.
        """
        if self.faces_mm is not None:
            x0, x1, y0, y1, z0, z1 = self.faces_mm
            return asked_box(scan, (x0, y0, z0), (x1, y1, z1))
        if self.masks is None:
            return None
        path = _mask_of(case, self.masks)
        box = located(read(path), scan, margin_mm=0)
        if box is None:
            raise DataError(path, expected=f"a region within the scan ({scan})", got="none of it")
        return box


def _mask_of(case: str, where: Path) -> Path:
    if not where.is_dir():
        return where
    found = [path for suffix in FORMATS if (path := where / f"{case}{suffix}").is_file()]
    if len(found) != 1:
        got = ", ".join(path.name for path in found) or "none"
        raise DataError(where, expected=f"one mask named {case}", got=got)
    return found[0]
