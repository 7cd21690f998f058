"""Small changes of a prepared scan, and the labels of the changed scan brought back.

What a network says for good reasons it says again of the mirrored patient, of one who is turned or a little larger,
in other contrast, or in noise. After Wang et al., "Aleatoric uncertainty estimation with test-time augmentation",
Neurocomputing 2019; 338:34-45, with few and fixed changes, so that an answer is always the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.space import Grid

Image = NDArray[np.float32]
LabelMap = NDArray[Any]

#: From a prepared scan (C, *spatial) to its labels (*spatial); told whether left and right change places meanwhile.
Ask = Callable[[Image, bool], LabelMap]
Look = Callable[[Ask, Image, Grid, np.random.Generator], LabelMap]

#: Of the rotation, about each tensor axis in turn, and the factor on the size.
_TURN_DEG, _SMALLER, _LARGER = (5.0, -4.0, 6.0), 0.94, 1.07
_GAMMA = 0.75
#: Of the noise, as a share of the scan's own deviation.
_NOISE = 0.2


def mirrored(ask: Ask, image: Image, grid: Grid, rng: np.random.Generator) -> LabelMap:
    """Left and right exchanged, and names of sides with them."""
    del grid, rng
    return ask(image, True)


def turned(ask: Ask, image: Image, grid: Grid, rng: np.random.Generator) -> LabelMap:
    """Turned by a few degrees, and a little smaller."""
    del rng
    return _moved(ask, image, grid, _turn(_TURN_DEG) * _SMALLER)


def grown(ask: Ask, image: Image, grid: Grid, rng: np.random.Generator) -> LabelMap:
    """A little larger, turned the other way."""
    del rng
    return _moved(ask, image, grid, _turn(_TURN_DEG).T * _LARGER)


def contrasted(ask: Ask, image: Image, grid: Grid, rng: np.random.Generator) -> LabelMap:
    """Brighter in the middle of the range of values; mean and deviation as they were."""
    del grid, rng
    return ask(np.stack([_bent(channel) for channel in image]), False)


def noisy(ask: Ask, image: Image, grid: Grid, rng: np.random.Generator) -> LabelMap:
    """With white noise."""
    del grid
    spread = image.std(axis=(1, 2, 3), keepdims=True)
    return ask(image + np.float32(_NOISE) * spread * rng.standard_normal(image.shape, np.float32), False)


#: Name in `confidence.json` to look; a new one is a function and a line here.
LOOKS: Mapping[str, Look] = {
    "mirrored": mirrored, "turned": turned, "grown": grown, "contrasted": contrasted, "noisy": noisy,
}  # fmt: skip

#: What a new judge asks for: every change, in as few looks as keep their reasons apart.
USUAL_LOOKS = ("mirrored", "turned+noisy", "grown+contrasted")


def known(name: str) -> bool:
    """Whether a name is that of a look, or of several joined by `+`."""
    return all(part in LOOKS for part in name.split("+"))


def looked(name: str, ask: Ask, image: Image, grid: Grid, rng: np.random.Generator) -> LabelMap:
    """The labels of a changed scan, brought back.

    Args:
        name: In `LOOKS`; or several names joined by `+`, one change after the other.
        ask: Asks the network.
        image: Prepared scan (C, *spatial).
        grid: Its grid.
        rng: Of the noise.
    """
    first, _, others = name.partition("+")
    if not others:
        return LOOKS[first](ask, image, grid, rng)

    def further(shown: Image, exchanged: bool) -> LabelMap:
        return looked(others, lambda last, again: ask(last, again != exchanged), shown, grid, rng)

    return LOOKS[first](further, image, grid, rng)


def _bent(channel: Image) -> Image:
    some = channel.ravel()[:: max(1, channel.size // 100_000)]
    low, high = (float(x) for x in np.percentile(some, (1, 99)))
    if high <= low:
        return channel
    inside = np.clip((channel - low) / (high - low), 0, None)
    # What lies below the range, the air of most scans, keeps its distance.
    out = np.where(channel > low, low + (high - low) * inside ** np.float32(_GAMMA), channel)
    out = (out - out.mean()) / max(float(out.std()), 1e-6) * channel.std() + channel.mean()
    return np.asarray(out, np.float32)


def _moved(ask: Ask, image: Image, grid: Grid, matrix: NDArray[np.float64]) -> LabelMap:
    """The labels of a scan moved about its middle, on the same grid, and moved back.

    Args:
        ask: Asks the network.
        image: The scan.
        grid: Its own.
        matrix: 3 x 3, of the movement in mm along the tensor axes.
    """
    from scipy.ndimage import affine_transform

    spacing = np.diag(grid.spacing_mm)
    forth = np.linalg.inv(spacing) @ matrix @ spacing
    back = np.linalg.inv(forth)
    middle = (np.array(grid.shape) - 1) / 2
    # Each voxel of the result is read where it comes from.
    shown = np.stack([affine_transform(c, back, middle - back @ middle, order=1, mode="nearest") for c in image])
    labels = ask(shown, False)
    return np.asarray(affine_transform(labels, forth, middle - forth @ middle, order=0, mode="nearest"))


def _turn(angles_deg: tuple[float, float, float]) -> NDArray[np.float64]:
    """A rotation about each axis in turn."""
    out = np.eye(3)
    for axis, angle in enumerate(np.deg2rad(angles_deg)):
        a, b = (axis + 1) % 3, (axis + 2) % 3
        one = np.eye(3)
        one[[a, b], [a, b]] = np.cos(angle)
        one[a, b], one[b, a] = -np.sin(angle), np.sin(angle)
        out = out @ one
    return out
