"""What a training decides before its first step: the split, the folds, the plan; and the same again when it goes on."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from condyle.config import Plan
from condyle.data import Case, Dataset
from condyle.data.dataset import FILE
from condyle.data.split import split
from condyle.errors import ConfigError, DataError
from condyle.models import Model
from condyle.planning import fingerprint, make_plan
from condyle.planning.ends import regions
from condyle.progress import Track
from condyle.recipe import Recipe
from condyle.training.distributed import World
from condyle.workflow.folds import folds as draw_folds
from condyle.workflow.learning.meaning import meaning
from condyle.workflow.learning.one_fold import Start
from condyle.workflow.learning.started import check_asked
from condyle.workflow.learning.training_run import (
    TrainingRun,
    begun,
    clear,
    goes_on,
    parts_of,
    refuse_others,
    save,
)

log = logging.getLogger("condyle")


def with_folds(folder: Path, fold: str, here: World) -> Dataset:
    """The dataset, its split drawn if that was never done and a fold is asked for.

    Raises:
        DataError: if no case is labelled.
        ConfigError: if there are too few patients to hold some out.
    """
    dataset = Dataset.open(folder)
    if not dataset.labelled:
        hint = "Add masks as a label set: condyle import."
        raise DataError(folder / FILE, expected="cases with label maps", got="none", hint=hint)
    if dataset.folds is None and fold != "all":
        if here.rank == 0:
            groups = len({case.group for case in dataset.labelled})
            log.info("%s", draw_folds(folder, count=min(5, max(groups, 2))))
        here.any(False)
        dataset = Dataset.open(folder)
    return dataset


def folds_to_train(dataset: Dataset, fold: str, label_set: str) -> dict[str, tuple[Sequence[Case], Sequence[Case]]]:
    """Name of each fold to train, to the cases it learns from and those held out."""
    if fold == "all" and dataset.folds is None:
        return {"all": ([case for case in dataset.labelled if label_set in case.label_sets], ())}
    count = 0 if dataset.folds is None else dataset.folds.count
    if fold not in {"all", "cv", *map(str, range(count))}:
        raise ConfigError("fold", expected=f"0 to {count - 1}, cv or all", got=fold)
    names = [str(n) for n in range(count)] if fold == "cv" else [fold]
    parts = {name: split(dataset, "all" if name == "all" else int(name), label_set=label_set) for name in names}
    for name, part in parts.items():
        if not part.train:
            raise ConfigError(f"fold {name}", expected="cases to learn from", got="none beside those held out")
    return {name: (part.train, part.validation) for name, part in parts.items()}


def decide(
    dataset: Dataset,
    label_set: str,
    recipe: Recipe,
    *,
    begin: Start,
    start: str,
    out: Path,
    here: World,
    overwrite: bool,
    track: Track,
) -> TrainingRun:
    """The training that was begun in the folder, or a new one, decided by the first process.

    Args:
        dataset: With its split.
        label_set: Which label maps to learn.
        recipe: How.
        begin: Where networks begin.
        start: The name of the model among that, or "".
        out: The model's folder, which the first process holds against other trainings.
        here: The processes that share the work.
        overwrite: Begin anew.
        track: Told of each case.

    Raises:
        ConfigError: if another training was begun in the folder, or the recipe does not suit the data or the network.
        DataError: if the folder holds other things, or a case cannot be used.
        ModelError: if weights to begin with do not fit.
    """
    if here.rank == 0:
        refuse_others(out)
        run = None if overwrite else begun(out)
        if run is not None and goes_on(run, out, dataset=dataset, label_set=label_set, recipe=recipe, start=start):
            run = replace(run, recipe=recipe, structures=meaning(dataset.labels))
        else:
            plan, batch_dice = _plan(dataset, label_set, recipe, begin.model, track)
            begin.check(plan, dataset.labels, recipe)
            run = TrainingRun(
                dataset.name, label_set, recipe, plan, batch_dice, start, parts_of(dataset), meaning(dataset.labels)
            )
            # Only now: what is refused leaves an earlier training as it is.
            clear(out)
        save(run, out)
    else:
        run = None
    shared: TrainingRun = here.first(run)
    return shared


def check_start(dataset: Dataset, recipe: Recipe, model: Model) -> None:
    """Refuse a model to start from with other stages or another plan than is asked for, or stages that do not join.

    Raises:
        ConfigError: telling why.
    """
    stage = "cascade" if model.plan.cascade else "full"
    if recipe.stage != stage:
        raise ConfigError("recipe: stage", expected=f"{stage}, as the model to start from", got=recipe.stage)
    if model.plan.cascade and model.labels.names != dataset.labels.names:
        hint = "Its second stage is shown what the first finds, structure by structure."
        expected, got = (", ".join(labels.names) for labels in (model.labels, dataset.labels))
        raise ConfigError("start: structures", expected=expected, got=got, hint=hint)
    check_asked(recipe, model.plan)


def _plan(dataset: Dataset, label_set: str, recipe: Recipe, model: Model | None, track: Track) -> tuple[Plan, bool]:
    """The plan, and whether Dice is taken over the batch: made from the data, or a trained model's own."""
    if model is None:
        planned = make_plan(fingerprint(dataset, label_set, track=track), dataset.labels, recipe)
        for reason in planned.reasons:
            log.info("%s", reason)
        return planned.of_stage(recipe.stage)
    if len(model.plan.channels) != len(dataset.channels):
        got = ", ".join(dataset.channels)
        raise ConfigError("start", expected=f"{len(model.plan.channels)} channels in the dataset", got=got)
    asked = regions(dataset.labels, recipe)
    outputs = len(asked) or 1 + len(dataset.labels.ids)
    net = replace(model.plan.net, out_channels=outputs)
    plan = replace(model.plan, net=net, regions=asked, batch=recipe.batch or model.plan.batch)
    return plan, plan.net.dim == 2 if recipe.batch_dice is None else recipe.batch_dice
