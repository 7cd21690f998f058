"""From a scan to the tensor a network sees.

The steps and their order are nnU-Net's: turn the axes, crop to the non-zero region, normalise, resample to the
plan's spacing. A prepared case carries no list of what was done: its grid tells where its voxels lie, so that going
back is resampling onto the scan's grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.config import Plan
from condyle.errors import DataError
from condyle.machine import free_memory_gib
from condyle.prepare.nonzero import nonzero_box, nonzero_region
from condyle.prepare.normalize import normalized
from condyle.space import (
    Box,
    Grid,
    Volume,
    crop,
    orders_with_separate,
    permute,
    reorient,
    resample_image,
    resample_labels,
    resized_grid,
    separate_axis,
    voxels_at,
)

#: Mark in prepared labels of background that lies outside the non-zero region.
OUTSIDE = -1

Spacing = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Prepared:
    """A case as a network sees it.

    Args:
        array: float32 (C, *tensor axes), normalised, on `grid`.
        grid: Where the voxels of `array` lie. Its axes are the tensor's axes, its field of view is the part of the
            scan that was not cropped away.
        source: The grid of the scan as it was given.
        separate: The tensor axis along which scores are not interpolated on the way back, or None.
        labels: int16, shape of `grid`. `OUTSIDE` (-1) marks background outside the scan's non-zero region.
    """

    array: NDArray[np.float32]
    grid: Grid
    source: Grid
    separate: int | None
    labels: NDArray[np.int16] | None = None


def prepare(images: Sequence[Volume], plan: Plan, labels: Volume | None = None) -> Prepared:
    """Prepare a case for training or prediction.

    Args:
        images: One volume a channel of the plan, all on one grid.
        plan: How.
        labels: The label map, on the same grid, if there is one.

    Returns:
        The prepared case; what nnU-Net's default preprocessor gives, to single precision.

    Raises:
        DataError: if there are too few or too many channels, grids differ, every voxel is 0, a value is not
            finite, a label does not fit, or the case does not fit in memory.
    """
    _check(images, plan, labels)
    channels = [_turned(image, plan) for image in images]
    truth = None if labels is None else _turned(labels, plan)
    if plan.crop_nonzero:
        box = _box(channels)
        channels = [crop(channel, box) for channel in channels]
        truth = None if truth is None else crop(truth, box)
    kept = channels[0].grid
    region = _region(channels, plan, truth)
    if truth is not None:
        truth = truth.with_array(_marked(truth.array, region))
        region = None if region is None else truth.array != OUTSIDE
    target_mm = _target_mm(plan, kept)
    _refuse_too_large(kept, target_mm, len(channels))
    grid = _target_grid(kept, target_mm)
    ahead = separate_axis(kept.spacing_mm, target_mm) if plan.separate == "auto" else None
    back = separate_axis(target_mm, kept.spacing_mm) if plan.separate == "auto" else None
    array = np.empty((len(channels), *grid.shape), np.float32)
    for out, volume, channel in zip(array, channels, plan.channels, strict=True):
        image = Volume(normalized(volume.array, channel, region), kept)
        out[...] = _on(grid, image, ahead)
        del image
    if truth is not None and grid.shape != kept.shape:
        truth = resample_labels(truth, grid, separate=ahead)
    marks = None if truth is None else np.ascontiguousarray(truth.array)
    return Prepared(array, grid, images[0].grid, back, marks)


def _check(images: Sequence[Volume], plan: Plan, labels: Volume | None) -> None:
    names = ", ".join(c.name for c in plan.channels)
    if len(images) != len(plan.channels):
        raise DataError(
            "scan",
            expected=f"{len(plan.channels)} channel{'s' * (len(plan.channels) > 1)} ({names})",
            got=str(len(images)),
            hint="Give one image for each channel, in this order.",
        )
    others = [(f"channel {c.name}", v) for c, v in zip(plan.channels[1:], images[1:], strict=True)]
    for where, volume in [*others, *([] if labels is None else [("labels", labels)])]:
        if not volume.grid.matches(images[0].grid):
            raise DataError(
                where,
                expected=f"the grid of channel {plan.channels[0].name}: {images[0].grid}",
                got=str(volume.grid),
                hint="Resample it onto that grid first.",
            )
    if labels is not None and (labels.array.min() < 0 or labels.array.max() > np.iinfo(np.int16).max):
        got = f"{labels.array.min()} to {labels.array.max()}"
        raise DataError("labels", expected="ids from 0 to 32767", got=got)


def _turned(volume: Volume, plan: Plan) -> Volume:
    """The volume with the plan's orientation and the tensor's axis order; a view."""
    return permute(reorient(volume, plan.orientation) if plan.orientation else volume, plan.axes)


def _box(channels: Sequence[Volume]) -> Box:
    box = nonzero_box([channel.array for channel in channels])
    if box is None:
        raise DataError("scan", expected="intensities other than 0", got="0 in every voxel")
    return box


def _region(channels: Sequence[Volume], plan: Plan, truth: Volume | None) -> NDArray[np.bool_] | None:
    """The non-zero region, where anything depends on it."""
    for_channels = any(c.nonzero_only for c in plan.channels)
    if for_channels or (truth is not None and plan.crop_nonzero):
        return nonzero_region([channel.array for channel in channels])
    return None


def _marked(labels: NDArray[Any], region: NDArray[np.bool_] | None) -> NDArray[np.int16]:
    out = labels.astype(np.int16, order="C")
    if region is not None:
        out[(out == 0) & ~region] = OUTSIDE
    return out


def _target_mm(plan: Plan, kept: Grid) -> Spacing:
    a, b, c = (own if s is None else s for s, own in zip(plan.spacing_mm, kept.spacing_mm, strict=True))
    return a, b, c


def _refuse_too_large(kept: Grid, target_mm: Spacing, channels: int) -> None:
    needed_gib, free_gib = 4 * channels * voxels_at(kept, target_mm) / 2**30, free_memory_gib()
    if needed_gib > free_gib:
        size_mm = " x ".join(f"{n * mm:g}" for n, mm in zip(kept.shape, kept.spacing_mm, strict=True))
        voxel_mm = " x ".join(f"{mm:g}" for mm in target_mm)
        raise DataError(
            "scan",
            expected=f"a size that fits in memory at a spacing of {voxel_mm} mm ({free_gib:.1f} GiB free)",
            got=f"{size_mm} mm, which takes {needed_gib:,.1f} GiB",
            hint="Is its spacing right?",
        )


def _target_grid(kept: Grid, target_mm: Spacing) -> Grid:
    # The order of the operations decides how a half is rounded; this is nnU-Net's.
    a, b, c = (max(1, round(old / new * n)) for old, new, n in zip(kept.spacing_mm, target_mm, kept.shape, strict=True))
    return resized_grid(kept, (a, b, c))


def _on(grid: Grid, image: Volume, separate: int | None) -> NDArray[np.float32]:
    if grid.shape == image.shape:
        return image.array
    return resample_image(image, grid, orders=orders_with_separate(separate, 3)).array
