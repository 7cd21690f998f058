"""The masks of a case by the names of its structures, whether in a label map or in a file for each structure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import numpy as np

from condyle.data.importers.found import MaskFiles
from condyle.errors import DataError
from condyle.io import read_labels
from condyle.labels import Labels, remap
from condyle.metrics.pair import paired
from condyle.space import Volume
from condyle.workflow.shared.naming import labels_for


@dataclass(frozen=True, eq=False)
class NamedMasks:
    """The masks of a reference or of a prediction.

    Args:
        whole: A label map, or None.
        ids: What it calls each name, in ids; a region has several.
        parts: Name to file, without a label map.
        regions: Name to the names it joins.
        ignore: Id of voxels nobody labelled, or None.
    """

    whole: Volume | None = None
    ids: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    parts: Mapping[str, Path] = field(default_factory=dict)
    regions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ignore: int | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """What it can be asked for by itself."""
        return tuple(self.parts) if self.whole is None else tuple(self.ids)

    def mask(self, name: str) -> Volume | None:
        """A structure or region as 0 and 1; None if no file and no id is of that name.

        Raises:
            DataError: if a file cannot be read, or those of a region lie on different grids.
        """
        if self.whole is not None:
            if name not in self.ids:
                return None
            return self.whole.with_array(np.isin(self.whole.array, self.ids[name]).astype(np.uint8))
        members = (name,) if name in self.parts else self.regions.get(name, ())
        joined: Volume | None = None
        for part in (_filled(self.parts[member]) for member in members if member in self.parts):
            joined = part if joined is None else joined.with_array(joined.array | paired(joined, part).prediction)
        return joined

    def empty(self) -> Volume:
        """Nothing, on the grid of its masks."""
        known = self.whole or read_labels(next(iter(self.parts.values())))
        return known.with_array(np.zeros(known.shape, np.uint8))

    def ignored(self) -> Volume | None:
        """1 where nobody labelled; None if there is no such place."""
        if self.whole is None or self.ignore is None:
            return None
        return self.whole.with_array((self.whole.array == self.ignore).astype(np.uint8))


def reference_masks(files: MaskFiles, labels: Labels | None) -> NamedMasks:
    """What is taken as true; its ids mean what the labels say, or else what its own file does.

    Raises:
        DataError: if it cannot be read, or nobody names its ids.
    """
    if files.whole is None:
        return _of_parts(files, labels)
    table = _table(files.whole, labels or labels_for(files.whole))
    return NamedMasks(read_labels(files.whole), _ids(table, table), regions=_regions(table), ignore=table.ignore)


def predicted_masks(files: MaskFiles, labels: Labels | None, renumbered: Mapping[int, int] | None) -> NamedMasks:
    """What is judged; its ids mean what its own file says, or else what the labels do.

    Args:
        files: A label map, or a file for each structure.
        labels: The structures of the case, or None.
        renumbered: From its ids to those of the labels; goes before what its own file says. None leaves them.

    Raises:
        DataError: as `reference_masks`, and if an id is not renumbered.
    """
    if files.whole is None:
        return _of_parts(files, labels)
    volume, own = read_labels(files.whole), labels_for(files.whole)
    if renumbered is not None:
        volume, own = volume.with_array(remap(volume.array, renumbered, where=str(files.whole))), None
    table = _table(files.whole, own or labels)
    return NamedMasks(volume, _ids(table, labels or table), regions=_regions(labels))


def names_of(reference: NamedMasks, prediction: NamedMasks, labels: Labels | None) -> tuple[str, ...]:
    """The structures of a case, then its regions: those of the labels, or else those that either side knows.

    Files that labels do not name are left out: a program that segments everything writes many more.
    """
    if labels is not None:
        own = [name for name in prediction.ids if name not in labels.names and name not in labels.regions]
        return (*labels.names, *own, *labels.regions)
    return tuple(sorted({*reference.names, *prediction.names}))


def in_ids_of(prediction: Volume, own: Labels, labels: Labels) -> tuple[Volume, Labels]:
    """A label map in the ids of other labels, structure by structure of the same name; what only it names is added.

    Returns:
        The map, and the labels with what was added: an ignored id and regions stay what they are.

    Raises:
        DataError: if it has a structure by the name of a region, which no id could be given to.
    """
    joined = [name for name in own.names if name in labels.regions and name not in labels.names]
    if joined:
        raise DataError(
            "prediction",
            expected="segments named like the structures of the label table",
            got=f"{', '.join(joined)}, which the table joins of several",
            hint="Rename the segment, or leave the region out of the table.",
        )
    ids = {s.name: s.id for s in labels.structures}
    free = (id_ for id_ in count(1) if id_ not in labels.ids and id_ != labels.ignore)
    ids |= {name: next(free) for name in own.names if name not in ids}
    moved = remap(prediction.array, {s.id: ids[s.name] for s in own.structures}, where="prediction")
    colors = {s.name: s.color for s in labels.structures}
    return prediction.with_array(moved), Labels.of(ids, ignore=labels.ignore, regions=labels.regions, colors=colors)


def _filled(path: Path) -> Volume:
    volume = read_labels(path)
    return volume.with_array((volume.array != 0).astype(np.uint8))


def _of_parts(files: MaskFiles, labels: Labels | None) -> NamedMasks:
    return NamedMasks(parts=files.parts, regions=_regions(labels))


def _table(path: Path, table: Labels | None) -> Labels:
    if table is None:
        raise DataError(
            path,
            expected="names for its ids, as the other side has one file a structure",
            got="none",
            hint="Give --name femur=1 or --table.",
        )
    return table


def _ids(table: Labels, labels: Labels) -> dict[str, tuple[int, ...]]:
    """Name to ids of a label map: its own structures, and the regions of the labels by the names they join."""
    own = {s.name: (s.id,) for s in table.structures}
    joined = {name: tuple(own[m][0] for m in members if m in own) for name, members in _regions(labels).items()}
    return {name: ids for name, ids in joined.items() if ids} | own


def _regions(labels: Labels | None) -> dict[str, tuple[str, ...]]:
    """Region to the names of its structures."""
    if labels is None:
        return {}
    name_of = {s.id: s.name for s in labels.structures}
    return {region: tuple(name_of[id_] for id_ in ids) for region, ids in labels.regions.items()}
