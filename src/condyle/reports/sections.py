"""The parts of the page that are plots, the viewer that scripts fill, and what the numbers mean."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from condyle.metrics import Score
from condyle.reports import words
from condyle.reports.judged import Content
from condyle.reports.measures import MEASURES, Measure
from condyle.reports.pieces import note, section
from condyle.reports.plots import Row, histogram, spread

#: With more structures than this all metrics but the first are folded away.
_MANY = 10


def spreads(content: Content) -> str:
    """Box and strip plots of every metric, and histograms behind a fold."""
    legend = ""
    if content.b is not None:
        names = enumerate(model.name for model in content.models)
        legend = "".join(f'<span class="series{n}"><i class="swatch"></i>{escape(name)}</span>' for n, name in names)
        legend = f'<p class="legend">{legend}</p>'
    boxes = [f"<figure>{spread(_rows(content, m), m.heading)}</figure>" for m in MEASURES]
    if len(content.structures) > _MANY:
        boxes = [
            f"<details{' open' * (n == 0)}><summary>{escape(m.heading)}</summary>{box}</details>"
            for n, (m, box) in enumerate(zip(MEASURES, boxes, strict=True))
        ]
    bars = []
    for structure in content.structures:
        plots = [histogram(_rows(content, m, only=structure), m.heading) for m in MEASURES]
        figures = "".join(f"<figure>{svg}</figure>" for svg in plots if svg)
        bars.append(f'<h4>{escape(structure)}</h4><div class="histograms">{figures}</div>')
    return section(
        "spread",
        words.SPREAD,
        note(words.SPREAD_NOTE) + legend,
        "".join(boxes),
        f"<details><summary>{words.HISTOGRAMS}</summary>{''.join(bars)}</details>",
    )


def _rows(content: Content, measure: Measure, only: str | None = None) -> list[Row]:
    rows = []
    for structure in content.structures if only is None else (only,):
        for n, model in enumerate(content.models):
            scores = model.rows(structure)
            values = [(id_, v) for id_, row in scores if (v := getattr(row, measure.key)) is not None]
            rows.append(Row(structure if n == 0 else "", values, _remark([row for _, row in scores], measure), n))
    return rows


def _remark(rows: Sequence[Score], measure: Measure) -> str:
    """What has no dot."""
    silent = [row.status for row in rows if getattr(row, measure.key) is None]
    missed, false = silent.count("missed"), silent.count("false_alarm")
    told = [f"{missed} missed"] * bool(missed) + [f"{false} false"] * bool(false)
    return ", ".join(told)


def viewer(content: Content, ids: Sequence[str]) -> str:
    """Where the scripts draw; the case to open first is the worst."""
    if not ids:
        return section("viewer", words.VIEWER, note(words.NO_VIEWER))
    options = "".join(f'<option value="{n}">{escape(id_)}</option>' for n, id_ in enumerate(ids))
    planes = "".join(
        f'<figure class="plane" data-plane="{plane}"><figcaption><b></b> <output></output></figcaption>'
        f'<div class="stage"><canvas role="img" aria-label="{plane} plane"></canvas>'
        '<i class="left"></i><i class="right"></i><i class="top"></i>'
        f'<i class="bottom"></i></div><input type="range" min="0" step="1" aria-label="{plane} slice"></figure>'
        for plane in ("axial", "coronal", "sagittal")
    )
    two = '<label>Prediction <select id="model"></select></label>' if content.b is not None else ""
    return section(
        "viewer",
        words.VIEWER,
        note(words.VIEWER_NOTE),
        '<div class="controls"><span class="steps"><button type="button" id="previous" aria-label="Previous case">‹'  # noqa: RUF001
        f'</button><label>Case <select id="case">{options}</select></label>'
        '<button type="button" id="next" aria-label="Next case">›</button></span>'  # noqa: RUF001
        f'<label>Structure <select id="structure"></select></label>{two}'
        '<fieldset id="modes"><legend>Show</legend></fieldset></div>'
        '<p class="legend" id="legend"></p><div id="told"></div>'
        f'<div class="views">{planes}<figure class="plane" id="surface"><figcaption><b>{words.SURFACE}</b>'
        '<label class="scale">colours end at ± <select id="scale"></select> mm</label></figcaption>'
        '<div class="stage"><canvas tabindex="0" role="img"></canvas></div>'
        '<div class="bar"><canvas></canvas><span></span></div><p class="caption"></p></figure></div>',
    )


def measured(content: Content) -> str:
    """What the numbers mean."""
    terms = "".join(f"<dt>{escape(m.heading)}</dt><dd>{escape(m.meaning)}</dd>" for m in MEASURES)
    told = words.MEASURED_NOTE.format(tolerance=f"{content.tolerance_mm:g}")
    return section("measured", words.MEASURED, note(told), f"<dl>{terms}</dl>")
