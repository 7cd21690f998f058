"""`condyle segment` over a cohort: a command for each scan, run wherever there is room."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from condyle.config import from_json
from condyle.data.importers.found import FoundCase, ScanFile
from condyle.errors import ConfigError
from condyle.io.remote import address_of
from condyle.jobs.manifest import Outcome
from condyle.jobs.settings import JobSettings
from condyle.predict.confidence.judge import Confidence
from condyle.progress import Track
from condyle.workflow.segmentation.outputs import Outputs
from condyle.workflow.segmentation.resources import Resources, add_resources, read_resources, table_of
from condyle.workflow.segmentation.scans import scans_for
from condyle.workflow.segmentation.segmented import Segmented
from condyle.workflow.shared.cohort import cases_at, manifest_of, task, work_off


def cases_to_segment(scans: Sequence[Path], channels: Sequence[str], part: str | None) -> Mapping[str, FoundCase]:
    """As `scans_for`; or the scans behind an address, of one channel, whose files a worker fetches.

    Raises:
        ConfigError: if an address does not stand alone, or the model wants several channels of it.
        DataError: if there is no scan.
    """
    if not any(map(address_of, scans)):
        return scans_for(scans, channels, part)
    if len(scans) > 1 or len(channels) > 1 or part is not None:
        got = f"{len(scans)} places, {len(channels)} channels" + (f", part {part}" if part else "")
        raise ConfigError("scans", expected="one address of scans of one channel, and no part", got=got)
    return {id_: FoundCase(id_, {channels[0]: ScanFile(place)}) for id_, place in cases_at(scans[0]).items()}


def segment_by_jobs(
    cases: Mapping[str, FoundCase],
    outputs: Mapping[str, Outputs],
    to_do: Sequence[str],
    out: Path,
    command: Callable[[Sequence[Path], Path], tuple[str, ...]],
    *,
    memory_gib: float,
    jobs: JobSettings,
    track: Track,
) -> Segmented:
    """Have each scan segmented by a command of its own. What each took is written beside the masks.

    Args:
        cases: The scans.
        outputs: Where each one's results go.
        to_do: Those that are not there yet.
        out: What the manifest is named after.
        command: Of a scan's channels and its mask, what is to be run.
        memory_gib: What each may take; 0 if nobody knows.
        jobs: Where.
        track: Told of each case.

    Raises:
        ConfigError: if a file beside the mask is asked for at an address.
    """
    # What is on the manifest already is asked about, too: what it took stands there.
    asked = cases if manifest_of(out, jobs).is_file() else to_do
    tasks = [
        task(id_, command([_whole(image.path) for image in cases[id_].images.values()], mask), mask, memory_gib)
        for id_ in asked
        for mask in [_mask(outputs[id_])]
    ]
    outcomes = work_off(tasks, out, jobs, "Segmenting", track)
    told = {o.id: json.loads(o.printed) for o in outcomes if o.state == "done" and o.printed}
    resources = {id_: Resources(**_of_one(values["resources"])) for id_, values in told.items() if values["resources"]}
    if address_of(out) is None:
        known = read_resources(table_of(out))
        new = {id_: took for id_, took in resources.items() if known.get(id_) != took}
        add_resources(out, new)
    done = [id_ for id_ in told if id_ in to_do]
    return Segmented(
        masks={id_: outputs[id_].mask for id_ in done},
        volumes_ml={id_: _of_one(told[id_]["volumes_ml"]) for id_ in done},
        resources={id_: resources[id_] for id_ in done if id_ in resources},
        memory_gib={id_: _of_one(told[id_]["memory_gib"]) for id_ in done},
        confidence={id_: _confidence(told[id_]) for id_ in done if "confidence" in told[id_]},
        skipped=tuple(id_ for id_ in cases if id_ not in to_do),
        failed=_failed(outcomes),
    )


def _failed(outcomes: Sequence[Outcome]) -> dict[str, str]:
    return {o.id: o.error for o in outcomes if o.state != "done"}


def _confidence(told: Mapping[str, Any]) -> dict[str, Confidence]:
    """What a command tells of how far its one case may be trusted."""
    by_name = _of_one(told["confidence"])
    return {name: from_json(Confidence, told, f"confidence: {name}") for name, told in by_name.items()}


def _of_one(by_case: Mapping[str, Any]) -> Any:
    """What a command tells of its one case."""
    return next(iter(by_case.values()), {})


def _mask(outputs: Outputs) -> Path:
    if address_of(outputs.mask) and (outputs.probabilities or outputs.uncertainty):
        raise ConfigError("out", expected="a folder, with probabilities or uncertainty", got="an address")
    return _whole(outputs.mask)


def _whole(path: Path) -> Path:
    """A path that leads there from anywhere; an address does."""
    return path if address_of(path) else path.absolute()
