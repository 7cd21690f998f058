"""A folder of cases: what `condyle import` makes and everything else reads.

The folder holds `dataset.json` and beside it, all on their scan's own grid,

    images/<channel>/<case>.nii.gz
    labels/<label set>/<case>.nii.gz

* **label set**: one way of labelling all or some of the cases: `reference`, `automatic`, `corrected`. All
  sets of a dataset share one table of structures.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from condyle.data.case import Case
from condyle.data.fields import checked_fields, labels_from_json, read_json, text
from condyle.data.folds import Folds
from condyle.data.names import path_inside, require_inside, require_safe
from condyle.errors import ConfigError, DataError
from condyle.io.atomic import atomic_file
from condyle.labels import Labels

#: The file that makes a folder a dataset.
FILE = "dataset.json"

#: The table of a dataset in which nothing is labelled.
UNLABELLED = Labels(())

#: Version of the layout of `dataset.json`.
SCHEMA = 1


@dataclass(frozen=True)
class Dataset:
    """What `dataset.json` says. Holds no voxels; see `load_image` and `load_labels`.

    Args:
        folder: Where it lies.
        name: What it is called.
        channels: Names of the images each case has, in the order a network sees them.
        labels: The structures; empty if nothing is labelled.
        cases: Sorted by id.
        folds: The stored split, or None.

    Raises:
        DataError: if two ids are the same (capitals aside), a case lacks a channel or has another, a path
            leads out of the folder, or the folds part a group.
    """

    folder: Path
    name: str
    channels: tuple[str, ...]
    labels: Labels = UNLABELLED
    cases: tuple[Case, ...] = ()
    folds: Folds | None = None

    def __post_init__(self) -> None:
        where = str(self.folder / FILE)
        if not self.channels or len(set(self.channels)) < len(self.channels):
            raise DataError(where, expected="channels, each with a name of its own", got=str(self.channels))
        seen: dict[str, str] = {}
        for case in self.cases:
            # Not all file systems tell capitals apart.
            if case.id.lower() in seen:
                raise DataError(where, expected="one case of each id", got=f"{seen[case.id.lower()]} and {case.id}")
            seen[case.id.lower()] = case.id
            if set(case.images) != set(self.channels):
                got = ", ".join(case.images) or "none"
                raise DataError(f"{where}: {case.id}", expected=f"channels {', '.join(self.channels)}", got=got)
            for path in case.paths:
                require_inside(path, f"{where}: {case.id}")
        if self.folds is not None:
            self.folds.check_against(self.cases, f"{where}: folds")

    @property
    def label_sets(self) -> tuple[str, ...]:
        """Names of all label sets that any case has."""
        return tuple(sorted({name for case in self.cases for name in case.label_sets}))

    @property
    def labelled(self) -> tuple[Case, ...]:
        """The cases with at least one label set."""
        return tuple(case for case in self.cases if case.label_sets)

    def __getitem__(self, id_: str) -> Case:
        for case in self.cases:
            if case.id == id_:
                return case
        raise ConfigError(self.folder, expected="a case of the dataset", got=id_, hint="See dataset.json for the ids.")

    def get(self, id_: str) -> Case | None:
        """The case of an id, or None."""
        return next((case for case in self.cases if case.id == id_), None)

    def __contains__(self, id_: object) -> bool:
        return any(case.id == id_ for case in self.cases)

    def path(self, relative: str) -> Path:
        """Where a case's file is.

        Raises:
            DataError: if a link leads out of the folder.
        """
        return path_inside(self.folder, relative, self.folder / FILE)

    def with_case(self, case: Case) -> Dataset:
        """The dataset with one more case, or one of the same id replaced."""
        others = [other for other in self.cases if other.id != case.id]
        return replace(self, cases=tuple(sorted([*others, case], key=lambda case: case.id)))

    def to_json(self) -> dict[str, Any]:
        """The content of `dataset.json`."""
        return {
            "condyle_dataset": SCHEMA,
            "name": self.name,
            "channels": list(self.channels),
            "labels": self.labels.to_json(),
            "folds": self.folds.to_json() if self.folds else None,
            "cases": [case.to_json() for case in self.cases],
        }

    def save(self) -> None:
        """Write `dataset.json`, whole or not at all.

        Raises:
            DataError: if the folder cannot be written.
        """
        content = json.dumps(self.to_json(), indent=1, ensure_ascii=False)
        with atomic_file(self.folder / FILE, overwrite=True) as temporary:
            temporary.write_text(content + "\n", encoding="utf-8")

    @classmethod
    def open(cls, folder: Path) -> Dataset:
        """Read `dataset.json` and check all of it; no voxel is read.

        Raises:
            DataError: if the folder is no dataset, or something in the file is not as it should be.
        """
        path = folder / FILE
        if not path.is_file():
            raise DataError(
                folder,
                expected=f"a dataset, a folder with a {FILE}",
                got="a folder without" if folder.is_dir() else "no such folder",
                hint="condyle import makes one.",
            )
        where = str(path)
        raw = read_json(path)
        if isinstance(raw, dict) and raw.get("condyle_dataset") != SCHEMA:
            nnunet = " (an nnU-Net dataset: condyle import reads it)" if "channel_names" in raw else ""
            got = f"{raw.get('condyle_dataset')!r}{nnunet}"
            raise DataError(where, expected=f"a dataset of version {SCHEMA} (key condyle_dataset)", got=got)
        fields = checked_fields(
            raw,
            where,
            required=("condyle_dataset", "name", "channels", "labels", "cases"),
            optional={"folds": None},
        )
        return cls(
            folder=folder,
            name=text(fields["name"], f"{where}: name"),
            channels=tuple(require_safe(c, f"{where}: channels") for c in _listed(fields["channels"], where)),
            labels=labels_from_json(fields["labels"], f"{where}: labels"),
            cases=_cases(fields["cases"], where),
            folds=None if fields["folds"] is None else Folds.from_json(fields["folds"], f"{where}: folds"),
        )


def refuse_foreign(folder: Path) -> None:
    """Raise a `DataError` if a folder to make a dataset in holds something else (hidden files aside)."""
    if (folder / FILE).exists() or not folder.exists():
        return
    if not folder.is_dir() or any(not path.name.startswith(".") for path in folder.iterdir()):
        hint = "Choose another folder."
        raise DataError(folder, expected="a dataset, or an empty or new folder", got="other things", hint=hint)


def _listed(value: Any, where: str) -> Sequence[Any]:
    if not isinstance(value, list):
        raise DataError(where, expected="a list", got=type(value).__name__)
    return value


def _cases(value: Any, where: str) -> tuple[Case, ...]:
    cases = [Case.from_json(item, f"{where}: case {n}") for n, item in enumerate(_listed(value, f"{where}: cases"))]
    return tuple(sorted(cases, key=lambda case: case.id))
