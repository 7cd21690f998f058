"""An outline that follows the edges of its scan, whatever their contrast.

An outline that is mostly right says itself what its edge looks like in this scan: which values lie how far inside and
outside of it. Where the values around a place fit better to an outline further in or out, it is moved there, and what
its edge looks like is learned again. It is the idea of the grey-level profiles of active shape models (Cootes et al.,
"Active shape models: evaluation of a multi-resolution method for improving image search", 1994), with nothing learned
beforehand: CT, where bone is bright, and MR, where its wall is dark, are served alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from condyle.predict.steps.base import Mask, Step
from condyle.space import Grid, Volume, axis_codes, reorient

Field = NDArray[np.float32]
Spacing = tuple[float, float, float]

#: How far from the outline values are told apart by their distance.
_PROFILE_MM = 5.0
#: Deviation of the Gaussian neighbourhood whose values decide a place's move.
_AROUND_MM = 5.0
#: How much better values must fit: log-likelihood for each voxel and mm squared of the move.
_STAY = 0.002
#: Outlines are moved on voxels of about this size; those of finer scans are put together.
_VOXEL_MM = 2.5
#: Kinds of values that are told apart, each as frequent as the others.
_KINDS = 24
#: Distances apart at which values are counted, and by which outlines are tried.
_STEP_MM = 1.0
_RINGS = int(2 * _PROFILE_MM / _STEP_MM) + 1
#: Deviation of the Gaussian that an outline's move is smoothed with.
_SMOOTH_MM = 1.5
#: Finer than this an outline is left as it is.
_SAME_MM = 0.5


@dataclass(frozen=True)
class FollowEdges(Step):
    """Move the outline to the edges of the scan, whatever their contrast.

    Args:
        move_mm: How far in one round, in or out.
        rounds: How often.
    """

    move_mm: float = 4.0
    rounds: int = 3

    needs_scan: ClassVar[bool] = True

    @property
    def reach_mm(self) -> float:
        return self.rounds * self.move_mm + _PROFILE_MM

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


def followed(mask: Mask, free: Mask, scan: NDArray[Any], spacing_mm: Spacing, *, move_mm: float, rounds: int) -> Mask:
    """The mask with its outline moved to the edges.

    Args:
        mask: The structure (I, J, K), or a box around it.
        free: What it may take: itself and background. What lies nearer to other structures than to it stays theirs: the
            far edge of a joint looks like its own.
        scan: Values of any unit, same shape.
        spacing_mm: Of all three.
        move_mm: How far in one round, in or out.
        rounds: How often.
    """
    blocks = [max(1, round(_VOXEL_MM / s)) for s in spacing_mm]
    spacing_mm = (spacing_mm[0] * blocks[0], spacing_mm[1] * blocks[1], spacing_mm[2] * blocks[2])
    may = _coarse(free, blocks) >= 0.5
    body = (_coarse(mask, blocks) >= 0.5) & may
    if not body.any() or body.all():  # too little for an outline, or none in view
        return mask
    may &= _no_nearer(~may, body, spacing_mm)
    start = _signed_mm(body, spacing_mm)
    kinds = _kinds(_coarse(scan, blocks), may & (np.abs(start) < _PROFILE_MM + move_mm))
    distance = start
    for _ in range(rounds):
        moved = distance + _move(distance, kinds, may, spacing_mm, move_mm)
        distance = _signed_mm((moved > 0) & may, spacing_mm)
    before, after = _fine(start, blocks, mask.shape), _fine(distance, blocks, mask.shape)
    return np.where(np.abs(after - before) < _SAME_MM, mask, (after > 0) & free)


def _move(distance: Field, kinds: NDArray[np.intp], free: Mask, spacing_mm: Spacing, most_mm: float) -> Field:
    """How many mm the outline moves outwards at each voxel."""
    from scipy.ndimage import gaussian_filter

    seen = free & (np.abs(distance) < _PROFILE_MM + most_mm)
    fit = _profile(_ring(distance[seen]), kinds[seen])
    around = [_AROUND_MM / s for s in spacing_mm]
    weight = gaussian_filter(seen.astype(np.float32), around, truncate=2.5) + 1e-3
    values, move = np.zeros_like(distance), np.zeros_like(distance)
    best = np.full_like(distance, -np.inf)
    for mm in np.arange(-most_mm, most_mm + _STEP_MM / 2, _STEP_MM, dtype=np.float32):
        values[seen] = fit[_ring(distance[seen] + mm), kinds[seen]]
        score = gaussian_filter(values, around, truncate=2.5) / weight - _STAY * mm**2
        better = score > best
        best[better], move[better] = score[better], mm
    return np.asarray(gaussian_filter(move, [_SMOOTH_MM / s for s in spacing_mm]), np.float32)


def _profile(rings: NDArray[np.intp], kinds: NDArray[np.intp]) -> Field:
    """Log-likelihood (rings, kinds) of values at each distance from the outline."""
    from scipy.ndimage import gaussian_filter

    table = np.bincount(rings * _KINDS + kinds, minlength=_RINGS * _KINDS).reshape(_RINGS, _KINDS)
    # Neighbours lend each other some, and nothing is impossible.
    likely = gaussian_filter(table.astype(np.float64), 0.7, mode="nearest") + 0.5 / _KINDS
    return np.log(likely / likely.sum(1, keepdims=True)).astype(np.float32)


def _ring(distance: Field) -> NDArray[np.intp]:
    """Number of the distance's ring, from the farthest outside to the deepest inside."""
    return np.clip(np.rint((distance + _PROFILE_MM) / _STEP_MM), 0, _RINGS - 1).astype(np.intp)


def _kinds(values: Field, seen: Mask) -> NDArray[np.intp]:
    """The kind of each value, by quantiles of those that are seen."""
    if not seen.any():
        return np.zeros(values.shape, np.intp)
    limits = np.quantile(values[seen], np.linspace(0, 1, _KINDS + 1)[1:-1])
    return np.searchsorted(limits, values, side="right")


def _no_nearer(others: Mask, body: Mask, spacing_mm: Spacing) -> Mask:
    """Places that lie no nearer to other structures than to this one."""
    from scipy.ndimage import distance_transform_edt

    if not others.any():
        return ~others
    to_body, to_others = (distance_transform_edt(~m, spacing_mm) for m in (body, others))
    return np.asarray(to_body <= to_others)


def _signed_mm(mask: Mask, spacing_mm: Spacing) -> Field:
    """Distance to the outline, above 0 inside. The outline runs between voxels."""
    from scipy.ndimage import distance_transform_edt

    half = min(spacing_mm) / 2
    inside, outside = (distance_transform_edt(m, spacing_mm) for m in (mask, ~mask))
    return np.where(mask, inside - half, half - outside).astype(np.float32)


def _coarse(array: NDArray[Any], blocks: Sequence[int]) -> Field:
    """Means of blocks of voxels; those at the far border go on with their last values."""
    wide = np.pad(array, [(0, -n % b) for n, b in zip(array.shape, blocks, strict=True)], mode="edge")
    parted = [size for n, b in zip(wide.shape, blocks, strict=True) for size in (n // b, b)]
    return np.asarray(wide.reshape(parted).mean((1, 3, 5), dtype=np.float32))


def _fine(field: Field, blocks: Sequence[int], shape: tuple[int, ...]) -> Field:
    """The inverse of `_coarse`, linear between the middles of blocks."""
    from scipy.ndimage import zoom

    wide = zoom(field, blocks, order=1, mode="nearest", grid_mode=True)
    return np.asarray(wide[tuple(slice(n) for n in shape)], np.float32)
