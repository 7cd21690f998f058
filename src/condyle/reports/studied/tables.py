"""The tables of a study's page, and the same as rows for CSV files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from html import escape
from typing import Any

from condyle.metrics.statistics import Summary
from condyle.reports.comparison.measures import AGAINST_TRUTH
from condyle.reports.measures import Measure
from condyle.reports.studied.content import Asked, Scored, Training


def scores(rows: Sequence[Scored]) -> str:
    """One line for each evaluation, training, judge and structure."""
    body = []
    for row in rows:
        cells = [_head(row.evaluation), *map(_text, (row.model, row.learnt, row.against, row.structure))]
        cells += [_number(str(n)) for n in (row.cases, row.patients, row.missed)]
        cells += [_summary(row.summary[m.key], m) for m in AGAINST_TRUTH]
        body.append(cells)
    heads = ["Evaluation", "Model", "Learnt", "Judged by", "Structure", "Cases", "Patients", "Missed"]
    return _table([*heads, *(m.heading for m in AGAINST_TRUTH)], body, texts=5)


def dice(trainings: Sequence[Training]) -> str:
    """Dice on held-out cases, by structure where there are several."""
    structures = list(dict.fromkeys(name for t in trainings for name in t.dice))
    several = structures if len(structures) > 1 else []
    body = []
    for t in sorted(trainings, key=lambda t: -(t.mean_dice or 0.0)):
        cells = [_head(t.id), *map(_text, (t.settings, t.label_set, t.fold)), _number(_digits(t.mean_dice, 5))]
        body.append([*cells, *(_number(_digits(t.dice.get(name), 4)) for name in several)])
    return _table(["Training", "Settings", "Learnt", "Fold", "Dice", *several], body, texts=4)


def resources(trainings: Sequence[Training]) -> str:
    """What each training took."""
    body = [
        [
            _head(t.id), _number(str(t.cases)), _number(f"{t.parameters / 1e6:.3g}"), _number(f"{t.seconds:.0f}"),
            _number(str(t.steps)), _number(f"{t.steps / t.seconds:.2f}" if t.seconds else "–"),  # noqa: RUF001
            *_memory_and_energy(t),
        ]
        for t in trainings
    ]  # fmt: skip
    heads = ["Training", "Cases", "Parameters (million)", "Seconds", "Steps", "Steps/s", *_MEMORY_AND_ENERGY]
    return _table(heads, body, texts=1)


def asking(rows: Sequence[Asked]) -> str:
    """What segmenting took, by evaluation and training."""
    body = [
        [
            _head(a.evaluation), _text(a.model), _number(str(a.scans)), _number(f"{a.parameters / 1e6:.3g}"),
            _number(f"{a.seconds:.2f}"), _number(f"{a.steps_per_s:.2f}"), *_memory_and_energy(a),
        ]
        for a in rows
    ]  # fmt: skip
    heads = ["Evaluation", "Model", "Scans", "Parameters (million)", "Seconds a scan", "Steps/s", *_MEMORY_AND_ENERGY]
    return _table(heads, body, texts=2)


_MEMORY_AND_ENERGY = ("RAM (GiB)", "VRAM (GiB)", "Energy (kJ)")


def _memory_and_energy(took: Training | Asked) -> list[str]:
    energy = "–" if took.energy_kj is None else f"{took.energy_kj:.1f}"  # noqa: RUF001 - typography
    vram = f"{took.vram_gib:.2f}" if took.vram_gib else "–"  # noqa: RUF001
    return [_number(f"{took.ram_gib:.2f}"), _number(vram), _number(energy)]


def asking_rows(asked: Sequence[Asked]) -> list[list[Any]]:
    """Head and lines of `segmenting.csv`."""
    names = [field.name for field in fields(Asked)]
    return [list(names), *([getattr(a, name) for name in names] for a in asked)]


def training_rows(trainings: Sequence[Training]) -> list[list[Any]]:
    """Head and lines of `trainings.csv`."""
    structures = list(dict.fromkeys(name for t in trainings for name in t.dice))
    heads = ["training", "model", "settings", "label_set", "fold", "state", "dice", *(f"dice: {s}" for s in structures),
             "cases", "parameters", "seconds", "steps", "steps_per_s", "ram_gib", "vram_gib", "energy_kj"]  # fmt: skip
    rows: list[list[Any]] = [list(heads)]
    for t in trainings:
        known = [t.id, t.model, t.settings, t.label_set, t.fold, t.state or "done", t.mean_dice]
        rows.append([*known, *(t.dice.get(s) for s in structures), t.cases, t.parameters, t.seconds, t.steps,
                     round(t.steps / t.seconds, 3) if t.seconds else None,
                     t.ram_gib, t.vram_gib, t.energy_kj])  # fmt: skip
    return rows


def score_rows(scored: Sequence[Scored]) -> list[list[Any]]:
    """Head and lines of `scores.csv`: one metric a line."""
    rows: list[list[Any]] = [["evaluation", "model", "learnt", "against", "structure", "metric", "cases", "patients",
                              "missed", "mean", "sd", "low", "high", "median"]]  # fmt: skip
    for s in scored:
        for key, summary in s.summary.items():
            ends = summary.interval or (None, None)
            rows.append([s.evaluation, s.model, s.learnt, s.against, s.structure, key, s.cases, s.patients, s.missed,
                         summary.mean, summary.sd, *ends, summary.median])  # fmt: skip
    return rows


def _summary(summary: Summary, measure: Measure) -> str:
    small = "" if summary.sd is None else f"<small>± {measure.text(summary.sd)}</small>"
    if summary.interval is not None:
        small += f"<small>{' to '.join(measure.text(v) for v in summary.interval)}</small>"
    return f'<td class="number">{measure.text(summary.mean)}{small}</td>'


def _digits(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"  # noqa: RUF001 - typography


def _head(text: str) -> str:
    return f'<th scope="row">{escape(text)}</th>'


def _text(text: str) -> str:
    return f"<td>{escape(text)}</td>"


def _number(text: str) -> str:
    return f'<td class="number">{escape(text)}</td>'


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, texts: int) -> str:
    head = "".join(f'<th scope="col"{" class=number" * (n >= texts)}>{escape(h)}</th>' for n, h in enumerate(heads))
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
