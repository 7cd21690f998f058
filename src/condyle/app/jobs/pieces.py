"""What the commands of several jobs are made of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from condyle.app.jobs.asked import Asked
from condyle.app.workspace import Workspace
from condyle.data import Case, Dataset
from condyle.errors import DataError
from condyle.labels import Labels

#: Jobs of one lane never run at once: `writes` change a dataset, `reads` only look at one, `learns` takes hours.
WRITES, READS, LEARNS = "writes", "reads", "learns"

#: The words behind `condyle`.
Step = tuple[str, ...]

#: Masks of a model or rule, before they become a label set; never those that say how sure it is.
_MASKS = r"^(?P<case>.+?)(?<!_uncertainty)$"


def dataset_of(workspace: Workspace, asked: Asked) -> tuple[str, Dataset]:
    """The dataset that is named, and its key."""
    key = asked.text("dataset")
    return key, workspace.dataset(key)


def cases_of(workspace: Workspace, dataset: Dataset, asked: Asked) -> list[Case]:
    """The cases that are named, or all."""
    keys = asked.texts("cases")
    return [workspace.case(dataset, key) for key in keys] if keys else list(dataset.cases)


def label_set_of(dataset: Dataset, asked: Asked, field: str) -> str:
    """One of a dataset's label sets."""
    return asked.choice(field, dataset.label_sets)


def image_of(dataset: Dataset, case: Case) -> Path:
    """The file of a case's first channel."""
    return dataset.path(case.images[dataset.channels[0]])


def meshes_folder(dataset: Dataset, label_set: str, case: Case) -> Path:
    """Where a case's meshes are."""
    return dataset.folder / "meshes" / label_set / case.id


def nnunet_folder(workspace: Workspace, dataset: Dataset) -> Path:
    """Where a dataset is, once it was exported for nnU-Net."""
    return workspace.folder / "results" / f"nnunet-{dataset.folder.name}"


def enter(folder: Path, labels: Labels, label_set: str, masks: Path, names: Mapping[int, str]) -> Step:
    """The step that makes masks a label set; ids become the dataset's own of the same names.

    Args:
        folder: The dataset's.
        labels: Its structures so far.
        label_set: What the set is to be called.
        masks: A folder of label maps, each named like its case.
        names: What the ids in the masks are.
    """
    words = ["import", str(folder), "--label-set", f"{label_set}={masks}", "--mask-pattern", _MASKS]
    words += [word for id_, name in names.items() for word in ("--remap", f"{id_}={name}")]
    return (*words, *_structures(labels, names))


def _structures(labels: Labels, names: Mapping[int, str]) -> list[str]:
    """Options that name all structures, where some are new to the dataset; those get free ids."""
    ids = {s.name: s.id for s in labels.structures}
    if set(names.values()) <= set(ids):
        return []
    for id_, name in names.items():
        if name not in ids:
            used = {*ids.values(), labels.ignore}
            ids[name] = id_ if id_ not in used else next(i for i in range(1, 65536) if i not in used)
    return [word for name, id_ in ids.items() for word in ("--name", f"{name}={id_}")]


def names_of(model: Path) -> dict[int, str]:
    """The structures of a model of ours, by id.

    Raises:
        DataError: if its folder cannot be read.
    """
    path = model / "labels.json"
    try:
        labels = Labels.from_json(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        hint = "Train it until its first fold is there."
        raise DataError(path, expected="the labels of a model", got=str(error), hint=hint) from error
    return {s.id: s.name for s in labels.structures}


def new_result(workspace: Workspace, asked: Asked, default: str) -> Path:
    """A folder for results that is not there yet."""
    name = asked.name("name", default[:80])
    numbers = ("", *(f"-{n}" for n in range(2, 10_000)))
    return next(p for p in (workspace.folder / "results" / f"{name}{n}" for n in numbers) if not p.exists())
