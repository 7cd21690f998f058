"""`python -m bench`: every stage and contender in turn, as a table in Markdown."""

from __future__ import annotations

import platform
import shutil
import sys
import tempfile
from pathlib import Path

from bench import (
    app,
    augmentation,
    cohort,
    foundation,
    meshes,
    metrics,
    models,
    planning,
    prediction,
    preparation,
    store,
    training,
)
from bench.measure import as_json, in_own_process, timed

#: Stage to contender to its maker; the first contender is Condyle.
STAGES = (
    foundation.STAGES
    | metrics.STAGES
    | meshes.STAGES
    | preparation.STAGES
    | prediction.STAGES
    | models.STAGES
    | planning.STAGES
    | store.STAGES
    | augmentation.STAGES
    | training.STAGES
    | app.STAGES
    | cohort.STAGES
)


def table() -> None:
    """Measure and print."""
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}\n")
    print("| stage | tool | s | times Condyle's | peak MiB | result |")
    print("|---|---|---|---|---|---|")
    for stage, contenders in STAGES.items():
        ours = None
        for contender in contenders:
            figure = in_own_process(stage, contender)
            ours = ours or figure.seconds
            cells = (
                stage,
                contender,
                f"{figure.seconds:.2f}",
                f"{figure.seconds / ours:.1f}",
                f"{figure.peak_mib:.0f}",
            )
            print("| " + " | ".join((*cells, figure.note)) + " |", flush=True)


if len(sys.argv) == 3:
    # A process of its own, started by `in_own_process`; what it writes goes to a folder that is removed.
    tempfile.tempdir = tempfile.mkdtemp(prefix="condyle-bench-")
    try:
        print(as_json(timed(STAGES[sys.argv[1]][sys.argv[2]]())))
    finally:
        shutil.rmtree(Path(tempfile.tempdir), ignore_errors=True)
else:
    table()
