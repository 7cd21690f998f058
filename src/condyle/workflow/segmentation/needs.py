"""The memory that one scan needs with one model, asked in one way."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from math import prod
from pathlib import Path

from condyle.models import Model
from condyle.predict.memory import Estimate, estimate, weights_bytes, within
from condyle.predict.slide import Window
from condyle.prepare import Prepared
from condyle.space import Volume
from condyle.workflow.segmentation.predict_settings import PredictSettings


def needed(
    model: Model,
    settings: PredictSettings,
    window: Window,
    channels: Sequence[Volume],
    prepared: Prepared,
    *,
    again: bool = False,
) -> Estimate:
    """The estimate for a prepared scan, within the limit if there is one.

    Args:
        model: The model.
        settings: How it is asked.
        window: How it slides.
        channels: The scan.
        prepared: As the network sees it.
        again: Whether changed looks at the prepared scan follow.

    Raises:
        ConfigError: if the limit cannot be kept.
    """
    i, j, k = prepared.array.shape[1:]
    folds = len(settings.folds or model.folds)
    need = estimate(
        prepared.source.shape,
        (i, j, k),
        model.plan.net,
        window,
        members=folds,
        probabilities=settings.probabilities,
        extra_channels=int(settings.uncertainty),
    )
    need = replace(need, scan=sum(channel.array.nbytes for channel in channels))
    if model.before is not None:
        need = replace(need, network=need.network + folds * weights_bytes(model.before.plan.net))
    if settings.views != "off":
        need = replace(need, planes=need.planes + 4 * model.plan.net.out_channels * prod((i, j, k)))
    if settings.uncertainty:
        need = replace(need, labels=need.labels + 4 * prod((i, j, k)) + 4 * prod(prepared.source.shape))
    if again:
        # A changed scan, made from another; the labels of both looks, one brought back.
        need = replace(need, labels=need.labels + 2 * prepared.array.nbytes + 4 * prod((i, j, k)))
    return need if settings.max_memory_gib is None else within(need, settings.max_memory_gib)


@contextmanager
def scratch_folder(need: Estimate, folder: Path | None) -> Iterator[Path | None]:
    """A folder for what lies on disk, gone afterwards; None if nothing does.

    Args:
        need: What goes to disk.
        folder: Where to make it; the system's place for temporary files if None.
    """
    if not need.disk_gib:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="condyle-", dir=folder) as made:
        yield Path(made)
