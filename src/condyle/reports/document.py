"""The page: one HTML file that asks nothing of a network. Everything that comes from files is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from importlib.resources import files
from typing import Any

from condyle.reports import words
from condyle.reports.colored import SCALES
from condyle.reports.judged import Content
from condyle.reports.lead import lead, notes
from condyle.reports.pack import script_json
from condyle.reports.sections import measured, spreads, viewer
from condyle.reports.tables import cases, summary

#: Nothing from elsewhere: no script, style, picture, font, form or connection.
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'"
)

#: Files of `page/` in the order they are inlined.
_STYLES = ("report.css",)
_SCRIPTS = ("unpack.js", "table.js", "planes.js", "surface.js", "viewer.js")


def page(content: Content, viewed: Sequence[dict[str, Any]], *, scale_mm: float, version: str) -> str:
    """The whole page.

    Args:
        content: What was measured.
        viewed: `payload.case_data` of the cases to look into, in the order they are offered.
        scale_mm: Where the colours of the surfaces end, either way.
        version: Of Condyle.
    """
    title = title_of(content)
    ids = [case["id"] for case in viewed]
    body = "\n".join(
        [
            f'<header><p class="kind">Condyle report</p><h1>{escape(title)}</h1>{lead(content, len(viewed))}</header>',
            "<main>",
            notes(content),
            summary(content),
            viewer(content, ids),
            spreads(content),
            cases(content, ids),
            measured(content),
            "</main>",
            f"<footer><p>{escape(words.MADE_BY.format(version=version))}</p></footer>",
        ]
    )
    setup = {
        "words": words.INTERFACE,
        "truth": content.truth,
        "models": [model.name for model in content.models],
        "symmetric": content.symmetric,
        "scale_mm": scale_mm,
        "scales_mm": SCALES,
    }
    data = [f'<script type="application/json" id="setup">{script_json(setup)}</script>']
    data += [
        f'<script type="application/json" class="case" id="case-{n}">{script_json(case)}</script>'
        for n, case in enumerate(viewed)
    ]
    style = "\n".join(_asset(name) for name in _STYLES)
    scripts = "\n".join(f"<script>\n{_asset(name)}</script>" for name in _SCRIPTS)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<link rel="icon" href="data:,">\n'
        f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n{body}\n"
        + "\n".join(data)
        + f"\n{scripts}\n</body>\n</html>\n"
    )


def title_of(content: Content) -> str:
    """What is compared with what."""
    if content.b is not None:
        return words.TITLE_TWO.format(a=content.a.name, b=content.b.name, truth=content.truth)
    return words.TITLE.format(a=content.a.name, truth=content.truth)


def _asset(name: str) -> str:
    return files("condyle.reports").joinpath("page", name).read_text(encoding="utf-8")
