"""Label maps that name their structures themselves, each with its own numbers: `.seg.nrrd`, as 3D Slicer writes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from condyle.data.importers.found import MaskFiles
from condyle.errors import ConfigError
from condyle.io import segnrrd, suffix_of
from condyle.labels import Labels


def own_labels(files: MaskFiles) -> Labels | None:
    """What a case's label map calls its numbers, or None if it does not tell.

    Raises:
        DataError: if its header is broken.
    """
    if files.whole is None or suffix_of(files.whole) != ".seg.nrrd":
        return None
    return segnrrd.read_table(files.whole)


def together(tables: Iterable[Labels]) -> Labels:
    """All names of several files, with the number that the first file gives them, or the next that is free."""
    structures = [s for table in tables for s in table.structures]
    ids: dict[str, int] = {}
    for s in structures:
        if s.name not in ids:
            taken = set(ids.values())
            ids[s.name] = s.id if s.id not in taken else max(taken) + 1
    return Labels.of(ids, colors={s.name: s.color for s in reversed(structures)})


def refuse_other_numbers(tables: Mapping[str, Labels], numbers: Iterable[int]) -> None:
    """Raise a `ConfigError` where files name a number differently: what is told of it could be true of one only.

    Args:
        tables: File, or case, to its names.
        numbers: Those that something is told of.
    """
    known: dict[int, tuple[str, str]] = {}
    told = set(numbers)
    for where, table in tables.items():
        for s in table.structures:
            name, first = known.setdefault(s.id, (s.name, where))
            if s.id in told and s.name != name:
                raise ConfigError(
                    where,
                    expected=f"{s.id} to be {name}, as in {first}",
                    got=s.name,
                    hint="`condyle import` goes by the names, whatever the numbers, if none are told.",
                )
