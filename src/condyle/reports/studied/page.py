"""The page: one HTML file without scripts that asks nothing of a network. Whatever comes from files is escaped."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from importlib.resources import files

from condyle.reports import words as common
from condyle.reports.comparison import tables as compared
from condyle.reports.comparison.baselines import CAUTIONS
from condyle.reports.comparison.measures import PANEL
from condyle.reports.comparison.panel import boxes
from condyle.reports.comparison.plots import Bar, bars
from condyle.reports.pieces import note, section
from condyle.reports.plots import Row
from condyle.reports.studied import tables, words
from condyle.reports.studied.content import HELD_OUT, Answer, Content, Scored, Training
from condyle.reports.studied.curves import progress

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
_STYLES = ("report.css", "compare.css", "study.css")

#: With more trainings than this their progress is folded away.
_FEW = 2

#: As many findings of a comparison are shown; the others are folded away.
_FINDINGS = 6

#: Colours there are.
_COLORS = 8


def page(content: Content, *, version: str) -> str:
    """The whole page; `version` is Condyle's."""
    style = "\n".join(files("condyle.reports").joinpath("page", name).read_text("utf-8") for name in _STYLES)
    source = f'<p class="lead">After: {escape(content.source)}</p>' if content.source else ""
    parts = [_told_first(words.LIMITS, content.limits), _told_first(words.UNDONE, content.undone), _answers(content)]
    parts += [_scores(content), _configurations(content), _baselines(content)]
    parts += [_progress(content), _resources(content), _how(content)]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<link rel="icon" href="data:,">\n'
        f"<title>{escape(content.title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        f'<header><p class="kind">{words.KIND}</p><h1>{escape(content.title)}</h1>{source}</header>\n<main>\n'
        + "\n".join(part for part in parts if part)
        + f"\n</main>\n<footer><p>{escape(common.MADE_BY.format(version=version))}</p></footer>\n</body>\n</html>\n"
    )


def _list(lines: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>" if lines else ""


def _told_first(heading: str, lines: Sequence[str]) -> str:
    return f'<section class="alert"><h2>{heading}</h2>{_list(lines)}</section>' if lines else ""


def _answers(content: Content) -> str:
    return section("answers", words.ANSWERS, *map(_answer, content.answers)) if content.answers else ""


def _answer(answer: Answer) -> str:
    if not answer.link:
        return f"<h3>{escape(answer.ask)}</h3>{note(words.NO_ANSWER)}"
    link = f'<p><a href="{escape(answer.link)}">{words.WHOLE}</a></p>'
    left_out = "".join(note(f"Not in these numbers: {line}") for line in answer.notes)
    told, more = answer.findings[:_FINDINGS], answer.findings[_FINDINGS:]
    folded = f"<details><summary>{words.MORE.format(n=len(more))}</summary>{_list(more)}</details>" if more else ""
    return f'<h3>{escape(answer.ask)}</h3><div class="findings">{_list(told)}{folded}</div>{left_out}{link}'


def _scores(content: Content) -> str:
    """What was asked for in the open; what each training held out itself behind a fold, where there is both."""
    tested = [s for s in content.scores if s.evaluation != HELD_OUT]
    own = [s for s in content.scores if s.evaluation == HELD_OUT]
    shown, folded = (tested, own) if tested else (own, [])
    if not shown:
        return ""
    parts = [note(words.SCORES_NOTE), tables.scores(shown), _boxes(shown)]
    if folded:
        inside = tables.scores(folded) + _boxes(folded)
        parts.append(f"<details><summary>{words.HELD_OUT}</summary>{inside}</details>")
    return section("scores", words.SCORES, *parts)


def _boxes(scores: Sequence[Scored]) -> str:
    """A panel for each judge and structure, with all that were asked side by side; the first is open."""
    several = len({s.evaluation for s in scores}) > 1
    out: list[str] = []
    for against, structure in dict.fromkeys((s.against, s.structure) for s in scores):
        rows = {
            f"{s.evaluation}: {s.model}" if several else s.model: s
            for s in scores
            if (s.against, s.structure) == (against, structure)
        }
        shown = dict(list(rows.items())[:_COLORS])
        names = "".join(
            f'<span class="series{n}"><i class="swatch"></i>{escape(name)}</span>' for n, name in enumerate(shown)
        )
        title = escape(words.JUDGED.format(against=against, structure=structure))
        drawn = f'<p class="legend">{names}</p><div class="panel">{_panel(shown)}</div>'
        if len(shown) < len(rows):
            drawn += note(words.ONLY_SOME.format(shown=len(shown), all=len(rows)))
        out.append(f"<details{' open' * (not out)}><summary>{title}</summary>{drawn}</details>")
    return "".join(out)


def _panel(rows: Mapping[str, Scored]) -> str:
    """Two by two boxes, as the proximal femur study draws them."""
    drawn = [
        boxes([Row(name, row.values[m.key], "", n) for n, (name, row) in enumerate(rows.items())], m.heading)
        for m in PANEL
        if all(m.key in row.values for row in rows.values())
    ]
    return "".join(f"<figure>{svg}</figure>" for svg in drawn if svg)


def _configurations(content: Content) -> str:
    known = [t for t in content.trainings if t.mean_dice is not None]
    if not known:
        return ""
    figure = _sorted(known, lambda t: t.mean_dice or 0.0, lambda v: f"{v:.4f}", "Dice on held-out cases", best=True)
    choices = _list(content.choices)
    return section(
        "configurations", words.CONFIGURATIONS, note(words.CONFIGURATIONS_NOTE), figure, tables.dice(known), choices
    )


def _sorted(
    trainings: Sequence[Training],
    value: Callable[[Training], float],
    text: Callable[[float], str],
    heading: str,
    *,
    best: bool = False,
) -> str:
    models = list(dict.fromkeys(t.model for t in trainings))
    rows = [Bar(t.id, value(t), None, text(value(t)), models.index(t.model) % _COLORS) for t in trainings]
    return f"<figure>{bars(rows, heading, descending=best, from_zero=not best)}</figure>"


def _baselines(content: Content) -> str:
    parts = [note(CAUTIONS[name]) + compared.baseline(name) for name in content.baselines]
    return section("baselines", words.BASELINE, note(words.BASELINE_NOTE), *parts) if parts else ""


def _progress(content: Content) -> str:
    curves = [curve for t in content.trainings for curve in t.curves]
    drawn = [
        f"<details{' open' * (len(curves) <= _FEW)}><summary>{escape(curve.name)}</summary>"
        f"<figure>{progress(curve)}</figure></details>"
        for curve in curves
    ]
    return section("progress", words.PROGRESS, note(words.PROGRESS_NOTE), *drawn) if drawn else ""


def _resources(content: Content) -> str:
    done = [t for t in content.trainings if not t.state]
    if not done:
        return ""
    parts = [note(words.RESOURCES_NOTE), note(content.energy)]
    parts.append(_sorted(done, lambda t: t.seconds, lambda v: f"{v:.0f} s", "time of training (s)"))
    parts.append(_sorted(done, lambda t: t.ram_gib, lambda v: f"{v:.2f}", "peak memory of the process (GiB)"))
    if any(t.vram_gib for t in done):
        parts.append(_sorted(done, lambda t: t.vram_gib, lambda v: f"{v:.2f}", "peak on the graphics card (GiB)"))
    parts.append(tables.resources(done))
    if content.asking:
        names = list(dict.fromkeys(a.evaluation for a in content.asking))
        rows = [
            Bar(
                f"{a.evaluation}: {a.model}", a.seconds, None, f"{a.seconds:.2f} s", names.index(a.evaluation) % _COLORS
            )
            for a in content.asking
        ]
        figure = bars(rows, "time of segmenting a scan (s)", descending=False, from_zero=True)
        parts += [note(words.ASKING_NOTE), f"<figure>{figure}</figure>", tables.asking(content.asking)]
    return section("resources", words.RESOURCES, *parts)


def _how(content: Content) -> str:
    commands = escape("\n".join(content.commands))
    return section(
        "how",
        words.HOW,
        note(words.SPLIT_NOTE),
        _list((*content.splits, *content.notes)),
        f'<details><summary>{words.COMMANDS}</summary><pre class="commands">{commands}</pre></details>',
    )
