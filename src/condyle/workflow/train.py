"""`condyle train`: from a dataset to a model."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path

from condyle import models
from condyle.errors import ConfigError
from condyle.progress import Track, silent
from condyle.recipe import RECIPES, Recipe
from condyle.training.distributed import world
from condyle.training.stop import Stop, never, on_signals
from condyle.workflow.learning.decided import check_start, decide, folds_to_train, with_folds
from condyle.workflow.learning.job import Job
from condyle.workflow.learning.one_fold import Means, Start
from condyle.workflow.learning.stages import train_stages
from condyle.workflow.learning.trained import Trained
from condyle.workflow.learning.training_run import held
from condyle.workflow.shared.label_sets import chosen_label_set


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
        start: Begin with a trained model's weights, and its plan: ours, or nnU-Net's; of a cascade in both stages.
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
    # What the second stage of a cascade learns from was found by networks of all folds.
    all_folds = recipe.stage == "cascade" and recipe.pictures == "scans"
    with world() as here, _stop_asked() as stop, ExitStack() as stack:
        dataset = with_folds(folder, "cv" if all_folds else fold, here)
        chosen = chosen_label_set(dataset, label_set)
        parts = folds_to_train(dataset, fold, chosen)
        begin = None if start is None else models.find(start)
        if begin is not None and begin.resolve().is_relative_to(os.path.realpath(out)):
            # Nor a stage of it: to begin anew removes both.
            raise ConfigError("start", expected="another model than the one to be made", got=str(begin))
        given = Start(None if begin is None else models.load(begin), imagenet)
        if given.model is not None:
            check_start(dataset, recipe, given.model)
        # Before anything is decided: another training that is at work there must not lose its files.
        stack.enter_context(held(out) if here.rank == 0 else nullcontext())
        run = decide(
            dataset,
            chosen,
            recipe,
            begin=given,
            start="" if start is None else start.name,
            out=out,
            here=here,
            overwrite=overwrite,
            track=track,
        )
        job = Job(out, dataset, run, device)
        train_stages(job, parts, Means(given, device, tensorboard, stop, here, track))
        if here.rank == 0 and fold == "cv":
            job.clean(track)
        # The other processes tell nothing of their own.
        return job.result(list(parts)) if here.rank == 0 else Trained(str(out), {})


@contextmanager
def _stop_asked() -> Iterator[Stop]:
    """Ctrl-C saves first. Only a program's main thread hears signals; elsewhere there is none to hear."""
    if threading.current_thread() is threading.main_thread():
        with on_signals() as stop:
            yield stop
    else:
        yield never
