"""What the numbers and names in source masks become in the dataset."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

from condyle.errors import ConfigError, DataError
from condyle.labels import Labels, present_ids, remap

#: Key of a remap table that stands for all ids or names it does not list.
REST = "*"

#: The table of a source that has none.
NO_LABELS = Labels(())


@dataclass(frozen=True)
class Labelling:
    """From a source's labels to the dataset's.

    Args:
        labels: The dataset's structures.
        table: Source id or name (as text) to a structure's name; "" drops it. None keeps ids and names.
        source: The source's own table, whose names may stand in `table` for ids; empty if it has none.
        priority: Structures in falling priority where masks overlap; empty: they must not.
    """

    labels: Labels
    table: Mapping[str, str] | None = None
    source: Labels = NO_LABELS
    priority: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        targets = set(self.table.values()) - {""} if self.table is not None else set()
        for what, names in (("remap table", targets), ("priority", set(self.priority))):
            unknown = sorted(names - set(self.labels.names))
            if unknown:
                known = ", ".join(self.labels.names) or "none"
                raise ConfigError(what, expected=f"structures of the dataset ({known})", got=", ".join(unknown))

    def of_map(self, array: NDArray[Any], where: str) -> NDArray[Any]:
        """A source label map in the dataset's ids.

        Raises:
            DataError: if it holds an id nobody gave a meaning.
        """
        ids = {structure.id: structure.id for structure in self.labels.structures}
        if self.table is not None:
            ids = {}
            own = {s.name: s.id for s in self.source.structures}
            for key, target in self.table.items():
                old = own.get(key, int(key) if is_id(key) else None)
                if old is not None:
                    ids[old] = self.labels[target].id if target else 0
            if REST in self.table:
                rest = self.labels[self.table[REST]].id if self.table[REST] else 0
                ids = {**dict.fromkeys(present_ids(array), rest), **ids}
        ignored = self.source.ignore if self.source.ignore is not None else self.labels.ignore
        if ignored is not None and self.labels.ignore is not None:
            ids = {ignored: self.labels.ignore, **ids}
        return remap(array, ids, where=where)

    def of_part(self, name: str, where: str) -> str:
        """The structure that a file for one structure stands for, or "" if it is not wanted.

        Raises:
            DataError: if nobody gave the name a meaning.
        """
        if self.table is not None:
            found = self.table.get(name, self.table.get(REST))
        else:
            found = name if name in self.labels.names else None
        if found is None:
            raise DataError(
                where,
                expected=f"a structure among {', '.join(self.table or self.labels.names)}",
                got=name,
                hint=f"Add it, or drop all others with {REST!r} in the remap table.",
            )
        return found


def resolve(
    existing: Labels,
    *,
    structures: Mapping[str, int] | None,
    table: Mapping[str, str] | None,
    ignore: int | None,
    source: Labels,
    part_names: Iterable[str],
    priority: Sequence[str],
    numbers: Collection[int] | None = None,
) -> Labelling:
    """The labelling of one import.

    The structures are those given; else the dataset's own; else the targets of the remap table, numbered
    from 1 in its order; else the source's; else the names of the files, numbered in order of priority and
    then of the alphabet. Where masks have names, those given are taken and all others left out.
    `numbers` are all that the masks may hold, as far as they tell.

    Raises:
        ConfigError: if a given name is unknown, or contradicts the dataset.
        DataError: if nothing tells what the numbers in a label map mean.
    """
    parts = sorted(set(part_names))
    _refuse_unknown(table or {}, source, parts, numbers)
    named = [*source.names, *parts]
    if structures is not None:
        if named and table is None:
            table = _only(structures, named)
        labels = Labels.of(structures, ignore=ignore)
    elif existing.structures:
        labels = existing
    elif table is not None:
        names = [name for name in dict.fromkeys(table.values()) if name]
        labels = Labels.of({name: n for n, name in enumerate(names, start=1)}, ignore=source.ignore)
    elif source.structures:
        labels = source
    elif parts:
        names = [*priority, *(name for name in parts if name not in priority)]
        labels = Labels.of({name: n for n, name in enumerate(names, start=1)})
    else:
        raise DataError(
            "label map",
            expected="names for its numbers",
            got="none",
            hint="Name them, e.g. --name femur=1, or give a remap table.",
        )
    if table is None and source.structures:
        table = _same(source, labels)
    if ignore is not None and labels.ignore is None:
        labels = replace(labels, ignore=ignore)
    return Labelling(merged(existing, labels), table, source, tuple(priority))


def _only(structures: Mapping[str, int], named: Sequence[str]) -> dict[str, str]:
    """The table that takes the structures that are asked for from masks with names."""
    unknown = sorted(set(structures) - set(named))
    if unknown:
        expected, hint = f"names among {', '.join(named)}", "Say what they become: --remap NAME=STRUCTURE."
        raise ConfigError("names", expected=expected, got=", ".join(unknown), hint=hint)
    return {name: name if name in structures else "" for name in named}


def _same(source: Labels, labels: Labels) -> dict[str, str]:
    """The table that leaves names as they are."""
    unknown = sorted(set(source.names) - set(labels.names))
    if unknown:
        expected = f"names among the dataset's structures ({', '.join(labels.names)})"
        hint = f"Say what they become: --remap NAME=STRUCTURE; or leave out all others: --remap '{REST}='."
        raise ConfigError("names in the masks", expected=expected, got=", ".join(unknown), hint=hint)
    return {name: name for name in source.names}


def _refuse_unknown(
    table: Mapping[str, str], source: Labels, parts: Sequence[str], numbers: Collection[int] | None
) -> None:
    """Raise a `ConfigError` for keys of a remap table that stand for nothing."""
    known = {*source.names, *parts, REST}
    others = [key for key in table if key not in known]
    unknown = [key for key in others if not is_id(key) or (numbers is not None and int(key) not in numbers)]
    if unknown:
        names = ", ".join((*source.names, *parts))
        raise ConfigError(
            "remap table", expected=f"ids or names among {names}" if names else "ids", got=", ".join(sorted(unknown))
        )


def is_id(key: str) -> bool:
    """Whether a key of a remap table is a number."""
    return key.isascii() and key.isdigit()


def merged(old: Labels, new: Labels) -> Labels:
    """Both tables in one; colours and regions of the old one stay.

    Raises:
        ConfigError: if a name or an id means different things in them.
    """
    if not old.structures:
        return new
    if set(new.names) <= set(old.names) and old.ignore is None:
        old = replace(old, ignore=new.ignore)
    ids = {s.name: s.id for s in old.structures}
    for s in new.structures:
        if ids.setdefault(s.name, s.id) != s.id:
            raise ConfigError(f"structure {s.name}", expected=f"id {ids[s.name]}, as in the dataset", got=str(s.id))
    if old.ignore is not None and new.ignore not in {None, old.ignore}:
        raise ConfigError("ignore", expected=f"{old.ignore}, as in the dataset", got=str(new.ignore))
    if set(ids) == set(old.names):
        return old
    colors = {s.name: s.color for s in (*new.structures, *old.structures)}
    ignore = old.ignore if old.ignore is not None else new.ignore
    return Labels.of(ids, ignore=ignore, regions={**new.regions, **old.regions}, colors=colors)
