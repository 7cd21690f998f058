"""`condyle fill`: bone masks without training, of one scan, a whole dataset, or any folder of scans."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from condyle.classical.fill import FillSettings
from condyle.classical.fill import fill as filled
from condyle.data import Case, Dataset, load_image
from condyle.data.case import labels_path
from condyle.data.dataset import FILE
from condyle.data.lock import one_writer
from condyle.data.names import require_safe
from condyle.errors import CondyleError, ConfigError, DataError
from condyle.io import read, write
from condyle.io.atomic import refuse_existing
from condyle.io.remote import place_of
from condyle.jobs.settings import JobSettings
from condyle.labels import Labels, label_type
from condyle.progress import Track, silent
from condyle.space import Volume
from condyle.workflow.shared.cohort import cases_at, result_in, task, work_off
from condyle.workflow.shared.command import command_of
from condyle.workflow.shared.naming import filled_structure


@dataclass(frozen=True)
class Filled:
    """What was filled.

    Args:
        masks: Case id or scan to mask file.
        volumes_ml: The same to the mask's volume.
        skipped: Cases that had the label set already.
        failed: Case to what went wrong.
    """

    masks: dict[str, Path]
    volumes_ml: dict[str, float]
    skipped: tuple[str, ...] = ()
    failed: dict[str, str] | None = None

    @property
    def exit_code(self) -> int:
        return 1 if self.failed else 0

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "masks": {name: place_of(path) for name, path in self.masks.items()},
            "volumes_ml": {name: round(v, 3) for name, v in self.volumes_ml.items()},
            "skipped": list(self.skipped),
            "failed": self.failed or {},
        }

    def __str__(self) -> str:
        lines = [f"{place_of(path)}: {self.volumes_ml[name]:.1f} ml" for name, path in self.masks.items()]
        if self.skipped:
            lines.append(f"already there: {', '.join(self.skipped)}")
        lines += [f"failed: {name}: {what}" for name, what in (self.failed or {}).items()]
        return "\n".join(lines) or "nothing to do"


def fill(
    scan: Path,
    *,
    out: Path | None = None,
    label_set: str = "fill",
    settings: FillSettings = FillSettings(),  # noqa: B008 - frozen
    series: str | None = None,
    spacing: tuple[float, float, float] | None = None,
    fix_tilt: bool = False,
    value: int = 1,
    jobs: JobSettings = JobSettings(),  # noqa: B008 - frozen
    overwrite: bool = False,
    track: Track = silent,
) -> Filled:
    """Mask bone by threshold and line marks (Pahr and Zysset 2009): a scan, or every case of a dataset.

    With --run-on each case is a command of its own, also of a folder of scans.

    Args:
        scan: A file, a folder or zip of DICOM files, or a dataset folder; with --run-on also a folder of scans, here
            or behind an address (s3://...).
        out: The mask to write (uint8, on the scan's grid), for a scan; a folder or address, for a folder of scans.
        label_set: Name of the label set to make, for a dataset.
        settings: Threshold and rule.
        series: Which DICOM series: its number, UID or part of its description.
        spacing: Voxel spacing in mm of a TIFF stack that does not tell its own.
        fix_tilt: Straighten a DICOM series with gantry tilt.
        value: What bone is in a scan's mask, 1 to 65535. A dataset has its own.
        jobs: Where to work on a cohort.
        overwrite: Replace masks that are there.
        track: Told of each case.

    Raises:
        DataError: if the scan cannot be read, has nothing above the threshold, or the mask cannot be written.
        ConfigError: if there is no place to write the mask to.
    """
    if not 1 <= value <= 65535:
        raise ConfigError("value", expected="1 to 65535", got=str(value))
    reading = {"settings": settings, "series": series, "spacing": spacing, "fix_tilt": fix_tilt}
    if (scan / FILE).is_file():
        require_safe(label_set, "label set")
        if out is not None:
            hint = "Name the masks with --label-set, or fill one scan of it."
            raise ConfigError(
                "out", expected="none for a dataset, which keeps its masks itself", got=str(out), hint=hint
            )
        with one_writer(scan):
            if jobs.run_on:
                return _fill_dataset_by_jobs(Dataset.open(scan), label_set, reading, jobs, track, overwrite=overwrite)
            return _fill_dataset(Dataset.open(scan), label_set, settings, overwrite=overwrite, track=track)
    if jobs.run_on and out is not None:
        cases = {id_: (case, result_in(out, f"{id_}.nii.gz")) for id_, case in cases_at(scan).items()}
        return _fill_by_jobs(cases, out, {**reading, "value": value, "overwrite": overwrite}, jobs, track)
    if out is None:
        raise ConfigError("out", expected="a file to write the mask to (-o)", got="none")
    refuse_existing(out, overwrite=overwrite)
    volume = read(scan, series=series, spacing_mm=spacing, fix_tilt=fix_tilt)
    mask = _mask(scan, volume, settings)
    write(out, _worth(mask, value), overwrite=overwrite)
    return Filled({str(scan): out}, {str(scan): _volume_ml(mask)})


def _fill_by_jobs(
    cases: Mapping[str, tuple[Path, Path]], place: Path, options: Mapping[str, Any], jobs: JobSettings, track: Track
) -> Filled:
    """Have each case's mask made by a command of its own.

    Args:
        cases: Case to its scan and its mask.
        place: What the manifest is named after.
        options: Of each command.
        jobs: Where.
        track: Told of each case.
    """
    tasks = [task(id_, command_of(fill, scan=scan, out=mask, **options), mask) for id_, (scan, mask) in cases.items()]
    outcomes = work_off(tasks, place, jobs, "Filling", track)
    # A task that found its mask there has printed nothing.
    made = {o.id: json.loads(o.printed)["volumes_ml"] for o in outcomes if o.state == "done" and o.printed}
    return Filled(
        {id_: cases[id_][1] for id_ in made},
        {id_: sum(volumes.values()) for id_, volumes in made.items()},
        tuple(o.id for o in outcomes if o.state == "done" and o.id not in made),
        {o.id: o.error for o in outcomes if o.state != "done"},
    )


def _fill_dataset_by_jobs(
    dataset: Dataset, label_set: str, options: Mapping[str, Any], jobs: JobSettings, track: Track, *, overwrite: bool
) -> Filled:
    dataset, id_ = _with_bone(dataset)
    channel = dataset.channels[0]
    masks = {case.id: labels_path(label_set, case.id) for case in dataset.cases}
    todo = {
        case.id: (dataset.path(case.images[channel]).absolute(), dataset.path(masks[case.id]).absolute())
        for case in dataset.cases
        if overwrite or label_set not in case.label_sets
    }
    # A file that no case lists is left over from other work: write it anew.
    options = {**options, "value": id_, "overwrite": True}
    result = _fill_by_jobs(todo, dataset.folder / label_set, options, jobs, track)
    cases = [
        case.with_label_set(label_set, masks[case.id]) if case.id in result.masks else case for case in dataset.cases
    ]
    replace(dataset, cases=tuple(cases)).save()
    return replace(result, skipped=tuple(case.id for case in dataset.cases if case.id not in todo))


def _fill_dataset(dataset: Dataset, label_set: str, settings: FillSettings, *, overwrite: bool, track: Track) -> Filled:
    dataset, id_ = _with_bone(dataset)
    masks, volumes_ml, failed = {}, {}, {}
    to_do = [case for case in dataset.cases if overwrite or label_set not in case.label_sets]
    for case in track(to_do, "Filling"):
        try:
            path, volume_ml = _fill_case(dataset, case, label_set, settings, id_)
        except CondyleError as error:
            failed[case.id] = str(error)
            continue
        dataset = dataset.with_case(case.with_label_set(label_set, labels_path(label_set, case.id)))
        dataset.save()
        masks[case.id], volumes_ml[case.id] = path, volume_ml
    skipped = tuple(case.id for case in dataset.cases if case.id not in masks and case.id not in failed)
    return Filled(masks, volumes_ml, skipped, failed)


def _fill_case(dataset: Dataset, case: Case, label_set: str, settings: FillSettings, id_: int) -> tuple[Path, float]:
    volume = load_image(dataset, case, dataset.channels[0])
    mask = _mask(case.id, volume, settings)
    path = dataset.path(labels_path(label_set, case.id))
    # A file that no case lists is left over from a run that was killed: write it anew.
    write(path, _worth(mask, id_), overwrite=True)
    return path, _volume_ml(mask)


def _worth(mask: Volume, id_: int) -> Volume:
    """The mask with an id in place of 1."""
    array = np.zeros(mask.shape, label_type(id_))
    array[mask.array > 0] = id_
    return mask.with_array(array)


def _mask(where: str | Path, volume: Volume, settings: FillSettings) -> Volume:
    try:
        return filled(volume, settings)
    except DataError as error:
        raise DataError(where, expected=error.expected, got=error.got, hint=error.hint) from error


def _with_bone(dataset: Dataset) -> tuple[Dataset, int]:
    """The dataset with a structure for what is filled, and its id."""
    name = filled_structure(dataset.labels)
    if name in dataset.labels.names:
        return dataset, dataset.labels[name].id
    used = {*dataset.labels.ids, dataset.labels.ignore}
    id_ = next(i for i in range(1, 65536) if i not in used)
    added = Labels.of({name: id_}).structures
    structures = tuple(sorted((*dataset.labels.structures, *added), key=lambda s: s.id))
    return replace(dataset, labels=replace(dataset.labels, structures=structures)), id_


def _volume_ml(mask: Volume) -> float:
    return float(mask.array.sum(dtype=int)) * mask.grid.voxel_volume_mm3 / 1000
