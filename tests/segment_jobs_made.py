"""Cohorts to segment, and whether they were segmented as they must be."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from condyle import io, models
from jobs_made import files
from segment_models import knee_labels, knee_scan, pointwise_model


def cohort(folder: Path, count: int) -> Path:
    """A model, and small scans that all differ."""
    models.save(pointwise_model(), folder / "model")
    for n in range(count):
        io.write(folder / "scans" / f"c{n:02d}.nii.gz", knee_scan((16, 14, 12), seed=n))
    return folder / "scans"


def right(scans: Path, masks: Path, count: int) -> bool:
    """Whether every scan has the mask that it must have, and nothing else lies there."""
    for n in range(count):
        mask = io.read_labels(masks / f"c{n:02d}.nii.gz")
        assert np.array_equal(mask.array, knee_labels(io.read(scans / f"c{n:02d}.nii.gz")))
    return {f for f in files(masks) if not f.startswith(".")} == {f"c{n:02d}.nii.gz" for n in range(count)}
