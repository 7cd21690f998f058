"""Several nets as one: the mean of their scores, as nnU-Net does over folds, and how much they disagree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor

from condyle.errors import ConfigError
from condyle.predict.decide import Scores
from condyle.predict.net import Net


def ensemble(members: Sequence[Net]) -> Net:
    """The mean of the members' scores, before softmax or sigmoid."""
    if not members:
        raise ConfigError("ensemble", expected="at least one net", got="none")

    def answer(x: Tensor) -> Tensor:
        return _mean(member(x) for member in members)

    return members[0] if len(members) == 1 else answer


def with_disagreement(members: Sequence[Net], *, regions: bool = False) -> Net:
    """The ensemble with one more channel: the mutual information of label and member.

    That is the entropy of the mean probabilities less the mean entropy of each member's: 0 where all members say
    the same, however unsure each is; at most log(classes). In nats; for regions the mean over them.
    Members may be folds, mirrorings (`mirror.mirrored_once`), or both.

    Reference: Houlsby et al., "Bayesian active learning by disagreement", 2011 (BALD).

    Args:
        members: At least two nets.
        regions: Whether channels are regions (sigmoid) rather than classes (softmax).
    """
    if len(members) < 2:
        hint = "Give several folds, or allow mirroring."
        raise ConfigError("uncertainty", expected="at least two folds or mirrorings", got=str(len(members)), hint=hint)

    def answer(x: Tensor) -> Tensor:
        all_scores = [member(x).float() for member in members]
        each = [torch.sigmoid(s) if regions else torch.softmax(s, 1) for s in all_scores]
        unsure = sum((_entropy(p, regions) for p in each[1:]), _entropy(each[0], regions)) / len(members)
        doubt = _entropy(_mean(each), regions) - unsure
        return torch.cat([_mean(all_scores), doubt.clamp_min(0)], 1)

    return answer


def _mean(tensors: Iterable[Tensor]) -> Tensor:
    """The mean, holding two at a time where they are made one by one."""
    total, count = None, 0
    for tensor in tensors:
        total = tensor if total is None else total + tensor
        count += 1
    assert total is not None  # noqa: S101 - no caller has none
    return total / count


def _entropy(p: Tensor, regions: bool) -> Tensor:
    """Entropy (B, 1, ...) of probabilities (B, K, ...)."""
    terms = -torch.xlogy(p, p)
    return (terms - torch.xlogy(1 - p, 1 - p)).mean(1, keepdim=True) if regions else terms.sum(1, keepdim=True)


def keep_last_channel(planes: Iterable[Scores], kept: Scores) -> Iterator[Scores]:
    """Pass planes on without their last channel, which is put into `kept` (*spatial), plane after plane."""
    for n, plane in enumerate(planes):
        kept[n] = plane[-1]
        yield plane[:-1]
