"""The plots of a comparison as SVG text: sorted bars, and a forest of differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from condyle.reports.plots import number, span_of, svg, text_at, ticks

_WIDTH, _NAMES, _REMARKS, _ROW, _BOTTOM = 760.0, 210.0, 120.0, 28.0, 36.0


@dataclass(frozen=True)
class Bar:
    """A value with its interval.

    Args:
        name: At its left.
        value: Length of the bar, or place of the dot.
        interval: Drawn over it, or None.
        remark: At its right.
        series: Its colour.
    """

    name: str
    value: float
    interval: tuple[float, float] | None = None
    remark: str = ""
    series: int = 0


def bars(rows: Sequence[Bar], heading: str, *, descending: bool = True, from_zero: bool = False) -> str:
    """Horizontal bars, the best on top.

    The axis starts near the smallest, as scores that matter differ by little; or at zero, for times and sizes.
    """
    rows = sorted(rows, key=lambda row: row.value, reverse=descending)
    marks, x = _scale(rows, (0.0,) if from_zero else ())
    parts = [_frame(x, marks, len(rows), heading)]
    for n, row in enumerate(rows):
        y = _ROW * (n + 0.5) + 4
        width = max(x(row.value) - x(marks[0]), 0.5)
        parts.append(
            f'<g class="series{row.series}">{text_at(_NAMES - 12, y + 4, row.name, "end", "name")}'
            f'<rect class="bar" x="{x(marks[0]):.1f}" y="{y - 8:.1f}" width="{width:.1f}" height="16" rx="2"/>'
            f"{_whisker(row, x, y)}{text_at(_WIDTH - _REMARKS + 12, y + 4, row.remark, 'start', 'value')}</g>"
        )
    return svg(_height(rows), f"{heading}: sorted bars", parts, _WIDTH)


def forest(rows: Sequence[Bar], heading: str) -> str:
    """Differences with their intervals about a line at zero."""
    marks, x = _scale(rows, (0.0,))
    parts = [_frame(x, marks, len(rows), heading)]
    parts.append(f'<path class="zero" d="M{x(0):.1f} 0V{_height(rows) - _BOTTOM:.1f}"/>')
    for n, row in enumerate(rows):
        y = _ROW * (n + 0.5) + 4
        parts.append(
            f'<g class="series{row.series}">{text_at(_NAMES - 12, y + 4, row.name, "end", "name")}{_whisker(row, x, y)}'
            f'<circle class="dot" cx="{x(row.value):.1f}" cy="{y:.1f}" r="4"/>'
            f"{text_at(_WIDTH - _REMARKS + 12, y + 4, row.remark, 'start', 'value')}</g>"
        )
    return svg(_height(rows), f"{heading}: intervals", parts, _WIDTH)


def _scale(rows: Sequence[Bar], more: Sequence[float]) -> tuple[list[float], Callable[[float], float]]:
    everything = [v for row in rows for v in (row.value, *(row.interval or ()))] + list(more)
    marks = ticks(*span_of(everything))

    def x(value: float) -> float:
        return _NAMES + (value - marks[0]) / (marks[-1] - marks[0]) * (_WIDTH - _REMARKS - _NAMES)

    return marks, x


def _frame(x: Callable[[float], float], marks: Sequence[float], rows: int, heading: str) -> str:
    bottom = _ROW * rows + 8
    parts = [f'<path class="grid" d="M{x(m):.1f} 0V{bottom:.1f}"/>' for m in marks]
    parts += [text_at(x(m), bottom + 14, number(m), "middle", "tick") for m in marks]
    return "".join(parts) + text_at((x(marks[0]) + x(marks[-1])) / 2, bottom + 31, heading, "middle", "heading")


def _whisker(row: Bar, x: Callable[[float], float], y: float) -> str:
    if row.interval is None:
        return ""
    low, high = (x(v) for v in row.interval)
    return (
        f'<path class="interval" d="M{low:.1f} {y:.1f}H{high:.1f}M{low:.1f} {y - 4:.1f}v8M{high:.1f} {y - 4:.1f}v8"/>'
    )


def _height(rows: Sequence[Bar]) -> float:
    return _ROW * len(rows) + 8 + _BOTTOM
