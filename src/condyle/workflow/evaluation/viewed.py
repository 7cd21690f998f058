"""The masks and the scan of one case, as its report shows them: paired, named and scored alike."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.data import Dataset
from condyle.data.importers.found import MaskFiles, ScanFile, files_below, stem_of
from condyle.errors import ConfigError, DataError
from condyle.labels import Labels
from condyle.meshes.boxes import boxes_of
from condyle.metrics.pair import paired, without_ignored
from condyle.reports.case import CaseMasks, Structure, joined
from condyle.space import Volume, reorient
from condyle.workflow.evaluation.named_masks import NamedMasks
from condyle.workflow.evaluation.pairs import CasePair
from condyle.workflow.evaluation.scoring import Request, masks_of, read_maps

#: What nnU-Net puts behind the first channel of a case.
_CHANNEL = re.compile(r"_0000$")


def case_masks(
    pair: CasePair, other: MaskFiles | None, image: ScanFile | None, request: Request, names: Sequence[str]
) -> CaseMasks:
    """Read what is shown of a case.

    Args:
        pair: Truth and prediction.
        other: A second prediction, or None.
        image: Its scan, or None.
        request: How the case was scored.
        names: Its structures, as in its table of scores.

    Raises:
        DataError: if a file cannot be read.
    """
    scan = None if image is None else image.read()
    judged = [pair.prediction, *([] if other is None else [other])]
    if pair.reference.whole and all(files.whole for files in judged):
        maps = [_map(pair.reference.whole, files.whole, request) for files in judged if files.whole]
        grid = maps[0][0].grid
        # Truth, prediction, and the second prediction: arrays, each with the ids of its names.
        arrays = [(maps[0][0].array, maps[0][2]), *((judged_.array, ids) for _, judged_, ids in maps)]
        structures = _of_maps(arrays, names)
    else:
        named = masks_of(pair.reference, judged, request)
        base = named[0].empty()
        grid = reorient(base, "LPS").grid
        kept = _labelled(named[0])
        structures = tuple(
            Structure.of(name, *_masks([masks.mask(name) for masks in named], base, kept, request)) for name in names
        )
    return CaseMasks(pair.id, grid, structures, scan, has_other=other is not None)


def images_for(
    images: Path | None, ids: Sequence[str], dataset: Dataset | None, given: Path | None
) -> Mapping[str, ScanFile]:
    """The scan of each case that has one.

    Args:
        images: A scan, or a folder of them named like the cases; `_0000` behind the name is left out.
        ids: The cases.
        dataset: Where they come from, which knows the scans itself.
        given: The masks of a single case, whose name the scan need not share.

    Raises:
        ConfigError: if one scan is given for several cases.
        DataError: if nothing is there, or no scan is of any case.
    """
    if images is None:
        if dataset is None:
            return {}
        return {id_: ScanFile(dataset.path(dataset[id_].images[dataset.channels[0]])) for id_ in ids}
    if not ids:
        return {}
    if not images.exists():
        raise DataError(images, expected="a scan or a folder of scans", got="nothing of that name")
    if images.is_file():
        if len(ids) != 1:
            raise ConfigError("images", expected=f"a folder, as there are {len(ids)} cases", got=str(images))
        return {ids[0]: ScanFile(images)}
    found = {_CHANNEL.sub("", stem_of(path)): ScanFile(path) for path in reversed(files_below(images, deep=False))}
    if not found and len(ids) == 1 and given is not None:
        return {ids[0]: ScanFile(images)}  # a folder of DICOM files
    found |= {path.name: ScanFile(path) for path in images.iterdir() if path.is_dir() and path.name in ids}
    if not set(found) & set(ids):
        raise DataError(
            images,
            expected=f"scans named like the cases ({', '.join(ids[:3])})",
            got=", ".join(sorted(found)[:3]) or "none",
        )
    return {id_: found[id_] for id_ in ids if id_ in found}


def _map(true: Path, judged: Path, request: Request) -> tuple[Volume, Volume, dict[str, tuple[int, ...]]]:
    """Truth and prediction on one grid in LPS order, without what nobody labelled, and the ids of each name."""
    reference, prediction, labels = read_maps(true, judged, request)
    pair = paired(reference, prediction, resample=request.resample)
    if labels is not None:
        pair, _ = without_ignored(pair, labels)
    else:
        present = sorted({*boxes_of(pair.reference), *boxes_of(pair.prediction)})
        labels = Labels.of({f"label_{id_}": id_ for id_ in present})
    ids = {s.name: (s.id,) for s in labels.structures} | {name: tuple(i) for name, i in labels.regions.items()}
    turned = [reorient(Volume(array, pair.grid), "LPS") for array in (pair.reference, pair.prediction)]
    return turned[0], turned[1], ids


def _of_maps(
    maps: Sequence[tuple[NDArray[Any], Mapping[str, tuple[int, ...]]]], names: Sequence[str]
) -> tuple[Structure, ...]:
    found = [boxes_of(array) for array, _ in maps]
    shape = maps[0][0].shape
    out = []
    for name in names:
        wanted = [ids.get(name, ()) for _, ids in maps]
        boxes = [box[i] for box, ids in zip(found, wanted, strict=True) for i in ids if i in box]
        if not boxes:
            nothing = np.zeros((1, 1, 1), bool)
            out.append(Structure.of(name, nothing, nothing, None))
            continue
        box = joined(boxes).grown(1, (shape[0], shape[1], shape[2]))
        masks = [np.isin(array[box.slices], ids) for (array, _), ids in zip(maps, wanted, strict=True)]
        out.append(Structure.of(name, masks[0], masks[1], masks[2] if len(masks) > 2 else None).moved_by(box.start))
    return tuple(out)


def _labelled(reference: NamedMasks) -> NDArray[np.bool_] | None:
    """Where somebody labelled; None if that is everywhere."""
    ignored = reference.ignored()
    return None if ignored is None else ignored.array == 0


def _masks(
    masks: Sequence[Volume | None], base: Volume, kept: NDArray[np.bool_] | None, request: Request
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any] | None]:
    """Truth, prediction and second prediction on the base's grid in LPS order, where somebody labelled."""
    arrays = [base.array if m is None else paired(base, m, resample=request.resample).prediction for m in masks]
    known = arrays if kept is None else [array * kept for array in arrays]
    turned = [reorient(Volume(array, base.grid), "LPS").array for array in known]
    return turned[0], turned[1], turned[2] if len(turned) > 2 else None
