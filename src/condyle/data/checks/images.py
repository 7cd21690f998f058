"""Are the values of a scan those of a scan?"""

from __future__ import annotations

import numpy as np

from condyle.data.checks.finding import Finding
from condyle.data.checks.loaded import Loaded


def finite_values(loaded: Loaded) -> list[Finding]:
    """NaN and infinity spoil every sum they enter."""
    findings = []
    for channel, volume in loaded.images.items():
        if volume.array.dtype.kind == "f":
            bad = volume.array.size - int(np.isfinite(volume.array).sum())
            if bad:
                text = f"{bad} voxels are NaN or infinite."
                advice = "Replace them, with the value of air for instance, and import again."
                findings.append(Finding("error", "image_not_finite", loaded.case.id, channel, text, advice))
    return findings


def not_constant(loaded: Loaded) -> list[Finding]:
    """A scan of one value shows nothing."""
    findings = []
    for channel, volume in loaded.images.items():
        low, high = volume.array.min(), volume.array.max()
        if low == high:
            text, advice = f"Every voxel is {low:g}.", "Export the scan again, or leave it out."
            findings.append(Finding("error", "image_constant", loaded.case.id, channel, text, advice))
    return findings
