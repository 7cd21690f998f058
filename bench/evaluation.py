"""`python -m bench.evaluation`: surfaces whose distance is known, as every tool measures them.

Each body is drawn twice, the second time swollen by an exact distance, on several voxel sizes, straight and oblique.
The other tools' values come from `condyle.metrics.compat`, which `bench.compat` holds against the tools themselves;
panoptica's comes from panoptica, where it is installed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from condyle.metrics import compat, surface_distances
from condyle.space import Grid

Points = np.ndarray
Body = Callable[[Points], np.ndarray]

SPACINGS = (
    (0.5, 0.5, 0.5), (0.75, 0.75, 0.75), (1.0, 1.0, 1.0), (0.75, 0.75, 1.5), (1.0, 1.0, 3.0), (0.5, 0.5, 3.0),
)  # fmt: skip
TURN_DEG = (11, -17, 24)


@dataclass(frozen=True)
class Pair:
    """A body and how far the other is swollen.

    Args:
        name: Of the body.
        body: Signed distance in mm.
        gap_mm: True distance of the two surfaces, everywhere.
        half_mm: Half the edge of the field of view.
        turned: Draw it on oblique grids too; of no use for what is the same from every side.
    """

    name: str
    body: Body
    gap_mm: float
    half_mm: float
    turned: bool = True


def ellipsoid(axes: tuple[float, float, float]) -> Body:
    """Exact signed distance, the nearest point found by bisection (Eberly, Distance from a Point to an Ellipsoid)."""
    squared = np.array(axes) ** 2

    def distance(x: Points) -> np.ndarray:
        low, high = np.full(x.shape[:-1], -squared.min() + 1e-9), np.linalg.norm(x * axes, axis=-1)
        for _ in range(60):
            middle = (low + high) / 2
            above = ((x * axes / (middle[..., None] + squared)) ** 2).sum(-1) > 1
            low, high = np.where(above, middle, low), np.where(above, high, middle)
        foot = x * squared / (((low + high) / 2)[..., None] + squared)
        outside = np.sign((x**2 / squared).sum(-1) - 1)
        return outside * np.linalg.norm(x - foot, axis=-1)

    return distance


def cylinder(radius_mm: float) -> Body:
    """Endless, along no axis of the world."""
    along = np.array([0.1, 0.2, 1]) / np.sqrt(1.05)
    return lambda x: np.linalg.norm(x - (x @ along)[..., None] * along, axis=-1) - radius_mm


PAIRS = (
    Pair("spheres, 20 and 21 mm", lambda x: np.linalg.norm(x, axis=-1) - 20, 1.0, 25.0, turned=False),
    Pair("ellipsoid 22 x 16 x 12 mm", ellipsoid((22, 16, 12)), 1.0, 26.0),
    Pair("cylinder, 12 mm, cut", cylinder(12), 1.0, 20.0),
    Pair("plane, cut", lambda x: x @ np.array([0.36, 0.48, 0.8]), 2.0, 15.0),
    Pair("shell, 14 to 20 mm", lambda x: np.abs(np.linalg.norm(x, axis=-1) - 17) - 3, 0.7, 25.0, turned=False),
)


def grid_of(half_mm: float, spacing: tuple[float, float, float], *, oblique: bool) -> Grid:
    """A cube around the origin, whose middle lies between voxels in no special way."""
    shape = np.ceil(2 * half_mm / np.array(spacing)).astype(int)
    affine = np.eye(4)
    turn = Rotation.from_euler("xyz", TURN_DEG if oblique else (0, 0, 0), degrees=True).as_matrix()
    affine[:3, :3] = turn * spacing
    affine[:3, 3] = -affine[:3, :3] @ ((shape - 1) / 2 + [0.13, -0.29, 0.21])
    return Grid((int(shape[0]), int(shape[1]), int(shape[2])), affine)


def measured(pair: Pair, grid: Grid) -> tuple[list[float], list[float]]:
    """Mean distance and HD95: ours, seg-metrics, MedPy, surface-distance; the mean also of panoptica and ITK."""
    distance = pair.body(grid.to_world(np.stack(np.indices(grid.shape), -1)))
    a, b = distance < 0, distance < pair.gap_mm
    ours = surface_distances(a, b, grid)
    if ours is None:
        raise ValueError(f"{pair.name}: nothing to measure")
    seg = compat.seg_metrics_scores(a, b, grid.spacing_mm)
    med = compat.medpy_scores(a, b, grid.spacing_mm)
    surfel = compat.surfel_scores(a, b, grid.spacing_mm)
    means = [ours.assd_mm, seg.msd, med.assd, sum(surfel.average_mm) / 2, panoptica(a, b, grid)]
    means.append(compat.ahd_volume(a, b, grid.spacing_mm))
    return means, [ours.robust_hd_mm(95), seg.hd95, med.hd95, surfel.robust_hausdorff_mm]


def panoptica(a: np.ndarray, b: np.ndarray, grid: Grid) -> float:
    """ASSD as panoptica has it, or NaN where it is not installed."""
    try:
        from panoptica.metrics import Metric
    except ImportError:
        return float("nan")
    return float(Metric.ASSD(a.astype(np.uint8), b.astype(np.uint8), voxelspacing=grid.spacing_mm))


def rows() -> Iterator[tuple[str, float, list[float], list[float]]]:
    """One row a pair, spacing and direction."""
    for pair in PAIRS:
        for spacing in SPACINGS:
            for oblique in (False, True) if pair.turned else (False,):
                size = " x ".join(f"{s:g}" for s in spacing)
                name = f"{pair.name} | {size}{' oblique' if oblique else ''}"
                yield name, pair.gap_mm, *measured(pair, grid_of(pair.half_mm, spacing, oblique=oblique))


def main() -> None:
    """Print the table."""
    print("| bodies | voxels, mm | truth | Condyle ASSD | seg-metrics msd | MedPy assd | surface-distance ", end="")
    print("| panoptica | ITK / pymia | Condyle HD95 | seg-metrics | MedPy | surface-distance |")
    print("|" + "---|" * 13)
    for name, truth, means, hd95 in rows():
        print(f"| {name} | {truth:g} | " + " | ".join(f"{v:.3f}" for v in (*means, *hd95)) + " |", flush=True)


if __name__ == "__main__":
    main()
