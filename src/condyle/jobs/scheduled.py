"""The engine of a Dask scheduler: it hands out tasks to workers anywhere; this process keeps the manifest.

Workers need condyle and see the same files, or addresses that fsspec knows. They never open the manifest. If one is
lost, the scheduler gives its tasks to another. If the scheduler is lost, what it held waits again in the manifest.
"""

from __future__ import annotations

import logging
import os
import time
import uuid
from collections.abc import Generator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from condyle.errors import ConfigError, DataError
from condyle.jobs.clusters import CLUSTERS, start_cluster
from condyle.jobs.manifest import Claim, Manifest
from condyle.jobs.run import limits, run
from condyle.jobs.running import Kept
from condyle.jobs.settings import JobSettings
from condyle.jobs.task import Ran, Task
from condyle.jobs.worker import alive, name_of

_LOOK_S = 0.2
#: Tasks for each slot of a worker: the one that runs, and the next, so that it need not wait.
_AHEAD = 2
#: How long a scheduler that is gone may take to come back.
_PATIENCE_S = 60.0

_log = logging.getLogger("condyle")


def scheduled(manifest: Manifest, settings: JobSettings) -> Generator[int]:
    """Give the tasks to a Dask scheduler until everything has ended.

    Yields:
        How many tasks have ended, every now and then.

    Raises:
        ConfigError: if Dask is not installed or no scheduler answers.
        DataError: if the scheduler is lost and does not come back.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise ConfigError(
            "run_on", expected="Dask for it", got=str(error), hint="pip install 'condyle[dask]'"
        ) from error
    kind, _, place = settings.run_on.partition("://")
    cluster: AbstractContextManager[Any] = (
        start_cluster(settings) if kind in CLUSTERS else nullcontext(f"tcp://{place}")
    )
    with cluster as scheduler:
        try:
            client = Client(scheduler, timeout=_PATIENCE_S, set_as_default=False)
        except (OSError, ValueError) as error:
            hint = "Start one with `dask scheduler`, and workers with `dask worker ADDRESS --nthreads 1`."
            raise ConfigError("run_on", expected="a Dask scheduler", got=str(error), hint=hint) from error
        with client:
            yield from _hand_out(client, manifest, settings)


def _hand_out(client: Any, manifest: Manifest, settings: JobSettings) -> Generator[int]:
    me = name_of(os.getpid())
    held: dict[Any, Claim] = {}
    claims: list[Claim] = []
    heard = time.monotonic()
    with alive(manifest, claims):
        try:
            while True:
                for future in [f for f in held if f.done()]:
                    _note(manifest, held.pop(future), future)
                if (free := slots(client, settings)) is not None:
                    heard = time.monotonic()
                    while len(held) < free * _AHEAD and (claim := manifest.claim(me)):
                        held[_send(client, claim, settings)] = claim
                elif time.monotonic() - heard > _PATIENCE_S:
                    raise _lost(client)
                claims[:] = held.values()
                counts = manifest.counts()
                yield counts["done"] + counts["aside"]
                if not counts["waiting"] + counts["running"]:
                    return
                time.sleep(_LOOK_S)
        finally:
            claims.clear()
            manifest.give_back(me)
            client.cancel(list(held))


def slots(client: Any, settings: JobSettings) -> int | None:
    """How many tasks may run at once; None while the scheduler is lost, also in the middle of the question."""
    if client.status != "running":
        return None
    try:
        threads = client.nthreads()
    except OSError:
        return None
    return min(sum(threads.values()), settings.workers or 1 << 30)


def _send(client: Any, claim: Claim, settings: JobSettings) -> Any:
    key = f"{claim.task.id}-{claim.attempt}-{uuid.uuid4().hex}"
    return client.submit(run_there, claim.task, settings.threads, key=key, pure=False, retries=0)


def run_there(task: Task, threads: int | None) -> Ran:
    """Run a task on a Dask worker, which keeps a process for each of its slots."""
    from distributed import get_worker

    idle: list[Kept] = vars(get_worker()).setdefault("condyle_idle", [])
    try:
        kept = idle.pop()
    except IndexError:
        kept = Kept(limits(threads))
    ran = run(task, kept)
    idle.append(kept)
    return ran


def _note(manifest: Manifest, claim: Claim, future: Any) -> None:
    """Enter what became of a task."""
    from distributed import KilledWorker

    if future.status not in ("finished", "error"):
        manifest.release(claim)  # the scheduler forgot it
        return
    try:
        ran, final = future.result(timeout=_PATIENCE_S), False
    except KilledWorker as error:
        ran, final = Ran(-9, f"the workers it ran on were lost one after another: {error}"), True
    except Exception as error:  # whatever went wrong over there is this task's error
        ran, final = Ran(70, f"{type(error).__name__} on the worker: {error}"), False
    if not manifest.end(claim, ran, final=final):
        _log.warning("%s has gone to another worker, as this one was not heard of", claim.task.id)


def _lost(client: Any) -> DataError:
    return DataError(
        client.scheduler.address if client.scheduler else "the scheduler",
        expected="a Dask scheduler that stays",
        got=f"none for {_PATIENCE_S:g} s",
        hint="The same command goes on from what is done, also with another scheduler.",
    )
