"""A worker: claims tasks one by one and runs them, until nothing is left."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from condyle.errors import DataError
from condyle.jobs.manifest import Claim, Manifest
from condyle.jobs.run import limits, run
from condyle.jobs.running import Kept

#: Heartbeats within the time after which a worker counts as lost.
_BEATS = 6
#: How often a worker that has nothing to do looks for what another has given back.
_IDLE_S = 1.0

_log = logging.getLogger("condyle")


def name_of(pid: int) -> str:
    """The name of a worker on this machine."""
    return f"{socket.gethostname()}:{pid}"


def work(path: Path, *, threads: int | None = None, gpu: int | None = None) -> Iterator[tuple[Claim, bool]]:
    """Run the tasks of a manifest, one at a time, until none is waiting and none is running anywhere.

    While others still run theirs, this worker waits: one of them may be lost.

    Args:
        path: The manifest.
        threads: Threads of each command.
        gpu: The one GPU that commands see.

    Yields:
        Each task that ended here, and whether it went well.

    Raises:
        DataError: if the manifest cannot be read or written (any more).
    """
    me = name_of(os.getpid())
    with Manifest(path) as manifest, Kept(limits(threads, gpu)) as kept:
        try:
            while True:
                claim = manifest.claim(me)
                if claim is None:
                    counts = manifest.counts()
                    if not counts["waiting"] + counts["running"]:
                        return
                    time.sleep(min(_IDLE_S, manifest.lost_s / _BEATS))
                    continue
                with alive(manifest, [claim]) as lost:
                    ran = run(claim.task, kept, stop=lost)
                if manifest.end(claim, ran):
                    yield claim, ran.ok
                else:
                    _log.warning("%s has gone to another worker, as this one was not heard of", claim.task.id)
        except KeyboardInterrupt:
            manifest.give_back(me)
            raise


@contextmanager
def alive(manifest: Manifest, claims: list[Claim]) -> Iterator[threading.Event]:
    """Send heartbeats for claims from a thread of their own while the block runs.

    Args:
        manifest: Where to.
        claims: What is held; the list may change meanwhile, and may be empty.

    Yields:
        An event that is set once a claim has gone to another worker.
    """
    lost, over = threading.Event(), threading.Event()

    def beat() -> None:
        while not over.wait(manifest.lost_s / _BEATS):
            try:
                with Manifest(manifest.path) as own:
                    mine = list(claims)
                    if len(own.beat(mine)) < len(mine):
                        lost.set()
            except DataError as error:
                _log.warning("no sign of life could be given: %s", error)

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield lost
    finally:
        over.set()
        thread.join()
