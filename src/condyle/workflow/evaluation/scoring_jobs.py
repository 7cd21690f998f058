"""The scores of a cohort's cases, each measured by a command of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from condyle.errors import CondyleError, ConfigError, DataError
from condyle.jobs.manifest import Outcome
from condyle.jobs.settings import JobSettings
from condyle.jobs.task import Task
from condyle.metrics import Table
from condyle.metrics.score_files import read_scores
from condyle.progress import Track
from condyle.workflow.evaluation.pairs import CasePair
from condyle.workflow.shared.cohort import work_off
from condyle.workflow.shared.command import command_of


def cases_folder(out: Path) -> Path:
    """Where each case's scores lie until all are there."""
    return out.absolute().with_name(f"{out.name}.cases")


def score_by_jobs(
    verb: Callable[..., Any],
    cases: Sequence[CasePair],
    out: Path | None,
    options: Mapping[str, Any],
    jobs: JobSettings,
    *,
    track: Track,
) -> list[Table | CondyleError]:
    """The scores of each case, or what went wrong, in the order of the cases.

    Args:
        verb: `condyle.evaluate`.
        cases: What to score: one label map each.
        out: The table that is to hold all; the manifest and each case's scores lie beside it.
        options: Of each command.
        jobs: Where to run them.
        track: Told of each case.

    Raises:
        ConfigError: if there is no table to write, or a case has a file for each structure.
        DataError: as `condyle.jobs.engines.submit`.
    """
    if out is None:
        raise ConfigError("out", expected="a CSV file to write (-o), with --run-on", got="none")
    tasks = [_task(verb, case, cases_folder(out) / f"{case.id}.csv", options) for case in cases]
    return [
        _scores(task, outcome)
        for task, outcome in zip(tasks, work_off(tasks, out, jobs, "Scoring", track), strict=True)
    ]


def _task(verb: Callable[..., Any], case: CasePair, scores: Path, options: Mapping[str, Any]) -> Task:
    masks = (case.prediction.whole, case.reference.whole)
    if masks[0] is None or masks[1] is None:
        hint = "Leave --run-on away: cases with a file for each structure are scored in this process."
        raise ConfigError(case.id, expected="one label map of a case, with --run-on", got="several files", hint=hint)
    command = command_of(
        verb, prediction=masks[0].absolute(), reference=masks[1].absolute(), out=scores, processes=1, **options
    )
    return Task(case.id, command, str(scores), kept=True)


def _scores(task: Task, outcome: Outcome) -> Table | CondyleError:
    if outcome.state != "done":
        return DataError(task.id, expected="masks that can be scored", got=outcome.error)
    try:
        (table,) = read_scores(Path(task.out)).cases.values()
    except CondyleError as error:
        return error
    return table
