"""Which model is asked: the one that is named first, or, where that is a scan, the one that comes with the package."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from condyle.errors import ConfigError, ModelError
from condyle.io import suffix_of
from condyle.io.dicom import is_dicom
from condyle.io.remote import address_of
from condyle.models import store

log = logging.getLogger("condyle")


@dataclass(frozen=True)
class AskedModel:
    """A model to ask, and the scans to ask it about.

    Args:
        path: Where the model is.
        words: What names it in a command that may be run anywhere: its name or whole path; nothing for the default.
        scans: At least one.
    """

    path: Path
    words: tuple[Path, ...]
    scans: tuple[Path, ...]


def asked_model(first: Path, others: Sequence[Path]) -> AskedModel:
    """What is meant by a model and scans, or by scans alone.

    Args:
        first: A model's path or name, or a scan. What is both is a model.
        others: Scans.

    Raises:
        ConfigError: if a model comes without a scan.
        ModelError: if `first` is neither a model nor a scan, or the default model is not there.
    """
    path = store.look_up(first)
    if path is not None:
        if not others:
            hint = f"condyle segment {first} SCANS... -o OUT"
            raise ConfigError("scans", expected=f"a scan or more for the model {first}", got="none", hint=hint)
        word = path.absolute() if path == first else first
        return AskedModel(path, (word,), tuple(others))
    if not _is_scan(first):
        names = ", ".join(sorted(store.named())) or "there is none yet"
        kinds = "plan.json and labels.json, or nnU-Net's plans.json and dataset.json"
        raise ModelError(
            first,
            expected=f"a model (its folder, its zip, or a name: {names}) or a scan (a file, a DICOM folder or zip, a "
            "folder of scans, a dataset)",
            got="neither" if first.exists() else "nothing of that name",
            hint=f"A model's folder has {kinds}." if first.is_dir() else "Check the path, or see `condyle model list`.",
        )
    path = store.default()
    log.info("No model is named: %s is asked (`condyle model info %s` tells what it is).", path.name, path.name)
    return AskedModel(path, (), (first, *others))


def _is_scan(path: Path) -> bool:
    """Whether there is a scan at a path or below it; where it is an address, that is left to whoever fetches it."""
    if address_of(path) is not None:
        return True
    files = path.rglob("*") if path.is_dir() else [path]
    return any(file.is_file() and (suffix_of(file) is not None or is_dicom(file)) for file in files)
