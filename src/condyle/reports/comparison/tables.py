"""The tables of a comparison: scores, differences, ranks, seeds, agreement, and others' numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from condyle.metrics.candidates import Candidate
from condyle.metrics.paired import Difference
from condyle.metrics.ranking import Ranking
from condyle.metrics.statistics import Summary
from condyle.reports.comparison.baselines import BASELINES, BaselineName
from condyle.reports.comparison.measures import AGAINST_TRUTH, BETWEEN, TESTED
from condyle.reports.comparison.study import Between, Study
from condyle.reports.comparison.verdicts import p_text, verdict
from condyle.reports.measures import Measure
from condyle.reports.pieces import model_cell

#: Rows of a table that are shown without being asked for.
_MANY = 24


def scores(study: Study, structure: str) -> str:
    """Mean, SD and interval of every score of every candidate."""
    heads = ["Candidate", "Cases", "Missed", "False alarms", *(m.heading for m in AGAINST_TRUTH)]
    rows = []
    for candidate in study.candidates:
        counts = candidate.counts(structure)
        cells = [model_cell(study.colors[candidate.name], candidate.name)]
        cells += [
            _number(text) for text in (cases_text(candidate), *map(str, (counts["missed"], counts["false_alarm"])))
        ]
        cells += [_mean(study.summary[structure][candidate.name][m.key], m) for m in AGAINST_TRUTH]
        rows.append(cells)
    return _table(heads, rows, texts=1)


def cases_text(candidate: Candidate) -> str:
    """How many cases, and how many trainings of each if there are several."""
    runs = len(candidate.runs)
    return str(len(candidate.cases)) + (f" × {runs}" if runs > 1 else "")  # noqa: RUF001 - typography


def differences(study: Study, structure: str) -> str:
    """Every pair by every tested score."""
    heads = ["Score", "A", "B", "What it shows", "Cases", "Left out", "Patients", "A − B", "95 % interval"]  # noqa: RUF001
    heads += ["Wilcoxon p", "after Holm"] + (["SD between seeds"] if study.seeded else [])
    rows = [_difference(d, study.colors, seeded=study.seeded) for d in study.differences if d.structure == structure]
    table = _table(heads, rows, texts=4)
    return table if len(rows) <= _MANY else f"<details><summary>All {len(rows)} differences</summary>{table}</details>"


def _difference(d: Difference, series: Mapping[str, int], *, seeded: bool) -> list[str]:
    measure, c = TESTED[d.metric], d.comparison
    interval = "–" if c.interval is None else " to ".join(measure.text(v) for v in c.interval)  # noqa: RUF001
    cells = [f'<th scope="row">{escape(measure.heading)}</th>']
    cells += [model_cell(series[name], name) for name in (d.a, d.b)]
    cells.append(f'<td class="verdict{" led" if d.leader else ""}">{escape(verdict(d))}</td>')
    p, holm = (None, None) if d.holm_p is None else (c.wilcoxon_p, d.holm_p)
    texts = [str(c.n), str(d.left_out), str(c.groups), measure.text(c.difference), interval]
    texts += [p_text(p).removeprefix("= "), p_text(holm).removeprefix("= ")]
    return cells + [_number(t) for t in texts + ([measure.text(d.seeds_sd)] if seeded else [])]


def ranks(ranking: Ranking, series: Mapping[str, int]) -> str:
    """Mean ranks, and how often each came first when patients were drawn anew."""
    rows = [
        [
            model_cell(series[name], name),
            _number(f"{mean:.2f}"),
            _number(f"{low:.2f} to {high:.2f}"),
            _number(f"{100 * first:.0f} %"),
        ]
        for name, mean, (low, high), first in zip(
            ranking.names, ranking.mean_ranks, ranking.intervals, ranking.first, strict=True
        )
    ]
    table = _table(["Candidate", "Mean rank", "95 % interval", "First in draws"], rows, texts=1)
    return f'<div class="narrow">{table}</div>'


def seeds(study: Study, structure: str) -> str:
    """The mean of every training of every model, by the tested scores."""
    rows = []
    for candidate in study.candidates:
        n = study.colors[candidate.name]
        means = {key: candidate.run_means(structure, key) for key in TESTED}
        rows += [
            [model_cell(n, run), *(_number(m.text(means[k].get(run))) for k, m in TESTED.items())]
            for run in candidate.runs
        ]
        if len(candidate.runs) > 1:
            sds = [_number(m.text(candidate.seeds_sd(structure, k))) for k, m in TESTED.items()]
            rows.append([model_cell(n, f"{candidate.name}: SD between seeds"), *sds])
    return _table(["Training", *(m.heading for m in TESTED.values())], rows, texts=1)


def agreement(pairs: Sequence[Between]) -> str:
    """Candidates against each other."""
    told = [m for m in BETWEEN if any(s[m.key].mean is not None for p in pairs for s in p.summary.values())]
    rows = []
    for pair in pairs:
        for structure, metrics in pair.summary.items():
            counts = pair.counts[structure]
            cells = [
                f'<th scope="row">{escape(structure)}</th>',
                *(f"<td>{escape(name)}</td>" for name in (pair.a, pair.b)),
            ]
            cells += [_number(str(v)) for v in (sum(counts.values()), counts["missed"], counts["false_alarm"])]
            rows.append(cells + [_mean(metrics[m.key], m) for m in told])
    heads = ["Structure", "First", "Second", "Cases", "Only first", "Only second", *(m.heading for m in told)]
    return _table(heads, rows, texts=3)


def baseline(name: BaselineName) -> str:
    """Others' numbers as they were printed, each with its source."""
    lines = BASELINES[name]
    heads = list(dict.fromkeys(heading for line in lines for heading in line.scores))
    sources = list(dict.fromkeys(line.source for line in lines))
    rows = [
        [
            f'<th scope="row">{escape(line.method)}</th><td>{escape(line.structure)}</td>',
            *(_number(line.scores.get(heading, "–")) for heading in heads),  # noqa: RUF001 - typography
            f"<td>[{sources.index(line.source) + 1}]</td>",
        ]
        for line in lines
    ]
    listed = "".join(f"<li>{escape(source)}</li>" for source in sources)
    table = _table(["Method", "Structure", *heads, "Source"], rows, texts=2, last_text=True)
    return f'{table}<ol class="sources">{listed}</ol>'


def _mean(summary: Summary, measure: Measure) -> str:
    small = "" if summary.sd is None else f"<small>± {measure.text(summary.sd)}</small>"
    if summary.interval is not None:
        small += f"<small>{' to '.join(measure.text(v) for v in summary.interval)}</small>"
    return f'<td class="number" data-score="{measure.key}">{measure.text(summary.mean)}{small}</td>'


def _number(text: str) -> str:
    return f'<td class="number">{escape(text)}</td>'


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, texts: int, last_text: bool = False) -> str:
    """A table whose first `texts` columns are words and whose others are numbers."""
    words = {*range(texts), *([len(heads) - 1] if last_text else [])}
    head = "".join(
        f'<th scope="col"{"" if n in words else " class=number"}>{escape(text)}</th>' for n, text in enumerate(heads)
    )
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
