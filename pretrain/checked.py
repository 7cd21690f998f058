"""Answers about drawn pictures beside the truth, and what they say of a judge, as tables in Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from condyle.labels import Labels, without_side
from condyle.metrics.overlap import confusion
from condyle.predict.confidence.evidence import Evidence
from condyle.predict.confidence.judge import Judge
from condyle.workflow.segmentation.answer import Answer
from pretrain.pictures import Picture

#: Pieces of bone below this stand in no mean of Dice.
SMALLEST_ML = 2.0
_BINS = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.95, 1.0)


@dataclass(frozen=True)
class Row:
    """One structure in one picture.

    Args:
        picture: Number of the picture.
        body: Whose it is.
        kind: What the picture looks like; see `Picture`.
        name: The structure's.
        truth_ml: Its true volume.
        dice: Its true Dice.
        swapped: Whether it lies on its partner rather than on itself.
        evidence: What was found of it; None where nothing was found.
    """

    picture: int
    body: str
    kind: str
    name: str
    truth_ml: float
    dice: float
    swapped: bool
    evidence: Evidence | None


def rows_of(number: int, body: str, drawn: Picture, answer: Answer, labels: Labels) -> list[Row]:
    """A row for each structure that is there or was found; see `Row`."""
    table = confusion(drawn.truth.array, answer.labels.array)
    at = {id_: n for n, id_ in enumerate(table.ids)}
    mirror = labels.mirror_table()
    out = []
    for s in labels.structures:
        overlap = table.overlap([s.id])
        if overlap.dice is None:
            continue
        own, other = at[s.id], at.get(mirror[s.id])
        swapped = other not in {None, own} and bool(table.counts[other, own] > table.counts[own, own])
        truth_ml = overlap.reference * drawn.truth.grid.voxel_volume_mm3 / 1000
        out.append(Row(number, body, drawn.kind, s.name, truth_ml, overlap.dice, swapped, answer.evidence.get(s.name)))
    return out


def report(rows: Sequence[Row], judge: Judge) -> str:
    """How often each light is wrong, how true the numbers are, sides, and Dice by bone.

    Args:
        rows: Of bodies that the judge was not fitted on.
        judge: Theirs.
    """
    found = [(row, row.evidence) for row in rows if row.evidence is not None]
    numbers = np.array([judge.number(row.name, evidence) for row, evidence in found])
    lights = np.array([judge.light(number) for number in numbers])
    right = np.array([row.dice >= judge.dice for row, _ in found], bool)
    swapped = np.array([row.swapped for row, _ in found], bool)
    sided = sum(evidence.side is not None for _, evidence in found)
    flagged = sum(evidence.wrong_side for row, evidence in found if row.swapped)
    pictures, bodies = len({row.picture for row in rows}), len({row.body for row in rows})
    like_ct = len({row.picture for row in rows if row.kind == "ct"})
    missed = [row for row in rows if row.evidence is None and row.truth_ml >= SMALLEST_ML]
    parts = [
        f"{pictures} drawn scans of {bodies} bodies held out, {like_ct} of them like CT. A structure is right "
        f"if its Dice is {judge.dice:g} or more; of {len(found)} that were found {int((~right).sum())} are wrong. "
        f"{len(missed)} pieces of {SMALLEST_ML:g} ml or more were missed: what is not found has no light.",
        _lights(lights, right),
        f"Sides: {int(swapped.sum())} of {sided} sided structures lie on their partner; {flagged} of these were found "
        f"to lie on the wrong side, {int((swapped & (lights == 'green')).sum())} are green.",
        _reliability(numbers, right),
        _bones([row for row in rows if row.truth_ml >= SMALLEST_ML], judge),
    ]
    return "\n\n".join(parts)


def _lights(lights: np.ndarray, right: np.ndarray) -> str:
    lines = []
    for light in ("green", "yellow", "red"):
        own = lights == light
        wrong = int((own & ~right).sum())
        lines.append([light, str(int(own.sum())), str(wrong), _percent(wrong, int(own.sum()))])
    return _table(["light", "structures", "wrong", "share wrong"], lines)


def _reliability(numbers: np.ndarray, right: np.ndarray) -> str:
    lines = []
    for low, high in pairwise(_BINS):
        own = (numbers >= low) & ((numbers < high) | (high == _BINS[-1]))
        if own.any():
            mean, share = f"{numbers[own].mean():.2f}", f"{right[own].mean():.2f}"
            lines.append([f"{low:g} to {high:g}", str(int(own.sum())), mean, share])
    return _table(["number", "structures", "mean number", "share right"], lines)


def _bones(rows: Sequence[Row], judge: Judge) -> str:
    lines = []
    for bone in dict.fromkeys(without_side(row.name) for row in rows):
        own = [row for row in rows if without_side(row.name) == bone]
        seen = [(row, row.evidence) for row in own if row.evidence is not None]
        green = [row for row, evidence in seen if judge.light(judge.number(row.name, evidence)) == "green"]
        wrong = sum(row.dice < judge.dice for row in green)
        ct = [row for row in own if row.kind == "ct"]
        other = [row for row in own if row.kind != "ct"]
        lines.append(
            [bone, str(len(own)), _dice(own, np.mean), _dice(own, np.median),
             str(len(ct)), _dice(ct, np.mean), _dice(ct, np.median), _dice(other, np.mean), _dice(other, np.median),
             _percent(len(green), len(own)), _percent(wrong, len(green))]
        )  # fmt: skip
    dice = ["in view", "mean Dice", "median", "in CT", "mean", "median", "unlike CT: mean", "median"]
    return _table(["bone", *dice, "green", "green wrong"], lines)


def _dice(rows: Sequence[Row], what: Callable[[Sequence[float]], object]) -> str:
    return f"{what([row.dice for row in rows]):.3f}" if rows else "-"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
