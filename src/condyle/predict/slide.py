"""The sliding window: a net's scores on a whole scan, blended from overlapping windows, plane after plane.

Windows are worked off row by row along the first axis. Once no later window reaches a plane it is finished and
handed on, so that only the planes of one row of windows are ever held: memory does not grow with the
length of the scan. Where even those are too many they lie in a scratch file.

Blending is done in single precision: nnU-Net's half precision changes .4 % of the labels by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from condyle.errors import ConfigError
from condyle.predict.net import Answers, Net
from condyle.predict.scratch import Planes, new_planes
from condyle.predict.window import coverage, cut, overlap, profile, starts
from condyle.progress import Track, silent

Scores = NDArray[np.float32]


@dataclass(frozen=True)
class Window:
    """How windows slide over a scan.

    Args:
        patch: Size of a window; two numbers for a 2-D net, which sees each plane of the first axis by itself.
        step: Largest distance of two windows, as a fraction of the patch.
        gaussian: Trust a window's centre more than its rim.
        batch: Windows handed to the net at once.
        skip_empty: Ask the net only once about windows that are flat and of the same value.
    """

    patch: tuple[int, ...]
    step: float = 0.5
    gaussian: bool = True
    batch: int = 1
    skip_empty: bool = True

    def __post_init__(self) -> None:
        if len(self.patch) not in {2, 3} or min(self.patch) < 1 or self.batch < 1:
            expected = "a patch of 2 or 3 sizes above 0 and a batch of 1 or more"
            raise ConfigError("window", expected=expected, got=f"{self.patch}, {self.batch}")
        if not 0 < self.step <= 1:
            raise ConfigError("window: step", expected="a fraction above 0, at most 1", got=str(self.step))

    @property
    def size(self) -> tuple[int, int, int]:
        """The patch, one plane thick for a 2-D net."""
        i, j, k = (1, *self.patch) if len(self.patch) == 2 else self.patch
        return i, j, k

    def batches(self, shape: tuple[int, int, int]) -> list[list[tuple[int, int, int]]]:
        """First voxels of all windows over an array of `shape`, in the order they are worked off."""
        i, j, k = (starts(n, p, self.step) for n, p in zip(shape, self.size, strict=True))
        order = list(product(i, j, k))
        return [order[n : n + self.batch] for n in range(0, len(order), self.batch)]

    def depth(self, shape: tuple[int, int, int]) -> int:
        """Planes that are in work at the same time."""
        rows = max(batch[-1][0] - batch[0][0] for batch in self.batches(shape)) + self.size[0]
        return min(rows, shape[0])


def slide(
    net: Net,
    array: NDArray[np.float32],
    window: Window,
    *,
    scratch: Path | None = None,
    out: Scores | None = None,
    track: Track = silent,
) -> Scores:
    """All scores of a scan at once; other arguments as `planes`.

    Args:
        out: Where to put them, e.g. a memory map (K, *spatial); a new array if None.

    Returns:
        float32 (K, *spatial).
    """
    for n, plane in enumerate(planes(net, array, window, scratch=scratch, track=track)):
        if out is None:
            out = np.empty((plane.shape[0], array.shape[1], *plane.shape[1:]), np.float32)
        out[:, n] = plane
    assert out is not None  # noqa: S101 - a scan has planes
    return out


def planes(
    net: Net, array: NDArray[np.float32], window: Window, *, scratch: Path | None = None, track: Track = silent
) -> Iterator[Scores]:
    """Blended scores of one plane after another along the first axis.

    Args:
        net: From (B, C, *patch) to (B, K, *patch).
        array: Shape (C, *spatial) with three spatial axes; an array or a memory map. An axis shorter than the
            patch has 0 on both sides.
        window: How the window slides.
        scratch: A folder for the planes in work; in memory, or on the net's device, if None.
        track: Told of every batch of windows.

    Yields:
        float32 (K, *spatial[1:]), as many as the first axis is long.

    Raises:
        DataError: if the array holds values that are not finite.
    """
    _, *spatial = array.shape
    shape = (spatial[0], spatial[1], spatial[2])
    total, plane_total, importance = _weights(window, shape)
    answers = Answers(net, sees_planes=len(window.patch) == 2, skip_empty=window.skip_empty)
    ends = [*window.batches(shape), [(shape[0], 0, 0)]]
    steps = list(pairwise(ends))
    held: Planes | None = None
    done = 0
    for batch, later in track(steps, "Predicting"):
        all_scores = answers([cut(array, start, window.size) for start in batch])
        if held is None:
            held = new_planes(window.depth(shape), (len(all_scores[0]), *shape[1:]), all_scores[0].device, scratch)
            plane_total, importance = plane_total.to(held.device), importance.to(held.device)
        for start, scores in zip(batch, all_scores, strict=True):
            _add(held, start, scores.to(held.device), importance, shape)
        # No window to come reaches planes before the first one of the next batch.
        for n in range(done, later[0][0]):
            yield held.take(n, plane_total * float(total[n]))
        done = max(done, later[0][0])


def _weights(window: Window, shape: tuple[int, int, int]) -> tuple[NDArray[np.float32], Tensor, Tensor]:
    """Sum of importance along the first axis and over a plane, whose product it is, and importance in a window."""
    profiles = [profile(p, gaussian=window.gaussian) for p in window.size]
    i, j, k = (coverage(n, starts(n, len(w), window.step), w) for n, w in zip(shape, profiles, strict=True))
    importance = np.einsum("i,j,k->ijk", *profiles)
    return i, torch.from_numpy(np.outer(j, k)), torch.from_numpy(importance)


def _add(held: Planes, start: tuple[int, ...], scores: Tensor, importance: Tensor, shape: tuple[int, ...]) -> None:
    """Add one window's weighted scores to the planes it reaches."""
    i, j, k = overlap(shape, start, importance.shape)
    _, in_j, in_k = (slice(s.start - a, s.stop - a) for s, a in zip((i, j, k), start, strict=True))
    for n in range(i.start, i.stop):
        row = n - start[0]
        held.plane(n)[:, j, k].addcmul_(scores[:, row, in_j, in_k], importance[row, in_j, in_k])
        held.release()
