"""The tables of the page: means with intervals, and every case."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from condyle.metrics.statistics import Summary
from condyle.reports import words
from condyle.reports.judged import Content
from condyle.reports.measures import MEASURES, PENALISED, Measure
from condyle.reports.pieces import model_cell, note, section


def summary(content: Content) -> str:
    """Means with intervals; missed and false alarms beside them."""
    two = content.b is not None
    heads = ["Structure", *(["Prediction"] if two else [])]
    columns: list[Measure] = []
    for measure in MEASURES:
        columns += [measure, *([PENALISED[measure.key]] if measure.key in PENALISED else [])]
    rows = []
    for structure in content.structures:
        for n, model in enumerate(content.models):
            if structure not in model.summary:
                continue
            counts = model.counts[structure]
            cells = [f'<th scope="row">{escape(structure)}</th>']
            if two:
                cells.append(model_cell(n, model.name))
            numbers = (sum(counts.values()), counts["missed"], counts["false_alarm"])
            cells += [f'<td class="number">{number}</td>' for number in numbers]
            cells += [_mean(model.summary[structure][m.key], m) for m in columns]
            rows.append(f"<tr>{''.join(cells)}</tr>")
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in heads)
    titles = ["Cases", "Missed", "False alarms", *(m.heading for m in columns)]
    head += "".join(f'<th scope="col" class="number">{escape(text)}</th>' for text in titles)
    return section(
        "summary",
        words.SUMMARY,
        note(words.SUMMARY_NOTE),
        f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>',
    )


def _mean(summary: Summary, measure: Measure) -> str:
    interval = ""
    if summary.interval is not None:
        low, high = (measure.text(v) for v in summary.interval)
        interval = f"<small>{low} to {high}</small>"
    value = "" if summary.mean is None else f' data-value="{summary.mean!r}"'
    return f'<td class="number" data-score="{measure.key}"{value}>{measure.text(summary.mean)}{interval}</td>'


def cases(content: Content, viewed: Sequence[str]) -> str:
    """Every case and structure in a table that sorts."""
    two = content.b is not None
    heads = ["Case", "Structure", *(["Prediction"] if two else []), "Status"]
    rows = []
    for n, model in enumerate(content.models):
        for id_, table in model.cases.items():
            name = escape(id_)
            link = f'<a href="#viewer" data-case="{viewed.index(id_)}">{name}</a>' if id_ in viewed else name
            for row in table:
                cells = [f'<th scope="row" data-value="{name}">{link}</th><td>{escape(row.structure)}</td>']
                if two:
                    cells.append(model_cell(n, model.name))
                cells.append(f'<td class="{row.status}">{words.STATUS[row.status]}</td>')
                cells += [_cell(getattr(row, m.key), m) for m in MEASURES]
                rows.append(f"<tr>{''.join(cells)}</tr>")
    head = "".join(f'<th scope="col"><button type="button">{escape(text)}</button></th>' for text in heads)
    for measure in MEASURES:
        head += f'<th scope="col" class="number"><button type="button">{escape(measure.heading)}</button></th>'
    return section(
        "cases",
        words.CASES,
        note(words.CASES_NOTE),
        f'<div class="wide"><table class="sortable"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>",
    )


def _cell(value: float | None, measure: Measure) -> str:
    exact = "" if value is None else repr(value)
    return f'<td class="number" data-score="{measure.key}" data-value="{exact}">{measure.text(value)}</td>'
