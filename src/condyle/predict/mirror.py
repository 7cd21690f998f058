"""Test-time mirroring that keeps left and right.

A net that tells left from right, shown a mirrored scan, finds the left structure on the right: its answer is turned
back *and* the channels of mirror partners are swapped. A sided structure without a partner cannot be swapped; then
the axis is not mirrored at all. nnU-Net mirrors every axis it trained with and swaps nothing: `swap=None`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import torch
from torch import Tensor

from condyle.config import Region
from condyle.labels import Labels
from condyle.predict.net import Net


def swapped_channels(labels: Labels, regions: Sequence[Region] = ()) -> tuple[int, ...] | None:
    """For each channel the one that takes its place when left and right are exchanged.

    Args:
        labels: The label table, with mirror partners.
        regions: What channels mean, where they are not background and the structures.

    Returns:
        A permutation of the channels, or None where a sided structure, or a region, has no partner.
    """
    if any(s.side is not None and s.mirror is None for s in labels.structures):
        return None
    table = {0: 0, **labels.mirror_table()}
    members = [frozenset(r.ids) for r in regions] or [frozenset({i}) for i in (0, *labels.ids)]
    partners = [frozenset(table[i] for i in ids) for ids in members]
    if any(p not in members for p in partners):
        return None
    return tuple(members.index(p) for p in partners)


def safe_axes(allowed: Sequence[int], side: int | None, swap: tuple[int, ...] | None) -> tuple[int, ...]:
    """The allowed axes of a window, without left-right where channels cannot be swapped."""
    return tuple(axis for axis in allowed if axis != side or swap is not None)


def mirrorings(axes: Sequence[int]) -> list[tuple[int, ...]]:
    """Every combination of axes to mirror, none first."""
    return [chosen for count in range(len(axes) + 1) for chosen in combinations(axes, count)]


def swapped_inputs(cascade: Sequence[int], labels: Labels, scans: int) -> tuple[int, ...] | None:
    """For each input channel the one that takes its place when left and right are exchanged.

    Args:
        cascade: Structures that have a channel, behind the scan's.
        labels: The label table, with mirror partners.
        scans: How many channels the scan has; they stay.

    Returns:
        A permutation of the channels, or None where a structure's partner has no channel.
    """
    partners = [labels.mirror_table().get(id_, id_) for id_ in cascade]
    if any(partner not in cascade for partner in partners):
        return None
    return (*range(scans), *(scans + list(cascade).index(partner) for partner in partners))


def mirrored_once(
    net: Net,
    axes: tuple[int, ...],
    *,
    side: int | None = None,
    swap: Sequence[int] | None = None,
    inputs: Sequence[int] | None = None,
) -> Net:
    """The net as it answers when its windows are mirrored, its answer turned back.

    Args:
        net: From (B, C, *patch) to (B, K, *patch).
        axes: Axes of the window, 0 the first after the channels.
        side: The one along left-right, if any.
        swap: Channel to channel when left and right are exchanged; None leaves channels as they are.
        inputs: Likewise for the channels of the window.
    """
    dims = [axis + 2 for axis in axes]
    sided = side in axes
    order = list(swap) if swap is not None and sided else None
    order_in = list(inputs) if inputs is not None and sided else None

    def answer(x: Tensor) -> Tensor:
        if not dims:
            return net(x)
        shown = torch.flip(x if order_in is None else x[:, order_in], dims)
        scores = torch.flip(net(shown), dims)
        return scores if order is None else scores[:, order]

    return answer


def mirrored(
    net: Net,
    axes: Sequence[int],
    *,
    side: int | None = None,
    swap: Sequence[int] | None = None,
    inputs: Sequence[int] | None = None,
) -> list[Net]:
    """The net once for every combination of mirrored axes; arguments as `mirrored_once`.

    nnU-Net answers with their mean: `ensemble(mirrored(...))`.
    """
    return [mirrored_once(net, chosen, side=side, swap=swap, inputs=inputs) for chosen in mirrorings(axes)]
