"""Surfaces that are not quite smooth, as nothing grown is."""

from __future__ import annotations

import numpy as np

from condyle.phantoms.solids.solid import Field, Solid, grown


def waves(rng: np.random.Generator, amplitude_mm: float, length_mm: float, count: int = 6) -> Field:
    """A smooth random field: the sum of sines of random direction, of lengths 1 to 2 times `length_mm`.

    Its root mean square is `amplitude_mm`, its largest value `sqrt(2 count)` times that.
    """
    directions = rng.normal(size=(3, count))
    directions /= np.linalg.norm(directions, axis=0)
    k = (directions * 2 * np.pi / (length_mm * rng.uniform(1, 2, count))).astype(np.float32)
    phase = rng.uniform(0, 2 * np.pi, count).astype(np.float32)
    scale = np.float32(amplitude_mm * np.sqrt(2 / count))
    return lambda p: scale * np.sin(p @ k + phase).sum(-1)


def displaced(solid: Solid, waves: Field, most_mm: float) -> Solid:
    """A solid with an uneven surface: moved outwards by a field of at most `most_mm`."""
    return Solid(lambda p: solid(p) - waves(p), grown(solid.bounds_mm, most_mm))


def uneven(solid: Solid, rng: np.random.Generator, amplitude_mm: float, length_mm: float) -> Solid:
    """A solid whose surface is displaced by `waves`."""
    return displaced(solid, waves(rng, amplitude_mm, length_mm), amplitude_mm * 3.5)
