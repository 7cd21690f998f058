"""`condyle folds`: draw a split once and store it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from condyle.data.dataset import FILE, Dataset
from condyle.data.folds import Method, make_folds
from condyle.data.lock import one_writer
from condyle.errors import DataError


@dataclass(frozen=True)
class FoldsResult:
    """The split that is now stored.

    Args:
        folder: The dataset.
        method: How it was made.
        seed: What the shuffle started from.
        groups: Number of groups.
        cases: Number of labelled cases by part: `fold 0`, ..., `train`, `test`.
    """

    folder: str
    method: str
    seed: int
    groups: int
    cases: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    def __str__(self) -> str:
        parts = "\n".join(f"  {part:<8} {count} cases" for part, count in self.cases.items())
        return f"{self.folder}: {self.method}, seed {self.seed}, {self.groups} groups\n{parts}"


def folds(
    folder: Path,
    *,
    method: Method = "kfold",
    count: int = 5,
    test_fraction: float = 0.0,
    seed: int = 0,
    overwrite: bool = False,
) -> FoldsResult:
    """Split a dataset's labelled cases by group and store the split in its `dataset.json`.

    Args:
        folder: A dataset.
        method: `kfold`, `leave-one-group-out` or `hold-out`; see `make_folds`.
        count: Number of folds; for `hold-out` the share: one in so many is held out.
        test_fraction: Share of the cases that no fold ever sees.
        seed: Start of the shuffle; the same seed gives the same split everywhere.
        overwrite: Replace a stored split. Models trained on it can then no longer be told from leaked ones.

    Raises:
        DataError: if there is no dataset, or it has a split and `overwrite` is false.
        ConfigError: if there are too few groups.
    """
    Dataset.open(folder)  # refuses what is no dataset before anything is touched
    with one_writer(folder):
        dataset = Dataset.open(folder)
        if dataset.folds is not None and not overwrite:
            raise DataError(
                folder / FILE,
                expected="no folds yet",
                got=f"{dataset.folds.count} folds ({dataset.folds.method}, seed {dataset.folds.seed})",
                hint="Keep them, or pass --overwrite to draw anew.",
            )
        made = make_folds(dataset.labelled, method=method, k=count, test_fraction=test_fraction, seed=seed)
        replace(dataset, folds=made).save()
    counts = Counter(f"fold {part}" if isinstance(part, int) else part for part in made.parts.values())
    return FoldsResult(
        folder=str(folder),
        method=made.method,
        seed=made.seed,
        groups=len({case.group for case in dataset.labelled}),
        cases=dict(sorted(counts.items(), key=lambda item: (len(item[0]), item[0]))),
    )
