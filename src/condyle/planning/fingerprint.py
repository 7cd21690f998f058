"""A dataset's fingerprint: all that the planner knows of it.

Measured in one reading of each labelled case, a few cases at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from condyle.data import Case, Dataset
from condyle.errors import ConfigError, DataError
from condyle.planning.intensities import Distribution, Intensity
from condyle.planning.measure import CaseFacts, measured
from condyle.progress import Track, silent


@dataclass(frozen=True)
class StructureFacts:
    """One structure over the dataset.

    Args:
        name: As in the table of labels.
        cases: Number of cases that have it.
        volume_ml: Median of its volume where it is; 0 if it is nowhere.
        thickness_mm: Median of its thickness (see `measure`) where it is; 0 if it is nowhere.
    """

    name: str
    cases: int
    volume_ml: float
    thickness_mm: float


@dataclass(frozen=True)
class Fingerprint:
    """What a plan is made from; plain data, see `config.to_json`.

    Args:
        channels: Names of the images, in the network's order.
        cases: Ids of the cases looked at.
        shapes: Voxels of each case, turned to RAS and cropped to its non-zero region.
        spacings_mm: Of each case, turned to RAS.
        kept: Median share of a scan that the crop keeps.
        intensities: Of the foreground, one a channel.
        structures: In the order of their ids.
        empty: Ids of the cases without any foreground.
    """

    channels: tuple[str, ...]
    cases: tuple[str, ...]
    shapes: tuple[tuple[int, int, int], ...]
    spacings_mm: tuple[tuple[float, float, float], ...]
    kept: float
    intensities: tuple[Intensity, ...]
    structures: tuple[StructureFacts, ...]
    empty: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not len(self.cases) == len(self.shapes) == len(self.spacings_mm) or not self.cases:
            raise ConfigError("fingerprint", expected="a shape and a spacing for each case, one case or more",
                              got=f"{len(self.cases)} cases, {len(self.shapes)}, {len(self.spacings_mm)}")  # fmt: skip
        if len(self.intensities) != len(self.channels):
            got = f"{len(self.intensities)} for {len(self.channels)}"
            raise ConfigError("fingerprint: intensities", expected="one a channel", got=got)


def fingerprint(
    dataset: Dataset,
    label_set: str,
    cases: Sequence[Case] | None = None,
    *,
    workers: int = 2,
    track: Track = silent,
) -> Fingerprint:
    """Measure a dataset.

    Percentiles, mean and deviation are those of all foreground voxels, each case weighing the same; nnU-Net
    estimates them by drawing voxels.

    Args:
        dataset: The dataset.
        label_set: Which label maps to look at.
        cases: Those to look at; all that have the label set if None. A dataset of one case is fine.
        workers: Cases at a time; memory grows with it.
        track: Told of each case.

    Raises:
        DataError: if no case has the label set, no case has any foreground, or a case cannot be used; names the file.
    """
    chosen = [c for c in (dataset.cases if cases is None else cases) if label_set in c.label_sets]
    if not chosen:
        known = ", ".join(dataset.label_sets) or "none at all"
        raise DataError(dataset.folder, expected=f"a case labelled in the set {label_set}", got=f"label sets: {known}")
    merged: list[Distribution] = []
    facts: list[CaseFacts] = []
    with ThreadPoolExecutor(max(1, workers)) as pool:
        try:
            found = pool.map(partial(measured, dataset, label_set=label_set), chosen)
            for _, case_facts in zip(track(chosen, "Measuring cases"), found, strict=True):
                merged = _merged(merged, case_facts.foreground)
                facts.append(replace(case_facts, foreground=()))
        finally:
            pool.shutdown(cancel_futures=True)
    empty = tuple(case.id for case, f in zip(chosen, facts, strict=True) if not f.volumes_ml)
    if not merged:
        raise DataError(
            dataset.folder,
            expected=f"something labelled in the set {label_set}",
            got=f"only background in {', '.join(empty)}",
            hint="Look at the masks: condyle check says what they hold.",
        )
    return Fingerprint(
        channels=dataset.channels,
        cases=tuple(case.id for case in chosen),
        shapes=tuple(f.shape for f in facts),
        spacings_mm=tuple(f.spacing_mm for f in facts),
        kept=float(np.median([f.kept for f in facts])),
        intensities=tuple(part.summary() for part in merged),
        structures=tuple(_structure(s.name, s.id, facts) for s in dataset.labels.structures),
        empty=empty,
    )


def _merged(before: list[Distribution], case: Sequence[Distribution]) -> list[Distribution]:
    if not before or not case:
        return before or list(case)
    return [Distribution.joined(pair) for pair in zip(before, case, strict=True)]


def _structure(name: str, id_: int, facts: Sequence[CaseFacts]) -> StructureFacts:
    there = [f for f in facts if id_ in f.volumes_ml]
    if not there:
        return StructureFacts(name, 0, 0.0, 0.0)
    volume_ml = float(np.median([f.volumes_ml[id_] for f in there]))
    return StructureFacts(name, len(there), volume_ml, float(np.median([f.thickness_mm[id_] for f in there])))
