"""Mistakes planted into what the first stage of a cascade found, so that the second does not take it on trust.

The first stage is better on cases it was trained on than on new ones, and even what it finds in cases held out is
only one sample of how it errs. Kinds and numbers of mistakes are nnU-Net's: edges moved by a ball, parts forgotten.
Balls in which something else was found are ours, and are planted only where asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from condyle.augment.brick import Range, uniform

Found = NDArray[np.int16]
Mask = NDArray[np.bool_]
#: Changes a label map in place.
Mistake = Callable[[Found], None]


@dataclass(frozen=True)
class Mistakes:
    """How often which mistakes are made.

    Args:
        p_edges: How often edges are moved.
        p_parts: How often parts are forgotten.
        p_each: How often then each structure's.
        radius: Limits of the ball that moves edges, in voxels.
        largest: Parts of this share of the patch, or more, are not forgotten.
        p_nothing: How often nothing at all was found.
        balls: No more balls than this in which something else was found.
    """

    p_edges: float = 0.4
    p_parts: float = 0.2
    p_each: float = 0.5
    radius: Range = (1.0, 8.0)
    largest: float = 0.15
    p_nothing: float = 0.0
    balls: int = 0

    def draw(self, ids: Sequence[int], rng: np.random.Generator) -> tuple[Mistake, ...]:
        """The mistakes of one sample, no chance left in them.

        Args:
            ids: Structures that may be found.
            rng: Where chance comes from.
        """
        out: list[Mistake] = []
        if rng.random() < self.p_edges:
            for id_ in self._some(ids, rng):
                change = CHANGES[rng.integers(len(CHANGES))]
                out.append(partial(move_edge, id_=id_, change=change, radius=uniform(rng, self.radius)))
        if rng.random() < self.p_parts:
            some = self._some(ids, rng)
            out += [partial(forget_part, id_=id_, which=rng.random(), largest=self.largest) for id_ in some]
        if self.balls:
            out += [_wrong_ball(ids, rng) for _ in range(rng.integers(self.balls + 1))]
        if self.p_nothing and rng.random() < self.p_nothing:
            out.append(find_nothing)
        return tuple(out)

    def _some(self, ids: Sequence[int], rng: np.random.Generator) -> list[int]:
        return [int(id_) for id_ in rng.permutation(ids) if rng.random() < self.p_each]


def move_edge(found: Found, *, id_: int, change: Callable[[Mask, float], Mask], radius: float) -> None:
    """Change the mask of one structure; where it grows it takes from the others."""
    box = _box(found == id_, margin=int(np.ceil(radius)) + 1)
    if box is not None:
        part = found[box]
        before = part == id_
        after = change(before, radius)
        part[before & ~after] = 0
        part[after] = id_


def forget_part(found: Found, *, id_: int, which: float, largest: float) -> None:
    """Remove one connected part of a structure: of those that are not large the one at the share `which` of them."""
    from scipy.ndimage import label

    parts, _ = label(found == id_)
    sizes = np.bincount(parts.ravel())
    small = [part for part in range(1, len(sizes)) if sizes[part] < largest * found.size]
    if small:
        found[parts == small[int(which * len(small))]] = 0


def find_nothing(found: Found) -> None:
    """Forget all."""
    found[...] = 0


def mistake_ball(found: Found, *, id_: int, place: NDArray[np.float64], radius: float, only: bool) -> None:
    """Find one structure, or nothing, all over a ball; its middle at a share of each axis.

    With `only`, no more is found than was: other structures take its name.
    """
    i, j, k = (((np.arange(n) - at * n) / radius) ** 2 for n, at in zip(found.shape, place, strict=True))
    ball = i[:, None, None] + j[:, None] + k < 1
    found[ball & (found > 0) if only else ball] = id_


def _wrong_ball(ids: Sequence[int], rng: np.random.Generator) -> Mistake:
    """A large ball of nothing or of another name, or a small one of bone where there is none."""
    kind = rng.random()
    id_ = 0 if kind < 0.4 else int(rng.choice(ids))
    radius = uniform(rng, (2.0, 8.0) if kind > 0.7 else (4.0, 14.0))
    return partial(mistake_ball, id_=id_, place=rng.random(3), radius=radius, only=kind <= 0.7)


def grown(mask: Mask, radius: float) -> Mask:
    """By a ball. Beyond the border nothing is found."""
    from scipy.ndimage import distance_transform_edt

    return np.asarray(distance_transform_edt(~mask) <= radius) if mask.any() else mask


def shrunk(mask: Mask, radius: float) -> Mask:
    """By a ball. Beyond the border a structure goes on."""
    return ~grown(~mask, radius)


def closed(mask: Mask, radius: float) -> Mask:
    """Gaps narrower than the ball are bridged."""
    return shrunk(grown(mask, radius), radius)


def opened(mask: Mask, radius: float) -> Mask:
    """What is thinner than the ball is gone."""
    return grown(shrunk(mask, radius), radius)


CHANGES: tuple[Callable[[Mask, float], Mask], ...] = (grown, shrunk, closed, opened)


def _box(mask: Mask, margin: int) -> tuple[slice, ...] | None:
    """The part of an array that a mask lies in, and what is near it."""
    where = [
        np.flatnonzero(mask.any(axis=tuple(a for a in range(mask.ndim) if a != axis))) for axis in range(mask.ndim)
    ]
    if not len(where[0]):
        return None
    return tuple(slice(max(0, int(w[0]) - margin), int(w[-1]) + margin + 1) for w in where)
