"""A model from wherever it is: our folder, an nnU-Net v2 results folder, or a zip of either."""

from __future__ import annotations

import weakref
import zipfile
from contextlib import ExitStack
from pathlib import Path, PurePosixPath

from condyle.data.dataset import FILE as DATASET
from condyle.errors import ConfigError, ModelError
from condyle.io.archive import Limits, unpacked
from condyle.models import folder as ours
from condyle.models.model import Model
from condyle.models.nnunet import folder as nnunet

#: Weights hardly shrink, and five folds of several configurations are large.
_LIMITS = Limits(count=10_000, total_bytes=32 << 30, ratio=20.0)

#: What lies in a model's folder: ours, nnU-Net's.
_KINDS = ({"plan.json", "labels.json"}, {"plans.json", "dataset.json"})


def load(path: Path, *, configuration: str | None = None) -> Model:
    """Load a model. Plans and labels are read and checked; weights wait until they are asked for.

    Args:
        path: Our model folder, an nnU-Net v2 results folder (`<trainer>__<plans>__<configuration>`), a folder that
            holds one, or a zip of any of these.
        configuration: Which one, where there are several: the folder's name or its end, e.g. `3d_fullres`.

    Raises:
        DataError: if a zip is not sound.
        ModelError: if there is no model, or it cannot be used.
        ConfigError: if there are several and `configuration` does not choose one of them.
    """
    if not path.exists():
        raise ModelError(path, expected="a model folder or zip", got="nothing of that name", hint="Check the path.")
    if path.is_dir():
        return _of_folder(path, path, configuration, None)
    held = _Unpacked(path)
    return _of_folder(path, held.folder, configuration, held)


def is_model(path: Path) -> bool:
    """Whether there is a model at a path, ours or nnU-Net v2's; files are looked at by their names alone.

    A dataset is none, even if trained models lie in its folder.
    """
    try:
        if path.is_dir():
            of_itself = ours.is_ours(path) or nnunet.is_nnunet(path)
            return of_itself or (not (path / DATASET).is_file() and bool(_models(path)))
        return zipfile.is_zipfile(path) and _holds_model(path)
    except (OSError, zipfile.BadZipFile):
        return False


def _holds_model(path: Path) -> bool:
    """Whether the names in a zip are those of a model."""
    files: dict[PurePosixPath, set[str]] = {}
    with zipfile.ZipFile(path) as archive:
        for name in map(PurePosixPath, archive.namelist()):
            files.setdefault(name.parent, set()).add(name.name)
    return any(kind <= names for kind in _KINDS for names in files.values())


class _Unpacked:
    """The files of a zip, there as long as this object is."""

    def __init__(self, path: Path) -> None:
        with ExitStack() as stack:
            self.folder = stack.enter_context(unpacked(path, limits=_LIMITS))
            weakref.finalize(self, stack.pop_all().close)


def _of_folder(told: Path, folder: Path, configuration: str | None, held: object) -> Model:
    found = _models(folder)
    if not found:
        raise ModelError(
            told,
            expected="a model: plan.json and labels.json, or nnU-Net's plans.json and dataset.json",
            got="neither",
            hint="Give the folder that holds these files.",
        )
    if configuration is not None:
        chosen = [f for f in found if f.name == configuration or f.name.split("__")[-1] == configuration]
    else:
        chosen = found
    if len(chosen) != 1:
        names = ", ".join(f.name for f in found)
        raise ConfigError(f"{told}: configuration", expected=f"one of {names}", got=configuration or "none chosen")
    return ours.read(chosen[0], held) if ours.is_ours(chosen[0]) else nnunet.read(chosen[0], held)


def _models(folder: Path) -> list[Path]:
    """The folder itself if it is a model, else the models in it, which may lie a few levels down."""
    levels = [folder]
    for _ in range(4):
        found = [f for f in levels if ours.is_ours(f) or nnunet.is_nnunet(f)]
        if found:
            return sorted(found)
        levels = [child for f in levels for child in f.iterdir() if child.is_dir()]
    return []
