"""What the numbers in label maps mean to a network that learned them, and how that may have changed since."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from condyle.labels import Labels


def meaning(labels: Labels) -> dict[str, Any]:
    """A table of structures as plain data, without colours, which no network sees."""
    told = labels.to_json()
    rows = [{key: value for key, value in row.items() if key != "color"} for row in told["structures"]]
    return {**told, "structures": rows}


def other_meaning(now: Mapping[str, Any], begun: Mapping[str, Any]) -> list[str]:
    """What differs between two tables of `meaning`, in words."""
    differ = [f"structure {id_}: {a}, begun with {b}" for id_, a, b in _changed(_structures(now), _structures(begun))]
    if now.get("ignore") != begun.get("ignore"):
        differ.append(f"ignore {now.get('ignore', 'none')}, begun with {begun.get('ignore', 'none')}")
    regions = _changed(now.get("regions", {}), begun.get("regions", {}))
    return differ + [f"region {name}: {a}, begun with {b}" for name, a, b in regions]


def _structures(told: Mapping[str, Any]) -> dict[int, str]:
    """Id to the structure in words."""
    return {row["id"]: _in_words(row) for row in told["structures"]}


def _in_words(row: Mapping[str, Any]) -> str:
    side = f" ({row['side']}, partner {row['mirror'] or 'none'})" if row["side"] or row["mirror"] else ""
    return f"{row['name']}{side}"


def _changed(now: Mapping[Any, Any], begun: Mapping[Any, Any]) -> list[tuple[Any, Any, Any]]:
    """Key, value now and value then, of those that differ."""
    keys = dict.fromkeys([*now, *begun])
    return [(key, now.get(key, "none"), begun.get(key, "none")) for key in keys if now.get(key) != begun.get(key)]
