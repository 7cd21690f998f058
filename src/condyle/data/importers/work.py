"""One case of an import, from its sources to its entry in the dataset."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from condyle import io
from condyle.data.case import Case, image_path, labels_path
from condyle.data.dataset import Dataset
from condyle.data.importers.find import Sources
from condyle.data.importers.handling import Handling
from condyle.data.importers.join import read_masks
from condyle.data.importers.pairing import MaskPlan
from condyle.data.importers.store import is_stored, read_images, write_files
from condyle.errors import DataError
from condyle.space import Volume


@dataclass(frozen=True)
class Work:
    """All there is to do in one import.

    Args:
        found: The scans.
        plan: Their masks.
        groups: Group by id of each found case.
        handling: How files are read and written.
    """

    found: Sources
    plan: MaskPlan
    groups: Mapping[str, str]
    handling: Handling

    @property
    def case_ids(self) -> list[str]:
        """Cases with a scan or a mask, sorted."""
        return sorted({*self.found.cases, *(id_ for cases in self.plan.sets.values() for id_ in cases)})


def import_case(dataset: Dataset, id_: str, work: Work) -> tuple[Case | None, list[str]]:
    """Read all files of a case, then write them: what cannot be read leaves nothing behind.

    Returns:
        The case as it is to be entered in the dataset, or None if nothing is new about it; and sentences
        about what was done to its masks.

    Raises:
        DataError: if an image or a mask is broken or does not fit, label sets were made on another scan than the new
            one, or the disk refuses.
    """
    old = dataset.get(id_)
    masks = work.plan.of_case(id_)
    if old is not None and not work.handling.overwrite:
        masks = {name: files for name, files in masks.items() if name not in old.label_sets}
        if not masks:
            return None, []
    files: dict[str, Volume] = {}
    if old is None or (id_ in work.found.cases and work.handling.overwrite):
        found = work.found.cases[id_]
        images = read_images(found, work.handling)
        if old is not None:
            _refuse_stale(dataset, old, images, kept=old.label_sets.keys() - masks.keys())
        files = {image_path(channel, id_): volume for channel, volume in images.items()}
        grid = next(iter(images.values())).grid
        paths = {channel: image_path(channel, id_) for channel in images}
        case = Case(id_, work.groups[id_], paths, old.label_sets if old else {}, found.patient)
    else:
        case, grid = old, io.read(dataset.path(next(iter(old.images.values())))).grid
    notes = []
    for name, (sources, labelling) in masks.items():
        path = labels_path(name, id_)
        files[path], said = read_masks(sources, grid, labelling, work.handling)
        case = case.with_label_set(name, path)
        notes += said
    write_files(dataset, files, overwrite=work.handling.overwrite)
    return case, notes


def _refuse_stale(dataset: Dataset, old: Case, new: Mapping[str, Volume], *, kept: Collection[str]) -> None:
    """Raise a `DataError` where a scan would be replaced by another one under label sets that stay."""
    changed = [name for name, path in old.images.items() if name in new and _is_another(dataset.path(path), new[name])]
    if kept and changed:
        raise DataError(
            old.id,
            expected=f"the scan that its label sets {', '.join(sorted(kept))} were made on",
            got=f"another one ({', '.join(changed)})",
            hint="Import it as another case, or give new masks for these label sets in the same command.",
        )


def _is_another(path: Path, volume: Volume) -> bool:
    try:
        return not is_stored(path, volume)
    except DataError:
        # A scan that is damaged or gone may be brought in again.
        return False
