"""One fold's network learns: from prepared cases to weights."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from condyle.augment import Augmentation, Mirroring
from condyle.augment import build as build_augmentation
from condyle.augment.mistakes import Mistakes
from condyle.config import Plan
from condyle.data.store import Store
from condyle.errors import ConfigError
from condyle.labels import Labels
from condyle.losses.build import build as build_loss
from condyle.losses.targets import class_table, region_table
from condyle.models import Model
from condyle.nets.any_size import AnySizeNet
from condyle.nets.imagenet import load_imagenet
from condyle.nets.resnet34_unet import ResNet34UNet
from condyle.progress import Track
from condyle.recipe import Recipe
from condyle.space.orient import side_axis
from condyle.training import Batches, History, fit
from condyle.training.distributed import World
from condyle.training.found import FoundBefore
from condyle.training.start import Taken, drawn, freeze, prefer_background, take_over
from condyle.training.stop import Stop
from condyle.workflow.learning.drawn_pictures import synthetic_batches
from condyle.workflow.learning.training_run import TrainingRun

log = logging.getLogger("condyle")


@dataclass(frozen=True)
class Start:
    """Where networks begin.

    Args:
        model: A trained one, to go on from; its first fold is taken.
        imagenet: torchvision's ResNet-34 file, for a network with that encoder.
    """

    model: Model | None = None
    imagenet: Path | None = None

    def check(self, plan: Plan, labels: Labels, recipe: Recipe) -> None:
        """Refuse what no network could begin with.

        Raises:
            ConfigError: if the recipe or a file does not suit the network.
            ModelError: if weights do not fit.
        """
        freeze(self._begun(plan, labels, recipe)[0], recipe.freeze)

    def net(self, plan: Plan, labels: Labels, recipe: Recipe) -> AnySizeNet:
        """The network before its first step."""
        net, taken = self._begun(plan, labels, recipe)
        if taken is not None:
            log.info("%s", taken)
        return net

    def _begun(self, plan: Plan, labels: Labels, recipe: Recipe) -> tuple[AnySizeNet, Taken | None]:
        """The network, and what it took over from the model."""
        net = drawn(plan.net, recipe.seed)
        prefer_background(net, plan.net, recipe.background, regions=bool(plan.regions))
        if self.imagenet is not None:
            if not isinstance(net, ResNet34UNet):
                raise ConfigError("imagenet", expected="the network resnet34", got=plan.net.kind)
            load_imagenet(net, self.imagenet)
        if self.model is not None:
            fold = self.model.folds[0]
            same = self.model.labels.names == labels.names and self.model.plan.regions == plan.regions
            return net, take_over(net, plan.net, self.model.state(fold), f"fold {fold}", same_structures=same)
        return net, None


@dataclass(frozen=True)
class Means:
    """What all folds and stages of a training are trained with.

    Args:
        start: Where networks begin.
        device: What computes.
        tensorboard: Whether to write its events.
        stop: Asked after every step.
        world: The processes that share the work.
        track: Told of each step.
    """

    start: Start
    device: str
    tensorboard: bool
    stop: Stop
    world: World
    track: Track


def mirroring_of(run: TrainingRun, labels: Labels, store: Store, ids: Sequence[str]) -> Mirroring:
    """Along which axes patches may be mirrored, and which labels change places then.

    Raises:
        ConfigError: if scans lie differently, so that no axis of all patches is the patient's left-right.
    """
    dim = run.plan.net.dim
    if run.recipe.mirror == "off":
        return Mirroring()
    if run.recipe.mirror == "nnunet":
        return Mirroring.unsafe(dim)
    sides = {side_axis(store[id_].grid, dim) for id_ in ids}
    if len(sides) > 1:
        hint = "Give --mirror off, or train a plan of Condyle's own, which turns all scans alike."
        raise ConfigError("mirror", expected="scans that all lie alike", got="several orders of axes", hint=hint)
    side = sides.pop()
    wanted = None if run.recipe.mirror == "safe" else [axis for axis in (side,) if axis is not None]
    return Mirroring.of(labels, side, dim, wanted)


def _augmentation(run: TrainingRun, labels: Labels, store: Store, ids: Sequence[str]) -> Augmentation:
    masked = [n for n, channel in enumerate(run.plan.channels) if channel.nonzero_only]
    return build_augmentation(run.recipe.augment, run.plan.patch, mirroring_of(run, labels, store, ids), masked)


def learn(
    run: TrainingRun,
    labels: Labels,
    store: Store,
    *,
    train: Sequence[str],
    validation: Sequence[str],
    out: Path,
    means: Means,
    found: FoundBefore | None = None,
) -> History:
    """Train one fold, or go on with it; arguments as `training.fit`.

    Args:
        run: What was decided.
        labels: The dataset's.
        store: Its prepared cases.
        train: Cases to learn from.
        validation: Cases to choose the best weights on; none: the last weights are taken.
        out: Folder of the training.
        means: With what.
        found: What the stage before found, for the second stage of a cascade.
    """
    plan, recipe = run.plan, run.recipe
    if not validation and recipe.patience:
        # Nothing to watch: a training on all cases runs to its end.
        recipe = replace(recipe, patience=0)
    table = region_table(labels, plan.regions) if plan.regions else class_table(labels)
    drawn_pictures = recipe.pictures == "synthetic"
    batches = Batches(
        store,
        tuple(train),
        plan.patch,
        plan.batch,
        table,
        iterations=recipe.iterations,
        oversample=recipe.oversample,
        augment=None if drawn_pictures else _augmentation(run, labels, store, train),
        found=None if found is None else replace(found, mistakes=Mistakes()),
        seed=recipe.seed,
    )
    if drawn_pictures:
        batches = synthetic_batches(batches, plan, store, beginner=means.start.model is None)
    watched = replace(
        batches, ids=tuple(validation), iterations=recipe.val_iterations, augment=None, seed=recipe.seed + 1,
        found=found,
    ) if validation else None  # fmt: skip
    net = means.start.net(plan, labels, recipe)
    freeze(net, recipe.freeze)
    loss = build_loss(
        recipe.loss,
        classes=plan.net.out_channels,
        regions=bool(plan.regions),
        ignore=labels.ignore,
        batch_dice=run.batch_dice,
    )
    names = tuple(r.name for r in plan.regions) or labels.names
    return fit(
        net,
        loss,
        batches,
        watched,
        recipe,
        out,
        structures=names,
        device=means.device,
        track=means.track,
        stop=means.stop,
        world=means.world,
        tensorboard=means.tensorboard,
    )
