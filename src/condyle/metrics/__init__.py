"""How well a prediction agrees with a reference; see `compare` and `docs/evaluation.md` for the words."""

from condyle.metrics.compare import MetricSettings, compare
from condyle.metrics.distances import SurfaceDistances, surface_distances
from condyle.metrics.overlap import Overlap, confusion
from condyle.metrics.score import Score, Table
from condyle.metrics.status import Status

__all__ = [
    "MetricSettings",
    "Overlap",
    "Score",
    "Status",
    "SurfaceDistances",
    "Table",
    "compare",
    "confusion",
    "surface_distances",
]
