"""Scores that count voxels.

* **TP, FP, FN, TN**: voxels that both label maps have, only the prediction, only the reference, neither.

Specificity and accuracy count the background: they depend on how much of it the field of view shows, and
are near 1 for any small structure. They are no measure to compare studies by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.errors import DataError
from condyle.labels import id_counts

#: More different ids than this are no label map.
MOST_IDS = 1024

#: Voxels counted at a time.
_CHUNK = 1 << 21


@dataclass(frozen=True)
class Overlap:
    """The four counts of one structure; each score is None where it would be 0 / 0.

    Args:
        tp: Voxels of both.
        fp: Voxels of the prediction only.
        fn: Voxels of the reference only.
        tn: Voxels of neither.

    Example:
        >>> Overlap(tp=8, fp=2, fn=2, tn=88).dice
        0.8
    """

    tp: int
    fp: int
    fn: int
    tn: int

    @property
    def reference(self) -> int:
        """Voxels of the reference."""
        return self.tp + self.fn

    @property
    def prediction(self) -> int:
        """Voxels of the prediction."""
        return self.tp + self.fp

    @property
    def dice(self) -> float | None:
        return _ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def iou(self) -> float | None:
        return _ratio(self.tp, self.tp + self.fp + self.fn)

    @property
    def sensitivity(self) -> float | None:
        return _ratio(self.tp, self.tp + self.fn)

    @property
    def specificity(self) -> float | None:
        return _ratio(self.tn, self.tn + self.fp)

    @property
    def precision(self) -> float | None:
        return _ratio(self.tp, self.tp + self.fp)

    @property
    def accuracy(self) -> float | None:
        return _ratio(self.tp + self.tn, self.tp + self.tn + self.fp + self.fn)

    @property
    def volume_similarity(self) -> float | None:
        """1 - |FN - FP| / (2 TP + FP + FN): 1 for equal volumes, wherever they lie."""
        far = _ratio(abs(self.fn - self.fp), 2 * self.tp + self.fp + self.fn)
        return None if far is None else 1 - far


@dataclass(frozen=True, eq=False)
class Confusion:
    """How often each id of the reference meets each id of the prediction.

    Args:
        ids: Ascending, 0 among them.
        counts: int64 (len(ids), len(ids)); rows are the reference's ids, columns the prediction's.
    """

    ids: tuple[int, ...]
    counts: NDArray[np.int64]

    def overlap(self, ids: Sequence[int]) -> Overlap:
        """The counts of a structure, or of a region of several ids."""
        member = np.isin(self.ids, ids)
        tp = int(self.counts[np.ix_(member, member)].sum())
        fn = int(self.counts[member].sum()) - tp
        fp = int(self.counts[:, member].sum()) - tp
        return Overlap(tp, fp, fn, int(self.counts.sum()) - tp - fp - fn)


def confusion(reference: NDArray[Any], prediction: NDArray[Any]) -> Confusion:
    """Count the pairs of ids of two label maps, once.

    Args:
        reference: Unsigned integers, any shape.
        prediction: The same shape.

    Raises:
        DataError: if there are more than `MOST_IDS` different ids.
    """
    ids = np.union1d(np.flatnonzero(id_counts(reference)), np.flatnonzero(id_counts(prediction)))
    if len(ids) > MOST_IDS:
        raise DataError("label maps", expected=f"at most {MOST_IDS} different ids", got=f"{len(ids)} of them")
    ids = np.union1d(ids, [0])
    n = len(ids)
    position = np.zeros(int(ids[-1]) + 1, np.intp)
    position[ids] = np.arange(n)
    counts = np.zeros(n * n, np.int64)
    a, b = _flat(reference, prediction)
    for start in range(0, len(a), _CHUNK):
        some = slice(start, start + _CHUNK)
        counts += np.bincount(position[a[some]] * n + position[b[some]], minlength=n * n)
    return Confusion(tuple(int(i) for i in ids), counts.reshape(n, n))


def _flat(a: NDArray[Any], b: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Both in one memory order, copied only where they differ in it."""
    if a.flags.f_contiguous and b.flags.f_contiguous:
        return a.reshape(-1, order="F"), b.reshape(-1, order="F")
    return a.reshape(-1), b.reshape(-1)


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
