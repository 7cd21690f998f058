"""`condyle segment` over a cohort: a command for each scan, run wherever there is room."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from condyle.data.importers.found import FoundCase
from condyle.errors import ConfigError
from condyle.jobs.settings import JobSettings
from condyle.progress import Track
from condyle.workflow.segmentation.outputs import Outputs
from condyle.workflow.segmentation.segmented import Segmented
from condyle.workflow.shared.cohort import task, work_off


def segment_by_jobs(
    cases: Mapping[str, FoundCase],
    outputs: Mapping[str, Outputs],
    to_do: Sequence[str],
    out: Path,
    command: Callable[[Path, Path], tuple[str, ...]],
    *,
    memory_gib: float,
    jobs: JobSettings,
    track: Track,
) -> Segmented:
    """Have each scan segmented by a command of its own.

    Args:
        cases: The scans.
        outputs: Where each one's results go.
        to_do: Those that are not there yet.
        out: What the manifest is named after.
        command: Of a scan and its mask, what is to be run.
        memory_gib: What each may take; 0 if nobody knows.
        jobs: Where.
        track: Told of each case.

    Raises:
        ConfigError: if a case has several channels: its files cannot be named in one command.
    """
    tasks = []
    for id_ in to_do:
        scan, *others = cases[id_].images.values()
        if others:
            hint = "Segment it without --run-on."
            raise ConfigError(f"run on: {id_}", expected="one channel", got=f"{1 + len(others)}", hint=hint)
        mask = outputs[id_].mask.absolute()
        tasks.append(task(id_, command(scan.path.absolute(), mask), mask, memory_gib))
    outcomes = work_off(tasks, out, jobs, "Segmenting", track)
    told = {o.id: json.loads(o.printed) for o in outcomes if o.state == "done" and o.printed}

    def first(name: str) -> dict[str, Any]:
        return {id_: next(iter(values[name].values())) for id_, values in told.items() if values[name]}

    return Segmented(
        masks={id_: outputs[id_].mask for id_ in told},
        volumes_ml=first("volumes_ml"),
        seconds=first("seconds"),
        memory_gib=first("memory_gib"),
        skipped=tuple(id_ for id_ in cases if id_ not in to_do),
        failed={o.id: o.error for o in outcomes if o.state != "done"},
    )
