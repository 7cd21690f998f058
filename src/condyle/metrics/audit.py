"""Rows of somebody's table of scores that cannot be right.

Each rule is a fact of arithmetic or of what is measured; a row that breaks one was computed wrongly, whatever the
truth. Columns are known by their names, in any spelling the usual tools have; unknown ones are left alone.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from condyle.errors import DataError

#: What tools call a score. Compared without case, spaces, underscores and units.
_NAMES = {
    "dice": ("dice", "dsc", "dicecoefficient", "f1", "f1score", "dicrcoef"),
    "iou": ("iou", "jaccard", "jaccardcoefficient", "jacrd"),
    "sensitivity": ("sensitivity", "recall", "tpr", "sens", "snsvty"),
    "precision": ("precision", "ppv", "prec", "prcison"),
    "hd": ("hd", "hausdorff", "hausdorffdistance", "maxhd"),
    "hd95": ("hd95", "hausdorff95", "hausdorffdistance95", "robusthausdorff"),
    "assd": ("assd", "asd", "msd", "avgdist", "averagesurfacedistance", "meansurfacedistance"),
}

_UNIT = re.compile(r"\(?mm\)?$")

#: Larger than any rounding in a table of two digits.
_ROUNDING = 0.0051

Row = Mapping[str, float]


@dataclass(frozen=True)
class Suspect:
    """A row that cannot be right.

    Args:
        row: Line in the file, the heading being 1.
        case: What stands in its first column.
        why: A sentence.
    """

    row: int
    case: str
    why: str


def _zero_distances(row: Row) -> bool:
    distances = [row[k] for k in ("hd", "hd95", "assd") if k in row]
    return bool(distances) and max(distances) == 0


#: What cannot be, and what to say of it. A column that is missing makes a rule silent.
_RULES: tuple[tuple[Callable[[Row], bool], str], ...] = (
    (
        lambda r: any(not -1e-9 <= r[k] <= 1 + 1e-9 for k in ("dice", "iou", "sensitivity", "precision") if k in r),
        "an overlap score outside 0 to 1",
    ),
    (lambda r: any(r[k] < 0 for k in ("hd", "hd95", "assd") if k in r), "a negative distance"),
    (
        lambda r: _zero_distances(r) and r.get("dice", 1) == 0,
        "distance 0 with Dice 0: a missed structure or a false alarm was counted as a perfect surface",
    ),
    (
        lambda r: _zero_distances(r) and 0 < r.get("dice", 1) < 1 - _ROUNDING,
        "distance 0 with a Dice below 1: surfaces that coincide enclose the same voxels",
    ),
    (lambda r: r.get("hd95", 0) > r.get("hd", math.inf) + _ROUNDING, "HD95 above HD"),
    (lambda r: r.get("assd", 0) > r.get("hd", math.inf) + _ROUNDING, "a mean distance above the largest"),
    (
        lambda r: r.get("dice", 0) == 1 and max((r[k] for k in ("hd", "hd95", "assd") if k in r), default=0) > 0,
        "Dice 1 with a distance above 0",
    ),
    (
        lambda r: {"dice", "iou"} <= set(r) and r["dice"] < 2 and abs(r["iou"] - r["dice"] / (2 - r["dice"])) > 0.011,
        "an IoU that is not Dice / (2 - Dice)",
    ),
    (
        lambda r: (
            {"dice", "precision", "sensitivity"} <= set(r)
            and r["precision"] + r["sensitivity"] > 0
            and abs(r["dice"] - _harmonic(r["precision"], r["sensitivity"])) > 0.011
        ),
        "a Dice that is not the harmonic mean of precision and sensitivity",
    ),
)


def _harmonic(a: float, b: float) -> float:
    return 2 * a * b / (a + b)


def audit(path: Path) -> tuple[Suspect, ...]:
    """The rows of a CSV file that cannot be right.

    Args:
        path: Comma, semicolon or tab separated, with a heading. Case and structure in the first columns.

    Raises:
        DataError: if the file cannot be read, or has no column of a known score.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(path, expected="a CSV file", got=str(error)) from error
    lines = text.splitlines()
    if not lines:
        raise DataError(path, expected="a CSV file with a heading", got="an empty file")
    separator = max(",;\t", key=lines[0].count)
    rows = list(csv.reader(lines, delimiter=separator))
    scores = {n: key for n, title in enumerate(rows[0]) if (key := _score_of(title)) is not None}
    if not scores:
        known = ", ".join(names[0] for names in _NAMES.values())
        raise DataError(path, expected=f"a column of a score ({known})", got=", ".join(rows[0]))
    found = []
    for line, row in enumerate(rows[1:], start=2):
        values = {key: value for n, key in scores.items() if n < len(row) and (value := _number(row[n])) is not None}
        case = " ".join(cell for n, cell in enumerate(row[:3]) if n not in scores and _number(cell) is None)
        found += [Suspect(line, case, why) for rule, why in _RULES if rule(values)]
    return tuple(found)


def _score_of(title: str) -> str | None:
    plain = _UNIT.sub("", re.sub(r"[\s_\-]", "", title.lower()))
    return next((key for key, names in _NAMES.items() if plain in names), None)


def _number(text: str) -> float | None:
    """A finite number, also with a decimal comma; None for anything else, NaN among it."""
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError:
        return None
    return value if math.isfinite(value) else None
