"""Training, from the first step to the last."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from itertools import count
from math import isnan, nan
from pathlib import Path

from condyle.jobs.energy import EnergyMeter
from condyle.nets.any_size import AnySizeNet
from condyle.progress import Track, silent
from condyle.recipe import Recipe
from condyle.training.arithmetic import place
from condyle.training.batches import ALONE, Batches
from condyle.training.begin import begun, check, isolated, named
from condyle.training.distributed import World
from condyle.training.history import History
from condyle.training.keeper import Keeper
from condyle.training.learner import LossFunction
from condyle.training.progress import Progress
from condyle.training.schedule import rate_at
from condyle.training.stop import Stop, never
from condyle.training.watch import Clock, peak


def fit(  # noqa: PLR0917 - what a training is made of, in the order in which it is told
    net: AnySizeNet,
    loss: LossFunction,
    batches: Batches,
    validation: Batches | None,
    recipe: Recipe,
    out: Path,
    *,
    structures: tuple[str, ...] = (),
    device: str = "cpu",
    track: Track = silent,
    stop: Stop = never,
    world: World = ALONE,
    tensorboard: bool = False,
) -> History:
    """Train a network, or go on where an interrupted training of the same recipe was.

    After an epoch, and every few minutes of a long one, all that is needed to go on is saved (`checkpoint`). A training
    that goes on takes the steps it would have taken, to the bit on a processor at fp32.

    Args:
        net: With its initial weights, and frozen where it is to be (`start`). Changed in place.
        loss: Of (logits, target); see `condyle.losses`. Coarser outputs of the network are judged too.
        batches: To learn from.
        validation: To see how good it is; the weights of the best epoch are kept. None: the last ones are used.
        recipe: How. Of a recipe that was begun before, `epochs`, `minutes` and `patience` may be others.
        out: Folder of the training. With several processes all of them must see it; the first one writes.
        structures: Names of what is scored, in the order of the network's channels, without background.
        device: `cpu`, `cuda`, `cuda:1`, ...
        track: Told of every step.
        stop: Asked after every step; when it says yes, training saves and leaves (`stop.on_signals`).
        world: The processes that share the work (`distributed.world`).
        tensorboard: Write events for TensorBoard, too; it has to be installed.

    Returns:
        What happened, and where the weights are.

    Raises:
        ConfigError: if settings contradict each other or the machine, or the folder holds another recipe's training.
        DataError: if a scan cannot be read, the disk refuses, or the folder holds files of that name.
        ModelError: if the loss stays not finite, or what is to be gone on with is broken or another network's.
    """
    check(batches, validation, recipe, world)
    names = named(structures, batches.structures)
    where = place(device)
    with EnergyMeter() as energy, isolated(where, recipe.deterministic):
        clock = Clock(recipe.minutes, 0 if validation is None else len(validation), energy)
        learner, progress = begun(net, loss, batches, recipe, out, device=where, world=world)
        clock.before_s, clock.before_kj = progress.seconds, progress.energy_kj
        # Nobody writes before all have read. A full disk is better known now than after the first epoch.
        world.any(False)
        keeper = Keeper(out, learner, progress, clock, tensorboard=tensorboard)
        keeper.begin()
        clock.lap("saving")

        epochs = count(progress.epoch) if recipe.minutes else range(progress.epoch, recipe.epochs + 1)
        with closing(batches.over(epochs, first=progress.step, world=world)) as stream:
            while not progress.why:
                for _ in track(range(progress.step, len(batches)), _title(progress, recipe)):
                    done = clock.share() if recipe.minutes else progress.steps / (recipe.epochs * len(batches))
                    rate = rate_at(recipe, world.first(done), progress.falls)
                    progress.took(learner.step(next(stream), rate, progress.steps), rate)
                    clock.lap("step")
                    if world.any(stop()):
                        keeper.save()
                        return keeper.end()
                    if recipe.minutes and world.first(clock.share()) == 1:
                        progress.why = f"{recipe.minutes:g} minutes are over"
                        break
                    keeper.save_sometimes()
                if validation is not None and recipe.minutes:
                    validation = replace(validation, iterations=world.first(clock.validations()))
                found = None if validation is None else world.first(learner.validate(validation))
                progress.seconds, progress.energy_kj = clock.seconds(), clock.energy_kj()
                best = progress.end_epoch(recipe, found, names, peak(where))
                progress.why = progress.why or progress.verdict(recipe)
                keeper.epoch_is_over(best=best)
                clock.lap("closing")
        return keeper.end()


def _title(progress: Progress, recipe: Recipe) -> str:
    """What a progress bar says of an epoch."""
    of = "" if recipe.minutes else f" of {recipe.epochs}"
    before = progress.epochs[-1].mean_dice if progress.epochs else nan
    told = "" if isnan(before) else f", Dice {before:.3f}"
    return f"Epoch {progress.epoch}{of}{told}"
