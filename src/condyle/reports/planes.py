"""A scan in three planes, the radiological way: the patient's right is on the left of the picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.labels import default_color
from condyle.space import Volume, reorient

#: Grey-value windows by name: centre and width in HU.
WINDOWS: dict[str, tuple[float, float]] = {"bone": (400, 1800), "soft": (40, 400), "wide": (0, 3000)}

#: For each plane: the axis it cuts (in LPS order), and the letters at its left, right, top and bottom edge.
_PLANES = (("axial", 2, "RLAP"), ("coronal", 1, "RLSI"), ("sagittal", 0, "APSI"))


def grey_range(scan: NDArray[Any], window: str) -> tuple[float, float]:
    """Black and white for a scan: a window of `WINDOWS`, or `auto`: a CT's bone window, else percentiles."""
    if window == "auto" and scan.min() > -500:
        low, high = np.percentile(scan, (1, 99.5))
        return float(low), max(float(high), float(low) + 1)
    centre, width = WINDOWS["bone" if window == "auto" else window]
    return centre - width / 2, centre + width / 2


def draw_planes(path: Path, scan: Volume, mask: Volume | None = None, *, window: str = "auto", title: str = "") -> None:
    """Write a PNG of three planes through the middle of the mask, or of the scan.

    Args:
        path: The PNG file.
        scan: Shape (I, J, K).
        mask: A label map on the scan's grid; each label is outlined in its colour.
        window: `auto`, or a name of `WINDOWS`.
        title: A line above the picture.
    """
    from matplotlib.figure import Figure

    image = reorient(scan, "LPS")
    labels = None if mask is None else reorient(mask, "LPS").array
    centre = _centre(labels, image.shape)
    extent = [n * s for n, s in zip(image.shape, image.spacing_mm, strict=True)]
    figure = Figure(figsize=(12, 4.6), facecolor="black", layout="constrained")
    if title:
        figure.suptitle(title, color="white", fontsize=10)
    low, high = grey_range(image.array, window)
    for axes, (name, cut, letters) in zip(figure.subplots(1, 3), _PLANES, strict=True):
        across, down = (a for a in range(3) if a != cut)
        upside_down = down == 2  # rows of a picture go down, S goes up
        view = (0, extent[across], extent[down], 0) if not upside_down else (0, extent[across], 0, extent[down])
        origin = "lower" if upside_down else "upper"
        plane = np.take(image.array, centre[cut], cut).T
        axes.imshow(plane, cmap="gray", vmin=low, vmax=high, extent=view, origin=origin, interpolation="bilinear")
        if labels is not None:
            _outline(axes, np.take(labels, centre[cut], cut).T, view, origin)
        axes.set_axis_off()
        position_mm = image.grid.to_world(np.array(centre))[cut]
        axes.set_title(f"{name}, {'RAS'[cut].lower()} = {position_mm:.0f} mm", color="0.7", fontsize=9)
        for letter, x, y in zip(letters, (0.02, 0.98, 0.5, 0.5), (0.5, 0.5, 0.98, 0.02), strict=True):
            axes.text(x, y, letter, color="yellow", transform=axes.transAxes, ha="center", va="center", fontsize=11)
    figure.savefig(path, dpi=110, format="png")


def _outline(axes: Any, plane: NDArray[Any], extent: tuple[float, ...], origin: str) -> None:
    for id_ in np.unique(plane[plane > 0]):
        color = tuple(c / 255 for c in default_color("", int(id_)))
        axes.contour(plane == id_, [0.5], colors=[color], linewidths=1.2, extent=extent, origin=origin)


def _centre(labels: NDArray[Any] | None, shape: tuple[int, int, int]) -> tuple[int, int, int]:
    """The voxel to cut through: in the middle of what is labelled, if anything is."""
    if labels is None or not labels.any():
        i, j, k = (n // 2 for n in shape)
    else:
        i, j, k = (int(np.median(index)) for index in np.nonzero(labels))
    return i, j, k
