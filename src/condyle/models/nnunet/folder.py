"""A results folder of nnU-Net v2 as a model: `plans.json`, `dataset.json`, `fold_<k>/checkpoint_final.pth`."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from condyle.config import NetConfig
from condyle.errors import CondyleError, ModelError
from condyle.models.card import card
from condyle.models.folder import read_json, told_of
from condyle.models.model import Model
from condyle.models.nnunet.checkpoint import read_checkpoint
from condyle.models.nnunet.plans import previous_stage, read_plans

if TYPE_CHECKING:
    from torch import Tensor

#: In the order in which nnU-Net prefers them.
_CHECKPOINTS = ("checkpoint_final.pth", "checkpoint_best.pth")


def is_nnunet(folder: Path) -> bool:
    """Whether a folder looks like nnU-Net's."""
    return (folder / "plans.json").is_file() and (folder / "dataset.json").is_file()


def read(folder: Path, held: object = None, *, first_stage: bool = False) -> Model:
    """The model of a results folder. Which configuration it is, its checkpoints tell.

    The first stage of a cascade is looked for beside its second, where nnU-Net keeps it.

    Args:
        folder: `<trainer>__<plans>__<configuration>`.
        held: What must live as long as the model.
        first_stage: Whether it is to be the first stage of a cascade.

    Raises:
        ModelError: if there is no checkpoint, folds differ in kind, the network is not one of ours, or the first
            stage of a cascade is not there.
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
    if first_stage and plan.cascade:
        raise ModelError(folder, expected="a first stage, which sees the scan alone", got="the second of a cascade")
    mirror = tuple(axis for axis in first.mirror if axis < plan.net.dim)
    earlier = previous_stage(plans, first.configuration, folder)
    before = None if earlier is None else _stage_before(folder, earlier, held)
    try:
        model = Model(
            plan=replace(plan, mirror=mirror),
            labels=labels,
            weights={fold: partial(_state, file, plan.net) for fold, file in files.items()},
            record=_record(plans, dataset, first.configuration, first.trainer, files),
            held=held,
            before=before,
        )
    except CondyleError as error:
        raise told_of(folder, error) from error
    return replace(model, card=card(model, str(plans.get("dataset_name", folder.name))))


def _stage_before(folder: Path, configuration: str, held: object) -> Model:
    """The first stage of a cascade: the folder beside its second that differs in the configuration alone."""
    beside = folder.with_name("__".join([*folder.name.split("__")[:-1], configuration]))
    if not is_nnunet(beside) or beside == folder:
        raise ModelError(
            folder,
            expected=f"the first stage of its cascade beside it, in {beside.name}",
            got="no model of that name",
            hint=f"Copy the folder {beside.name} of the same nnU-Net results there.",
        )
    return read(beside, held, first_stage=True)


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
