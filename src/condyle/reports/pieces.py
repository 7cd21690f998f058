"""Small pieces of HTML that every part of the page is made of."""

from __future__ import annotations

from html import escape


def section(id_: str, title: str, *parts: str) -> str:
    """A part of the page under a heading; `parts` are HTML already."""
    return f'<section id="{id_}"><h2>{escape(title)}</h2>{"".join(parts)}</section>'


def note(text: str) -> str:
    """A quiet paragraph."""
    return f'<p class="note">{escape(text)}</p>'


def model_cell(n: int, name: str) -> str:
    """Which prediction a row is of, with its colour."""
    return f'<td class="series{n}"><i class="swatch"></i>{escape(name)}</td>'
