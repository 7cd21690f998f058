"""Do the voxels of a case lie on one grid, and is its spacing like that of the others?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from condyle.data.checks.finding import Finding
from condyle.data.checks.loaded import Loaded
from condyle.data.checks.summary import Summary
from condyle.data.dataset import Dataset

#: Distance from the median, in robust standard deviations, that makes an outlier (Iglewicz and Hoaglin 1993).
OUTLIER = 3.5

#: Smallest standard deviation of a spacing, as a share of it: equal scanners would make any difference an outlier.
LEAST_SPREAD = 0.05

_AXES = ("left-right", "front-back", "up-down")

#: With fewer cases nothing is called usual.
FEWEST_CASES = 5


def one_grid(loaded: Loaded) -> list[Finding]:
    """Channels and label maps must have the voxels of the first channel."""
    if not loaded.images:
        return []
    first, image = next(iter(loaded.images.items()))
    others = {**loaded.images, **{name: label_map.volume for name, label_map in loaded.maps.items()}}
    return [
        Finding(
            "error",
            "grid_mismatch",
            loaded.case.id,
            name,
            f"It lies on another grid ({volume.grid}) than {first} ({image.grid}).",
            "Import it again; masks can be resampled there.",
        )
        for name, volume in others.items()
        if not volume.grid.matches(image.grid)
    ]


def usual_spacing(dataset: Dataset, summaries: Sequence[Summary]) -> list[Finding]:
    """A spacing far from the others' (robust z of its logarithm, along each patient axis) is worth a look."""
    del dataset
    known = [s for s in summaries if s.spacing_mm]
    if len(known) < FEWEST_CASES:
        return []
    logs = np.log([s.spacing_mm for s in known])
    middle = np.median(logs, axis=0)
    spread = np.maximum(1.4826 * np.median(np.abs(logs - middle), axis=0), LEAST_SPREAD)
    findings = []
    for summary, z in zip(known, np.abs(logs - middle) / spread, strict=True):
        if z.max() > OUTLIER:
            axis = int(z.argmax())
            findings.append(
                Finding(
                    "warning",
                    "spacing_outlier",
                    summary.case.id,
                    "spacing",
                    f"Voxels are {summary.spacing_mm[axis]:.3g} mm along {_AXES[axis]}, "
                    f"where {np.exp(middle[axis]):.3g} mm is usual here.",
                    "See whether the scan or its header is at fault.",
                )
            )
    return findings
