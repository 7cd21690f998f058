"""Single elements of a DICOM data set as plain values, and what a broken file raises."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from condyle.errors import DataError
from condyle.io.dicom.files import File

if TYPE_CHECKING:
    from pydicom import Dataset

Numbers = tuple[float, ...]


@contextmanager
def understood(file: File) -> Iterator[None]:
    """Turns whatever pydicom raises on a broken file into a `DataError`, and keeps its warnings quiet."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except DataError:
        raise
    # A parser of damaged bytes fails in any way: struct.error, KeyError, EOFError, RecursionError, ...
    except Exception as error:
        raise DataError(
            file.shown,
            expected="a sound DICOM file",
            got=f"one that cannot be understood ({type(error).__name__}: {error})",
            hint="The file may be truncated; copy or export it again.",
        ) from error


def numbers(dataset: Dataset, keyword: str, count: int) -> Numbers | None:
    """So many numbers of an element, or None where it is missing or empty.

    Raises:
        ValueError: if it has another count or is not numeric.
    """
    value: Any = dataset.get(keyword)
    if value is None or value == "":
        return None
    values = tuple(float(x) for x in value) if hasattr(value, "__len__") else (float(value),)
    if len(values) != count:
        raise ValueError(f"{keyword} has {len(values)} values, not {count}")
    return values


def number(dataset: Dataset, keyword: str) -> float | None:
    """As `numbers`, for a single one."""
    value = numbers(dataset, keyword, 1)
    return None if value is None else value[0]


def ras(lps: Numbers | None) -> Numbers | None:
    """World points or directions (three numbers each) from LPS to RAS."""
    return None if lps is None else tuple(x if axis % 3 == 2 else -x for axis, x in enumerate(lps))


def across(spacing: Numbers | None) -> Numbers | None:
    """DICOM's pixel spacing (between rows, between columns) in the order of our axes (along a row, along a column)."""
    return None if spacing is None else spacing[::-1]


def texts(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    """The values of an element as texts, however many; empty where it is missing."""
    value: Any = dataset.get(keyword)
    if value is None or value == "":
        return ()
    return (str(value),) if isinstance(value, str | int | float) else tuple(str(x) for x in value)


def uid_name(uid: str) -> str:
    """The name the standard gives a UID, or the UID itself."""
    from pydicom import config
    from pydicom.uid import UID

    return UID(uid, validation_mode=config.IGNORE).name
