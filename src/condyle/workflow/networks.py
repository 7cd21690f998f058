"""The networks of a model, ready to run, and every way in which they are asked about one window."""

from __future__ import annotations

from collections.abc import Sequence

from condyle.models import Model
from condyle.nets.weights import load as load_net
from condyle.predict.engine import EngineConfig, engine
from condyle.predict.mirror import mirrored, safe_axes, swapped_channels, swapped_inputs
from condyle.predict.net import Net
from condyle.space import Grid, side_axis
from condyle.workflow.predict_settings import PredictSettings


def fold_networks(model: Model, settings: PredictSettings) -> list[Net]:
    """The network of each fold that is asked for.

    Raises:
        ConfigError: if a fold or a device is not there.
        ModelError: if weights cannot be used.
    """
    net = model.plan.net
    config = EngineConfig(settings.engine, settings.precision, settings.device)
    shape = (settings.batch, net.in_channels, *model.plan.patch)
    folds = settings.folds or model.folds
    return [engine(load_net(net, model.state(fold), f"fold {fold}"), config, shape) for fold in folds]


def with_mirrorings(folds: Sequence[Net], model: Model, settings: PredictSettings, grid: Grid) -> list[Net]:
    """Each fold's network, once for every way of mirroring its windows.

    Args:
        folds: One network a fold.
        model: Theirs.
        settings: How to mirror.
        grid: Of the prepared scan, axes in tensor order.
    """
    plan = model.plan
    if settings.mirror == "off":
        return list(folds)
    if settings.mirror == "nnunet":
        return [net for fold in folds for net in mirrored(fold, plan.mirror)]
    side = side_axis(grid, plan.net.dim)
    swap = swapped_channels(model.labels, plan.regions)
    inputs = swapped_inputs(plan.cascade, model.labels, len(plan.channels))
    axes = safe_axes(plan.mirror, side, None if inputs is None else swap)
    return [net for fold in folds for net in mirrored(fold, axes, side=side, swap=swap, inputs=inputs)]
