"""A model ready to segment: `condyle.load(path).segment(volume)`."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from condyle import models
from condyle.config import Plan
from condyle.models import Model
from condyle.predict.cascade import cascaded
from condyle.predict.cleanup import clean
from condyle.predict.confidence.agreement import Agreement, looked_again, noted
from condyle.predict.confidence.judge import Judge, judge_from_json
from condyle.predict.confidence.looks import LabelMap
from condyle.predict.decide import Rule, Scores, painted
from condyle.predict.ensemble import ensemble, keep_last_channel, with_disagreement
from condyle.predict.locate import coarse_plan, located, part_of
from condyle.predict.net import Net
from condyle.predict.restore import each_plane, restored_labels, restored_with_probabilities
from condyle.predict.slide import Window, planes
from condyle.predict.steps import Step
from condyle.predict.views import VIEWS, as_scores, fuse_views, turned
from condyle.prepare import Prepared, prepare
from condyle.progress import Track, silent
from condyle.space import Box, Volume, crop, orders_with_separate, resample_image
from condyle.workflow.segmentation.answer import Answer
from condyle.workflow.segmentation.cleaning import asked_steps
from condyle.workflow.segmentation.looking import asker
from condyle.workflow.segmentation.needs import needed, scratch_folder
from condyle.workflow.segmentation.networks import fold_networks, with_mirrorings
from condyle.workflow.segmentation.predict_settings import PredictSettings

__all__ = ["Answer", "PredictSettings", "Segmenter", "load"]

log = logging.getLogger("condyle")


@dataclass(frozen=True)
class Segmenter:
    """A model and how to ask it. Networks are loaded when the first scan comes, and kept.

    Args:
        model: What to ask.
        settings: How.
        scans: How many will come, about; a network is made faster only where that is worth the time.
        looks: Changed looks to ask about too, for the judge of a cascade; a model's own judge asks for its own.
    """

    model: Model
    settings: PredictSettings = field(default_factory=PredictSettings)
    scans: int = 1
    looks: tuple[str, ...] = ()

    @property
    def plan(self) -> Plan:
        return self.model.plan

    def segment(self, *channels: Volume, region: Box | None = None, track: Track = silent) -> Volume:
        """The label map of a scan, on the scan's own grid; arguments and errors as `answer`."""
        return self.answer(*channels, region=region, track=track).labels

    def answer(self, *channels: Volume, region: Box | None = None, track: Track = silent) -> Answer:
        """All that the settings ask for.

        Args:
            channels: One volume for each channel of the plan, on one grid.
            region: Look only here, on the scan's grid; the rest is background.
            track: Told of every batch of windows.

        Raises:
            DataError: if the channels do not fit the plan.
            ConfigError: if a fold, device or memory limit cannot be had.
            ModelError: if weights cannot be used.
        """
        first = None if self._before is None else self._before.answer(*channels, track=track)
        found = None if first is None else first.labels
        if first is not None and region is None and self.plan.near_mm is not None:
            region = located(first.labels, channels[0].grid, margin_mm=self.plan.near_mm)
            if region is None and not (self.settings.probabilities or self.settings.uncertainty):
                log.info("The first stage finds nothing, and the second does not look.")
                return self._judged(first, None)
        region = region or self._located(channels, found, track)
        prepared = self._prepared(channels, found, region)
        need = needed(self.model, self.settings, self._window, channels, prepared, again=bool(self._looks))
        log.info("%s", need)
        kept = np.zeros(prepared.grid.shape, np.float32) if self.settings.uncertainty else None
        plain = np.zeros(prepared.grid.shape, painted(self._rule).dtype) if self._looks else None
        probabilities = None
        with scratch_folder(need, self.settings.scratch) as folder:
            scores = self._scores(prepared, folder if need.planes_on_disk else None, kept, track)
            scores = scores if plain is None else noted(scores, self._rule, plain)
            way = (scores, prepared.grid, prepared.source, self._rule)
            if self.settings.probabilities:
                where = folder if need.probabilities_on_disk else None
                labels, probabilities = restored_with_probabilities(*way, separate=prepared.separate, scratch=where)
            else:
                labels = restored_labels(*way, separate=prepared.separate)
        cleaned = _cleaned(Volume(labels, prepared.source), self.model, self._steps, channels[0], region)
        doubt = None if kept is None else _on_scan(Volume(kept, prepared.grid), prepared)
        agreement = {} if first is None else first.agreement
        if plain is not None:
            agreement = self._looked_again(prepared, plain)
        return self._judged(Answer(cleaned, need, probabilities, doubt, agreement), region)

    def make_ready(self) -> None:
        """Load all networks now and check what is asked for, rather than with the first scan.

        Raises:
            ConfigError: if a fold, a device or cleanup steps are not there.
            ModelError: if weights cannot be used, or the model's own judge.
        """
        _ = self._folds, self._steps, self._judge
        for other in (self._before, self._locator):
            if other is not None:
                other.make_ready()

    @cached_property
    def _folds(self) -> list[Net]:
        return fold_networks(self.model, self.settings, self.scans)

    @cached_property
    def _rule(self) -> Rule:
        return Rule.of(self.model.labels, self.plan.regions)

    @cached_property
    def _steps(self) -> tuple[Step, ...]:
        return asked_steps(self.settings.cleanup, self.model.labels, self.model.cleanup)

    @cached_property
    def _judge(self) -> Judge | None:
        if self.settings.confidence == "off" or not self.model.confidence:
            return None
        return judge_from_json(self.model.confidence, "confidence.json")

    @property
    def _looks(self) -> tuple[str, ...]:
        """Changed looks that this network is asked about: of a cascade only the first stage is, which is cheap."""
        own = () if self._judge is None or self.model.before is not None else self._judge.looks
        return self.looks or own

    @cached_property
    def _window(self) -> Window:
        return Window(self.plan.patch, step=self.settings.step, batch=self.settings.batch)

    @property
    def _plainly(self) -> PredictSettings:
        """The settings for a pass that only looks where something is."""
        only = replace(self.settings, views="off", locate="off", cleanup="off", confidence="off")
        return replace(only, probabilities=False, uncertainty=False)

    @cached_property
    def _before(self) -> Segmenter | None:
        """The first stage of a cascade. Its labels are not cleaned: the second was trained on them as they are."""
        if self.model.before is None:
            return None
        looks = () if self._judge is None else self._judge.looks
        return Segmenter(self.model.before, self._plainly, looks=looks)

    @cached_property
    def _locator(self) -> Segmenter | None:
        """Another model that looks first."""
        where = self.settings.locate
        return load(where, replace(self._plainly, folds=())) if isinstance(where, Path) else None

    def _prepared(self, channels: Sequence[Volume], found: Volume | None, region: Box | None) -> Prepared:
        prepared = prepare(channels, self.plan, found)
        if region is not None:
            prepared = part_of(prepared, region, self._window.size)
        if prepared.labels is None:
            return prepared
        return replace(prepared, array=cascaded(prepared.array, prepared.labels, self.plan.cascade), labels=None)

    def _located(self, channels: Sequence[Volume], found: Volume | None, track: Track) -> Box | None:
        """Where to look closely, None for everywhere."""
        if self.settings.locate == "off":
            return None
        if self._locator is not None:
            coarse = _wanted(self._locator.segment(*channels, track=track), self._locator.model, self.model)
        elif found is not None:
            coarse = found
        else:
            prepared = prepare(channels, coarse_plan(self.plan))
            scores = planes(ensemble(self._folds), prepared.array, self._window, track=track)
            coarse = Volume(restored_labels(scores, prepared.grid, prepared.grid, self._rule), prepared.grid)
        box = located(coarse, channels[0].grid, margin_mm=self.settings.margin_mm)
        if box is None:
            log.warning("The coarse look finds nothing; the whole scan is looked at closely.")
        return box

    def _scores(self, prepared: Prepared, scratch: Path | None, kept: Scores | None, track: Track) -> Iterator[Scores]:
        """The planes of the prepared scan; how much members disagree goes to `kept`."""

        def members(view: tuple[int, int, int]) -> list[Net]:
            return with_mirrorings(self._folds, self.model, self.settings, turned(prepared.grid, view))

        if self.settings.views != "off":
            nets = [ensemble(members(view)) for view in VIEWS]
            how = self.settings.views
            fused = fuse_views(nets, prepared.array, self._window, self._rule, how=how, scratch=scratch, track=track)
            return (as_scores(plane, self._rule) for plane in each_plane(fused))
        asked = members(VIEWS[0])
        net = ensemble(asked) if kept is None else with_disagreement(asked, regions=self._rule.regions)
        made = planes(net, prepared.array, self._window, scratch=scratch, track=track)
        return made if kept is None else keep_last_channel(made, kept)

    def _judged(self, answer: Answer, region: Box | None) -> Answer:
        return answer if self._judge is None else answer.judged(self._judge, self.model.labels, region)

    def _looked_again(self, prepared: Prepared, plain: LabelMap) -> Agreement:
        ask = asker(self.model, self._folds, self._window, prepared.grid)
        # Noise is the same every time, and so is the answer.
        return looked_again(ask, prepared, plain, self._looks, np.random.default_rng(0))


def load(path: str | Path, settings: PredictSettings | None = None, *, configuration: str | None = None) -> Segmenter:
    """Load a model: a folder or zip of ours or of nnU-Net v2, or an installed one by its name.

    Args:
        path: The model, or its name.
        settings: How to ask it.
        configuration: Which, where an nnU-Net folder holds several: `2d`, `3d_fullres`.

    Raises:
        ModelError: if there is no model, or it cannot be used.
    """
    return Segmenter(models.load(models.find(path), configuration=configuration), settings or PredictSettings())


def _cleaned(labels: Volume, model: Model, steps: Sequence[Step], scan: Volume, region: Box | None) -> Volume:
    """The label map after its cleanup; outside the region it is background."""
    if region is None:
        return clean(labels, model.labels, steps, scan)
    array = np.zeros_like(labels.array)
    array[region.slices] = clean(crop(labels, region), model.labels, steps, crop(scan, region)).array
    return labels.with_array(array)


def _wanted(found: Volume, its_model: Model, model: Model) -> Volume:
    """Of what another model found the structures that this one segments too; all, where no name is the same."""
    ids = [s.id for s in its_model.labels.structures if s.name in model.labels.names]
    return found.with_array(np.isin(found.array, ids)) if ids else found


def _on_scan(image: Volume, prepared: Prepared) -> Volume:
    """A map of the prepared scan on the scan's own grid, 0 where the scan was cut away."""
    orders = orders_with_separate(prepared.separate, 1)
    return resample_image(image, prepared.source, orders=orders, outside=0)
