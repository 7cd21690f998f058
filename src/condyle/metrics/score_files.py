"""Tables of scores as `condyle evaluate` writes them, read back."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from condyle.errors import DataError
from condyle.metrics.score import Score, Table
from condyle.metrics.status import Status

_FIELDS = tuple(Score.__dataclass_fields__)


@dataclass(frozen=True)
class ScoreFile:
    """What a file says.

    Args:
        cases: Case to its scores.
        groups: Case to patient.
    """

    cases: Mapping[str, Table]
    groups: Mapping[str, str]


def read_scores(path: Path) -> ScoreFile:
    """Read a CSV file of `condyle evaluate`.

    Raises:
        DataError: if it cannot be read, lacks a column, or has a cell or a row that cannot be; the line is named.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(path, expected="a CSV file of scores", got=str(error)) from error
    missing = [name for name in ("case", "group", *_FIELDS) if not rows or name not in rows[0]]
    if missing:
        raise DataError(
            path,
            expected="rows with the columns that condyle evaluate writes",
            got="none" if not rows else f"no column {', '.join(missing[:4])}",
            hint="Write it with condyle evaluate PREDICTION REFERENCE --out FILE.csv.",
        )
    cases: dict[str, list[Score]] = {}
    groups: dict[str, str] = {}
    for line, row in enumerate(rows, start=2):
        score = _score(row, f"{path}, line {line}")
        case = row["case"]
        if any(other.structure == score.structure for other in cases.get(case, ())):
            raise DataError(f"{path}, line {line}", expected="one row of each case and structure", got="a second")
        cases.setdefault(case, []).append(score)
        if groups.setdefault(case, row["group"]) != row["group"]:
            got = f"{groups[case]} and {row['group']}"
            raise DataError(f"{path}, line {line}", expected=f"one patient of case {case}", got=got)
    return ScoreFile({case: Table(tuple(scores)) for case, scores in cases.items()}, groups)


def _score(row: Mapping[str, Any], where: str) -> Score:
    values: dict[str, Any] = {}
    for name in _FIELDS:
        text = row[name] or ""
        kind = str(Score.__dataclass_fields__[name].type)
        try:
            values[name] = _value(text, kind)
        except ValueError as error:
            raise DataError(f"{where}, {name}", expected=kind.replace("None", "nothing"), got=repr(text)) from error
    return Score(**values)


def _value(text: str, kind: str) -> Any:
    """A cell as its field is declared.

    Raises:
        ValueError: if it is none.
    """
    if kind == "str":
        return text
    if kind == "Status":
        if text not in get_args(Status):
            raise ValueError(text)
        return text
    if kind == "bool":
        return {"True": True, "False": False}[text] if text in {"True", "False"} else _refuse(text)
    if kind == "int":
        return int(text)
    if text == "" and "None" in kind:
        return None
    value = float(text)
    return value if abs(value) < float("inf") else _refuse(text)


def _refuse(text: str) -> Any:
    raise ValueError(text)
