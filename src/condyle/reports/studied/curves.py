"""Training progress as three plots over the epochs: losses and Dice, time, learning rate."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

from condyle.reports.plots import number, span_of, svg, text_at, ticks
from condyle.reports.studied.content import Curve

_WIDTH, _LEFT, _RIGHT, _GAP = 760.0, 62.0, 700.0, 44.0

#: Heights of the three plots.
_TALL, _LOW = 190.0, 90.0


def progress(curve: Curve) -> str:
    """The three plots, one below the other; nothing for a training without epochs."""
    if not curve.loss:
        return ""
    top = 26.0
    parts = _plot(top, _TALL, [("loss", curve.loss, 0, ""), ("validation loss", curve.val_loss, 1, "")], "loss")
    dice = [("pseudo-Dice", curve.dice, 2, "faint"), ("moving average", curve.smoothed, 2, "")]
    parts += _plot(top, _TALL, dice, "pseudo-Dice", right=True)
    top += _TALL + _GAP
    parts += _plot(top, _LOW, [("", curve.seconds, 0, "")], "seconds an epoch")
    top += _LOW + _GAP
    parts += _plot(top, _LOW, [("", curve.rate, 0, "")], "learning rate")
    count = len(curve.loss)
    parts += [text_at(_x(n, count), top + _LOW + 16, str(n + 1), "middle", "tick") for n in _epochs(count)]
    parts.append(text_at((_LEFT + _RIGHT) / 2, top + _LOW + 32, "epoch", "middle", "heading"))
    return svg(top + _LOW + 38, f"{curve.name}: training progress", parts, _WIDTH)


def _plot(
    top: float, height: float, lines: Sequence[tuple[str, Sequence[float], int, str]], heading: str, *,
    right: bool = False,
) -> list[str]:  # fmt: skip
    """Lines over epochs on an axis of their own; `right` puts the axis at the right, over another plot."""
    values = [v for _, line, _, _ in lines for v in line if isfinite(v)]
    if not values:
        return []
    marks = ticks(*span_of(values), 5 if height > 100 else 3)

    def y(value: float) -> float:
        return top + height - (value - marks[0]) / (marks[-1] - marks[0]) * height

    edge, anchor = (_RIGHT + 8, "start") if right else (_LEFT - 8, "end")
    parts = [text_at(_RIGHT if right else _LEFT, top - 10, heading, "end" if right else "start", "heading")]
    for mark in marks:
        if not right:
            parts.append(f'<path class="grid" d="M{_LEFT} {y(mark):.1f}H{_RIGHT}"/>')
        parts.append(text_at(edge, y(mark) + 4, number(mark), anchor, "tick"))
    for name, line, series, kind in lines:
        points = [(_x(n, len(line)), y(v)) for n, v in enumerate(line) if isfinite(v)]
        if not points:
            continue
        path = "L".join(f"{a:.1f} {b:.1f}" for a, b in points)
        dot = f'<circle class="dot" cx="{points[0][0]:.1f}" cy="{points[0][1]:.1f}" r="3"/>' if len(points) == 1 else ""
        parts.append(f'<g class="series{series}"><title>{name}</title><path class="line {kind}" d="M{path}"/>{dot}</g>')
    return parts


def _x(epoch: int, count: int) -> float:
    return (_LEFT + _RIGHT) / 2 if count == 1 else _LEFT + epoch / (count - 1) * (_RIGHT - _LEFT)


def _epochs(count: int) -> list[int]:
    """Epochs to write below the axis, from 0."""
    step = max(1, -(-count // 10))
    return list(range(0, count, step))
