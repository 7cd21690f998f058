"""The cases of one fold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from condyle.data.case import Case
from condyle.data.dataset import FILE, Dataset
from condyle.errors import ConfigError, DataError


@dataclass(frozen=True)
class Split:
    """Who is trained on, who chooses, who is kept for the end. No group is in two of them."""

    train: tuple[Case, ...]
    validation: tuple[Case, ...]
    test: tuple[Case, ...]


def split(dataset: Dataset, fold: int | Literal["all"], *, label_set: str | None = None) -> Split:
    """The stored split of a dataset for one fold.

    Only labelled cases take part. Nothing is ever drawn here: a dataset without folds, or a labelled case
    without a part, is an error.

    Args:
        dataset: With stored folds.
        fold: From 0; or `all`, to train on everything but the test part, with nothing to validate on.
        label_set: Only cases with this set take part.

    Raises:
        DataError: if the dataset has no folds, or a case was added after they were made.
        ConfigError: if there is no such fold or label set.
    """
    where = dataset.folder / FILE
    if dataset.folds is None:
        raise DataError(where, expected="stored folds", got="none", hint="Make them once with condyle folds.")
    parts = dataset.folds.parts
    if label_set is not None and label_set not in dataset.label_sets:
        raise ConfigError("label set", expected=f"one of {', '.join(dataset.label_sets) or 'none'}", got=label_set)
    cases = [case for case in dataset.labelled if label_set is None or label_set in case.label_sets]
    new = [case.id for case in cases if case.id not in parts]
    if new:
        raise DataError(
            where,
            expected="a fold for every labelled case",
            got=f"none for {', '.join(new)}",
            hint="They came after the folds were made: run condyle folds again, with --overwrite.",
        )
    if fold != "all" and not 0 <= fold < dataset.folds.count:
        raise ConfigError("fold", expected=f"0 to {dataset.folds.count - 1}, or all", got=str(fold))
    return Split(
        train=tuple(case for case in cases if parts[case.id] not in {fold, "test"}),
        validation=tuple(case for case in cases if parts[case.id] == fold),
        test=tuple(case for case in cases if parts[case.id] == "test"),
    )
