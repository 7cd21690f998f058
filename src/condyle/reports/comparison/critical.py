"""The critical difference diagram (Demsar 2006): mean ranks on a line, bars over those that cannot be told apart."""

from __future__ import annotations

from collections.abc import Mapping

from condyle.metrics.ranking import Ranking
from condyle.reports.plots import svg, text_at

_WIDTH, _LEFT, _RIGHT, _LINE, _STEP = 760.0, 200.0, 560.0, 62.0, 24.0


def critical_diagram(ranking: Ranking, series: Mapping[str, int]) -> str:
    """Draw a ranking of three or more; nothing for two.

    Args:
        ranking: Best first.
        series: Name to colour.
    """
    cd = ranking.critical_difference
    if cd is None:
        return ""
    count = len(ranking.names)

    def x(rank: float) -> float:
        return _LEFT + (rank - 1) / (count - 1) * (_RIGHT - _LEFT)

    parts = [f'<path class="axis strong" d="M{_LEFT} {_LINE}H{_RIGHT}"/>']
    for rank in range(1, count + 1):
        parts.append(f'<path class="axis strong" d="M{x(rank):.1f} {_LINE - 5}v5"/>')
        parts.append(text_at(x(rank), _LINE - 10, str(rank), "middle", "tick"))
    reach = min(x(1 + cd), _WIDTH - 8)
    parts.append(f'<path class="interval" d="M{x(1):.1f} 22H{reach:.1f}M{x(1):.1f} 18v8M{reach:.1f} 18v8"/>')
    parts.append(text_at((x(1) + reach) / 2, 13, f"critical difference {cd:.2f}", "middle", "tick"))
    ties = len(ranking.tied)
    for n, tied in enumerate(ranking.tied):
        ends = (ranking.mean_ranks[ranking.names.index(name)] for name in (tied[0], tied[-1]))
        a, b = (x(rank) for rank in ends)
        parts.append(f'<path class="tie" d="M{a - 4:.1f} {_LINE + 9 + 9 * n}H{b + 4:.1f}"/>')
    half = (count + 1) // 2
    base = _LINE + 24 + 9 * ties
    for n, (name, mean) in enumerate(zip(ranking.names, ranking.mean_ranks, strict=True)):
        left = n < half
        # The outermost lead the shortest way: best and worst on top.
        y = base + _STEP * (n if left else count - 1 - n)
        edge, anchor, text = (_LEFT - 20, "end", _LEFT - 26) if left else (_RIGHT + 20, "start", _RIGHT + 26)
        parts.append(
            f'<g class="series{series[name]}"><path class="lead" d="M{x(mean):.1f} {_LINE}V{y:.1f}H{edge}"/>'
            f"{text_at(text, y + 4, f'{name} ({mean:.2f})', anchor, 'name')}</g>"
        )
    return svg(base + _STEP * half, "critical difference diagram", parts, _WIDTH)
