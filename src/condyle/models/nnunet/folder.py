"""A results folder of nnU-Net v2 as a model: `plans.json`, `dataset.json`, `fold_<k>/checkpoint_final.pth`."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from condyle.config import NetConfig
from condyle.errors import ModelError
from condyle.models.folder import read_json
from condyle.models.model import Model
from condyle.models.nnunet.checkpoint import read_checkpoint
from condyle.models.nnunet.plans import read_plans

if TYPE_CHECKING:
    from torch import Tensor

#: In the order in which nnU-Net prefers them.
_CHECKPOINTS = ("checkpoint_final.pth", "checkpoint_best.pth")


def is_nnunet(folder: Path) -> bool:
    """Whether a folder looks like nnU-Net's."""
    return (folder / "plans.json").is_file() and (folder / "dataset.json").is_file()


def read(folder: Path, held: object = None) -> Model:
    """The model of a results folder. Which configuration it is, its checkpoints tell.

    Raises:
        ModelError: if there is no checkpoint, folds differ in kind, or the network is not one of ours.
    """
    files = _checkpoints(folder)
    plans, dataset = read_json(folder / "plans.json"), read_json(folder / "dataset.json")
    for name, content in (("plans.json", plans), ("dataset.json", dataset)):
        if not isinstance(content, dict):
            raise ModelError(folder / name, expected="a table", got=type(content).__name__)
    first, *others = (read_checkpoint(file) for file in files.values())
    for other in others:
        if (other.configuration, other.trainer) != (first.configuration, first.trainer):
            got = f"{first.trainer} {first.configuration} and {other.trainer} {other.configuration}"
            raise ModelError(folder, expected="folds of one kind", got=got)
    plan, labels = read_plans(plans, dataset, first.configuration, folder)
    mirror = tuple(axis for axis in first.mirror if axis < plan.net.dim)
    return Model(
        plan=replace(plan, mirror=mirror),
        labels=labels,
        weights={fold: partial(_state, file, plan.net) for fold, file in files.items()},
        record=_record(plans, dataset, first.configuration, first.trainer, files),
        card=_card(plans, first.configuration, first.trainer),
        held=held,
    )


def _checkpoints(folder: Path) -> dict[str, Path]:
    """Fold to its checkpoint: the final one, else the best."""
    files = {}
    for fold in sorted(folder.glob("fold_*")):
        there = [fold / name for name in _CHECKPOINTS if (fold / name).is_file()]
        if there:
            files[fold.name.removeprefix("fold_")] = there[0]
    if not files:
        raise ModelError(folder, expected=f"weights (fold_0/{_CHECKPOINTS[0]})", got="none")
    return files


def _state(path: Path, config: NetConfig) -> dict[str, Tensor]:
    from condyle.nets.nnunet_names import from_nnunet

    return from_nnunet(read_checkpoint(path).weights, config, path)


def _record(
    plans: dict[str, Any], dataset: dict[str, Any], configuration: str, trainer: str, files: dict[str, Path]
) -> dict[str, Any]:
    return {
        "from": "nnU-Net v2",
        "dataset": plans.get("dataset_name"),
        "plans": plans.get("plans_name"),
        "configuration": configuration,
        "trainer": trainer,
        "checkpoints": {fold: file.name for fold, file in files.items()},
        "training_cases": dataset.get("numTraining"),
        "licence": dataset.get("licence", dataset.get("license")),
        "reference": dataset.get("reference"),
    }


def _card(plans: dict[str, Any], configuration: str, trainer: str) -> str:
    name = plans.get("dataset_name", "A model")
    return f"# {name}\n\nTrained with nnU-Net v2: {trainer}, {plans.get('plans_name')}, {configuration}.\n"
