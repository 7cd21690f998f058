"""Scans segmented one after the other in this process: each is read, asked about and written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from condyle.data.importers.found import FoundCase
from condyle.errors import ConfigError, DataError
from condyle.io import suffix_of
from condyle.metrics.volumes import volumes_ml
from condyle.nets.count import parameters
from condyle.predict.confidence.judge import Confidence
from condyle.progress import Track, silent
from condyle.space import Volume
from condyle.workflow.segmentation.outputs import Outputs, write_answer
from condyle.workflow.segmentation.overlap import one_by_one, overlapped
from condyle.workflow.segmentation.regions import Region
from condyle.workflow.segmentation.resources import Meter, Resources, add_resources
from condyle.workflow.segmentation.segmenter import Answer, Segmenter


@dataclass(frozen=True)
class Written:
    """What is kept in mind of a scan whose mask is written.

    Args:
        volumes_ml: Of each structure that was found.
        resources: What it took.
        memory_gib: Memory that was reckoned with.
        confidence: Structure to how far to trust it; None without a judge.
    """

    volumes_ml: dict[str, float]
    resources: Resources
    memory_gib: float
    confidence: Mapping[str, Confidence] | None


@dataclass(frozen=True)
class ScanByScan:
    """How to segment each of some scans.

    Args:
        segmenter: The model that is asked.
        cases: Case to its files.
        outputs: Case to where its results go.
        region: Where to look.
        out: The folder of masks, which gets a table of what each scan took; or the one mask.
        overwrite: Replace what is there.
    """

    segmenter: Segmenter
    cases: Mapping[str, FoundCase]
    outputs: Mapping[str, Outputs]
    region: Region
    out: Path
    overwrite: bool

    def run(self, to_do: Sequence[str], track: Track) -> dict[str, Written | Exception]:
        """Segment these cases in turn.

        Args:
            to_do: Their ids.
            track: Told of each, or of the windows of a single one.

        Returns:
            Case to what is written, or what was wrong with it.
        """
        size = parameters(self.segmenter.plan.net)
        windows = track if len(to_do) == 1 else silent

        def ask(id_: str, channels: list[Volume]) -> tuple[Answer, Resources]:
            with Meter(windows) as meter:
                answer = self._answer(id_, channels, meter.track)
                return answer, meter.read(self.segmenter.settings.device, size)

        # Where memory is short only one scan is held at a time.
        way = one_by_one if self.segmenter.settings.max_memory_gib is not None else overlapped
        results = way(to_do, self._read, ask, self._write, failures=(DataError, ConfigError))
        return {id_: result for id_, (_, result) in zip(track(to_do, "Segmenting"), results, strict=True)}

    def _read(self, id_: str) -> list[Volume]:
        return [image.read() for image in self.cases[id_].images.values()]

    def _answer(self, id_: str, channels: list[Volume], track: Track) -> Answer:
        """The answer; what is wrong with a scan is said with the scan's name."""
        try:
            region = self.region.box(id_, channels[0].grid)
            return self.segmenter.answer(*channels, region=region, track=track)
        except (DataError, ConfigError) as error:
            where = f"{next(iter(self.cases[id_].images.values())).path}: {error.where}"
            raise type(error)(where, expected=error.expected, got=error.got, hint=error.hint) from error

    def _write(self, id_: str, answered: tuple[Answer, Resources]) -> Written:
        answer, took = answered
        labels = self.segmenter.model.labels
        write_answer(self.outputs[id_], answer, labels, overwrite=self.overwrite)
        if suffix_of(self.out) is None:
            add_resources(self.out, {id_: took})
        found_ml = {name: round(ml, 3) for name, ml in volumes_ml(answer.labels, labels).items() if ml}
        return Written(found_ml, took, answer.need.peak_gib, answer.confidence)
