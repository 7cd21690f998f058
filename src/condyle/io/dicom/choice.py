"""Which series the user means, and whether all are of one patient."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from condyle.errors import DataError
from condyle.io.dicom.series import Series


def chosen(series: list[Series], wanted: str | None, where: Path) -> Series:
    """The one series that is meant.

    Args:
        series: At least one.
        wanted: Key, number, UID or part of the description (any case), in this order of precedence; or None if
            there is only one.
        where: What to name in errors.

    Raises:
        DataError: if it is not exactly one. All are listed.
    """
    hits = series if wanted is None else _fitting(series, wanted)
    if len(hits) == 1:
        return hits[0]
    listing = "".join(f"\n  {one}" for one in hits or series)
    raise DataError(
        where,
        expected="one image series" if wanted is None else f"one series that fits {wanted!r}",
        got=f"{len(hits)}; there are{listing}\n",
        hint="Choose with --series: the number in front, a UID, or part of a description that only one has.",
    )


def _fitting(series: list[Series], wanted: str) -> list[Series]:
    """The series that fit best: by key, else by number or UID, else by description."""
    if not wanted:
        return []
    tests: list[Callable[[Series], bool]] = [
        lambda one: wanted == one.key,
        lambda one: wanted in {str(one.number), one.uid},
        lambda one: wanted.lower() in one.description.lower(),
    ]
    found = ([one for one in series if test(one)] for test in tests)
    return next((some for some in found if some), [])


def one_patient(series: list[Series], where: Path) -> None:
    """Raise a `DataError` that names the ids if the series are of several patients.

    Where files have no patient id, different names count as different patients; names are not shown.
    """
    ids = sorted({one.patient_id for one in series})
    nameless = {frame.header.name_hash for one in series if not one.patient_id for frame in one.frames}
    if len(ids) > 1 or len(nameless) > 1:
        listed = ", ".join(repr(one) for one in ids) if len(ids) > 1 else f"{len(nameless)} names without id"
        raise DataError(
            where,
            expected="images of one patient",
            got=f"several: {listed}",
            hint="Give each patient's own folder.",
        )
