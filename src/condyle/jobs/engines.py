"""Who has the tasks of a manifest run. An engine is one function and one line here."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from pathlib import Path

from condyle.errors import ConfigError
from condyle.jobs.clusters import CLUSTERS
from condyle.jobs.local import local
from condyle.jobs.manifest import Manifest, Outcome
from condyle.jobs.scheduled import scheduled
from condyle.jobs.settings import JobSettings
from condyle.jobs.task import Task
from condyle.progress import Track, silent

#: An engine runs what waits in a manifest, tells how many tasks have ended, and stops its workers when it is closed.
Engine = Callable[[Manifest, JobSettings], Generator[int]]

#: By the part of `--run-on` before a colon.
ENGINES: dict[str, Engine] = {"local": local, "dask": scheduled, **dict.fromkeys(CLUSTERS, scheduled)}


def submit(
    tasks: Sequence[Task], path: Path, settings: JobSettings, *, what: str = "Working", track: Track = silent
) -> list[Outcome]:
    """Run tasks, each once, and those that were done before not again.

    Whatever is killed meanwhile, the same call goes on from there.

    Args:
        tasks: What to run.
        path: The manifest, made if it is not there. What it holds from before is run, too.
        settings: Where to run it.
        what: What is being done, for whoever watches.
        track: Told of each task that ends.

    Returns:
        How each of these tasks ended: `done`, or `aside` with its error.

    Raises:
        ConfigError: if there is no such engine.
        DataError: if the manifest cannot be written, or no worker can work.
    """
    engine = ENGINES.get(settings.run_on.partition(":")[0])
    if engine is None:
        raise ConfigError(
            "run_on", expected=f"one of {', '.join(ENGINES)} (dask://HOST:PORT)", got=settings.run_on or "none"
        )
    with Manifest.make(path, shared=settings.shared, attempts=settings.attempts, lost_s=settings.lost_s) as manifest:
        manifest.add(tasks)
        counts = manifest.counts()
        before = counts["done"] + counts["aside"]
        if counts["waiting"] + counts["running"]:
            _watch(engine(manifest, settings), before, sum(counts.values()), what, track)
        wanted = {task.id for task in tasks}
        return [outcome for outcome in manifest.outcomes() if outcome.id in wanted]


def _watch(engine: Generator[int], before: int, total: int, what: str, track: Track) -> None:
    """Follow an engine, and move the bar by one for each task that ends."""
    steps = track(range(total - before), what)
    shown = before - 1
    with closing(engine):
        for ended in engine:
            while shown < ended:
                next(steps, None)
                shown += 1
    next(steps, None)
