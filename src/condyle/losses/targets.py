"""From the ids of a label map to what a loss is asked to compare with.

A **table** has an entry for every id, `OUTSIDE` first, so that one look-up makes a target. Ids that no structure has
are not looked for: a prepared case has none.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from condyle.config import Region
from condyle.labels import Labels
from condyle.losses.compared import IGNORE

#: Id of the first entry: prepared labels mark background outside the scan with -1.
_FIRST = -1


def class_table(labels: Labels) -> Tensor:
    """The channel of each id: background 0, then structures by ascending id, as networks score them.

    Args:
        labels: Ids may have gaps.

    Returns:
        int16, the entry of id `n` at `n + 1`; `IGNORE` for the ignore id.
    """
    table = _background(labels)
    for channel, id_ in enumerate(labels.ids, start=1):
        table[id_ - _FIRST] = channel
    return _with_ignored(table, labels)


def region_table(labels: Labels, regions: Sequence[Region]) -> Tensor:
    """Whether each id lies in each region.

    Returns:
        int8 (K, ids): 1 or 0, the entry of id `n` at `n + 1`; `IGNORE` for the ignore id.
    """
    rows = []
    for region in regions:
        row = _background(labels)
        row[[id_ - _FIRST for id_ in region.ids]] = 1
        rows.append(_with_ignored(row, labels))
    return torch.stack(rows).to(torch.int8)


def target_of(labels: Tensor, table: Tensor) -> Tensor:
    """The target of a batch of label maps.

    Args:
        labels: (B, *size), an integer type, ids of the table.
        table: Of `class_table` or `region_table`, on the same device.

    Returns:
        (B, *size) channels, or (B, K, *size) regions.
    """
    index = labels.long() - _FIRST
    return table[index] if table.ndim == 1 else table[:, index].movedim(0, 1)


def _background(labels: Labels) -> Tensor:
    last = max([0, *labels.ids, labels.ignore or 0])
    return torch.zeros(last - _FIRST + 1, dtype=torch.int16)


def _with_ignored(table: Tensor, labels: Labels) -> Tensor:
    if labels.ignore is not None:
        table[labels.ignore - _FIRST] = IGNORE
    return table
