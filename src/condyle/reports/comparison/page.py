"""The page: one HTML file without scripts that asks nothing of a network. Whatever comes from files is escaped."""

from __future__ import annotations

from base64 import b64encode
from html import escape
from importlib.resources import files

from condyle.metrics.ranking import Ranking
from condyle.metrics.status import Status
from condyle.reports import words as common
from condyle.reports.comparison import tables, words
from condyle.reports.comparison.baselines import CAUTIONS
from condyle.reports.comparison.critical import critical_diagram
from condyle.reports.comparison.measures import AGAINST_TRUTH, BETWEEN, PANEL, TESTED
from condyle.reports.comparison.panel import boxes
from condyle.reports.comparison.plots import Bar, bars, forest
from condyle.reports.comparison.sentences import findings
from condyle.reports.comparison.study import Drawn, Study
from condyle.reports.comparison.verdicts import p_text
from condyle.reports.measures import Measure
from condyle.reports.pieces import note, section
from condyle.reports.plots import Row, spread

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


def page(study: Study, *, version: str) -> str:
    """The whole page; `version` is Condyle's."""
    title = title_of(study)
    style = "\n".join(
        files("condyle.reports").joinpath("page", f).read_text("utf-8") for f in ("report.css", "compare.css")
    )
    told = "".join(f"<li>{escape(line)}</li>" for line in findings(study))
    left_out = "".join(f"<li>{escape(line)}</li>" for line in study.notes)
    parts = [f'<section class="alert"><h2>{common.NOTES}</h2><ul>{left_out}</ul></section>'] if study.notes else []
    parts += [_structure(study, name, n) for n, name in enumerate(study.summary)]
    parts += [_agreement(study)] if study.between else []
    if study.baseline is not None:
        caution = note(words.BASELINE_NOTE) + note(CAUTIONS[study.baseline])
        parts.append(section("baseline", words.BASELINE, caution, tables.baseline(study.baseline)))
    parts.append(section("measured", common.MEASURED, note(words.MEASURED), _terms(study)))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<link rel="icon" href="data:,">\n'
        f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        f'<header><p class="kind">{words.KIND}</p><h1>{escape(title)}</h1><p class="lead">{escape(_lead(study))}</p>'
        f'<ul class="findings">{told}</ul></header>\n<main>\n'
        + "\n".join(parts)
        + f"\n</main>\n<footer><p>{escape(common.MADE_BY.format(version=version))}</p></footer>\n</body>\n</html>\n"
    )


def title_of(study: Study) -> str:
    """What is compared."""
    names = study.names[:4] if len(study.names) <= 4 else (*study.names[:3], f"{len(study.names) - 3} more")
    joined = f"{', '.join(names[:-1])} and {names[-1]}"
    return joined if study.truth is None else f"{joined} against {study.truth}"


def _lead(study: Study) -> str:
    given = {"names": len(study.names), "cases": len(study.groups), "patients": study.patients, "truth": study.truth}
    return (words.LEAD_ALONE if study.truth is None else words.LEAD).format(**given)


def _structure(study: Study, structure: str, n: int) -> str:
    """One structure: scores, plots, differences, ranks. What explains them stands at the first structure."""

    def told(text: str) -> str:
        return note(text) if n == 0 else ""

    parts = [told(words.SCORES_NOTE), tables.scores(study, structure)]
    parts.append(f'<div class="pairs">{_bars(study, structure, AGAINST_TRUTH[0])}</div>')
    panel = "".join(f"<figure>{svg}</figure>" for m in PANEL if (svg := boxes(_rows(study, structure, m), m.heading)))
    parts.append(f"<h3>{words.BOXES}</h3>{told(words.BOXES_NOTE)}{_legend(study)}<div class='panel'>{panel}</div>")
    more = "".join(
        f"<figure>{spread(_rows(study, structure, m), m.heading)}</figure>{_bars(study, structure, m)}"
        for m in AGAINST_TRUTH
        if any(row.values for row in _rows(study, structure, m))
    )
    parts.append(f"<details><summary>{words.MORE}</summary>{more}</details>")
    parts.append(f"<h3>{words.DIFFERENCES}</h3>{told(words.DIFFERENCES_NOTE)}")
    parts += [_forest(study, structure, key) for key in ("dice", "assd_penalised_mm")]
    parts.append(tables.differences(study, structure))
    if study.seeded:
        parts.append(f"<h3>{words.SEEDS}</h3>{told(words.SEEDS_NOTE)}{tables.seeds(study, structure)}")
    ranked = [_ranking(study, key, ranking) for key, ranking in study.rankings.get(structure, {}).items()]
    if ranked:
        more = f"<details><summary>{words.MORE_RANKS}</summary>{''.join(ranked[1:])}</details>" if ranked[1:] else ""
        parts.append(f"<h3>{words.RANKS}</h3>{told(words.RANKS_NOTE)}{ranked[0]}{more}")
    return section(f"structure-{n}", structure, *parts)


def _legend(study: Study) -> str:
    names = (f'<span class="series{n}"><i class="swatch"></i>{escape(name)}</span>' for name, n in study.colors.items())
    return f'<p class="legend">{"".join(names)}</p>'


def _bars(study: Study, structure: str, measure: Measure) -> str:
    rows = []
    for n, name in enumerate(study.names):
        summary = study.summary[structure][name][measure.key]
        if summary.mean is not None:
            missed = study.candidates[n].counts(structure)["missed"]
            remark = measure.text(summary.mean) + (f", {missed} missed" if missed else "")
            rows.append(Bar(name, summary.mean, summary.interval, remark, study.colors[name]))
    heading = f"mean {measure.heading}, sorted"
    return f"<figure>{bars(rows, heading, descending=measure.better == 'larger')}</figure>" if rows else ""


def _rows(study: Study, structure: str, measure: Measure) -> list[Row]:
    rows = []
    for candidate in study.candidates:
        values = [(case, v) for case, v in candidate.values(structure, measure.key).items() if v is not None]
        counts = candidate.counts(structure)
        silent = len(values) < len(candidate.cases)
        absent: tuple[tuple[Status, str], ...] = (("missed", "missed"), ("false_alarm", "false"))
        told = [f"{counts[status]} {word}" for status, word in absent if silent and counts[status]]
        rows.append(Row(candidate.name, values, ", ".join(told), study.colors[candidate.name]))
    return rows


def _forest(study: Study, structure: str, key: str) -> str:
    measure = TESTED[key]
    rows = [
        Bar(
            f"{d.a} \N{MINUS SIGN} {d.b}",
            d.comparison.difference,
            d.comparison.interval,
            f"p {p_text(d.holm_p)}",
            # The colour of whoever leads; none is left grey.
            study.colors.get(d.leader or "", -1),
        )
        for d in study.differences
        if (d.structure, d.metric) == (structure, key)
    ]
    return f"<figure>{forest(rows, f'difference of {measure.heading}')}</figure>" if rows else ""


def _ranking(study: Study, key: str, ranking: Ranking) -> str:
    told = words.RANKED.format(score=TESTED[key].title, blocks=ranking.blocks, p=p_text(ranking.friedman_p))
    if ranking.left_out:
        told += words.RANKED_LEFT_OUT.format(n=ranking.left_out)
    drawn = critical_diagram(ranking, study.colors)
    figure = f"<figure>{drawn}</figure>" if drawn else ""
    return f"<h4>{escape(TESTED[key].heading)}</h4>{note(told)}{figure}{tables.ranks(ranking, study.colors)}"


def _agreement(study: Study) -> str:
    first = study.between[0]
    pictures = "".join(_picture(drawn, first.a, first.b) for drawn in study.drawn)
    told = note(words.PICTURES_NOTE.format(a=first.a, b=first.b)) if study.drawn else ""
    return section(
        "agreement", words.AGREEMENT, note(words.AGREEMENT_NOTE), tables.agreement(study.between), told, pictures
    )


def _picture(drawn: Drawn, a: str, b: str) -> str:
    told = "".join(f"<p>{escape(line)}</p>" for line in drawn.sentences)
    alt = escape(f"{drawn.case}: where {a} and {b} agree")
    source = f"data:image/png;base64,{b64encode(drawn.png).decode('ascii')}"
    return f'<figure class="agreement"><img alt="{alt}" src="{source}"><figcaption>{told}</figcaption></figure>'


def _terms(study: Study) -> str:
    terms = [(m.heading, m.meaning) for m in (AGAINST_TRUTH if study.candidates else BETWEEN) if m.meaning]
    terms += [words.BOOTSTRAP, *(words.TESTS if study.candidates else ())]
    return f"<dl>{''.join(f'<dt>{escape(a)}</dt><dd>{escape(b)}</dd>' for a, b in terms)}</dl>"
