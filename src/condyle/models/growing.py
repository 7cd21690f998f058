"""A model folder that grows a fold at a time while its networks are trained; usable from the first fold on."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from condyle.io.atomic import atomic_file
from condyle.models.folder import CLEANUP, PLAN, RECORD, read_json, read_state, weights_file, write_tables
from condyle.models.model import Model


def add_fold(model: Model, folder: Path, fold: str, weights: Path) -> None:
    """Put a fold's weights into a model's folder; the file is there whole or not at all.

    Args:
        model: Whose they are.
        folder: Of the model, or where it is to be.
        fold: Its name.
        weights: A safetensors file.

    Raises:
        DataError: if the disk refuses.
        ModelError: if they are not the weights of the model's network.
    """
    from safetensors.torch import save_file

    state = read_state(weights, model.plan.net)
    with atomic_file(folder / weights_file(fold), overwrite=True) as temporary:
        save_file(state, temporary)


def has_fold(model: Model, folder: Path, fold: str, weights: Path) -> bool:
    """Whether a model's folder holds just these weights; arguments as `add_fold`."""
    there = folder / weights_file(fold)
    if not there.is_file():
        return False
    old, new = (read_state(path, model.plan.net) for path in (there, weights))
    return all(old[name].equal(value) for name, value in new.items())


@dataclass(frozen=True)
class Tables:
    """What a model's folder tells so far of how it came to be.

    Args:
        record: As `Model.record`.
        cleanup: As `Model.cleanup`.
    """

    record: Mapping[str, Any] = field(default_factory=dict)
    cleanup: tuple[Any, ...] = ()


def tables(folder: Path) -> Tables:
    """The tables of a folder in which a model grows; empty ones before its first fold.

    Raises:
        ModelError: if a file is broken.
    """
    if not (folder / RECORD).is_file():
        return Tables()
    return Tables(read_json(folder / RECORD), tuple(read_json(folder / CLEANUP)))


def write_all_tables(model: Model, folder: Path) -> None:
    """Write all of a model but its weights, each file whole.

    Raises:
        DataError: if the disk refuses.
    """
    with tempfile.TemporaryDirectory() as made:
        write_tables(model, Path(made), folder.name)
        # The plan, which makes the folder a model, comes last.
        for table in sorted(Path(made).iterdir(), key=lambda path: (path.name == PLAN, path.name)):
            with atomic_file(folder / table.name, overwrite=True) as temporary:
                temporary.write_bytes(table.read_bytes())
