"""The label table of an nnU-Net v2 `dataset.json`, to and from ours.

nnU-Net writes `name: id`, or for regions `name: [ids]`; `ignore` is the highest id. A region paints the id
that `regions_class_order` gives it over what earlier regions painted. An id that only stands in regions has
no name there; it is called `<region>_<id>` here, after the smallest region that holds it, and such a name is
left out again on the way back.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from condyle.errors import CondyleError, DataError
from condyle.labels import Labels


def labels_from_nnunet(content: Mapping[str, Any], where: str | Path) -> Labels:
    """The labels that an nnU-Net `dataset.json` describes.

    Raises:
        DataError: if its `labels` are not as nnU-Net's rules say.
    """
    table = content.get("labels")
    if not isinstance(table, dict) or table.get("background") != 0:
        raise DataError(where, expected="labels with background 0, as nnU-Net v2 has them", got=str(table)[:100])
    singles: dict[str, int] = {}
    regions: dict[str, tuple[int, ...]] = {}
    for name, value in table.items():
        ids = value if isinstance(value, list) else [value]
        if not ids or any(type(i) is not int for i in ids):
            raise DataError(f"{where}: labels: {name}", expected="an id or a list of ids", got=repr(value))
        if name in {"background", "ignore"}:
            continue
        if len(ids) > 1:
            regions[name] = tuple(ids)
        else:
            singles[name] = ids[0]
    for id_ in sorted({i for ids in regions.values() for i in ids} - set(singles.values())):
        smallest = min((r for r, ids in regions.items() if id_ in ids), key=lambda r: len(regions[r]))
        singles[f"{smallest}_{id_}"] = id_
    try:
        return Labels.of(singles, ignore=table.get("ignore"), regions=regions)
    except CondyleError as error:
        raise DataError(f"{where}: {error.where}", expected=error.expected, got=error.got) from error


def labels_to_nnunet(labels: Labels) -> dict[str, Any]:
    """The keys `labels` and, where there are regions, `regions_class_order` of an nnU-Net `dataset.json`.

    Args:
        labels: With ids 1, 2, 3 ... without a gap, and the ignore id, if any, next.
    """
    out: dict[str, Any] = {"background": 0}
    if not labels.regions:
        out.update({s.name: s.id for s in labels.structures})
        return {"labels": out if labels.ignore is None else {**out, "ignore": labels.ignore}}
    entries = _painted(labels)
    out.update({name: list(ids) if len(ids) > 1 else ids[0] for name, ids, _ in entries})
    if labels.ignore is not None:
        out["ignore"] = labels.ignore
    return {"labels": out, "regions_class_order": [paint for _, _, paint in entries]}


def _painted(labels: Labels) -> list[tuple[str, tuple[int, ...], int]]:
    """Name, ids and painted id of each nnU-Net class: large regions first, so that small ones end on top."""
    unnamed = {i for region, ids in labels.regions.items() for i in ids if f"{region}_{i}" in labels.names}
    regions = sorted(labels.regions.items(), key=lambda item: -len(item[1]))
    entries = [(name, tuple(ids), next((i for i in ids if i in unnamed), ids[0])) for name, ids in regions]
    entries += [(s.name, (s.id,), s.id) for s in labels.structures if s.id not in unnamed]
    for s in labels.structures:
        last = next((paint for _, ids, paint in reversed(entries) if s.id in ids), None)
        if last != s.id:
            entries.append((s.name, (s.id,), s.id))
    return entries
