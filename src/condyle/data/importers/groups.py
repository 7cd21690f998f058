"""Whose scan it is: the rule that gives each case its group."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from pathlib import Path

from condyle.errors import ConfigError, DataError


def groups_from_csv(path: Path) -> dict[str, str]:
    """Groups by case id from a CSV file with the columns `case` and `group`, or `patient`.

    Raises:
        DataError: if the file cannot be read, lacks a column, or names a case twice.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(path, expected="a CSV file", got=str(error)) from error
    out: dict[str, str] = {}
    for line, row in enumerate(rows, start=2):
        case, group = (row.get("case") or "").strip(), (row.get("group") or row.get("patient") or "").strip()
        if not case or not group:
            raise DataError(
                f"{path}, line {line}", expected="columns case and group (or patient), both filled", got=str(row)
            )
        if out.setdefault(case, group) != group:
            raise DataError(f"{path}, line {line}", expected="one group for a case", got=f"{case} in two")
    if not out:
        raise DataError(path, expected="lines of case and group", got="none")
    return out


def group_of(
    case_id: str, *, pattern: str | None = None, table: Mapping[str, str] | None = None, told: str = ""
) -> str:
    """The group of a case.

    Args:
        case_id: The case.
        pattern: A regular expression searched in the id; its first bracket (or else the whole match) is
            the group: `^(\\d+)` makes `7` of `7L_fall`.
        table: Group by case id.
        told: The group its source tells, e.g. the PatientID.

    Returns:
        By the table, else by the pattern, else as told, else the case's own id.

    Raises:
        ConfigError: if the pattern is no regular expression.
        DataError: if there is a table or a pattern, and the case is not in it or does not match.
    """
    if table is not None and case_id in table:
        return table[case_id]
    if pattern is not None:
        try:
            match = re.search(pattern, case_id)
        except re.error as error:
            raise ConfigError("group pattern", expected="a regular expression", got=f"{pattern!r} ({error})") from error
        if match and (found := match[1] if match.re.groups else match[0]):
            return found
        raise DataError(case_id, expected="an id the group pattern matches", got=f"no match for {pattern!r}")
    if table is not None:
        raise DataError(case_id, expected="a line in the table of groups", got="none")
    return told or case_id
