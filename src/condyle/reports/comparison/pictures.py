"""Where two candidates agree and where they do not, drawn on the slices where they differ most."""

from __future__ import annotations

import io

from condyle.reports.block import Block
from condyle.reports.figures import case_figure

#: Only in the first, only in the second, in both: blue, yellow, green.
COLORS = {1: "#2f7fff", 2: "#ffd60a", 3: "#00b280"}

_DPI = 110


def agreement_png(id_: str, block: Block, a: str, b: str) -> bytes:
    """A case in three planes through the cube of 1 cm where the candidates differ most.

    Args:
        id_: The case.
        block: Its masks, the first candidate's in place of the truth.
        a: Name of the first.
        b: Name of the second.
    """
    names = {1: f"only {a}", 2: f"only {b}", 3: "both"}
    figure = case_figure(id_, block, a, b, errors=True, colors=COLORS, names=names)
    out = io.BytesIO()
    figure.savefig(out, dpi=_DPI, format="png", metadata={"Software": None})
    return out.getvalue()
