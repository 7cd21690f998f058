"""`condyle fill`: bone masks without training, of one scan or of a whole dataset."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

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
from condyle.labels import Labels
from condyle.progress import Track, silent
from condyle.space import Volume


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
            "masks": {name: str(path) for name, path in self.masks.items()},
            "volumes_ml": {name: round(v, 3) for name, v in self.volumes_ml.items()},
            "skipped": list(self.skipped),
            "failed": self.failed or {},
        }

    def __str__(self) -> str:
        lines = [f"{path}: {self.volumes_ml[name]:.1f} ml" for name, path in self.masks.items()]
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
    overwrite: bool = False,
    track: Track = silent,
) -> Filled:
    """Mask bone by threshold and line marks (Pahr and Zysset 2009): a scan, or every case of a dataset.

    Args:
        scan: A file, a folder or zip of DICOM files, or a dataset folder.
        out: The mask to write (uint8, on the scan's grid), for a scan.
        label_set: Name of the label set to make, for a dataset.
        settings: Threshold and rule.
        series: Which DICOM series: its number, UID or part of its description.
        spacing: Voxel spacing in mm of a TIFF stack that does not tell its own.
        fix_tilt: Straighten a DICOM series with gantry tilt.
        overwrite: Replace masks that are there.
        track: Told of each case.

    Raises:
        DataError: if the scan cannot be read, has nothing above the threshold, or the mask cannot be written.
        ConfigError: if there is no place to write the mask to.
    """
    if (scan / FILE).is_file():
        require_safe(label_set, "label set")
        with one_writer(scan):
            return _fill_dataset(Dataset.open(scan), label_set, settings, overwrite=overwrite, track=track)
    if out is None:
        raise ConfigError("out", expected="a file to write the mask to (-o)", got="none")
    refuse_existing(out, overwrite=overwrite)
    volume = read(scan, series=series, spacing_mm=spacing, fix_tilt=fix_tilt)
    mask = _mask(scan, volume, settings)
    write(out, mask, overwrite=overwrite)
    return Filled({str(scan): out}, {str(scan): _volume_ml(mask)})


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
    write(path, mask.with_array(mask.array * id_), overwrite=True)
    return path, _volume_ml(mask)


def _mask(where: str | Path, volume: Volume, settings: FillSettings) -> Volume:
    try:
        return filled(volume, settings)
    except DataError as error:
        raise DataError(where, expected=error.expected, got=error.got, hint=error.hint) from error


def _with_bone(dataset: Dataset) -> tuple[Dataset, int]:
    """The dataset with a structure for what is filled, and its id: the only one there is, or else `bone`."""
    if len(dataset.labels.ids) == 1:
        return dataset, dataset.labels.ids[0]
    if "bone" in dataset.labels.names:
        return dataset, dataset.labels["bone"].id
    used = {*dataset.labels.ids, dataset.labels.ignore}
    id_ = next(i for i in range(1, 65536) if i not in used)
    added = Labels.of({"bone": id_}).structures
    structures = tuple(sorted((*dataset.labels.structures, *added), key=lambda s: s.id))
    return replace(dataset, labels=replace(dataset.labels, structures=structures)), id_


def _volume_ml(mask: Volume) -> float:
    return float(mask.array.sum(dtype=int)) * mask.grid.voxel_volume_mm3 / 1000
