"""How well changed looks at a scan agree with the plain one, structure by structure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from condyle.labels import present_ids
from condyle.metrics.overlap import confusion
from condyle.predict.confidence.looks import Ask, LabelMap, looked
from condyle.predict.decide import Rule, Scores, choose, painted
from condyle.prepare import Prepared

#: Id of a structure that the plain look found to its Dice with each changed look.
Agreement = Mapping[int, tuple[float, ...]]


def looked_again(
    ask: Ask, prepared: Prepared, plain: LabelMap, looks: Sequence[str], rng: np.random.Generator
) -> Agreement:
    """Ask about changed scans, and compare.

    Args:
        ask: From a prepared scan to its labels, perhaps with left and right of each window exchanged and put back.
        prepared: The scan.
        plain: What is said of it as it is (*spatial).
        looks: Names, as of `looks.looked`.
        rng: Of the noise.
    """
    out: dict[int, tuple[float, ...]] = dict.fromkeys(present_ids(plain), ())
    for look in looks:
        table = confusion(plain, looked(look, ask, prepared.array, prepared.grid, rng))
        for id_ in out:
            out[id_] += (table.overlap([id_]).dice or 0.0,)
    return out


def noted(planes: Iterable[Scores], rule: Rule, kept: LabelMap) -> Iterator[Scores]:
    """Pass planes of scores on, and put the labels that they decide into `kept` (*spatial), plane after plane."""
    table = painted(rule)
    for n, scores in enumerate(planes):
        kept[n] = table[choose(scores, rule)]
        yield scores
