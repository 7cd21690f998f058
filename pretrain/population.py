"""What whole bones are like, from a bank of sampled bodies: sizes and shapes as the drawn pictures show them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from condyle.classical.morphology import largest_parts
from condyle.labels import without_side
from condyle.phantoms.synthetic.anatomy import LABELS
from condyle.phantoms.synthetic.stored import Readable
from condyle.predict.confidence.evidence import body_of
from condyle.predict.confidence.population import Body, Usual, off_the_others, usual_of

#: Sizes drawn of each bone; the deviations are those of `pose.drawn_pose`.
SIZES, SIZE, STRETCH = 20, 0.09, 0.035
#: Of fewer bones nothing is called usual.
FEWEST = 5
#: Bones of one person are taken to vary at least so much: deviation of the logarithm of the volume.
LEAST_BESIDE = 0.08
#: A structure with more outside its largest part, in half of all bodies, has many parts by nature.
_APART = 0.02


def population(maps: Mapping[str, Readable], rng: np.random.Generator) -> tuple[dict[str, Usual], tuple[str, ...]]:
    """What is usual for each bone, sides together; and the structures that have many parts by nature.

    Args:
        maps: Sampled bodies.
        rng: Sizes are drawn from it, as pictures are drawn in many.
    """
    whole: dict[str, list[Body]] = {}
    apart: dict[str, list[float]] = {}
    people: list[dict[str, Body]] = []
    for stored in maps.values():
        people.append({})
        for name, mask, cut in _bones(stored):
            apart.setdefault(name, []).append(1 - largest_parts(mask).sum() / mask.sum())
            if not cut:
                people[-1][name] = body_of(mask, stored.grid.affine)
                whole.setdefault(without_side(name), []).append(people[-1][name])
    enough = {bone: own for bone, own in whole.items() if len(own) >= FEWEST}
    known = {bone: replace(usual_of(list(_in_sizes(own, rng))), bones=len(own)) for bone, own in enough.items()}
    scattered = tuple(name for name in LABELS.names if np.median(apart.get(name, [0.0])) > _APART)
    of_one_part = {bone: usual for bone, usual in known.items() if bone not in {without_side(n) for n in scattered}}
    return _with_beside(of_one_part, people), scattered


def _with_beside(known: Mapping[str, Usual], people: Sequence[Mapping[str, Body]]) -> dict[str, Usual]:
    """How far bones are off what their own person's others let expect."""
    off: dict[str, list[float]] = {bone: [] for bone in known}
    for person in people:
        own = [(name, body.volume_ml, known.get(without_side(name))) for name, body in person.items()]
        sizes = {name: float(np.log(ml / usual.volume_ml)) for name, ml, usual in own if usual is not None}
        for name, distance in off_the_others(sizes).items():
            off[without_side(name)].append(distance)
    return {bone: _spread_beside(usual, off[bone]) for bone, usual in known.items()}


def _spread_beside(usual: Usual, off: Sequence[float]) -> Usual:
    if len(off) < FEWEST:
        return usual
    return replace(usual, beside=max(LEAST_BESIDE, float(np.sqrt(np.mean(np.square(off))))))


def _bones(stored: Readable) -> Iterator[tuple[str, NDArray[np.bool_], bool]]:
    """Each bone of a body, in a box around it, and whether the end of the map cuts it."""
    from scipy.ndimage import find_objects

    _, owner, depth = stored.planes()
    ids = np.where(depth < 128, owner & 15, 0)
    for structure, where in zip(LABELS.structures, find_objects(ids, max(LABELS.ids)), strict=True):
        if where is not None:
            cut = any(s.start == 0 or s.stop == n for s, n in zip(where, ids.shape, strict=True))
            yield structure.name, ids[where] == structure.id, cut


def _in_sizes(bodies: Iterable[Body], rng: np.random.Generator) -> Iterator[Body]:
    for body in bodies:
        for _ in range(SIZES):
            yield body.scaled(np.exp(rng.normal(0, SIZE)) * np.exp(rng.normal(0, STRETCH, 3)))
