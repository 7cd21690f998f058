"""nnU-Net v2 raw folders: `imagesTr`, `labelsTr`, `imagesTs`, `dataset.json`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from condyle import io
from condyle.data.fields import checked_fields, labels_from_json, read_json, text_table
from condyle.data.importers.found import FoundCase, MaskFiles, ScanFile
from condyle.data.names import safe_name
from condyle.data.nnunet_labels import labels_from_nnunet
from condyle.errors import DataError
from condyle.labels import Labels

#: The key under which our export keeps what nnU-Net's format has no place for.
OURS = "condyle"


@dataclass(frozen=True)
class NnunetFolder:
    """What a raw folder holds.

    Args:
        name: Of the dataset.
        channels: Names of the images, in order.
        labels: The table in its `dataset.json`.
        original: If our export made it, the table before; structures are in the same order.
        cases: For training and for testing.
        masks: By case id.
        unmatched: Label maps without image, and training images without label map.
    """

    name: str
    channels: tuple[str, ...]
    labels: Labels
    original: Labels | None
    cases: tuple[FoundCase, ...]
    masks: Mapping[str, MaskFiles]
    unmatched: tuple[Path, ...]


def is_nnunet(folder: Path) -> bool:
    """Whether a folder looks like an nnU-Net v2 raw dataset."""
    return (folder / "dataset.json").is_file() and (folder / "imagesTr").is_dir()


def nnunet_folder(folder: Path) -> NnunetFolder:
    """What an nnU-Net raw folder holds; no voxel is read.

    Groups and original ids that our own export left in `dataset.json` are taken up again.

    Raises:
        DataError: if `dataset.json` is not as nnU-Net has it, or a case lacks a channel.
    """
    where = folder / "dataset.json"
    content = read_json(where)
    if not isinstance(content, dict) or not isinstance(content.get("channel_names"), dict):
        raise DataError(where, expected="channel_names and labels, as nnU-Net v2 has them", got="something else")
    ending = content.get("file_ending")
    if ending not in io.FORMATS:
        raise DataError(f"{where}: file_ending", expected=f"one of {', '.join(io.FORMATS)}", got=repr(ending))
    numbered: dict[str, Any] = content["channel_names"]
    if sorted(numbered) != sorted(str(n) for n in range(len(numbered))) or not numbered:
        raise DataError(f"{where}: channel_names", expected='keys "0", "1" ...', got=", ".join(numbered) or "none")
    channels = tuple(safe_name(str(numbered[str(n)])) for n in range(len(numbered)))
    ours = checked_fields(
        content.get(OURS, {}), f"{where}: {OURS}", required=(), optional={"name": "", "labels": None, "groups": {}}
    )
    groups = text_table(ours["groups"], f"{where}: {OURS}: groups")
    labels = labels_from_nnunet(content, where)
    cases: list[FoundCase] = []
    masks: dict[str, MaskFiles] = {}
    unmatched: list[Path] = []
    for images, drawings in (("imagesTr", "labelsTr"), ("imagesTs", "labelsTs")):
        found = _cases(folder / images, channels, ending)
        drawn = {path.name.removesuffix(ending): path for path in _files(folder / drawings, ending)}
        for name, files in found.items():
            id_ = safe_name(name)
            cases.append(FoundCase(id_, files, group=groups.get(id_, "")))
            if name in drawn:
                masks[id_] = MaskFiles(whole=drawn[name])
        unmatched += [path for name, path in drawn.items() if name not in found]
        if images == "imagesTr":
            unmatched += [files[channels[0]].path for name, files in found.items() if name not in drawn]
    return NnunetFolder(
        name=str(ours["name"]) or re.sub(r"^Dataset\d{3}_", "", folder.resolve().name),
        channels=channels,
        labels=labels,
        original=_original(ours["labels"], labels, f"{where}: {OURS}"),
        cases=tuple(cases),
        masks=masks,
        unmatched=tuple(unmatched),
    )


def _original(content: Any, labels: Labels, where: str) -> Labels | None:
    if content is None:
        return None
    original = labels_from_json(content, f"{where}: labels")
    if len(original.structures) != len(labels.structures):
        raise DataError(where, expected="as many structures as nnU-Net's table", got=str(len(original.structures)))
    return original


def _files(folder: Path, ending: str) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.name.endswith(ending) and not path.name.startswith("."))


def _cases(folder: Path, channels: tuple[str, ...], ending: str) -> dict[str, dict[str, ScanFile]]:
    out: dict[str, dict[str, ScanFile]] = {}
    for path in _files(folder, ending):
        name, _, number = path.name.removesuffix(ending).rpartition("_")
        if not name or not number.isdigit() or int(number) >= len(channels):
            raise DataError(path, expected=f"a name like case_0000{ending}", got=path.name)
        out.setdefault(name, {})[channels[int(number)]] = ScanFile(path)
    for name, images in out.items():
        if len(images) < len(channels):
            missing = ", ".join(c for c in channels if c not in images)
            raise DataError(
                folder, expected=f"channels {', '.join(channels)} of each case", got=f"no {missing} of {name}"
            )
    return out
