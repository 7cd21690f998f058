"""Intensities as a network wants them. Every scheme is the same three numbers put to use in another way.

A value is clipped to `low` and `high`, then becomes `(value - shift) / scale`. The schemes differ in where these
come from: the training set (`ct`), the scan (`zscore`, `rescale`), or nowhere (`rgb`, `none`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.config import Channel
from condyle.errors import DataError

#: Scales below this are raised to it, so that a constant scan becomes 0 and not infinite (nnU-Net's value).
_SMALLEST_SCALE = 1e-8


@dataclass(frozen=True)
class Mapping:
    """What happens to each intensity."""

    shift: float = 0.0
    scale: float = 1.0
    low: float = float("-inf")
    high: float = float("inf")


def normalized(array: NDArray[Any], channel: Channel, region: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
    """One channel of a scan with its intensities normalised.

    Args:
        array: Shape (I, J, K), any real type; a view is fine.
        channel: How.
        region: The scan's non-zero region, for channels with `nonzero_only`; outside it the result is 0, or what
            the scan has there.

    Returns:
        A new float32 array (I, J, K) in C order.

    Raises:
        DataError: if a value is not finite, or an RGB value lies outside 0 to 255.
    """
    low, high = _range(array, channel)
    region = region if channel.nonzero_only and channel.normalize == "zscore" else None
    return _apply(array, _mapping(array, channel, region, low, high), region)


def _range(array: NDArray[Any], channel: Channel) -> tuple[float, float]:
    low, high = float(array.min()), float(array.max())
    if not np.isfinite([low, high]).all():
        count = int(array.size - np.isfinite(array).sum())
        raise DataError(
            f"channel {channel.name}",
            expected="finite intensities",
            got=f"{count} voxels that are NaN or infinite",
            hint="Repair the scan first, for instance by setting them to the value of air.",
        )
    return low, high


def _mapping(
    array: NDArray[Any], channel: Channel, region: NDArray[np.bool_] | None, low: float, high: float
) -> Mapping:
    if channel.normalize == "ct":
        return Mapping(channel.mean, max(channel.std, _SMALLEST_SCALE), channel.low, channel.high)
    if channel.normalize == "zscore":
        mean, std = _mean_and_std(array, region)
        return Mapping(mean, max(std, _SMALLEST_SCALE))
    if channel.normalize == "rescale":
        return Mapping(low, max(high - low, _SMALLEST_SCALE))
    if channel.normalize == "rgb":
        if low < 0 or high > 255:
            got = f"{low:g} to {high:g}"
            raise DataError(f"channel {channel.name}", expected="RGB values from 0 to 255", got=got)
        return Mapping(scale=255.0)
    return Mapping()


def _mean_and_std(array: NDArray[Any], region: NDArray[np.bool_] | None) -> tuple[float, float]:
    """Of all voxels or of a region, in double precision, slice by slice."""

    def mean_of(power: int, centre: float) -> float:
        total, count = 0.0, 0
        for n, image in enumerate(array):
            values = image if region is None else image[region[n]]
            total += float(((values.astype(np.float64) - centre) ** power).sum())
            count += values.size
        return total / max(count, 1)

    mean = mean_of(1, 0.0)
    return mean, mean_of(2, mean) ** 0.5


def _apply(array: NDArray[Any], mapping: Mapping, region: NDArray[np.bool_] | None) -> NDArray[np.float32]:
    out = np.empty(array.shape, np.float32)
    clips = np.isfinite([mapping.low, mapping.high]).any()
    for n, image in enumerate(array):
        # A slice at a time stays in the cache through all steps.
        slice_ = out[n]
        slice_[...] = image
        if clips:
            np.clip(slice_, mapping.low, mapping.high, out=slice_)
        if region is None:
            slice_ -= np.float32(mapping.shift)
            slice_ /= np.float32(mapping.scale)
        else:
            slice_[region[n]] = (slice_[region[n]] - np.float32(mapping.shift)) / np.float32(mapping.scale)
    return out
