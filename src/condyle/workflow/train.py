"""`condyle train`: from a dataset to a model."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from condyle import models
from condyle.config import Plan, to_json
from condyle.data import Case, Dataset
from condyle.data.split import split
from condyle.data.store import Store, open_store
from condyle.errors import ConfigError
from condyle.models import Model
from condyle.models.folder import read_state, weights_file
from condyle.models.growing import add_fold, write_all_tables
from condyle.planning import fingerprint, make_plan
from condyle.planning.ends import regions
from condyle.predict.cleanup import steps_to_json
from condyle.progress import Track, silent
from condyle.recipe import RECIPES, Recipe
from condyle.training import History
from condyle.training.distributed import World, world
from condyle.training.stop import Stop, never, on_signals
from condyle.workflow.evaluation.evaluated import Evaluated
from condyle.workflow.folds import folds as draw_folds
from condyle.workflow.learning.cleanup_choice import choose_cleanup
from condyle.workflow.learning.one_fold import Start, learn
from condyle.workflow.learning.trained import FoldResult, Trained
from condyle.workflow.learning.training_run import TrainingRun, begun, check_same, save
from condyle.workflow.learning.validating import held_out_masks, predict_held_out, score_held_out
from condyle.workflow.shared.label_sets import chosen_label_set

log = logging.getLogger("condyle")

#: What a model tells of each structure on cases it was not trained on.
_TOLD = ("dice", "assd_mm", "hd95_mm", "volume_error_percent")


def train(
    folder: Path,
    *,
    out: Path | None = None,
    recipe: Recipe = RECIPES["default"],
    label_set: str | None = None,
    fold: str = "0",
    start: Path | None = None,
    imagenet: Path | None = None,
    device: str = "cpu",
    tensorboard: bool = False,
    overwrite: bool = False,
    track: Track = silent,
) -> Trained:
    """Train a model on a dataset: plan, prepare, learn, and test on the cases that were held out.

    The model's folder can be used as soon as its first fold is there. A training that was stopped, or killed, goes on
    with the same command. With several graphics cards or machines: `torchrun --nproc-per-node 2 -m condyle train ...`.

    Args:
        folder: A dataset.
        out: The model's folder.
        recipe: A named set of choices; what it leaves open follows from the data.
        label_set: Which label maps to learn; needed where there are several sets.
        fold: Train on all cases but those of this fold, and test on these; `cv`: every fold in turn, then choose
            cleanup steps; `all`: on all cases but the test part, with nothing held out.
        start: Begin with a trained model's weights, and its plan: ours, or nnU-Net's.
        imagenet: torchvision's resnet34-b627a593.pth, for the network resnet34.
        device: `cpu`, or `cuda` for a graphics card.
        tensorboard: Write events for TensorBoard too (pip install tensorboard).
        overwrite: Begin anew, and remove what was trained in the folder before.
        track: Told of each step.

    Raises:
        DataError: if a case cannot be used, or the disk refuses; names the file.
        ConfigError: if there is no such fold or label set, or settings contradict each other or what was begun.
        ModelError: if weights to start from do not fit, or the loss stays not finite.
    """
    if out is None:
        raise ConfigError("out", expected="a folder for the model (-o)", got="none")
    with world() as here, _stop_asked() as stop:
        dataset = _with_folds(folder, fold, here)
        chosen = chosen_label_set(dataset, label_set)
        names = _folds(dataset, fold, chosen)
        given = Start(None if start is None else models.load(start), imagenet)
        name = "" if start is None else start.name
        run = _run(dataset, chosen, recipe, given, start=name, out=out, here=here, overwrite=overwrite, track=track)
        store = _prepared(dataset, run, here, track)
        job = _Job(out, dataset, run, store, given, device, here)
        for name, (learners, held_out) in names.items():
            history = job.learn(name, learners, held_out, tensorboard=tensorboard, stop=stop, track=track)
            if not history.finished:
                raise KeyboardInterrupt
            if here.rank == 0:
                job.finish(name, learners, held_out, history, track)
        cleanup: tuple[Any, ...] = ()
        if fold == "cv" and here.rank == 0:
            cleanup = job.clean(track)
        return job.result(cleanup)


@dataclass
class _Job:
    """A training under way.

    Args:
        out: The model's folder.
        dataset: The data.
        run: What was decided.
        store: Prepared cases.
        start: Where networks begin.
        device: What computes.
        world: The processes that share the work.
    """

    out: Path
    dataset: Dataset
    run: TrainingRun
    store: Store
    start: Start
    device: str
    world: World

    def __post_init__(self) -> None:
        self.results: dict[str, FoldResult] = {}
        self.scores: Evaluated | None = None

    @property
    def held_out(self) -> Path:
        return self.out / "validation"

    def learn(
        self, name: str, learners: Sequence[Case], held_out: Sequence[Case], *, tensorboard: bool, stop: Stop,
        track: Track,
    ) -> History:  # fmt: skip
        return learn(
            self.run,
            self.dataset.labels,
            self.store,
            train=[case.id for case in learners],
            validation=[case.id for case in held_out],
            out=self.out / "training" / f"fold_{name}",
            start=self.start,
            device=self.device,
            tensorboard=tensorboard,
            stop=stop,
            world=self.world,
            track=track,
        )

    def finish(
        self, name: str, learners: Sequence[Case], held_out: Sequence[Case], history: History, track: Track
    ) -> None:
        """The fold joins the model, and its held-out cases are segmented and scored."""
        self.results[name] = FoldResult(
            cases=tuple(case.id for case in learners),
            epochs=len(history.epochs),
            best_epoch=history.best_epoch,
            seconds=round(history.seconds, 1),
            peak_gib=round(max((e.ram_gib for e in history.epochs), default=0.0), 2),
            steps=history.epochs[-1].steps if history.epochs else 0,
            why=history.why,
        )
        add_fold(self.model(name), self.out, name, history.weights)
        model = self.model()
        write_all_tables(model, self.out)
        if held_out:
            predict_held_out(model, name, self.dataset, held_out, self.held_out, device=self.device, track=track)
            self.scores = score_held_out(self.dataset, self.run.label_set, self.held_out, track=track)
            write_all_tables(self.model(), self.out)

    def clean(self, track: Track) -> tuple[Any, ...]:
        """Choose cleanup steps on all held-out cases, and store them with the model."""
        masks = held_out_masks(self.dataset, self.run.label_set, self.held_out)
        steps, tried = choose_cleanup(masks, self.dataset.labels, track=track)
        for judged in tried:
            log.info("%s: Dice %.4f, with it %.4f", judged.step, judged.before, judged.after)
        cleanup = tuple(steps_to_json(steps))
        write_all_tables(replace(self.model(), cleanup=cleanup), self.out)
        return cleanup

    def model(self, *more: str) -> Model:
        """The model as far as it is trained."""
        there = {name for name in self.results if (self.out / weights_file(name)).is_file()} | set(more)
        plan = self.run.plan
        return Model(
            plan=plan,
            labels=self.dataset.labels,
            weights={name: partial(read_state, self.out / weights_file(name), plan.net) for name in sorted(there)},
            record=self._record(),
            recipe=to_json(self.run.recipe),
        )

    def result(self, cleanup: tuple[Any, ...]) -> Trained:
        return Trained(str(self.out), dict(self.results), self.scores, cleanup)

    def _record(self) -> dict[str, Any]:
        import torch

        scores = {} if self.scores is None else self.scores.summary
        return {
            "condyle": version("condyle"),
            "torch": torch.__version__,
            "dataset": self.run.dataset,
            "label_set": self.run.label_set,
            "cases": len({case for fold in self.results.values() for case in fold.cases}),
            "start": self.run.start,
            "folds": {name: vars(fold) | {"cases": list(fold.cases)} for name, fold in self.results.items()},
            "validation": {
                structure: {told: metrics[told].mean for told in _TOLD if metrics[told].mean is not None}
                for structure, metrics in scores.items()
            },
        }


def _with_folds(folder: Path, fold: str, here: World) -> Dataset:
    """The dataset, its split drawn if that was never done and a fold is asked for."""
    dataset = Dataset.open(folder)
    if dataset.folds is None and fold != "all":
        if here.rank == 0:
            groups = len({case.group for case in dataset.labelled})
            log.info("%s", draw_folds(folder, count=min(5, max(groups, 2))))
        here.any(False)
        dataset = Dataset.open(folder)
    return dataset


def _folds(dataset: Dataset, fold: str, label_set: str) -> dict[str, tuple[Sequence[Case], Sequence[Case]]]:
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


def _run(
    dataset: Dataset,
    label_set: str,
    recipe: Recipe,
    given: Start,
    *,
    start: str,
    out: Path,
    here: World,
    overwrite: bool,
    track: Track,
) -> TrainingRun:
    """The training that was begun in the folder, or a new one, decided by the first process."""
    if here.rank == 0:
        run = begun(out, overwrite=overwrite)
        if run is not None:
            check_same(run, out, dataset=dataset, label_set=label_set, recipe=recipe, start=start)
            run = replace(run, recipe=recipe)
        else:
            plan, batch_dice = _plan(dataset, label_set, recipe, given.model, track)
            parts = {} if dataset.folds is None else dict(dataset.folds.parts)
            run = TrainingRun(dataset.name, label_set, recipe, plan, batch_dice, start, parts)
        save(run, out)
    else:
        run = None
    shared: TrainingRun = here.first(run)
    return shared


def _plan(dataset: Dataset, label_set: str, recipe: Recipe, model: Model | None, track: Track) -> tuple[Plan, bool]:
    """The plan, and whether Dice is taken over the batch: made from the data, or a trained model's own."""
    if model is None:
        planned = make_plan(fingerprint(dataset, label_set, track=track), dataset.labels, recipe)
        for reason in planned.reasons:
            log.info("%s", reason)
        return planned.plan, planned.batch_dice
    if model.plan.cascade:
        raise ConfigError("start", expected="a model of one stage", got="the second stage of a cascade")
    if len(model.plan.channels) != len(dataset.channels):
        got = ", ".join(dataset.channels)
        raise ConfigError("start", expected=f"{len(model.plan.channels)} channels in the dataset", got=got)
    asked = regions(dataset.labels, recipe)
    outputs = len(asked) or 1 + len(dataset.labels.ids)
    net = replace(model.plan.net, out_channels=outputs)
    plan = replace(model.plan, net=net, regions=asked, batch=recipe.batch or model.plan.batch)
    return plan, plan.net.dim == 2 if recipe.batch_dice is None else recipe.batch_dice


def _prepared(dataset: Dataset, run: TrainingRun, here: World, track: Track) -> Store:
    store = open_store(dataset, run.plan, run.label_set)
    if here.rank == 0:
        store.prepare(track=track)
    here.any(False)
    return store


@contextmanager
def _stop_asked() -> Iterator[Stop]:
    """Ctrl-C saves first. Only a program's main thread hears signals; elsewhere there is none to hear."""
    if threading.current_thread() is threading.main_thread():
        with on_signals() as stop:
            yield stop
    else:
        yield never
