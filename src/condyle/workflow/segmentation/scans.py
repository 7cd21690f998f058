"""The scans that a model is to see, by case, with the channels in the model's order."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from condyle.data import Dataset
from condyle.data.dataset import FILE
from condyle.data.importers.find import find_sources
from condyle.data.importers.found import FoundCase, ScanFile
from condyle.data.names import safe_name
from condyle.errors import ConfigError, DataError
from condyle.io import stem_of, suffix_of
from condyle.workflow.segmentation.split_part import cases_of_part

#: nnU-Net's image names.
_NUMBERED = re.compile(r"(?P<case>.+)_(?P<channel>\d{4})")


def scans_for(paths: Sequence[Path], channels: Sequence[str], part: str | None = None) -> Mapping[str, FoundCase]:
    """The cases at some paths; no voxel is read.

    Args:
        paths: Files, folders of files (`_0000`, `_0001` ... at the end of names are channels), DICOM folders or zips;
            or one dataset.
        channels: Names of the model's channels, in order.
        part: Of a dataset's split; None for all its cases.

    Raises:
        DataError: if there is no scan, or a case lacks a channel.
        ConfigError: if a dataset has other channels or no such part, or a part is asked of what is no dataset.
    """
    if len(paths) == 1 and (paths[0] / FILE).is_file() and not (paths[0] / "imagesTr").is_dir():
        return _of_dataset(paths[0], channels, part)
    if part is not None:
        raise ConfigError("part", expected="one dataset to go with it", got=", ".join(map(str, paths)) or "nothing")
    if paths and all(path.is_file() and suffix_of(path) for path in paths):
        numbered = _numbered(paths, channels)
        if numbered:
            return numbered
    return find_sources(paths, {}, channels=channels).cases


def channels_of_one(paths: Sequence[Path], channels: Sequence[str]) -> dict[str, FoundCase]:
    """The case whose channels lie at some paths, in the model's order.

    Raises:
        ConfigError: if there are more or fewer paths than channels.
    """
    if len(paths) != len(channels):
        got = ", ".join(map(str, paths))
        raise ConfigError("one case", expected=f"a scan for each of {', '.join(channels)}", got=got or "none")
    id_ = safe_name(stem_of(paths[0]))
    return {id_: FoundCase(id_, dict(zip(channels, map(ScanFile, paths), strict=True)))}


def _of_dataset(folder: Path, channels: Sequence[str], part: str | None) -> dict[str, FoundCase]:
    dataset = Dataset.open(folder)
    if len(dataset.channels) != len(channels):
        raise ConfigError(folder, expected=f"the channels {', '.join(channels)}", got=", ".join(dataset.channels))
    pairs = list(zip(channels, dataset.channels, strict=True))
    return {
        case.id: FoundCase(case.id, {name: ScanFile(dataset.path(case.images[own])) for name, own in pairs})
        for case in cases_of_part(dataset, part)
    }


def _numbered(paths: Sequence[Path], channels: Sequence[str]) -> dict[str, FoundCase]:
    """Cases of files that are all named as nnU-Net has it; none, where they are not."""
    names = [_NUMBERED.fullmatch(stem_of(path)) for path in paths]
    images: dict[str, dict[str, ScanFile]] = {}
    for path, name in zip(paths, names, strict=True):
        if name is None or int(name["channel"]) >= len(channels):
            return {}
        of_case = images.setdefault(safe_name(name["case"]), {})
        channel = channels[int(name["channel"])]
        if channel in of_case:
            raise DataError(
                path, expected="one file for each image", got=f"a second one beside {of_case[channel].path}"
            )
        of_case[channel] = ScanFile(path)
    for case, of_case in images.items():
        missing = ", ".join(channel for channel in channels if channel not in of_case)
        if missing:
            raise DataError(case, expected=f"the channels {', '.join(channels)}", got=f"no {missing}")
    return {case: FoundCase(case, {c: of_case[c] for c in channels}) for case, of_case in sorted(images.items())}
