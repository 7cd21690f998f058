"""Figures as files for a paper: PNG of 300 dpi and SVG. Matplotlib's `Figure` alone, no global state."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.reports.block import LEVELS, Block
from condyle.reports.case import PREDICTION, TRUTH
from condyle.reports.judged import Content
from condyle.reports.measures import MEASURES, Measure
from condyle.reports.plots import BINS, span_of

#: The colours of the page.
TRUTH_COLOR, PREDICTION_COLOR = "#2ee06b", "#ff3b30"
ERROR_COLORS = {1: "#4da3ff", 2: "#ff9f1c", 3: "#00b280"}
ERROR_NAMES = {1: "missed", 2: "false", 3: "agreed"}
_SERIES = ("#0b6fae", "#b45309")

#: For each plane: across and down it, which axis it cuts (LPS), whether rows run upward, the letters around it.
PLANES = (
    ("axial", 0, 1, 2, False, "RLAP"),
    ("coronal", 0, 2, 1, True, "RLSI"),
    ("sagittal", 1, 2, 0, True, "APSI"),
)


def write_plots(folder: Path, content: Content) -> list[Path]:
    """Box and strip plot and histogram of each metric."""
    out = []
    for measure in MEASURES:
        if any(getattr(row, measure.key) is not None for m in content.models for t in m.cases.values() for row in t):
            out += save(spread_figure(content, measure), folder / f"spread_{measure.key}")
            out += save(histogram_figure(content, measure), folder / f"histogram_{measure.key}")
    return out


def write_case(folder: Path, id_: str, block: Block, truth: str, prediction: str) -> list[Path]:
    """Contours and error map of one case."""
    stem = re.sub(r"[^\w.-]+", "_", id_).strip("._") or "case"
    out = save(case_figure(id_, block, truth, prediction, errors=False), folder / f"contours_{stem}")
    return out + save(case_figure(id_, block, truth, prediction, errors=True), folder / f"errors_{stem}")


def save(figure: Any, path: Path) -> list[Path]:
    """Write a figure as PNG and SVG, the same bytes from the same data."""
    from matplotlib import rc_context

    png, svg = path.with_name(path.name + ".png"), path.with_name(path.name + ".svg")
    with rc_context({"svg.hashsalt": "condyle", "svg.fonttype": "none"}):
        figure.savefig(png, dpi=300)
        figure.savefig(svg, metadata={"Date": None})
    return [png, svg]


def spread_figure(content: Content, measure: Measure) -> Any:
    """Boxes with every case as a dot, structure by structure."""
    from matplotlib.figure import Figure

    rows = [(s, n, m) for s in content.structures for n, m in enumerate(content.models) if s in m.summary]
    figure = Figure(figsize=(5.5, 1.0 + 0.42 * len(rows)), layout="constrained")
    axes = figure.subplots()
    for y, (structure, n, model) in enumerate(rows):
        values = [v for _, row in model.rows(structure) if (v := getattr(row, measure.key)) is not None]
        if not values:
            continue
        color = _SERIES[n]
        axes.boxplot(
            [values], positions=[y], orientation="horizontal", widths=0.5, showfliers=False, manage_ticks=False,
            boxprops={"color": color}, whiskerprops={"color": color}, capprops={"color": color},
            medianprops={"color": color, "linewidth": 2},
        )  # fmt: skip
        shift = (np.arange(1, len(values) + 1) * 0.618034 % 1 - 0.5) * 0.36
        axes.plot(values, y + shift, "o", color=color, markersize=3.5, alpha=0.7, markeredgewidth=0)
    names = [s if content.b is None else f"{s}, {m.name}" for s, _, m in rows]
    axes.set_yticks(range(len(rows)), names, parse_math=False)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel(measure.heading)
    _plain(axes)
    return figure


def histogram_figure(content: Content, measure: Measure) -> Any:
    """Counts of cases in 15 bins, structure by structure in columns of up to four."""
    from matplotlib.figure import Figure

    number = max(1, len(content.structures))
    columns = 1 if number == 1 else min(4, number)
    rows = -(-number // columns)
    width, height = (5.5, 2.0) if number == 1 else (2.3 * columns, 0.5 + 1.5 * rows)
    # Placed by hand: for dozens of structures a layout engine takes longer than all the rest.
    figure = Figure(figsize=(width, height))
    figure.subplots_adjust(
        left=0.5 / width, right=1 - 0.15 / width, bottom=0.5 / height, top=1 - 0.3 / height, hspace=0.7, wspace=0.25
    )
    for n, (axes, structure) in enumerate(
        itertools.zip_longest(figure.subplots(rows, columns, squeeze=False).flat, content.structures)
    ):
        if structure is None:
            axes.set_axis_off()
            continue
        _bars(axes, content, measure, structure)
        axes.set_title(structure, fontsize=9, loc="left", parse_math=False)
        if n % columns == 0:
            axes.set_ylabel("cases")
        if n + columns >= number:
            axes.set_xlabel(measure.heading)
    return figure


def _bars(axes: Any, content: Content, measure: Measure, structure: str) -> None:
    data = [[v for _, row in m.rows(structure) if (v := getattr(row, measure.key)) is not None] for m in content.models]
    everything = [v for values in data for v in values]
    for n, values in enumerate(data if everything else ()):
        color = _SERIES[n]
        # The second prediction is an outline, lest one hide the other.
        look: dict[str, Any] = {"color": color, "alpha": 0.7} if n == 0 else {"histtype": "step", "color": color}
        axes.hist(values, BINS, range=span_of(everything), label=content.models[n].name, **look)
    axes.locator_params(axis="x", nbins=4)
    axes.locator_params(axis="y", nbins=3, integer=True)
    axes.tick_params(labelsize=8)
    _plain(axes)
    if content.b is not None and everything:
        for text in axes.legend(frameon=False, fontsize=7).get_texts():
            text.set_parse_math(False)


def case_figure(
    id_: str,
    block: Block,
    truth: str,
    prediction: str,
    *,
    errors: bool,
    colors: Mapping[int, str] = ERROR_COLORS,
    names: Mapping[int, str] = ERROR_NAMES,
) -> Any:
    """A case in three planes, where most is missed or false: contours, or the error map in `colors` with `names`."""
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch
    from matplotlib.patheffects import Normal, Stroke

    figure = Figure(figsize=(9, 3.6), layout="constrained", facecolor="white")
    index = block.worst()
    for axes, (name, across, down, cut, upward, letters) in zip(figure.subplots(1, 3), PLANES, strict=True):
        extent = [block.grid.shape[a] * block.grid.spacing_mm[a] for a in (across, down)]
        view = (0, extent[0], 0, extent[1]) if upward else (0, extent[0], extent[1], 0)
        drawn: dict[str, Any] = {"extent": view, "origin": "lower" if upward else "upper"}
        ground = np.full(block.grid.shape, LEVELS // 5, np.uint8) if block.image is None else block.image
        plane = np.take(ground, index[cut], cut).T
        axes.imshow(plane, cmap="gray", vmin=0, vmax=LEVELS - 1, interpolation="bilinear", **drawn)
        if errors:
            axes.imshow(_error_pixels(block, cut, index[cut], colors), interpolation="nearest", **drawn)
        else:
            for structure in block.structures:
                for bit, color, width in ((TRUTH, TRUTH_COLOR, 1.8), (PREDICTION, PREDICTION_COLOR, 0.8)):
                    mask = _slice(block, structure.box.slices, structure.mask(bit), cut, index[cut])
                    if mask.any() and min(mask.shape) > 1:
                        axes.contour(mask, [0.5], colors=[color], linewidths=width, **drawn)
        axes.set_axis_off()
        axes.set_title(f"{name}, slice {index[cut] + 1} of {block.grid.shape[cut]}", fontsize=8, color="0.3")
        for letter, x, y in zip(letters, (0.03, 0.97, 0.5, 0.5), (0.5, 0.5, 0.96, 0.04), strict=True):
            axes.text(
                x, y, letter, transform=axes.transAxes, color="#ffe28a", ha="center", va="center", fontsize=9,
                path_effects=[Stroke(linewidth=2, foreground="black"), Normal()],
            )  # fmt: skip
    if errors:
        keys: list[Any] = [Patch(facecolor=colors[k], edgecolor="0.6", label=names[k]) for k in (1, 2, 3)]
    else:
        keys = [Line2D([], [], color=c, label=n) for c, n in ((TRUTH_COLOR, truth), (PREDICTION_COLOR, prediction))]
    legend = figure.legend(handles=keys, loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    for text in legend.get_texts():
        text.set_parse_math(False)
    figure.suptitle(id_, fontsize=10, parse_math=False)
    return figure


def _slice(
    block: Block, box: tuple[slice, slice, slice], mask: NDArray[Any], cut: int, index: int
) -> NDArray[np.uint8]:
    """One slice of a structure's mask, as rows of the whole block's slice."""
    shape = [n for axis, n in enumerate(block.grid.shape) if axis != cut]
    out = np.zeros(shape, np.uint8)
    place = index - box[cut].start
    if 0 <= place < mask.shape[cut]:
        out[tuple(s for axis, s in enumerate(box) if axis != cut)] = np.take(mask, place, cut)
    return out.T


def _error_pixels(block: Block, cut: int, index: int, colors: Mapping[int, str]) -> NDArray[np.uint8]:
    """RGBA of one slice; what is wrong in any structure hides what is agreed in another."""
    kinds: NDArray[np.uint8] | None = None
    for structure in block.structures:
        kind = _slice(block, structure.box.slices, structure.codes & (TRUTH | PREDICTION), cut, index)
        kinds = kind if kinds is None else np.where((kind > 0) & ((kinds == 0) | (kinds == 3)), kind, kinds)
    if kinds is None:
        kinds = np.zeros([n for axis, n in enumerate(block.grid.shape) if axis != cut][::-1], np.uint8)
    table = np.zeros((4, 4), np.uint8)
    for kind_, color in colors.items():
        table[kind_] = [*bytes.fromhex(color[1:]), 77 if kind_ == 3 else 215]
    pixels: NDArray[np.uint8] = table[kinds]
    return pixels


def _plain(axes: Any) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", color="0.9", linewidth=0.6)
    axes.set_axisbelow(True)
