"""A model ready to segment: `condyle.load(path).segment(volume)`."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from condyle import models
from condyle.config import Plan
from condyle.errors import ConfigError
from condyle.models import Model
from condyle.nets.weights import load as load_net
from condyle.predict.cleanup import clean, steps_from_json
from condyle.predict.decide import Rule
from condyle.predict.engine import EngineConfig, engine
from condyle.predict.ensemble import ensemble
from condyle.predict.memory import Estimate, estimate, within
from condyle.predict.mirror import mirrored, safe_axes, side_axis, swapped_channels
from condyle.predict.net import Net
from condyle.predict.restore import restored_labels
from condyle.predict.slide import Window, planes
from condyle.prepare import Prepared, prepare
from condyle.progress import Track, silent
from condyle.space import Grid, Volume

log = logging.getLogger("condyle")


@dataclass(frozen=True)
class PredictSettings:
    """How a model is asked.

    Args:
        folds: Folds to average; all that the model has if none is named.
        step: Distance of windows, as a fraction of the patch.
        mirror: `off`; `safe`: also ask about mirrored windows, where left and right are swapped back, eight times
            the work; `nnunet`: mirror as nnU-Net does, which takes left for right if the model does not know.
        engine: What computes: `torch`, or `openvino`, which is faster on processors (pip install openvino).
        precision: `fp32`, or `bf16`: faster, labels differ by about a percent of the outline.
        device: `cpu`, or `cuda` for a graphics card.
        batch: Windows at once.
        max_memory_gib: Keep below this, with scratch files where need be.
    """

    folds: tuple[str, ...] = ()
    step: float = 0.5
    mirror: Literal["off", "safe", "nnunet"] = "off"
    engine: Literal["torch", "openvino"] = "torch"
    precision: Literal["fp32", "bf16"] = "fp32"
    device: str = "cpu"
    batch: int = 1
    max_memory_gib: float | None = None

    def __post_init__(self) -> None:
        if self.max_memory_gib is not None and self.max_memory_gib <= 0:
            raise ConfigError("max memory", expected="more than 0 GiB", got=f"{self.max_memory_gib:g}")


@dataclass(frozen=True)
class Segmenter:
    """A model and how to ask it. Networks are loaded when the first scan comes, and kept.

    Args:
        model: What to ask.
        settings: How.
    """

    model: Model
    settings: PredictSettings = PredictSettings()

    @property
    def plan(self) -> Plan:
        return self.model.plan

    @cached_property
    def window(self) -> Window:
        """How windows slide."""
        return Window(self.plan.patch, step=self.settings.step, batch=self.settings.batch)

    def segment(self, *channels: Volume, track: Track = silent) -> Volume:
        """The label map of a scan, on the scan's own grid.

        Args:
            channels: One volume for each channel of the plan, on one grid.
            track: Told of every batch of windows.

        Raises:
            DataError: if the channels do not fit the plan.
            ConfigError: if a fold, device or memory limit cannot be had.
        """
        prepared = prepare(channels, self.plan)
        need = self.need(prepared)
        log.info("%s", need)
        rule = Rule.of(self.model.labels, self.plan.regions)
        net = self._mirrored(prepared.grid)
        with _scratch(need) as folder:
            scores = planes(net, prepared.array, self.window, scratch=folder, track=track)
            labels = restored_labels(scores, prepared.grid, prepared.source, rule, separate=prepared.separate)
        steps = steps_from_json(list(self.model.cleanup), "model: cleanup")
        return clean(Volume(labels, prepared.source), self.model.labels, steps)

    def need(self, prepared: Prepared) -> Estimate:
        """The memory a prepared scan needs, within the limit if there is one."""
        i, j, k = prepared.array.shape[1:]
        members = len(self._members)
        need = estimate(prepared.source.shape, (i, j, k), self.plan.net, self.window, members=members)
        limit = self.settings.max_memory_gib
        return need if limit is None else within(need, limit)

    @cached_property
    def _members(self) -> list[Net]:
        """The network of each fold."""
        settings = self.settings
        config = EngineConfig(settings.engine, settings.precision, settings.device)
        shape = (settings.batch, self.plan.net.in_channels, *self.plan.patch)
        folds = settings.folds or self.model.folds
        return [
            engine(load_net(self.plan.net, self.model.state(fold), f"fold {fold}"), config, shape) for fold in folds
        ]

    def _mirrored(self, grid: Grid) -> Net:
        net = ensemble(self._members)
        if self.settings.mirror == "off":
            return net
        if self.settings.mirror == "nnunet":
            return mirrored(net, self.plan.mirror)
        side = side_axis(grid, self.plan.net.dim)
        swap = swapped_channels(self.model.labels, self.plan.regions)
        return mirrored(net, safe_axes(self.plan.mirror, side, swap), side=side, swap=swap)


def load(path: str | Path, settings: PredictSettings | None = None, *, configuration: str | None = None) -> Segmenter:
    """Load a model: a folder or zip of ours, or of nnU-Net v2.

    Args:
        path: The model.
        settings: How to ask it.
        configuration: Which, where an nnU-Net folder holds several: `2d`, `3d_fullres`.

    Raises:
        ModelError: if there is no model, or it cannot be used.
    """
    return Segmenter(models.load(Path(path), configuration=configuration), settings or PredictSettings())


@contextmanager
def _scratch(need: Estimate) -> Iterator[Path | None]:
    if not need.planes_on_disk:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="condyle-") as folder:
        yield Path(folder)
