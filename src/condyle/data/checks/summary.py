"""What is kept of a case after its voxels are let go, to compare it with the others."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.data.case import Case
from condyle.data.checks.loaded import Loaded
from condyle.space.axes import world_axes


@dataclass(frozen=True)
class Summary:
    """A case in short.

    Args:
        case: Its entry.
        spacing_mm: Voxel spacing along left-right, front-back, up-down; empty if no image could be read.
        images: Fingerprint of the voxels by channel.
        maps: Fingerprint of the voxels by label set; only of label maps that are not empty.
        present: Ids above 0 by label set.
    """

    case: Case
    spacing_mm: tuple[float, ...] = ()
    images: Mapping[str, str] = field(default_factory=dict)
    maps: Mapping[str, str] = field(default_factory=dict)
    present: Mapping[str, frozenset[int]] = field(default_factory=dict)


def summarize(loaded: Loaded) -> Summary:
    """The summary of a case."""
    spacing: tuple[float, ...] = ()
    for volume in loaded.images.values():
        axes = world_axes(volume.affine)
        spacing = tuple(volume.spacing_mm[axes.index(world)] for world in range(3))
        break
    return Summary(
        loaded.case,
        spacing,
        {name: fingerprint(volume.array) for name, volume in loaded.images.items()},
        {name: fingerprint(label_map.volume.array) for name, label_map in loaded.maps.items() if label_map.boxes},
        {name: frozenset(label_map.boxes) for name, label_map in loaded.maps.items()},
    )


def fingerprint(array: NDArray[Any]) -> str:
    """A hash of the voxels, the same whichever way the axes run and in whatever order.

    The array is brought into an order that its content alone decides: each axis runs so that its profile (the
    sum over the other two axes) is the smaller of both directions, and axes are sorted by length and profile.
    Sums are of integers, or of the bit patterns of floats, hence exact.
    """
    plain = _plain(array)
    bits = plain.view(np.int32) if plain.dtype.kind == "f" else plain
    profiles = []
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        profile = bits.sum(axis=others, dtype=np.int64)
        if profile[::-1].tolist() < profile.tolist():
            plain = np.flip(plain, axis)
            profile = profile[::-1]
        profiles.append((len(profile), profile.tolist()))
    order = sorted(range(3), key=profiles.__getitem__)
    ordered = np.ascontiguousarray(plain.transpose(order))
    digest = hashlib.blake2b(repr(ordered.shape).encode(), digest_size=16)
    digest.update(ordered.data)
    return digest.hexdigest()


def _plain(array: NDArray[Any]) -> NDArray[Any]:
    """One number type for equal values: int32 where they are whole and fit, else float32."""
    if array.dtype.kind in "iub" and array.dtype.itemsize <= 2:
        return array.astype(np.int32)
    whole = array.astype(np.int32) if _fits(array) else None
    if whole is not None and np.array_equal(whole, array):
        return whole
    return array.astype(np.float32)


def _fits(array: NDArray[Any]) -> bool:
    low, high = float(array.min()), float(array.max())
    return low > -(2**31) and high < 2**31 - 128
