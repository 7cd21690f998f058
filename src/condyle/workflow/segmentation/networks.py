"""The networks of a model, ready to run, and every way in which they are asked about one window."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from condyle.errors import ConfigError
from condyle.models import Model
from condyle.nets.weights import load as load_net
from condyle.predict.engine import EngineConfig, engine
from condyle.predict.engines.calibrate import calibration_windows
from condyle.predict.mirror import mirrored, safe_axes, swapped_channels, swapped_inputs
from condyle.predict.net import Net
from condyle.prepare import prepare
from condyle.space import Grid, side_axis
from condyle.workflow.segmentation.predict_settings import PredictSettings
from condyle.workflow.segmentation.scans import scans_for

#: Of a scan of which nothing is known yet.
WINDOWS_A_SCAN = 8


def fold_networks(model: Model, settings: PredictSettings, scans: int) -> list[Net]:
    """The network of each fold that is asked for.

    Args:
        model: Theirs.
        settings: How to run them.
        scans: How many will come, about: for a few windows no network is converted.

    Raises:
        ConfigError: if a fold or a device is not there, or there is nothing to calibrate with.
        DataError: if a scan to calibrate with cannot be used.
        ModelError: if weights cannot be used.
    """
    net = model.plan.net
    config = EngineConfig(
        settings.engine,
        settings.precision,
        settings.device,
        cache=settings.cache or Path.home() / ".cache" / "condyle",
        windows=scans * WINDOWS_A_SCAN,
        calibration=_calibration(model, settings),
    )
    shape = (settings.batch, net.in_channels, *model.plan.patch)
    folds = settings.folds or model.folds
    return [engine(load_net(net, model.state(fold), f"fold {fold}"), config, shape) for fold in folds]


def _calibration(model: Model, settings: PredictSettings) -> tuple[NDArray[np.float32], ...]:
    """Windows of the scans to calibrate with."""
    if settings.precision != "int8":
        return ()
    plan = model.plan
    if plan.cascade:
        raise ConfigError("precision: int8", expected="a network that sees the scan alone", got="a cascade's second")
    found = scans_for(settings.calibrate, [channel.name for channel in plan.channels])
    arrays = [prepare([image.read() for image in case.images.values()], plan).array for case in found.values()]
    windows = calibration_windows(arrays, (1, *plan.patch)[-3:])
    return tuple(window[:, 0] for window in windows) if plan.net.dim == 2 else windows


def with_mirrorings(folds: Sequence[Net], model: Model, settings: PredictSettings, grid: Grid) -> list[Net]:
    """Each fold's network, once for every way of mirroring its windows.

    Args:
        folds: One network a fold.
        model: Theirs.
        settings: How to mirror.
        grid: Of the prepared scan, axes in tensor order.
    """
    plan = model.plan
    if settings.mirror == "off" or (settings.mirror == "model" and not plan.mirrored):
        return list(folds)
    if settings.mirror == "nnunet":
        return [net for fold in folds for net in mirrored(fold, plan.mirror)]
    side = side_axis(grid, plan.net.dim)
    swap = swapped_channels(model.labels, plan.regions)
    inputs = swapped_inputs(plan.cascade, model.labels, len(plan.channels))
    axes = safe_axes(plan.mirror, side, None if inputs is None else swap)
    return [net for fold in folds for net in mirrored(fold, axes, side=side, swap=swap, inputs=inputs)]
