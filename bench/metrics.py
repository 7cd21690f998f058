"""Scores of a pair of label maps, and of surfaces, beside the tools the field uses.

Each contender is a function that makes its input and returns the work to be timed, as in `foundation`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from bench.foundation import Work

SCAN = (512, 512, 300)
SPACING_MM = (0.75, 0.75, 0.75)


@cache
def _pair() -> tuple[np.ndarray, np.ndarray]:
    """Four bent bodies of some 60 x 60 x 240 voxels each, and the same a little off."""
    i, j, k = np.ogrid[tuple(slice(0, n) for n in SCAN)]
    reference, prediction = np.zeros(SCAN, np.uint8), np.zeros(SCAN, np.uint8)
    for label in range(1, 5):
        for out, grow, shift in ((reference, 0.0, 0.0), (prediction, 1.2, 0.7)):
            x = i - (90 + 105 * label - 52) - 12 * np.sin(k / 40) - shift
            y = j - 256 - 20 * np.cos(k / 60 + label)
            radius = 30 + 8 * np.sin(k / 25.0) + grow
            inside = (x * x + y * y < radius * radius) & (np.abs(k - 150) < 120 + grow)
            out[inside] = label
    return reference, prediction


def _ours() -> Work:
    from condyle.metrics import compare
    from condyle.space import Volume

    affine = np.diag([*SPACING_MM, 1])
    reference, prediction = (Volume.of(array, affine) for array in _pair())
    return lambda: " ".join(
        f"{row.dice:.4f}/{row.assd_mm:.3f}/{row.hd95_mm:.3f}" for row in compare(reference, prediction)
    )


def _deepmind() -> Work:
    import surface_distance as sd

    reference, prediction = _pair()

    def work() -> str:
        out = []
        for label in range(1, 5):
            a, b = reference == label, prediction == label
            far = sd.compute_surface_distances(a, b, SPACING_MM)
            mean = sum(sd.compute_average_surface_distance(far)) / 2
            out.append(f"{sd.compute_dice_coefficient(a, b):.4f}/{mean:.3f}/{sd.compute_robust_hausdorff(far, 95):.3f}")
        return " ".join(out)

    return work


def _seg_metrics() -> Work:
    """One label, cropped to it: the whole takes minutes."""
    from seg_metrics.seg_metrics import write_metrics

    reference, prediction = (array[100:200, 190:330, 20:290] == 1 for array in _pair())

    def work() -> str:
        row = write_metrics(
            labels=[1],
            gdth_img=reference.astype(np.uint8),
            pred_img=prediction.astype(np.uint8),
            spacing=list(SPACING_MM),
            metrics=["dice", "msd", "hd95"],
        )
        row = row[0] if isinstance(row, list) else row
        return f"one label: {row['dice'][0]:.4f}/{row['msd'][0]:.3f}/{row['hd95'][0]:.3f}"

    return work


def _sphere() -> np.ndarray:
    i, j, k = np.ogrid[:256, :256, :256]
    return (i - 128) ** 2 + (j - 128) ** 2 + (k - 128) ** 2 < 110**2


def _ours_surface() -> Work:
    from condyle.meshes.isosurface import isosurface
    from condyle.space import Grid

    mask, grid = _sphere(), Grid((256, 256, 256), np.eye(4))
    return lambda: f"{len(isosurface(mask, grid).surface.triangles)} triangles"


def _skimage_surface() -> Work:
    from skimage.filters import gaussian
    from skimage.measure import marching_cubes

    mask = _sphere().astype(np.float32)
    return lambda: f"{len(marching_cubes(gaussian(mask, 1.5), 0.5)[1])} triangles"


#: Stage to contender to its maker; ours first. Notes are Dice / mean distance / HD95 of each label.
STAGES: dict[str, dict[str, Callable[[], Work]]] = {
    "all scores of a pair, 512 x 512 x 300, 4 labels": {
        "Condyle": _ours,
        "surface-distance 0.1": _deepmind,
        "seg-metrics, one label of a crop": _seg_metrics,
    },
    "smooth surface of a mask, 256^3": {"Condyle": _ours_surface, "scikit-image": _skimage_surface},
}
