"""seg-metrics 1.2 (Jia, 2020), `write_metrics`.

The surface of a mask is its voxels with a neighbour outside, corners included. Each voxel of one surface has its
distance to the surface of the other mask, by SimpleITK's signed Maurer map, whose surface is joined by
faces: the two rules differ. All distances of both ways are one list.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.metrics.compat.voxels import Mask, Spacing, as_masks


@dataclass(frozen=True)
class SegMetricsScores:
    """Named as the library names them; lengths in mm. `vs` is signed."""

    dice: float
    jaccard: float
    precision: float
    recall: float
    fpr: float
    fnr: float
    vs: float
    hd: float
    hd95: float
    msd: float
    mdsd: float
    stdsd: float


def seg_metrics_scores(reference: NDArray[Any], prediction: NDArray[Any], spacing_mm: Spacing) -> SegMetricsScores:
    """What the library writes for one label.

    Args:
        reference: Shape (I, J, K), non-zero inside.
        prediction: The same shape.
        spacing_mm: Along i, j, k.

    Returns:
        Its scores. As there, a mask that is empty beside one that is not has distance 0: the reason not to use it.
    """
    a, b = as_masks(reference, prediction)
    tp, fp, fn = (int(np.count_nonzero(m)) for m in (a & b, b & ~a, a & ~b))
    tn = a.size - tp - fp - fn
    far = np.concatenate((_distances(b, a, spacing_mm), _distances(a, b, spacing_mm)))
    if not len(far):
        return SegMetricsScores(1, 1, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0)
    both = tp + fp > 0 and tp + fn > 0
    return SegMetricsScores(
        dice=2 * tp / (2 * tp + fp + fn),
        jaccard=tp / (tp + fp + fn),
        precision=tp / (tp + fp) if both else 0.0,
        recall=tp / (tp + fn) if both else 0.0,
        fpr=fp / (fp + tn) if both and fp + tn else 0.0,
        fnr=fn / (fn + tp) if both else float(tp + fp == 0),
        vs=2 * (fp - fn) / (2 * tp + fp + fn),
        hd=float(far.max()),
        hd95=float(np.percentile(far, 95)),
        msd=float(far.mean()),
        mdsd=float(np.median(far)),
        stdsd=float(far.std()),
    )


def _distances(source: Mask, target: Mask, spacing_mm: Spacing) -> NDArray[np.float64]:
    """Of the surface voxels of `source`; zeros if `target` is empty."""
    import SimpleITK

    sitk: Any = SimpleITK
    images = [sitk.GetImageFromArray(m.astype(np.uint8)) for m in (source, target)]
    for image in images:
        image.SetSpacing([float(s) for s in spacing_mm[::-1]])
    surface = sitk.GetArrayFromImage(sitk.LabelContour(images[0], fullyConnected=True)) > 0
    if not target.any():
        return np.zeros(np.count_nonzero(surface))
    signed = sitk.SignedMaurerDistanceMap(images[1], squaredDistance=False, useImageSpacing=True)
    out: NDArray[np.float64] = np.abs(sitk.GetArrayFromImage(signed))[surface].astype(np.float64)
    return out
