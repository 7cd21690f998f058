"""Three-view fusion: a net looks along each axis of the scan in turn, and the views are joined.

After the low-field knee study (3D U-Net on axial, coronal and sagittal stacks). There, thresholded views were joined by
OR, which segments too much; the mean of probabilities is the default here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from condyle.predict.decide import Rule, Scores, probabilities
from condyle.predict.net import Net
from condyle.predict.scratch import nameless
from condyle.predict.slide import Window, planes
from condyle.progress import Track, silent
from condyle.space import Grid

#: Axis orders of the three views: each axis once across the slices, the other two as they were.
VIEWS: tuple[tuple[int, int, int], ...] = ((0, 1, 2), (1, 0, 2), (2, 0, 1))


def turned(grid: Grid, view: tuple[int, int, int]) -> Grid:
    """The grid of an array whose axes were put into another order."""
    i, j, k = (grid.shape[axis] for axis in view)
    return Grid((i, j, k), grid.affine[:, [*view, 3]])


def fuse_views(
    nets: Sequence[Net],
    array: NDArray[np.float32],
    window: Window,
    rule: Rule,
    *,
    how: Literal["mean", "or"] = "mean",
    views: Sequence[tuple[int, int, int]] = VIEWS,
    scratch: Path | None = None,
    track: Track = silent,
) -> Scores:
    """Probabilities joined over views.

    Args:
        nets: One a view, as left-right lies along another axis in each: from (B, C, *patch) to logits (B, K, *patch).
        array: Shape (C, i, j, k).
        window: How the window slides, the same in every view.
        rule: What channels stand for.
        how: `mean` of the probabilities. `or`: the largest of each structure, the smallest of background, so that
            one view that is sure is enough.
        views: Axis orders to look along.
        scratch: A folder for the result, where memory is short.
        track: Told of every batch of windows of every view.

    Returns:
        float32 (K, i, j, k): probabilities. `as_scores` makes logits of them.
    """
    shape = (len(rule.ids), *array.shape[1:])
    out = np.empty(shape, np.float32) if scratch is None else nameless(scratch, shape)[0]
    for n, (net, view) in enumerate(zip(nets, views, strict=True)):
        seen = array.transpose(0, *(1 + axis for axis in view))
        joined = out.transpose(0, *(1 + axis for axis in view))
        for at, scores in enumerate(planes(net, seen, window, scratch=scratch, track=track)):
            p = probabilities(scores, rule)
            joined[:, at] = p if n == 0 else _join(joined[:, at], p, n, how, rule)
    return out


def _join(before: Scores, p: Scores, count: int, how: Literal["mean", "or"], rule: Rule) -> Scores:
    if how == "mean":
        return np.asarray(before + (p - before) / (count + 1), np.float32)
    out = np.maximum(before, p)
    if not rule.regions:
        out[0] = np.minimum(before[0], p[0])
    return out


def as_scores(p: Scores, rule: Rule) -> Scores:
    """Logits whose softmax, or sigmoid, gives these probabilities (to a constant, for `or`)."""
    kept = np.clip(p, 1e-7, 1 - 1e-7)
    return np.asarray(np.log(kept) - np.log1p(-kept) if rule.regions else np.log(kept), np.float32)
