"""From scores to labels.

* **classes**: one channel a label, background first; the highest score wins.
* **regions**: one channel a region, above one half (logit 0) or not; regions are painted one over the other in order.

Labels nobody is scored for, the ignore label first of all, cannot come out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from condyle.config import Region
from condyle.errors import ConfigError
from condyle.labels import Labels, label_type

Scores = NDArray[np.float32]


@dataclass(frozen=True)
class Rule:
    """What the channels of the scores stand for.

    Args:
        ids: Label of each channel. Classes: background, 0, first. Regions: what each paints.
        regions: Whether the channels are regions.

    Raises:
        ConfigError: if classes do not start with background, or regions paint it.
    """

    ids: tuple[int, ...]
    regions: bool = False

    def __post_init__(self) -> None:
        body = self.ids if self.regions else self.ids[1:]
        if not self.ids or (not self.regions and self.ids[0] != 0) or any(not 0 < i <= 65535 for i in body):
            expected = "ids above 0 of regions" if self.regions else "background, 0, then ids above 0"
            raise ConfigError("labels of the network's outputs", expected=expected, got=str(self.ids))

    @classmethod
    def of(cls, labels: Labels, regions: Sequence[Region] = ()) -> Rule:
        """Of a plan's regions, or background and each structure of the label table."""
        return cls(tuple(r.paint for r in regions), regions=True) if regions else cls((0, *labels.ids))


def choose(scores: Scores, rule: Rule) -> NDArray[np.uint16]:
    """The channel that decides each voxel.

    Args:
        scores: Logits (K, ...).
        rule: Of as many channels.

    Returns:
        (...): an index into `painted`: of the highest score, the first of equals; of regions 1 + the last above 0.
    """
    if len(scores) != len(rule.ids):
        got = f"{len(scores)} for {len(rule.ids)} labels"
        raise ConfigError("the network's outputs", expected="one for each label of the model", got=got)
    out = np.zeros(scores.shape[1:], np.uint16)
    if rule.regions:
        for n, channel in enumerate(scores, 1):
            out[channel > 0] = n
        return out
    best = scores[0].copy()
    for n, channel in enumerate(scores[1:], 1):
        better = channel > best
        out[better] = n
        np.maximum(best, channel, out=best)
    return out


def painted(rule: Rule) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """The label that each result of `choose` stands for."""
    ids = (0, *rule.ids) if rule.regions else rule.ids
    return np.array(ids, np.uint8) if label_type(max(ids)) is np.uint8 else np.array(ids, np.uint16)


def decide(scores: Scores, rule: Rule) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Labels of scores (K, ...), block by block along their first spatial axis."""
    table = painted(rule)
    out = np.empty(scores.shape[1:], table.dtype)
    for n in range(scores.shape[1]):
        out[n] = table[choose(np.asarray(scores[:, n]), rule)]
    return out


def probabilities(scores: Scores, rule: Rule) -> Scores:
    """Softmax of classes, sigmoid of regions; shape as the scores."""
    if rule.regions:
        return np.asarray(1 / (1 + np.exp(-np.clip(scores, -80, 80))), np.float32)
    out = np.exp(scores - scores.max(axis=0))
    return np.asarray(out / out.sum(axis=0), np.float32)
