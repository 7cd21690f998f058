"""Upright boxes with every case as a dot, small enough to stand two by two."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

from condyle.reports.plots import Row, box_of, number, span_of, svg, text_at, ticks

_WIDTH, _HEIGHT, _TOP, _BOTTOM, _LEFT = 370.0, 250.0, 26.0, 210.0, 58.0

#: Width of a letter of a name.
_LETTER = 7.5


def boxes(rows: Sequence[Row], heading: str) -> str:
    """One plot of the panel; nothing if no row has a value."""
    everything = [v for row in rows for _, v in row.values]
    if not everything:
        return ""
    marks = ticks(*span_of(everything), 5)

    def y(value: float) -> float:
        return _BOTTOM - (value - marks[0]) / (marks[-1] - marks[0]) * (_BOTTOM - _TOP)

    parts = [text_at(_LEFT, 14, heading, "start", "heading")]
    for mark in marks:
        parts.append(f'<path class="grid" d="M{_LEFT} {y(mark):.1f}H{_WIDTH}"/>')
        parts.append(text_at(_LEFT - 8, y(mark) + 4, number(mark), "end", "tick"))
    step = (_WIDTH - _LEFT) / len(rows)
    # Names that would run into each other are left to the legend.
    fit = max(len(row.name) for row in rows) * _LETTER < step
    for n, row in enumerate(rows):
        x = _LEFT + step * (n + 0.5)
        parts.append(f'<g class="series{row.series}"><title>{escape(row.name)}</title>')
        parts.append(text_at(x, _BOTTOM + 18, row.name if fit else "", "middle", "name"))
        parts.append(text_at(x, _BOTTOM + 34, row.remark, "middle", "remark"))
        parts += [*_box(row, x, min(22.0, step * 0.3), y), "</g>"]
    return svg(_HEIGHT, f"{heading}: boxes", parts, _WIDTH)


def _box(row: Row, x: float, half: float, y: Callable[[float], float]) -> list[str]:
    if not row.values:
        return []
    a, q1, m, q3, b = (y(v) for v in box_of([v for _, v in row.values]))
    parts = [
        f'<path class="whisker" d="M{x:.1f} {a:.1f}V{q1:.1f}M{x:.1f} {q3:.1f}V{b:.1f}"/>',
        f'<rect class="box" x="{x - half:.1f}" y="{q3:.1f}" width="{2 * half:.1f}" height="{max(q1 - q3, 0.5):.1f}" '
        'rx="2"/>',
        f'<path class="median" d="M{x - half:.1f} {m:.1f}h{2 * half:.1f}"/>',
    ]
    for k, (case, value) in enumerate(row.values):
        # Steps of the golden ratio spread dots evenly without chance.
        shift = ((k + 1) * 0.618034 % 1 - 0.5) * half * 1.4
        told = f"<title>{escape(case)}: {value:.4g}</title>"
        parts.append(f'<circle class="dot" cx="{x + shift:.1f}" cy="{y(value):.1f}" r="2.6">{told}</circle>')
    return parts
