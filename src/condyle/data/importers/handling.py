"""How an import reads and writes files."""

from __future__ import annotations

from dataclasses import dataclass

from condyle.io.surface import Space


@dataclass(frozen=True)
class Handling:
    """How files are read and written.

    Args:
        spacing_mm: Voxel spacing of TIFF stacks that do not tell theirs.
        mesh_space: World of surface coordinates.
        mesh_scale_to_mm: Millimetres per unit of surface coordinates.
        fix_tilt: Resample DICOM series with gantry tilt instead of refusing them.
        resample_masks: Resample masks on another grid than their scan instead of refusing them.
        overwrite: Replace what is there.
    """

    spacing_mm: tuple[float, float, float] | None = None
    mesh_space: Space = "RAS"
    mesh_scale_to_mm: float = 1.0
    fix_tilt: bool = False
    resample_masks: bool = False
    overwrite: bool = False
