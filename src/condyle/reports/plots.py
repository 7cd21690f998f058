"""Box, strip and histogram plots as SVG text whose colours come from the page's style sheet."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

#: Widths in SVG units: of all, of the names, and of what is said at the right.
_WIDTH, _NAMES, _REMARKS = 760.0, 170.0, 130.0
_ROW, _TOP, _BOTTOM = 34.0, 6.0, 34.0

#: Histogram bins; the comparison this follows had 15.
BINS = 15


@dataclass(frozen=True)
class Row:
    """One line of dots.

    Args:
        name: At its left.
        values: Case and value.
        remark: At its right; what has no value.
        series: Which model, 0 or 1: its colour.
    """

    name: str
    values: Sequence[tuple[str, float]]
    remark: str = ""
    series: int = 0


def span_of(values: Sequence[float]) -> tuple[float, float]:
    """The smallest and the largest, kept apart where they differ by rounding alone or not at all.

    Zeros alone are drawn from 0 on, as few measures are ever negative.
    """
    low, high = min(values), max(values)
    size = max(abs(low), abs(high)) or 1.0
    if high - low > 1e-5 * size:
        return low, high
    return (0.0 if low == 0 else low - 0.05 * size), high + 0.05 * size


def ticks(low: float, high: float, count: int = 6) -> list[float]:
    """Round numbers that span a range."""
    span = high - low
    step = 10 ** math.floor(math.log10(span / count))
    step *= next((f for f in (1, 2, 2.5, 5, 10) if span / (step * f) <= count), 10)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(n * step, 10) for n in range(first, max(last, first + 1) + 1)]


def box_of(values: Sequence[float]) -> tuple[float, float, float, float, float]:
    """Whisker, quartile, median, quartile, whisker; whiskers end at the last value within 1.5 box lengths (Tukey)."""
    first, median, third = (float(q) for q in np.percentile(values, (25, 50, 75)))
    reach = 1.5 * (third - first)
    inner = [v for v in values if first - reach <= v <= third + reach]
    # With few cases a quartile may lie beyond the last case within reach: no whisker on that side.
    return min(*inner, first), first, median, third, max(*inner, third)


def spread(rows: Sequence[Row], heading: str) -> str:
    """Horizontal boxes with every case as a dot."""
    everything = [v for row in rows for _, v in row.values]
    marks = ticks(*span_of(everything)) if everything else [0.0, 1.0]
    height = _TOP + _ROW * len(rows) + _BOTTOM
    left, right = _NAMES, _WIDTH - _REMARKS

    def x(value: float) -> float:
        return left + (value - marks[0]) / (marks[-1] - marks[0]) * (right - left)

    parts = [_axis(x, marks, height, heading)]
    for n, row in enumerate(rows):
        y = _TOP + _ROW * (n + 0.5)
        parts.append(f'<g class="series{row.series}">{text_at(left - 14, y + 4, row.name, "end", "name")}')
        if row.values:
            a, q1, m, q3, b = (x(v) for v in box_of([v for _, v in row.values]))
            parts.append(
                f'<path class="whisker" d="M{a:.1f} {y:.1f}H{q1:.1f}M{q3:.1f} {y:.1f}H{b:.1f}"/>'
                f'<rect class="box" x="{q1:.1f}" y="{y - 9:.1f}" width="{max(q3 - q1, 0.5):.1f}" height="18" rx="2"/>'
                f'<path class="median" d="M{m:.1f} {y - 9:.1f}v18"/>'
            )
        for k, (case, value) in enumerate(row.values):
            # Steps of the golden ratio spread dots evenly without chance.
            shift = ((k + 1) * 0.618034 % 1 - 0.5) * 14
            parts.append(
                f'<circle class="dot" cx="{x(value):.1f}" cy="{y + shift:.1f}" r="3">'
                f"<title>{escape(case)}: {value:.4g}</title></circle>"
            )
        parts.append(text_at(right + 14, y + 4, row.remark, "start", "remark") + "</g>")
    return svg(height, f"{heading}: box and dots", parts)


def histogram(rows: Sequence[Row], heading: str) -> str:
    """Counts of cases in 15 bins; a second model is drawn as an outline over the first."""
    everything = [v for row in rows for _, v in row.values]
    if not everything:
        return ""
    edges = np.linspace(*span_of(everything), BINS + 1)
    counts = [np.histogram([v for _, v in row.values], edges)[0] for row in rows]
    top = max(int(c.max()) for c in counts)
    width, height, left, right, bottom = 360.0, 190.0, 34.0, 352.0, 150.0
    marks = [m for m in ticks(float(edges[0]), float(edges[-1]), 4) if edges[0] <= m <= edges[-1]]

    def x(value: float) -> float:
        return left + (value - float(edges[0])) / float(edges[-1] - edges[0]) * (right - left)

    parts = [f'<path class="axis" d="M{left} {bottom}H{right}"/>']
    parts += [text_at(x(m), bottom + 16, number(m), "middle", "tick") for m in marks]
    parts += [text_at((left + right) / 2, height - 6, heading, "middle", "heading")]
    for n in sorted({top, (top + 1) // 2} - {0}):
        y = bottom - n / top * (bottom - 12)
        parts.append(
            f'<path class="grid" d="M{left} {y:.1f}H{right}"/>{text_at(left - 6, y + 4, str(n), "end", "tick")}'
        )
    for row, count in zip(rows, counts, strict=True):
        for n in np.flatnonzero(count).tolist():
            a, b, y = x(float(edges[n])), x(float(edges[n + 1])), bottom - count[n] / top * (bottom - 12)
            parts.append(
                f'<rect class="bar series{row.series}" x="{a + 1:.1f}" y="{y:.1f}" width="{b - a - 2:.1f}" '
                f'height="{bottom - y:.1f}"><title>{number(float(edges[n]))} – {number(float(edges[n + 1]))}: '  # noqa: RUF001
                f"{count[n]}</title></rect>"
            )
    return svg(height, f"{heading}: histogram", parts, width)


def _axis(x: Callable[[float], float], marks: Sequence[float], height: float, heading: str) -> str:
    bottom = height - _BOTTOM
    parts = []
    for mark in marks:
        parts.append(f'<path class="grid" d="M{x(mark):.1f} {_TOP}V{bottom:.1f}"/>')
        parts.append(text_at(x(mark), bottom + 16, number(mark), "middle", "tick"))
    parts.append(text_at((x(marks[0]) + x(marks[-1])) / 2, height - 3, heading, "middle", "heading"))
    return "".join(parts)


def number(value: float) -> str:
    """A tick's text."""
    return f"{value:.5g}".replace("-", "−")  # noqa: RUF001 - typography


def text_at(x: float, y: float, text: str, anchor: str, kind: str) -> str:
    """Text at a point; `anchor` is start, middle or end, `kind` its class in the style sheet."""
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>' if text else ""


def svg(height: float, label: str, parts: Sequence[str], width: float = _WIDTH) -> str:
    """A picture out of its parts; `label` says what it shows."""
    return (
        f'<svg class="plot" role="img" aria-label="{escape(label)}" viewBox="0 0 {width:g} {height:g}">'
        f"{''.join(parts)}</svg>"
    )
