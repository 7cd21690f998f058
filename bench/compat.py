"""`python -m bench.compat`: the compatibility scores against the libraries they stand for, on 50 random pairs.

Prints the largest difference of each score, and leaves with 1 if one is above 1e-6.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator

import numpy as np
from scipy.ndimage import gaussian_filter

from condyle.metrics import compat

PAIRS = 50
TOLERANCE_MM = 1.0

Spacing = tuple[float, float, float]


def pairs() -> Iterator[tuple[np.ndarray, np.ndarray, Spacing]]:
    """Blobs of several sizes, parts and holes, some at the border of the array, at spacings up to 6:1."""
    rng = np.random.default_rng(20)
    for n in range(PAIRS):
        shape = tuple(int(m) for m in rng.integers(12, 36, 3))
        spacing = tuple(float(round(s, 3)) for s in rng.uniform(0.5, 3, 3))
        field = gaussian_filter(rng.normal(size=shape), rng.uniform(0.6, 4))
        other = field + rng.uniform(0.05, 0.6) * gaussian_filter(rng.normal(size=shape), 2) * field.std() * 8
        level = float(np.quantile(field, rng.uniform(0.5, 0.95)))
        yield field > level, other > level, (spacing if n % 2 else (1.0, 1.0, 1.0))  # type: ignore[misc]


def seg_metrics(a: np.ndarray, b: np.ndarray, spacing: Spacing) -> dict[str, tuple[float, float]]:
    """seg-metrics reads arrays as (z, y, x) but takes the spacing as (x, y, z)."""
    from seg_metrics.seg_metrics import write_metrics

    row = write_metrics(labels=[1], gdth_img=a.astype(np.uint8), pred_img=b.astype(np.uint8), spacing=list(spacing))
    row = row[0] if isinstance(row, list) else row
    ours = compat.seg_metrics_scores(a, b, spacing)
    return {f"seg-metrics {name}": (getattr(ours, name), row[name][0]) for name in vars(ours)}


def surface_distance(a: np.ndarray, b: np.ndarray, spacing: Spacing) -> dict[str, tuple[float, float]]:
    """All that the library's functions give."""
    import surface_distance as sd

    far = sd.compute_surface_distances(a, b, spacing)
    ours = compat.surfel_scores(a, b, spacing, TOLERANCE_MM)
    average = sd.compute_average_surface_distance(far)
    overlap = sd.compute_surface_overlap_at_tolerance(far, TOLERANCE_MM)
    return {
        "surface-distance average from reference": (ours.average_mm[0], average[0]),
        "surface-distance average from prediction": (ours.average_mm[1], average[1]),
        "surface-distance HD95": (ours.robust_hausdorff_mm, sd.compute_robust_hausdorff(far, 95)),
        "surface-distance HD": (ours.hausdorff_mm, sd.compute_robust_hausdorff(far, 100)),
        "surface-distance surface Dice": (
            ours.surface_dice,
            sd.compute_surface_dice_at_tolerance(far, TOLERANCE_MM),
        ),
        "surface-distance overlap of reference": (ours.surface_overlap[0], overlap[0]),
        "surface-distance overlap of prediction": (ours.surface_overlap[1], overlap[1]),
    }


def pymia(a: np.ndarray, b: np.ndarray, spacing: Spacing) -> dict[str, tuple[float, float]]:
    """The average Hausdorff distance of ITK, over volumes."""
    from pymia.evaluation.metric import categorical

    metric = categorical.AverageDistance()
    metric.reference, metric.prediction, metric.spacing = a.astype(np.uint8), b.astype(np.uint8), spacing
    return {"pymia AverageDistance": (compat.ahd_volume(a, b, spacing), metric.calculate())}


def medpy(a: np.ndarray, b: np.ndarray, spacing: Spacing) -> dict[str, tuple[float, float]]:
    """The four distances."""
    from medpy.metric import binary

    ours = compat.medpy_scores(a, b, spacing)
    return {f"MedPy {name}": (getattr(ours, name), getattr(binary, name)(b, a, spacing)) for name in vars(ours)}


def nnunet(a: np.ndarray, b: np.ndarray, spacing: Spacing) -> dict[str, tuple[float, float]]:
    """By its own counting function, where nnU-Net is installed."""
    del spacing
    from nnunetv2.evaluation.evaluate_predictions import compute_tp_fp_fn_tn

    tp, fp, fn, _ = compute_tp_fp_fn_tn(a, b)
    return {"nnU-Net Dice": (compat.nnunet_dice(a.astype(int), b.astype(int), (1,)), 2 * tp / (2 * tp + fp + fn))}


LIBRARIES = (seg_metrics, surface_distance, pymia, medpy, nnunet)


def main() -> int:
    """Compare, print, and tell by the exit code."""
    warnings.simplefilter("ignore")
    worst: dict[str, float] = {}
    missing = set()
    for a, b, spacing in pairs():
        for library in LIBRARIES:
            try:
                scores = library(a, b, spacing)
            except ImportError as error:
                missing.add(f"{library.__name__}: {error}")
                continue
            for name, (ours, theirs) in scores.items():
                worst[name] = max(worst.get(name, 0.0), abs(ours - theirs))
    print(f"largest difference over {PAIRS} pairs")
    for name, difference in worst.items():
        print(f"{name:<45} {difference:.1e}")
    for line in sorted(missing):
        print(f"not installed: {line}")
    return int(max(worst.values(), default=1.0) > 1e-6)


if __name__ == "__main__":
    sys.exit(main())
