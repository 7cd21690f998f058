"""One case of an evaluation: its files read, its ids brought together, its structures scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from condyle.data.importers.found import MaskFiles
from condyle.errors import ConfigError, DataError
from condyle.io import read_labels
from condyle.labels import Labels, remap
from condyle.metrics import Score, Table, compare
from condyle.metrics.compare import MetricSettings
from condyle.space import Volume
from condyle.workflow.evaluation.pairs import CasePair
from condyle.workflow.shared.naming import labels_for


@dataclass(frozen=True)
class Request:
    """What is asked of every case.

    Args:
        labels: The structures, or None: each file's own table, or else every id.
        structures: Names of those wanted; empty for all.
        remap: From the prediction's ids to the reference's, or None.
        resample: Bring predictions onto the reference's grid.
        settings: How to measure.
    """

    labels: Labels | None
    structures: tuple[str, ...]
    remap: Mapping[int, int] | None
    resample: bool
    settings: MetricSettings


def score_case(pair: CasePair, request: Request) -> Table:
    """Score one case.

    Raises:
        DataError: if a file cannot be read, or the two cannot be compared; the message names both.
        ConfigError: if a wanted structure is unknown.
    """
    try:
        if pair.reference.whole and pair.prediction.whole:
            return _score_maps(pair.reference.whole, pair.prediction.whole, request)
        return _score_parts(pair, request)
    except DataError as error:
        where = f"{_shown(pair.prediction)} against {_shown(pair.reference)}: {error.where}"
        raise DataError(where, expected=error.expected, got=error.got, hint=error.hint) from error


def _score_maps(true: Path, judged: Path, request: Request) -> Table:
    reference, prediction, labels = read_maps(true, judged, request)
    return compare(
        reference,
        prediction,
        labels,
        structures=request.structures,
        resample=request.resample,
        settings=request.settings,
    )


def read_maps(true: Path, judged: Path, request: Request) -> tuple[Volume, Volume, Labels | None]:
    """Reference and prediction in the same ids, and what these are called, if anybody tells.

    Raises:
        DataError: if a file cannot be read, or `remap` lacks one of its ids.
    """
    reference, prediction = read_labels(true), read_labels(judged)
    labels = request.labels or labels_for(true)
    if request.remap is not None:
        return reference, prediction.with_array(remap(prediction.array, request.remap, where=str(judged))), labels
    prediction, labels = _by_name(prediction, labels_for(judged), labels)
    return reference, prediction, labels


def _by_name(prediction: Volume, own: Labels | None, labels: Labels | None) -> tuple[Volume, Labels | None]:
    """The prediction in the reference's ids, where its file names its own; what only it names is added."""
    if (
        own is None
        or labels is None
        or {s.name: s.id for s in own.structures} == {s.name: s.id for s in labels.structures}
    ):
        return prediction, labels or own
    ids = {s.name: s.id for s in labels.structures}
    for name in own.names:
        ids.setdefault(name, max(ids.values(), default=0) + 1)
    table = {s.id: ids[s.name] for s in own.structures}
    return prediction.with_array(remap(prediction.array, table, where="prediction")), Labels.of(ids)


def _score_parts(pair: CasePair, request: Request) -> Table:
    """Structure by structure, as masks in files of their own may overlap."""
    names = sorted({*pair.reference.parts, *pair.prediction.parts})
    if request.labels is not None:
        names = [name for name in request.labels.names if name in names]
    unknown = sorted(set(request.structures) - set(names))
    if unknown:
        raise ConfigError("structures", expected=f"names among {', '.join(names) or 'none'}", got=", ".join(unknown))
    rows: list[Score] = []
    for name in names if not request.structures else request.structures:
        reference, prediction = (
            read_structure(files, name, request.labels) for files in (pair.reference, pair.prediction)
        )
        known = reference or prediction
        if known is None:
            continue
        empty = known.with_array(np.zeros(known.shape, np.uint8))
        rows += compare(
            reference or empty,
            prediction or empty,
            Labels.of({name: 1}),
            resample=request.resample,
            settings=request.settings,
        ).rows
    return Table(tuple(rows))


def read_structure(files: MaskFiles, name: str, labels: Labels | None) -> Volume | None:
    """One structure of a case as 0 and 1; None if its file is not there."""
    if files.whole is not None:
        volume = read_labels(files.whole)
        labels = labels or labels_for(files.whole)
        if labels is None:
            raise DataError(
                files.whole,
                expected="names for its ids, as the other side has one file a structure",
                got="none",
                hint="Give --name femur=1 or --table.",
            )
        if name not in labels.names:
            return None
        return volume.with_array((volume.array == labels[name].id).astype(np.uint8))
    if name not in files.parts:
        return None
    volume = read_labels(files.parts[name])
    return volume.with_array((volume.array != 0).astype(np.uint8))


def _shown(files: MaskFiles) -> Path:
    return files.whole or next(iter(files.parts.values())).parent


def folder_labels(*folders: Path | None) -> Sequence[Path]:
    """The label tables that lie in folders, or beside them."""
    found = []
    for folder in folders:
        if folder is not None and folder.is_dir():
            found += [path for path in (folder / "dataset.json", folder.parent / "dataset.json") if path.is_file()]
    return found
