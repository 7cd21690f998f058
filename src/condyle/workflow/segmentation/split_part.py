"""The cases of one part of a dataset's split, by the word a user gives for it."""

from __future__ import annotations

from condyle.data import Case, Dataset
from condyle.data.dataset import FILE
from condyle.errors import ConfigError, DataError


def cases_of_part(dataset: Dataset, part: str | None) -> tuple[Case, ...]:
    """All cases, or those of `test`, of `train`, or of a fold by its number.

    Raises:
        DataError: if the dataset has no split.
        ConfigError: if no case is of that part.
    """
    if part is None:
        return dataset.cases
    if dataset.folds is None:
        raise DataError(
            dataset.folder / FILE, expected="stored folds", got="none", hint="Make them with condyle folds."
        )
    parts = {case: str(of) for case, of in dataset.folds.parts.items()}
    found = tuple(case for case in dataset.cases if parts.get(case.id) == part)
    if not found:
        raise ConfigError("part", expected=f"one of {', '.join(sorted(set(parts.values())))}", got=part)
    return found
