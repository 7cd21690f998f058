"""The part of a case that a page carries: cropped to its structures, coarsened to a budget, in eight bits.

Where the crop fits the budget the voxels are the case's own, one for one. Else image and masks are averaged over the
voxels they replace and masks cut at one half; scores are never measured on this block.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from condyle.errors import DataError
from condyle.reports.case import OTHER, PREDICTION, TRUTH, CaseMasks, Structure, joined
from condyle.reports.planes import grey_range
from condyle.space import Box, Grid, Volume, cropped_grid, reorient, resample_image
from condyle.space.regrid import resized_grid

#: Voxels a block may have: what keeps twenty cases of noisy CT below 40 MB.
VOXELS = 2_000_000

#: Grey levels kept; noise of the lowest bit of 8 would double the page and no eye sees it.
LEVELS = 128

#: What is shown around the structures.
MARGIN_MM = 12.0

#: Edge of the cube that is searched for the most errors.
_CUBE_MM = 10.0


@dataclass(frozen=True, eq=False)
class Block:
    """What is shown of a case.

    Args:
        grid: LPS.
        image: uint8 on the grid, 0 to `LEVELS - 1`, or None.
        black: Value of the scan shown black.
        white: Value shown white.
        structures: On this grid, those that any mask has.
        exact: Whether its voxels are the case's own.
    """

    grid: Grid
    image: NDArray[np.uint8] | None
    black: float
    white: float
    structures: tuple[Structure, ...]
    exact: bool

    def worst(self) -> tuple[int, int, int]:
        """Where most is missed or false within a cube of 1 cm; the middle of the masks if nothing is."""
        from scipy.ndimage import uniform_filter

        wrong = np.zeros(self.grid.shape, np.float32)
        for structure in self.structures:
            wrong[structure.box.slices] += structure.differs()
        if wrong.any():
            size = [max(1, round(_CUBE_MM / s)) for s in self.grid.spacing_mm]
            # Single precision would let rounding, not the masks, choose among equals.
            density = np.round(uniform_filter(wrong, size, mode="constant"), 4)
            i, j, k = (int(n) for n in np.unravel_index(int(np.argmax(density)), density.shape))
        else:
            box = joined([s.box for s in self.structures]) if self.structures else Box((0, 0, 0), self.grid.shape)
            i, j, k = ((a + b) // 2 for a, b in zip(box.start, box.stop, strict=True))
        return i, j, k


def block_of(case: CaseMasks, *, window: str = "auto", voxels: int = VOXELS) -> Block:
    """Crop, coarsen and quantise a case.

    Args:
        case: With axes in the order LPS.
        window: Grey values: `auto`, or a name of `planes.WINDOWS`.
        voxels: How many there may be.

    Raises:
        DataError: if the image lies elsewhere than the masks.
    """
    there = [s for s in case.structures if not s.empty]
    whole = Box((0, 0, 0), case.grid.shape)
    box = _grown(joined([s.box for s in there]), case.grid) if there else whole
    fine = cropped_grid(case.grid, box)
    shape = _coarser(fine, voxels)
    grid = resized_grid(fine, shape) if shape != fine.shape else fine
    structures = tuple(_moved(s, box, fine, grid) for s in there)
    black, white, image = 0.0, 1.0, None
    if case.image is not None:
        scan = _finite(reorient(case.image, "LPS"))
        black, white = grey_range(scan.array, window)
        image = _grey(scan, grid, black, white, where=f"image of {case.id}")
    return Block(grid, image, black, white, structures, exact=shape == fine.shape)


def _grown(box: Box, grid: Grid) -> Box:
    margin = [ceil(MARGIN_MM / s) for s in grid.spacing_mm]
    start = [max(0, a - m) for a, m in zip(box.start, margin, strict=True)]
    stop = [min(n, b + m) for b, m, n in zip(box.stop, margin, grid.shape, strict=True)]
    return Box((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))


def _coarser(grid: Grid, voxels: int) -> tuple[int, int, int]:
    """A shape within the budget. The finest axes are coarsened first, down to one spacing for all."""
    extent = np.array(grid.shape) * grid.spacing_mm

    def shape(step_mm: float) -> NDArray[np.int64]:
        return np.maximum(1, np.floor(extent / np.maximum(step_mm, grid.spacing_mm) + 1e-6)).astype(np.int64)

    low, high = min(grid.spacing_mm), float(extent.max())
    if shape(low).prod() > voxels:
        for _ in range(40):
            middle = (low + high) / 2
            low, high = (middle, high) if shape(middle).prod() > voxels else (low, middle)
        low = high
    i, j, k = (int(n) for n in shape(low))
    return i, j, k


def _moved(structure: Structure, box: Box, fine: Grid, grid: Grid) -> Structure:
    """The structure on the block's grid."""
    start = tuple(a - b for a, b in zip(structure.box.start, box.start, strict=True))
    stop = tuple(a - b for a, b in zip(structure.box.stop, box.start, strict=True))
    here = Box((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))
    if grid.shape == fine.shape:
        return Structure(structure.name, here, structure.codes)
    factor = np.array(fine.shape) / grid.shape
    low = np.maximum(0, np.floor(np.array(here.start) / factor).astype(int) - 1)
    high = np.minimum(grid.shape, np.ceil(np.array(here.stop) / factor).astype(int) + 1)
    target = Box((int(low[0]), int(low[1]), int(low[2])), (int(high[0]), int(high[1]), int(high[2])))
    codes = np.zeros([b - a for a, b in zip(target.start, target.stop, strict=True)], np.uint8)
    for bit in (TRUTH, PREDICTION, OTHER):
        mask = Volume(structure.mask(bit).astype(np.float32), cropped_grid(fine, here))
        codes[_averaged(mask, cropped_grid(grid, target), outside=0.0) >= 0.5] |= bit
    return Structure(structure.name, target, codes)


def _averaged(volume: Volume, grid: Grid, outside: float | None) -> NDArray[np.float32]:
    """Values on a grid that may be coarser, where each voxel is a mean of what it replaces."""
    from scipy.ndimage import gaussian_filter

    factor = np.maximum(1, np.array(grid.spacing_mm) / volume.spacing_mm)
    array = volume.array.astype(np.float32)
    if factor.max() > 1.01:
        # A Gaussian as wide as the new voxel (a box of width w has the variance w^2 / 12) less the old one.
        sigma = np.sqrt((factor**2 - 1) / 12)
        array = gaussian_filter(array, sigma.tolist(), mode="constant" if outside == 0 else "nearest")
    return resample_image(volume.with_array(array), grid, orders=(1, 1, 1), outside=outside).array


def _finite(image: Volume) -> Volume:
    """The scan with its lowest value wherever it has none."""
    known = np.isfinite(image.array)
    if known.all():
        return image
    return image.with_array(
        np.where(known, image.array, image.array.min(where=known, initial=np.inf) if known.any() else 0)
    )


def _grey(image: Volume, grid: Grid, black: float, white: float, where: str) -> NDArray[np.uint8]:
    corners = image.grid.to_index(grid.corners_mm())
    outside = (corners.max(0) < 0) | (corners.min(0) > np.array(image.shape) - 1)
    if outside.any():
        raise DataError(
            where,
            expected=f"an image where the masks are ({grid})",
            got=str(image.grid),
            hint="Give the scan these masks were drawn on.",
        )
    grey = (_averaged(image, grid, outside=None) - black) / (white - black)
    return np.clip(grey * LEVELS, 0, LEVELS - 1).astype(np.uint8)
