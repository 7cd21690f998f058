"""What the ids of a label map are called: told on the command line, by a table, by the file itself, or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from condyle.data.nnunet_labels import labels_from_nnunet
from condyle.errors import ConfigError, DataError
from condyle.io import segnrrd, suffix_of
from condyle.labels import Labels


def labels_for(path: Path, *, names: Mapping[str, int] | None = None, table: Path | None = None) -> Labels | None:
    """The labels of a label map file, or None if nobody tells.

    Args:
        path: The label map. A `.seg.nrrd` names its segments itself.
        names: Name to id; goes before all else.
        table: As in `read_table`.

    Raises:
        ConfigError: if both names and a table are given.
        DataError: if the table or the file cannot be read.
    """
    if names and table:
        raise ConfigError("names, table", expected="one of them", got="both")
    if names:
        return Labels.of(names)
    if table is not None:
        return read_table(table)
    if suffix_of(path) == ".seg.nrrd" and path.is_file():
        return segnrrd.read_table(path)
    return None


def read_table(path: Path) -> Labels:
    """The labels of a JSON file: of a dataset (ours or nnU-Net's `dataset.json`), or plain names and ids.

    Raises:
        DataError: if it is none of these.
    """
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(path, expected="a JSON file of labels", got=str(error)) from error
    try:
        if isinstance(content, dict) and isinstance(content.get("labels"), dict):
            inner = content["labels"]
            return Labels.from_json(inner) if "structures" in inner else labels_from_nnunet(content, path)
        if isinstance(content, dict) and "structures" in content:
            return Labels.from_json(content)
        if isinstance(content, dict) and all(type(id_) is int for id_ in content.values()):
            return Labels.of({str(name): id_ for name, id_ in content.items() if id_ != 0})
    except ConfigError as error:
        raise DataError(path, expected=error.expected, got=error.got) from error
    raise DataError(
        path, expected='names and ids such as {"femur_right": 1}, or a dataset.json', got=f"{str(content)[:60]} ..."
    )


def filled_structure(labels: Labels) -> str:
    """What `condyle fill` calls what it fills in a dataset: its only structure, or else `bone`."""
    return labels.names[0] if len(labels.names) == 1 else "bone"
