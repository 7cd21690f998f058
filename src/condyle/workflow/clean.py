"""`condyle clean`: cleanup steps on label maps, whoever made them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from condyle.data.importers.found import files_below
from condyle.errors import CondyleError, ConfigError, DataError
from condyle.io import read_labels, suffix_of
from condyle.io.atomic import refuse_existing
from condyle.labels import Labels, present_ids
from condyle.predict.cleanup import clean as cleaned
from condyle.progress import Track, silent
from condyle.workflow.segmentation.cleaning import asked_steps
from condyle.workflow.segmentation.outputs import write_mask
from condyle.workflow.shared.naming import labels_for


@dataclass(frozen=True)
class Cleaned:
    """What was cleaned.

    Args:
        masks: Mask to its cleaned file.
        changed: Mask to the number of voxels that changed.
        failed: Mask to what went wrong.
    """

    masks: Mapping[str, Path] = field(default_factory=dict)
    changed: Mapping[str, int] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        return 1 if self.failed else 0

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        masks = {name: str(path) for name, path in self.masks.items()}
        return {"masks": masks, "changed": dict(self.changed), "failed": dict(self.failed)}

    def __str__(self) -> str:
        lines = [f"{path}: {self.changed[name]} voxels changed" for name, path in self.masks.items()]
        return "\n".join([*lines, *(f"failed: {name}: {what}" for name, what in self.failed.items())])


def clean(
    masks: Sequence[Path],
    *,
    out: Path | None = None,
    steps: str = "",
    names: Mapping[str, int] | None = None,
    table: Path | None = None,
    overwrite: bool = False,
    track: Track = silent,
) -> Cleaned:
    """Clean label maps of any origin: largest parts, small parts, gaps, holes, in mm and structure by structure.

    No step takes a voxel of another structure, and masks stay on their grid.

    Args:
        masks: Label maps, or folders of them.
        out: The folder to write to, under the same names; or one file, for one mask.
        steps: `knee`, `limb`, or a JSON file of steps.
        names: Name and id of each structure, e.g. femur=1; else what the file tells, or label_1, label_2 ...
        table: A JSON file that names the structures, e.g. a dataset.json.
        overwrite: Replace what is there.
        track: Told of each mask.

    Raises:
        DataError: if a mask cannot be read, or what is there would be overwritten.
        ConfigError: if there is no place to write to, two masks would be written to one file, or the steps make no
            sense.
    """
    if out is None:
        raise ConfigError("out", expected="a folder or file to write to (-o)", got="none")
    files = [file for path in masks for file in (files_below(path, deep=False) if path.is_dir() else [path])]
    if not files:
        raise DataError(", ".join(map(str, masks)) or "masks", expected="label maps", got="none")
    if suffix_of(out) is not None and len(files) > 1:
        raise ConfigError("out", expected=f"a folder, for {len(files)} masks", got=out.name)
    _refuse_one_name(files)
    targets = {file: out if suffix_of(out) is not None else out / file.name for file in files}
    for target in targets.values():
        refuse_existing(target, overwrite=overwrite)
    done: dict[str, int] = {}
    failed: dict[str, str] = {}
    for file in track(files, "Cleaning"):
        try:
            labels = labels_for(file, names=names, table=table)
            done[str(file)] = _clean_file(file, targets[file], steps, labels, overwrite=overwrite)
        except CondyleError as error:
            if len(files) == 1:
                raise
            failed[str(file)] = str(error)
    return Cleaned({name: targets[Path(name)] for name in done}, done, failed)


def _refuse_one_name(files: Sequence[Path]) -> None:
    """Raise a `ConfigError` if two masks have one name; upper and lower case are one to some file systems."""
    first: dict[str, Path] = {}
    for file in files:
        name = file.name.casefold()
        if name in first:
            raise ConfigError(
                "masks",
                expected="a name of its own for each mask, as the cleaned one is called likewise",
                got=f"{first[name]} and {file}",
                hint="Clean them one by one, into folders of their own.",
            )
        first[name] = file


def _clean_file(file: Path, target: Path, steps: str, labels: Labels | None, *, overwrite: bool) -> int:
    """How many voxels changed."""
    mask = read_labels(file)
    known = labels or Labels.of({f"label_{id_}": id_ for id_ in present_ids(mask.array)})
    after = cleaned(mask, known, asked_steps(steps, known))
    write_mask(target, after, labels, overwrite=overwrite)
    return int(np.count_nonzero(after.array != mask.array))
