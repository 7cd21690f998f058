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
from condyle.predict.ensemble import ensemble
from condyle.predict.net import Net
from condyle.space.axes import world_axes
from condyle.space.grid import Grid


def side_axis(grid: Grid, dim: int = 3) -> int | None:
    """The axis of a net's windows that runs along the patient's left-right.

    Args:
        grid: Of the prepared scan, axes in tensor order.
        dim: 2 for a net that sees slices across the first tensor axis; None if left-right is across them.
    """
    axis = world_axes(grid.affine).index(0) - (3 - dim)
    return axis if axis >= 0 else None


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


def mirrored_once(
    net: Net, axes: tuple[int, ...], *, side: int | None = None, swap: Sequence[int] | None = None
) -> Net:
    """The net as it answers when its windows are mirrored, its answer turned back.

    Args:
        net: From (B, C, *patch) to (B, K, *patch).
        axes: Axes of the window, 0 the first after the channels.
        side: The one along left-right, if any.
        swap: Channel to channel when left and right are exchanged; None leaves channels as they are.
    """
    dims = [axis + 2 for axis in axes]
    order = list(swap) if swap is not None and side in axes else None

    def answer(x: Tensor) -> Tensor:
        if not dims:
            return net(x)
        scores = torch.flip(net(torch.flip(x, dims)), dims)
        return scores if order is None else scores[:, order]

    return answer


def mirrored(net: Net, axes: Sequence[int], *, side: int | None = None, swap: Sequence[int] | None = None) -> Net:
    """The mean answer over every combination of mirrored axes; arguments as `mirrored_once`."""
    return ensemble([mirrored_once(net, chosen, side=side, swap=swap) for chosen in mirrorings(axes)])
