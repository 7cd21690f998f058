"""`condyle study`: an experiment out of a small file: expanded into commands, run, resumed, reported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

from condyle.errors import ConfigError
from condyle.jobs.settings import JobSettings
from condyle.progress import Track, silent
from condyle.studies import expand, read_study
from condyle.workflow.experiments.study_folder import begin, begun, default_folder
from condyle.workflow.experiments.study_report import write_report
from condyle.workflow.experiments.study_run import StudyState, outcomes, run_steps

Action = Literal["run", "status", "resume", "report"]


def study(
    action: Action,
    file: Path,
    *,
    out: Path | None = None,
    scale: str = "full",
    data: Mapping[str, Path] | None = None,
    label_sets: Mapping[str, str] | None = None,
    device: str = "",
    dry_run: bool = False,
    jobs: JobSettings = JobSettings(),  # noqa: B008 - frozen
    track: Track = silent,
) -> StudyState:
    """Run an experiment that a small file describes, resume it, or report on what there is.

    A study becomes plain condyle commands, which --dry-run shows and anyone can run by hand in the study's folder.
    What is done is not done again: a run that was stopped or killed goes on. A step that fails is told, what waits
    for it stays undone, and the others go on.

    Args:
        action: `run`, or go on after changes of the file; `status`; `resume` as it was begun; `report` what there is.
        file: The study file (YAML); but for run, the study's folder will do.
        out: The study's folder; by default called like the study and its scale, in the folder one is in.
        scale: `full`, or a smaller one of the file's: tiny.
        data: A dataset of the study to its folder, e.g. femora=my_scans; phantoms take the place of those without.
        label_sets: The study's name of a label set to that of the given datasets, e.g. corrected=manual.
        device: `cpu`, or `cuda` for a graphics card; the file's by default.
        dry_run: Show the commands and do nothing.
        jobs: Where to run them.
        track: Told of each step.

    Raises:
        ConfigError: naming line and key, if the file is not right; if the folder holds another study.
        DataError: if the folder cannot be written or was not begun.
    """
    if jobs.manifest is not None:
        raise ConfigError("manifest", expected="none: a study has its own, in its folder", got=str(jobs.manifest))
    if action == "run":
        asked = read_study(file, scale=scale, data=data, label_sets=label_sets, device=device)
        folder = out or default_folder(asked)
        steps = expand(asked)
        if dry_run:
            return StudyState(asked.name, str(folder), steps, {}, dry=True)
        begin(asked, folder)
    else:
        if data or label_sets or device:
            raise ConfigError(action, expected="no other data or device than it was begun with", got="one")
        folder = out or (file if file.is_dir() else default_folder(read_study(file, scale=scale)))
        asked = begun(folder)
        steps = expand(asked)
        if dry_run:
            return StudyState(asked.name, str(folder), steps, outcomes(folder), dry=True)
    if action in {"run", "resume"}:
        run_steps(steps, folder, replace(jobs, run_on=jobs.run_on or "local"), track)
    state = StudyState(asked.name, str(folder), steps, outcomes(folder))
    if action == "status":
        return state
    return replace(state, page=str(write_report(asked, steps, folder, state)))
