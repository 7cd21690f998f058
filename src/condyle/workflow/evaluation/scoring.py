"""One case of an evaluation: its files read, its ids brought together, its structures scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from condyle.data.importers.found import MaskFiles
from condyle.errors import DataError
from condyle.io import read_labels
from condyle.labels import Labels, remap
from condyle.metrics import Score, Table, compare
from condyle.metrics.compare import MetricSettings
from condyle.space import Volume
from condyle.workflow.evaluation.named_masks import NamedMasks, in_ids_of, names_of, predicted_masks, reference_masks
from condyle.workflow.evaluation.pairs import CasePair
from condyle.workflow.shared.naming import labels_for

#: Ids of one structure alone, and of what nobody labelled.
_INSIDE, _IGNORED = 1, 2


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
    """Score one case. A wanted structure that it does not know has no row.

    Raises:
        DataError: if a file cannot be read, or the two cannot be compared; the message names both.
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
        known_only=True,
        resample=request.resample,
        settings=request.settings,
    )


def read_maps(true: Path, judged: Path, request: Request) -> tuple[Volume, Volume, Labels | None]:
    """Reference and prediction in the same ids, and what these are called, if anybody tells.

    Raises:
        DataError: if a file cannot be read, `remap` lacks one of its ids, or a segment has the name of a region.
    """
    reference, prediction = read_labels(true), read_labels(judged)
    labels = request.labels or labels_for(true)
    if request.remap is not None:
        return reference, prediction.with_array(remap(prediction.array, request.remap, where=str(judged))), labels
    own = labels_for(judged)
    if own is None or labels is None or _as_ids(own) == _as_ids(labels):
        return reference, prediction, labels or own
    return reference, *in_ids_of(prediction, own, labels)


def _as_ids(labels: Labels) -> dict[str, int]:
    return {s.name: s.id for s in labels.structures}


def _score_parts(pair: CasePair, request: Request) -> Table:
    """Structure by structure, as masks in files of their own may overlap."""
    reference, prediction = masks_of(pair.reference, [pair.prediction], request)
    names = [
        name
        for name in names_of(reference, prediction, request.labels)
        if not request.structures or name in request.structures
    ]
    nothing, ignored = reference.empty(), reference.ignored()
    rows: list[Score] = []
    for name in names:
        true = reference.mask(name) or nothing
        if ignored is not None:
            true = true.with_array(np.where(ignored.array, _IGNORED, true.array).astype(np.uint8))
        rows += compare(
            true,
            prediction.mask(name) or nothing,
            Labels.of({name: _INSIDE}, ignore=_IGNORED),
            resample=request.resample,
            settings=request.settings,
        ).rows
    return Table(tuple(rows))


def masks_of(reference: MaskFiles, judged: Sequence[MaskFiles], request: Request) -> list[NamedMasks]:
    """A reference and what is judged by it, each by the names of its structures.

    Raises:
        DataError: if a file cannot be read, or nobody names the ids of a label map.
    """
    predictions = [predicted_masks(files, request.labels, request.remap) for files in judged]
    return [reference_masks(reference, request.labels), *predictions]


def _shown(files: MaskFiles) -> Path:
    return files.whole or next(iter(files.parts.values())).parent


def folder_labels(*folders: Path | None) -> Sequence[Path]:
    """The label tables that lie in folders, or beside them."""
    found = []
    for folder in folders:
        if folder is not None and folder.is_dir():
            found += [path for path in (folder / "dataset.json", folder.parent / "dataset.json") if path.is_file()]
    return found
