"""What the first stage of a cascade found in each case, on the grid on which the second learns."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from condyle.data.load import load_image
from condyle.data.prepared.arrays import StoredArray, write_array
from condyle.data.store import Store
from condyle.io import read_labels
from condyle.io.atomic import atomic_file
from condyle.prepare import prepare
from condyle.progress import Track, silent
from condyle.workflow.learning.job import Job
from condyle.workflow.learning.validating import held_out_masks


def prepared_found(job: Job, store: Store, found: Path, track: Track = silent) -> dict[str, StoredArray]:
    """Put the found label maps where `prepare` puts them when a new scan is segmented. What is there is kept.

    Args:
        job: The second stage. Its folder gets a folder a case; a file there is named after what it was made from.
        store: Its prepared cases.
        found: Folder of what the first stage found in cases held out.
        track: Told of each case.

    Returns:
        int16, by case, on the grids of the prepared cases.

    Raises:
        DataError: if a scan or mask cannot be read, or the disk refuses.
    """
    masks = held_out_masks(job.dataset, job.run.label_set, found)
    out = {}
    for id_, (_, mask) in track(list(masks.items()), "Preparing what was found"):
        stored = store[id_]
        grid = f"{stored.grid.shape} {stored.grid.affine.tolist()}"
        key = hashlib.sha256(mask.read_bytes() + grid.encode()).hexdigest()[:16]
        path = job.out / "training" / "found" / id_ / f"{key}.npy"
        out[id_] = StoredArray(path, stored.labels.shape, "int16")
        if path.is_file():
            continue
        for old in path.parent.glob("*.npy"):
            old.unlink()
        images = [load_image(job.dataset, job.dataset[id_], channel.name) for channel in job.run.plan.channels]
        prepared = prepare(images, job.run.plan, read_labels(mask))
        with atomic_file(path) as temporary:
            write_array(temporary, np.asarray(prepared.labels))
    return out
