"""One viewed case as plain data for the page's scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from condyle.metrics import Score, Table
from condyle.reports import words
from condyle.reports.block import LEVELS, Block
from condyle.reports.case import CaseMasks
from condyle.reports.colored import ColoredSurface
from condyle.reports.moved import Moved
from condyle.reports.pack import packed

#: Stored in place of a distance where there is none.
NO_DISTANCE = -32768

#: Steps of a stored distance, in mm: 1/100.
_PER_MM = 100


def case_data(
    case: CaseMasks,
    block: Block,
    surfaces: Mapping[str, Sequence[ColoredSurface | None]],
    sentences: Sequence[str],
) -> dict[str, Any]:
    """Everything the viewer needs of a case."""
    direction = block.grid.direction
    # The first slice along each axis, where it passes the middle of the block.
    middle = (np.array(block.grid.shape) - 1) / 2
    first = block.grid.to_world(middle) - np.diag(block.grid.affine)[:3] * middle
    oblique = bool(np.abs(direction).max(axis=0).min() < 0.996)
    return {
        "id": case.id,
        "shape": list(block.grid.shape),
        "spacing_mm": [round(s, 5) for s in block.grid.spacing_mm],
        "first_mm": [round(float(first[a]), 3) for a in range(3)],
        "step_mm": [round(float(block.grid.affine[a, a]), 5) for a in range(3)],
        "levels": LEVELS,
        "image": None if block.image is None else packed(block.image),
        "other": case.has_other,
        "start": list(block.worst()),
        "text": list(sentences),
        "notes": _notes(case, block, oblique=oblique),
        "structures": [
            {
                "name": s.name,
                "start": list(s.box.start),
                "shape": list(s.codes.shape),
                "codes": packed(s.codes),
                "surfaces": [_surface(surface) for surface in surfaces.get(s.name, ())],
            }
            for s in block.structures
        ],
    }


def _notes(case: CaseMasks, block: Block, *, oblique: bool) -> list[str]:
    out = []
    if not block.structures:
        out.append(words.NOTHING)
    if block.image is None:
        out.append(words.NO_IMAGE)
    if not block.exact:
        shown, own = (" × ".join(f"{s:.2g}" for s in g.spacing_mm) for g in (block.grid, case.grid))  # noqa: RUF001
        out.append(words.COARSE.format(shown=shown, own=own))
    if oblique:
        out.append(words.OBLIQUE)
    return out


def _surface(colored: ColoredSurface | None) -> dict[str, Any] | None:
    if colored is None:
        return None
    points = colored.surface.points_mm
    low, high = points.min(0), points.max(0)
    step_mm = max(float((high - low).max()) / 65535, 1e-6)
    quantised = np.rint((points - low) / step_mm).astype(np.uint16)
    signed = np.nan_to_num(colored.signed_mm * _PER_MM, nan=NO_DISTANCE)
    wide = len(points) > 65535
    return {
        "shows": colored.shows,
        "low_mm": [round(float(x), 3) for x in low],
        "step_mm": step_mm,
        "points": packed(np.ascontiguousarray(quantised.T)),
        "wide": wide,
        "triangles": packed(np.ascontiguousarray(colored.surface.triangles.T.astype(np.uint32 if wide else np.uint16))),
        "signed": packed(np.clip(np.rint(signed), NO_DISTANCE, 32767).astype(np.int16)),
    }


def sentence(name: str, a: str, truth: str, score: Score | None, what: Moved) -> str:
    """What moved, in words.

    Args:
        name: The structure.
        a: What the prediction is called.
        truth: What the truth is called.
        score: Its scores, or None.
        what: Volumes and places.
    """
    if score is not None and score.status == "missed":
        return words.MOVED_MISSED.format(structure=name, a=a, truth=truth, ml=f"{score.reference_ml:.1f}")
    if score is not None and score.status == "false_alarm":
        return words.MOVED_FALSE.format(structure=name, a=a, ml=f"{score.prediction_ml:.1f}")
    if what.added_ml == what.removed_ml == 0:
        return words.MOVED_SAME.format(structure=name, a=a, truth=truth)
    text = words.MOVED.format(
        structure=name,
        a=a,
        truth=truth,
        change=f"{abs(what.change_ml):.2f}",
        more_or_less="more" if what.change_ml >= 0 else "less",
        added=f"{what.added_ml:.2f}",
        added_where=_where(what.added_where),
        removed=f"{what.removed_ml:.2f}",
        removed_where=_where(what.removed_where),
    )
    if score is not None and score.assd_mm is not None and score.hd_mm is not None:
        text += words.MOVED_DISTANCE.format(mean=f"{score.assd_mm:.2f}", largest=f"{score.hd_mm:.1f}")
    return text + (words.CUT if score is not None and score.cut else "")


def _where(halves: tuple[str, ...]) -> str:
    return words.MOVED_WHERE.format(where=" ".join(halves)) if halves else ""


def row_of(table: Table, name: str) -> Score | None:
    """The row of a structure, or None."""
    return next((row for row in table if row.structure == name), None)
