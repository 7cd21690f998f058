"""The numbers of other tools, so that an old table can be recomputed. One library a file.

None of them is recommended: they measure between voxels. See `docs/evaluation.md` for how far off they are.
"""

from condyle.metrics.compat.itk import ahd_volume
from condyle.metrics.compat.medpy import MedpyScores, medpy_scores
from condyle.metrics.compat.nnunet import nnunet_dice
from condyle.metrics.compat.seg_metrics import SegMetricsScores, seg_metrics_scores
from condyle.metrics.compat.surface_distance import SurfelScores, surfel_scores

__all__ = [
    "MedpyScores",
    "SegMetricsScores",
    "SurfelScores",
    "ahd_volume",
    "medpy_scores",
    "nnunet_dice",
    "seg_metrics_scores",
    "surfel_scores",
]
