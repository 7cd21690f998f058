"""One case: every score of every structure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from condyle.errors import ConfigError, DataError
from condyle.labels import Labels
from condyle.machine import cores
from condyle.meshes.isosurface import SIGMA_VOXELS
from condyle.metrics.distances import SurfaceDistances, surface_distances
from condyle.metrics.overlap import Confusion, Overlap, confusion
from condyle.metrics.pair import Masks, paired, without_ignored
from condyle.metrics.parts import count_parts, euler_number
from condyle.metrics.score import Score, Table
from condyle.metrics.status import diagonal_mm, penalised, status_of
from condyle.space import Grid, Volume

#: Structures measured side by side; each needs some ten bytes a voxel of its bounding box.
_STRUCTURES_AT_ONCE = 4


@dataclass(frozen=True)
class MetricSettings:
    """How label maps are compared.

    Args:
        tolerance_mm: Distance that surface Dice and surface overlap forgive.
        limit_mm: Distance that a missed structure or a false alarm counts as in penalised means; the image
            diagonal by default.
        sigma_voxels: Smoothing of the surfaces, in voxels.
        overlap_only: Measure no surfaces: the scores that count voxels come alone, and sooner.
    """

    tolerance_mm: float = 1.0
    limit_mm: float | None = None
    sigma_voxels: float = SIGMA_VOXELS
    overlap_only: bool = False

    def __post_init__(self) -> None:
        # NaN fails every comparison, and so these.
        if not 0 <= self.tolerance_mm < math.inf:
            raise ConfigError("tolerance_mm", expected="0 or more, and finite", got=f"{self.tolerance_mm:g}")
        if self.limit_mm is not None and not 0 < self.limit_mm < math.inf:
            raise ConfigError("limit_mm", expected="more than 0, and finite", got=f"{self.limit_mm:g}")
        if not 0 <= self.sigma_voxels <= 5:
            raise ConfigError("sigma_voxels", expected="0 to 5", got=f"{self.sigma_voxels:g}")


def compare(
    reference: Volume,
    prediction: Volume,
    labels: Labels | None = None,
    *,
    structures: Sequence[str] = (),
    known_only: bool = False,
    resample: bool = False,
    settings: MetricSettings = MetricSettings(),
) -> Table:
    """Score a label map against another.

    Args:
        reference: What is taken as true.
        prediction: What is judged.
        labels: The structures and regions; by default every id of either map is one, `label_3` say.
        structures: Names of those wanted; all by default.
        known_only: Leave out wanted structures that are unknown, which otherwise is an error.
        resample: Bring the prediction onto the reference's grid where they differ, which otherwise is an error.
        settings: How.

    Returns:
        One row a structure, in the order of ids, then regions.

    Raises:
        DataError: if the grids differ, the values are no ids, or an id is none of `labels`.
        ConfigError: if a wanted structure is unknown, and not to be left out.

    Example:
        >>> import numpy as np
        >>> cube = np.zeros((9, 9, 9), np.uint8)
        >>> cube[2:7, 2:7, 2:7] = 1
        >>> volume = Volume.of(cube, np.eye(4))
        >>> compare(volume, volume)["label_1"].dice
        1.0
    """
    pair = paired(reference, prediction, resample=resample)
    limit_mm = settings.limit_mm or diagonal_mm(pair.grid)
    ignored = 0
    if labels is not None:
        pair, ignored = without_ignored(pair, labels)
    voxels = pair.reference.size - ignored
    pair = pair.cropped()
    counts = confusion(pair.reference, pair.prediction)
    wanted = _wanted(_known(counts, labels), structures, known_only=known_only)

    def score(name: str) -> Score:
        overlap = counts.overlap(wanted[name])
        # The background that the crop left out.
        tn = voxels - overlap.tp - overlap.fp - overlap.fn
        return _score(name, pair.masks(wanted[name]), replace(overlap, tn=tn), limit_mm, settings)

    with ThreadPoolExecutor(min(_STRUCTURES_AT_ONCE, cores())) as pool:
        return Table(tuple(pool.map(score, wanted)))


def _known(counts: Confusion, labels: Labels | None) -> Labels:
    """The labels, or one for each id found.

    Raises:
        DataError: if an id is none of the labels.
    """
    found = [i for i in counts.ids if i > 0]
    if labels is None:
        return Labels.of({f"label_{i}": i for i in found})
    unknown = [i for i in found if i not in labels.ids]
    if unknown:
        known = ", ".join(f"{s.id} {s.name}" for s in labels.structures) or "none"
        raise DataError(
            "prediction and reference",
            expected=f"ids of the label table ({known})",
            got=f"also {', '.join(map(str, unknown))}",
            hint="Give the table of these files, or remap their ids.",
        )
    return labels


def absent(structure: str) -> Score:
    """The row of a structure that neither map knows."""
    nothing = np.zeros((1, 1, 1), bool)
    masks = Masks(nothing, nothing, Grid((1, 1, 1), np.eye(4)))
    return _score(structure, masks, Overlap(0, 0, 0, 1), 1.0, MetricSettings(overlap_only=True))


def _wanted(labels: Labels, structures: Sequence[str], *, known_only: bool) -> dict[str, tuple[int, ...]]:
    """Name to ids of the structures and regions to score."""
    table = {s.name: (s.id,) for s in labels.structures} | {name: tuple(ids) for name, ids in labels.regions.items()}
    unknown = [name for name in structures if name not in table]
    if unknown and not known_only:
        raise ConfigError("structures", expected=f"names among {', '.join(table) or 'none'}", got=", ".join(unknown))
    return {name: ids for name, ids in table.items() if not structures or name in structures}


def _score(name: str, masks: Masks, overlap: Overlap, limit_mm: float, settings: MetricSettings) -> Score:
    status = status_of(in_reference=overlap.reference > 0, in_prediction=overlap.prediction > 0)
    far: SurfaceDistances | None = None
    if not settings.overlap_only and status == "both":
        far = surface_distances(masks.reference, masks.prediction, masks.grid, sigma_voxels=settings.sigma_voxels)

    def reduced(reduce: Callable[[SurfaceDistances], float]) -> float | None:
        return None if far is None else reduce(far)

    assd_mm, hd95_mm = reduced(lambda d: d.assd_mm), reduced(lambda d: d.robust_hd_mm(95))
    penalise = not settings.overlap_only
    ml = masks.grid.voxel_volume_mm3 / 1000
    error = overlap.prediction - overlap.reference
    return Score(
        structure=name,
        status=status,
        cut=masks.cut,
        reference_ml=overlap.reference * ml,
        prediction_ml=overlap.prediction * ml,
        volume_error_ml=error * ml,
        volume_error_absolute_ml=abs(error) * ml,
        volume_error_percent=100 * error / overlap.reference if overlap.reference else None,
        dice=overlap.dice,
        iou=overlap.iou,
        sensitivity=overlap.sensitivity,
        specificity=overlap.specificity,
        precision=overlap.precision,
        accuracy=overlap.accuracy,
        volume_similarity=overlap.volume_similarity,
        assd_mm=assd_mm,
        from_reference_mm=reduced(lambda d: d.from_reference.mean_mm),
        from_prediction_mm=reduced(lambda d: d.from_prediction.mean_mm),
        median_mm=reduced(lambda d: d.median_mm),
        sd_mm=reduced(lambda d: d.sd_mm),
        hd95_mm=hd95_mm,
        hd_mm=reduced(lambda d: d.hd_mm),
        surface_dice=reduced(lambda d: d.surface_dice(settings.tolerance_mm)),
        surface_overlap=reduced(lambda d: d.surface_overlap(settings.tolerance_mm)),
        assd_penalised_mm=penalised(assd_mm, status, limit_mm) if penalise else None,
        hd95_penalised_mm=penalised(hd95_mm, status, limit_mm) if penalise else None,
        reference_parts=count_parts(masks.reference),
        prediction_parts=count_parts(masks.prediction),
        reference_euler=euler_number(masks.reference),
        prediction_euler=euler_number(masks.prediction),
    )
