"""`condyle segment`: a model's label maps of scans."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from condyle.data import Dataset
from condyle.data.dataset import FILE
from condyle.data.importers.find import find_sources
from condyle.data.importers.found import FoundCase, ScanFile
from condyle.errors import CondyleError, ConfigError
from condyle.io import FORMATS, suffix_of, write, write_segments
from condyle.io.atomic import refuse_existing
from condyle.labels import Labels
from condyle.progress import Track, silent
from condyle.space import Volume
from condyle.workflow.segmenter import PredictSettings, Segmenter, load


@dataclass(frozen=True)
class Segmented:
    """What was segmented.

    Args:
        masks: Case to file.
        volumes_ml: Case to structure to volume.
        seconds: Case to time, reading and writing included.
        skipped: Cases whose mask was there.
        failed: Case to what went wrong.
    """

    masks: Mapping[str, Path] = field(default_factory=dict)
    volumes_ml: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    skipped: tuple[str, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        return 1 if self.failed else 0

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "masks": {case: str(path) for case, path in self.masks.items()},
            "volumes_ml": {case: dict(volumes) for case, volumes in self.volumes_ml.items()},
            "seconds": {case: round(s, 2) for case, s in self.seconds.items()},
            "skipped": list(self.skipped),
            "failed": dict(self.failed),
        }

    def __str__(self) -> str:
        lines = []
        for case, path in self.masks.items():
            found = ", ".join(f"{name} {ml:.1f} ml" for name, ml in self.volumes_ml[case].items()) or "nothing found"
            lines.append(f"{path}: {found} ({self.seconds[case]:.1f} s)")
        if self.skipped:
            lines.append(f"already there: {', '.join(self.skipped)}")
        lines += [f"failed: {case}: {what}" for case, what in self.failed.items()]
        return "\n".join(lines)


def segment(
    model: Path,
    scans: Sequence[Path],
    *,
    out: Path | None = None,
    configuration: str | None = None,
    suffix: str = ".nii.gz",
    settings: PredictSettings = PredictSettings(),  # noqa: B008 - frozen
    overwrite: bool = False,
    track: Track = silent,
) -> Segmented:
    """Segment scans with a trained model, ours or nnU-Net v2's; each mask lies on its scan's own grid.

    Masks that are there already are kept: a run that was stopped goes on. A scan that fails is reported and the
    others go on.

    Args:
        model: A model folder or zip, ours or of nnU-Net v2.
        scans: Files, folders of files (with _0000, _0001 ... for channels), DICOM folders or zips, or a dataset.
        out: The folder to write masks to, named like their scans; or one file, for one scan.
        configuration: Which, where an nnU-Net folder holds several: 2d, 3d_fullres.
        suffix: Format of the masks, e.g. .nii.gz, .nrrd or .seg.nrrd.
        settings: How to ask the model.
        overwrite: Segment again what is there.
        track: Told of each scan.

    Raises:
        DataError: if there is nothing to segment.
        ConfigError: if there is no place to write to.
        ModelError: if the model cannot be used.
    """
    if out is None:
        raise ConfigError("out", expected="a folder or file to write masks to (-o)", got="none")
    if suffix not in FORMATS:
        raise ConfigError("suffix", expected=f"one of {', '.join(FORMATS)}", got=suffix)
    segmenter = load(model, settings, configuration=configuration)
    cases = _cases(scans, [channel.name for channel in segmenter.plan.channels])
    to_file = suffix_of(out) is not None
    if to_file and len(cases) > 1:
        raise ConfigError("out", expected=f"a folder, for {len(cases)} scans", got=out.name)
    if to_file:
        refuse_existing(out, overwrite=overwrite)
    targets = {id_: out if to_file else out / f"{id_}{suffix}" for id_ in cases}
    to_do = [id_ for id_ in cases if overwrite or not targets[id_].exists()]
    masks, volumes, seconds, failed = {}, {}, {}, {}
    for id_ in track(to_do, "Segmenting"):
        start = time.perf_counter()
        try:
            mask = _segment_case(segmenter, cases[id_], alone=len(to_do) == 1, track=track)
            _write(targets[id_], mask, segmenter.model.labels, overwrite=overwrite)
        except CondyleError as error:
            if len(cases) == 1:
                raise
            failed[id_] = str(error)
            continue
        masks[id_], volumes[id_] = targets[id_], _volumes_ml(mask, segmenter.model.labels)
        seconds[id_] = time.perf_counter() - start
    return Segmented(masks, volumes, seconds, tuple(id_ for id_ in cases if id_ not in to_do), failed)


def _cases(scans: Sequence[Path], channels: Sequence[str]) -> Mapping[str, FoundCase]:
    if len(scans) == 1 and (scans[0] / FILE).is_file() and not (scans[0] / "imagesTr").is_dir():
        dataset = Dataset.open(scans[0])
        if len(dataset.channels) != len(channels):
            raise ConfigError(scans[0], expected=f"the channels {', '.join(channels)}", got=", ".join(dataset.channels))
        return {
            case.id: FoundCase(
                case.id,
                {
                    name: ScanFile(dataset.path(case.images[own]))
                    for name, own in zip(channels, dataset.channels, strict=True)
                },
            )
            for case in dataset.cases
        }
    return find_sources(scans, {}, channels=channels).cases


def _segment_case(segmenter: Segmenter, case: FoundCase, *, alone: bool, track: Track) -> Volume:
    channels = [case.images[channel.name].read() for channel in segmenter.plan.channels]
    return segmenter.segment(*channels, track=track if alone else silent)


def _write(path: Path, mask: Volume, labels: Labels, *, overwrite: bool) -> None:
    if suffix_of(path) == ".seg.nrrd":
        write_segments(path, mask, labels, overwrite=overwrite)
    else:
        write(path, mask, overwrite=overwrite)


def _volumes_ml(mask: Volume, labels: Labels) -> dict[str, float]:
    counts = np.bincount(mask.array.ravel(), minlength=max(labels.ids) + 1)
    per_voxel = mask.grid.voxel_volume_mm3 / 1000
    return {s.name: round(float(counts[s.id]) * per_voxel, 3) for s in labels.structures if counts[s.id]}
