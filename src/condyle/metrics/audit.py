"""Rows of somebody's table of scores that cannot be right.

Each rule is a fact of arithmetic or of what is measured; a row that breaks one was computed wrongly, whatever the
truth. A number stands for all that its column rounds to it: 0.00 may be 0.004. Columns are known by their names, in any
spelling the usual tools have; unknown ones are left alone.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
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

#: Bodies that differ are farther apart somewhere: no voxel is as small as this.
_NO_DISTANCE_MM = 0.01

#: By how much Dice falls at most for each mm of mean distance: that of a plate a quarter of a millimetre thick.
_DICE_PER_MM = 4

#: What one voxel takes from the Dice of the largest bodies.
_ONE_VOXEL = 1e-9

#: Means of several structures are not bound to an equation by more than this.
_SLACK = 0.011

_DISTANCES = ("hd", "hd95", "assd")
_OVERLAPS = ("dice", "iou", "sensitivity", "precision")


@dataclass(frozen=True)
class Row:
    """The scores of a line.

    Args:
        values: By score.
        half: Half a unit of the last digit of each score's column.
    """

    values: Mapping[str, float]
    half: Mapping[str, float]

    def has(self, *keys: str) -> bool:
        return set(keys) <= set(self.values)

    def low(self, key: str) -> float:
        """The least that is rounded to the number."""
        return self.values[key] - self.half[key]

    def high(self, key: str) -> float:
        """The most that is."""
        return self.values[key] + self.half[key]

    def distances(self) -> tuple[float, ...]:
        return tuple(self.values[key] for key in _DISTANCES if key in self.values)


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


def _outside(row: Row) -> bool:
    return any(not -1e-9 <= row.values[key] <= 1 + 1e-9 for key in _OVERLAPS if row.has(key))


def _missed_as_perfect(row: Row) -> bool:
    return row.has("dice") and row.values["dice"] == 0 and row.high("dice") <= 0.05 and set(row.distances()) == {0}


def _coincide_but_differ(row: Row) -> bool:
    """HD95 is not asked: a twentieth of a surface may be anywhere."""
    if not row.has("dice") or row.values["dice"] == 0:
        return False
    hd = row.has("hd") and row.values["hd"] == 0 and row.high("hd") < _NO_DISTANCE_MM
    below = 1 - row.high("dice")
    assd = row.has("assd") and row.values["assd"] == 0 and below > _DICE_PER_MM * row.high("assd")
    return (hd and below > 0) or assd


def _above(row: Row, small: str, large: str) -> bool:
    return row.has(small, large) and row.low(small) > row.high(large) + 1e-9


def _same_but_apart(row: Row) -> bool:
    if not row.has("dice") or 1 - row.low("dice") > _ONE_VOXEL:
        return False
    return any(row.low(key) > 0 for key in _DISTANCES if row.has(key))


def _iou_of_another(row: Row) -> bool:
    if not row.has("dice", "iou") or row.values["dice"] >= 2:
        return False
    # IoU rises twice as fast as Dice at most.
    slack = max(_SLACK, row.half["iou"] + 2 * row.half["dice"] + 1e-9)
    return abs(row.values["iou"] - row.values["dice"] / (2 - row.values["dice"])) > slack


def _dice_of_others(row: Row) -> bool:
    if not row.has("dice", "precision", "sensitivity") or row.values["precision"] + row.values["sensitivity"] <= 0:
        return False
    # A harmonic mean rises twice as fast as either at most.
    slack = max(_SLACK, row.half["dice"] + 2 * (row.half["precision"] + row.half["sensitivity"]) + 1e-9)
    return abs(row.values["dice"] - _harmonic(row.values["precision"], row.values["sensitivity"])) > slack


#: What cannot be, and what to say of it. A column that is missing makes a rule silent.
_RULES: tuple[tuple[Callable[[Row], bool], str], ...] = (
    (_outside, "an overlap score outside 0 to 1"),
    (lambda r: any(d < 0 for d in r.distances()), "a negative distance"),
    (
        _missed_as_perfect,
        "distance 0 with Dice 0: a missed structure or a false alarm was counted as a perfect surface",
    ),
    (_coincide_but_differ, "distance 0 with a Dice below 1: surfaces that coincide enclose the same voxels"),
    (lambda r: _above(r, "hd95", "hd"), "HD95 above HD"),
    (lambda r: _above(r, "assd", "hd"), "a mean distance above the largest"),
    (_same_but_apart, "Dice 1 with a distance above 0"),
    (_iou_of_another, "an IoU that is not Dice / (2 - Dice)"),
    (_dice_of_others, "a Dice that is not the harmonic mean of precision and sensitivity"),
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
    try:
        rows = list(csv.reader(lines, delimiter=separator))
    except csv.Error as error:
        raise DataError(path, expected="a CSV file", got=str(error)) from error
    scores = {n: key for n, title in enumerate(rows[0]) if (key := _score_of(title)) is not None}
    if not scores:
        known = ", ".join(names[0] for names in _NAMES.values())
        raise DataError(path, expected=f"a column of a score ({known})", got=", ".join(rows[0]))
    half = _half_units(rows[1:], scores)
    found = []
    for line, row in enumerate(rows[1:], start=2):
        values = {key: value for n, key in scores.items() if n < len(row) and (value := _number(row[n])) is not None}
        case = " ".join(cell for n, cell in enumerate(row[:3]) if n not in scores and _number(cell) is None)
        found += [Suspect(line, case, why) for rule, why in _RULES if rule(Row(values, half))]
    return tuple(found)


def _half_units(rows: Sequence[Sequence[str]], scores: Mapping[int, str]) -> dict[str, float]:
    """Half a unit of the last digit of each score, as the number of its column with the most digits has it."""
    digits = dict.fromkeys(scores.values(), 0)
    for row in rows:
        for n, key in scores.items():
            if n < len(row) and _number(row[n]) is not None:
                exponent = Decimal(row[n].strip().replace(",", ".")).as_tuple().exponent
                digits[key] = max(digits[key], -int(exponent))
    return {key: 0.5 * 10.0**-n for key, n in digits.items()}


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
