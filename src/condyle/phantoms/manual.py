"""How a careful human would have drawn the truth: close, but never twice the same.

Outlines wander by some tenths of a millimetre over some millimetres, each slice was drawn by itself, and the
first or last slice of a structure, where it is small, was sometimes overlooked.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from condyle.errors import ConfigError
from condyle.phantoms.scanners.texture import smooth_field
from condyle.space import Grid, bounding_box


@dataclass(frozen=True)
class Hand:
    """How steady a hand is.

    Args:
        wander_mm: Standard deviation of the outline's place.
        smooth_mm: Over what length it wanders: standard deviation of the smoothing, about half a wave.
        slice_mm: Standard deviation of an additional error drawn anew in every slice.
        overlooked: Chance that a structure's small slice at either end is missing.
        small: A slice is small if its area is below this part of the structure's largest.

    Raises:
        ConfigError: for negative values or a chance above 1.
    """

    wander_mm: float = 0.35
    smooth_mm: float = 5.0
    slice_mm: float = 0.2
    overlooked: float = 0.3
    small: float = 0.15

    def __post_init__(self) -> None:
        if min(self.wander_mm, self.slice_mm, self.overlooked, self.small) < 0 or self.smooth_mm <= 0:
            raise ConfigError("Hand", expected="values of 0 or more", got=str(self))
        if self.overlooked > 1:
            raise ConfigError("Hand: overlooked", expected="a chance from 0 to 1", got=str(self.overlooked))


def manual_mask(
    owner: NDArray[np.uint8], grid: Grid, rng: np.random.Generator, hand: Hand | None = None
) -> NDArray[np.uint8]:
    """A label map as drawn by hand, slice by slice in the i, j planes.

    Args:
        owner: The true label map (I, J, K), 0 for none.
        grid: Its grid.
        rng: Source of the errors.
        hand: How steady; a practised one if None.

    Returns:
        uint8 (I, J, K); no id appears that was not there.
    """
    hand = hand or Hand()
    out = np.zeros_like(owner)
    # How far inside the drawn outline each voxel lies; where outlines overlap, the deeper one wins.
    depth = np.zeros(owner.shape, np.float32)
    reach = int(np.ceil(4 * (hand.wander_mm + hand.slice_mm) / min(grid.spacing_mm))) + 1
    for id_ in np.flatnonzero(np.bincount(owner.ravel())):
        box = bounding_box(owner == id_) if id_ else None
        if box is None:
            continue
        box = box.grown(reach, owner.shape)
        truth = owner[box.slices] == id_
        inside = _inside_mm(truth, grid.spacing_mm)
        error = _error_mm(truth.shape, grid.spacing_mm, hand, rng)
        # A practised hand draws neither too large nor too small on the whole.
        error -= error[np.abs(inside) < max(grid.spacing_mm[:2])].mean()
        drawn = inside + error
        drawn[:, :, ~_seen(truth, hand, rng)] = 0
        better = drawn > depth[box.slices]
        out[box.slices][better] = id_
        depth[box.slices][better] = drawn[better]
    return out


def _inside_mm(mask: NDArray[np.bool_], spacing_mm: tuple[float, float, float]) -> NDArray[np.float32]:
    """Distance to the outline within each slice, positive inside.

    Distances between voxel centres jump by a voxel at the outline; a slight blur of the mask tells where between
    two centres the outline runs.
    """
    out = np.empty(mask.shape, np.float32)
    in_plane = spacing_mm[:2]
    half = min(in_plane) / 2
    for k in range(mask.shape[2]):
        inside = mask[:, :, k]
        if not inside.any():
            out[:, :, k] = -1e3
            continue
        padded = np.pad(inside, 1, mode="edge")
        signed = ndimage.distance_transform_edt(padded, in_plane) - ndimage.distance_transform_edt(~padded, in_plane)
        signed -= np.sign(signed) * half
        out[:, :, k] = ndimage.gaussian_filter(signed, 0.7)[1:-1, 1:-1]
    return out


def _error_mm(
    shape: tuple[int, ...], spacing_mm: tuple[float, float, float], hand: Hand, rng: np.random.Generator
) -> NDArray[np.float32]:
    """How much farther out than it is the outline was drawn, at every voxel."""
    i, j, k = shape
    x, y, z = (hand.smooth_mm / mm for mm in spacing_mm)
    wander = smooth_field((i, j, k), (x, y, z), rng)
    by_slice = smooth_field((i, j, k), (x, y, 0), rng)
    return np.asarray(hand.wander_mm * wander + hand.slice_mm * by_slice, np.float32)


def _seen(truth: NDArray[np.bool_], hand: Hand, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Which slices were drawn at all."""
    area = truth.sum(axis=(0, 1))
    seen = area > 0
    slices = np.flatnonzero(seen)
    for end in (slices[0], slices[-1]):
        if area[end] < hand.small * area.max() and rng.random() < hand.overlooked:
            seen[end] = False
    return seen
