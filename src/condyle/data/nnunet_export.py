"""A dataset written as an nnU-Net v2 raw folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from condyle import io
from condyle.data.case import Case
from condyle.data.dataset import Dataset
from condyle.data.load import load_labels
from condyle.data.nnunet_labels import labels_to_nnunet
from condyle.errors import DataError
from condyle.io import nifti
from condyle.io.atomic import is_of_writing
from condyle.labels import Labels, remap
from condyle.progress import Track, silent
from condyle.space import Grid

_ENDING = ".nii.gz"


def consecutive(labels: Labels) -> tuple[Labels, dict[int, int]]:
    """The labels with ids 1, 2, 3 ... and the ignore id last, as nnU-Net needs them; and old id to new."""
    table = {s.id: n for n, s in enumerate(labels.structures, start=1)}
    ignore = None
    if labels.ignore is not None:
        ignore = table[labels.ignore] = len(table) + 1
    structures = tuple(replace(s, id=table[s.id]) for s in labels.structures)
    regions = {name: tuple(table[i] for i in ids) for name, ids in labels.regions.items()}
    return Labels(structures, ignore, regions), table


def write_nnunet(dataset: Dataset, folder: Path, label_set: str, *, track: Track = silent) -> dict[int, int]:
    """Write `imagesTr`, `labelsTr`, `imagesTs` and `dataset.json` into an empty folder.

    Cases with the label set are for training, the others go to `imagesTs`. Images are copied byte for byte. What
    nnU-Net has no place for (groups, original ids and names) goes under a key of our own into `dataset.json`, which
    nnU-Net ignores and our import reads; the folds go to `splits_final.json`, which nnU-Net looks for in
    its folder of preprocessed data.

    Args:
        dataset: The dataset.
        folder: Empty.
        label_set: Which label maps.
        track: Told of each case.

    Returns:
        Old id to new, 0 left out.

    Raises:
        DataError: if a file is missing or broken, a label map holds an unknown id, or it lies on another grid than
            an image of its case.
    """
    labels, table = consecutive(dataset.labels)
    for name in ("imagesTr", "labelsTr", "imagesTs"):
        (folder / name).mkdir()
    training = [case for case in dataset.cases if label_set in case.label_sets]
    for case in track(dataset.cases, "Exporting cases"):
        is_training = label_set in case.label_sets
        for number, channel in enumerate(dataset.channels):
            target = folder / ("imagesTr" if is_training else "imagesTs") / f"{case.id}_{number:04d}{_ENDING}"
            _copy(dataset.path(case.images[channel]), target)
        if is_training:
            volume = load_labels(dataset, case, label_set)
            _refuse_apart(dataset, case, label_set, volume.grid)
            array = remap(volume.array, table, where=case.label_sets[label_set])
            io.write(folder / "labelsTr" / f"{case.id}{_ENDING}", volume.with_array(array))
    content = {
        "channel_names": {str(n): channel for n, channel in enumerate(dataset.channels)},
        **labels_to_nnunet(labels),
        "numTraining": len(training),
        "file_ending": _ENDING,
        "condyle": {
            "name": dataset.name,
            "labels": dataset.labels.to_json(),
            "groups": {case.id: case.group for case in dataset.cases},
        },
    }
    _write_json(folder / "dataset.json", content)
    if dataset.folds is not None:
        _write_json(folder / "splits_final.json", _splits(training, dataset.folds.parts, dataset.folds.count))
    return table


def _splits(training: list[Case], parts: Mapping[str, Any], folds: int) -> list[dict[str, list[str]]]:
    """nnU-Net's way to say folds; the test part is in none."""
    used = [case.id for case in training if parts.get(case.id, "test") != "test"]
    return [
        {
            "train": [id_ for id_ in used if parts[id_] != fold],
            "val": [id_ for id_ in used if parts[id_] == fold],
        }
        for fold in range(folds)
    ]


def _refuse_apart(dataset: Dataset, case: Case, label_set: str, grid: Grid) -> None:
    """Raise a `DataError` if a label map does not lie voxel on voxel with the images of its case."""
    for channel in dataset.channels:
        image = dataset.path(case.images[channel])
        other = _grid_of(image)
        if not grid.matches(other):
            raise DataError(
                dataset.path(case.label_sets[label_set]),
                expected=f"the grid of its image {image}, {other}",
                got=str(grid),
                hint="Run condyle check: it finds all of them.",
            )


def _grid_of(image: Path) -> Grid:
    return nifti.read_grid(image) if image.name.endswith(_ENDING) else io.read(image).grid


def _copy(source: Path, target: Path) -> None:
    if not source.name.endswith(_ENDING):
        io.write(target, io.read(source))
        return
    try:
        shutil.copyfile(source, target)
    except OSError as error:
        if is_of_writing(error, target):
            raise
        missing = isinstance(error, FileNotFoundError)
        raise DataError(
            source,
            expected="the file that dataset.json names" if missing else "a file one can read",
            got="none" if missing else error.strerror or str(error),
            hint="Run condyle check.",
        ) from error


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
