"""What is known of a surface: whether it is sound, how true to its mask, how large, where.

Each check is a sentence that is true or false. A surface that fails one is still written, and its passport says so.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from condyle.labels import Side, Structure
from condyle.meshes.bodies import Body, MeshSettings
from condyle.meshes.deviation import distance_mm, samples, wall_mm
from condyle.meshes.shape import Points, Triangles, enclosed_volume, shells_of
from condyle.meshes.solid import is_sound

#: A common print bed, for the size where none is given.
COMMON_BED_MM = (220.0, 220.0, 250.0)

#: The volume may differ from the mask's by this part and one voxel.
_VOLUME_TOLERANCE = 0.01

#: See `thinnest_wall_mm`.
_THINNEST_PERCENT = 0.2


@dataclass(frozen=True)
class Passport:
    """The measures and checks of one surface.

    Args:
        name: Of the structure.
        id: In the label map.
        side: left, right, or None where the name tells none.
        triangles: Number of triangles.
        watertight: trimesh finds every edge shared by two triangles that run along it in opposite directions.
        manifold: manifold3d takes it for a solid.
        genus: Number of handles (0 for a ball, 1 for a ring), summed over all shells; None if not watertight.
        parts: Separate bodies.
        mask_parts: Parts of the mask that are joined by voxel faces.
        cavities: Closed hollows in them.
        volume_ml: Inside the surface.
        mask_volume_ml: Of the mask's voxels.
        deviation_mm: Mean, 95 % (`p95`) and `max` distance between the surface and the mask's own,
            whose points lie midway between voxel centres. Both ways, at 5,000 points each; faces where the field of
            view cuts are left out.
        thinnest_wall_mm: The thickness that all but 0.2 % of the surface exceeds: straight inward to a face that looks
            the other way within 45 degrees, at 5,000 points. So the feather edge of a seam is no wall. None where
            there are no such faces.
        wall_p05_mm: The thickness that all but 5 % exceed.
        size_mm: Along x (left-right), y (back-front), z (feet-head).
        centre_mm: Middle of that box, RAS.
        bed_mm: The print bed it is held against.
        fits_bed: Whether it fits, turned by quarter turns at will.
        cut_by_view: Whether the field of view cuts the structure.
        source: The label map's name.
        source_sha256: Of its file.
        settings: The budgets.
        checks: Each check and whether it holds.
    """

    name: str
    id: int
    side: Side | None
    triangles: int
    watertight: bool
    manifold: bool
    genus: int | None
    parts: int
    mask_parts: int
    cavities: int
    volume_ml: float
    mask_volume_ml: float
    deviation_mm: dict[str, float]
    thinnest_wall_mm: float | None
    wall_p05_mm: float | None
    size_mm: tuple[float, float, float]
    centre_mm: tuple[float, float, float]
    bed_mm: tuple[float, float, float]
    fits_bed: bool
    cut_by_view: bool
    source: str
    source_sha256: str
    settings: MeshSettings
    checks: dict[str, bool]

    @property
    def failed(self) -> tuple[str, ...]:
        """The checks that do not hold."""
        return tuple(name for name, holds in self.checks.items() if not holds)

    def to_json(self) -> dict[str, Any]:
        """Plain data; lengths and volumes to a thousandth."""
        return {**_rounded(asdict(self)), "failed": list(self.failed)}

    def __str__(self) -> str:
        d = self.deviation_mm
        verdict = f"FAILED {', '.join(self.failed)}" if self.failed else "sound"
        wall = "" if self.thinnest_wall_mm is None else f", thinnest wall {self.thinnest_wall_mm:.2f} mm"
        return (
            f"{self.name}: {verdict}; {self.triangles} triangles, "
            f"{self.volume_ml:.2f} ml (mask {self.mask_volume_ml:.2f}), off the mask by {d['mean']:.2f} mm on average, "
            f"{d['p95']:.2f} (95 %), {d['max']:.2f} at most{wall}, {' x '.join(f'{s:.0f}' for s in self.size_mm)} mm"
            + (", cut by the field of view" if self.cut_by_view else "")
        )


def passport(
    body: Body,
    structure: Structure,
    settings: MeshSettings,
    *,
    spacing_mm: tuple[float, float, float],
    source: str,
    source_sha256: str,
    bed_mm: tuple[float, float, float] | None = None,
    least_wall_mm: float | None = None,
) -> Passport:
    """Measure a surface and check it.

    Args:
        body: The surface and what it was made of.
        structure: Its name and side.
        settings: It was made with.
        spacing_mm: Of the label map.
        source: The label map's name.
        source_sha256: Of its file.
        bed_mm: Size of the print bed; to fit it is a check only if given.
        least_wall_mm: Thinnest wall that can be printed; a check only if given.
    """
    points, triangles = body.smooth.surface.points_mm, body.smooth.surface.triangles
    watertight = bool(len(triangles)) and _is_watertight(points, triangles)
    manifold = is_sound(points, triangles)
    shells, cavities, handles = _topology(points, triangles)
    volume_ml = enclosed_volume(points, triangles) / 1000
    rng = np.random.default_rng(0)
    deviation = _deviation(body, rng)
    walls = wall_mm(samples(points, triangles, rng), (points, triangles))
    thinnest_mm = float(np.percentile(walls, _THINNEST_PERCENT)) if len(walls) else None
    low, high = (points.min(axis=0), points.max(axis=0)) if len(points) else (np.zeros(3), np.zeros(3))
    size = high - low
    bed = bed_mm or COMMON_BED_MM
    fits = bool((np.sort(size) <= np.sort(bed)).all())
    voxel_ml = float(np.prod(spacing_mm)) / 1000
    allowed_mm = max(spacing_mm) / 2 + (settings.simplify_mm or 0)
    checks = {
        "watertight": watertight,
        "manifold": manifold,
        "volume": abs(volume_ml - body.mask_volume_ml) <= _VOLUME_TOLERANCE * body.mask_volume_ml + voxel_ml,
        "deviation": deviation["p95"] <= allowed_mm,
        "parts": shells - cavities <= body.mask_parts,
    }
    if settings.triangles is not None:
        checks["triangles"] = body.in_budget
    if bed_mm is not None:
        checks["bed"] = fits
    if least_wall_mm is not None:
        checks["wall"] = thinnest_mm is not None and thinnest_mm >= least_wall_mm
    return Passport(
        name=structure.name,
        id=structure.id,
        side=structure.side,
        triangles=len(triangles),
        watertight=watertight,
        manifold=manifold,
        genus=handles if watertight else None,
        parts=shells - cavities,
        mask_parts=body.mask_parts,
        cavities=cavities,
        volume_ml=volume_ml,
        mask_volume_ml=body.mask_volume_ml,
        deviation_mm=deviation,
        thinnest_wall_mm=thinnest_mm,
        wall_p05_mm=float(np.percentile(walls, 5)) if len(walls) else None,
        size_mm=_three(size),
        centre_mm=_three((low + high) / 2),
        bed_mm=bed,
        fits_bed=fits,
        cut_by_view=body.smooth.cut,
        source=source,
        source_sha256=source_sha256,
        settings=settings,
        checks=checks,
    )


def _is_watertight(points: Points, triangles: Triangles) -> bool:
    from trimesh import Trimesh

    # Joined by position, as a program does that reads an STL file.
    mesh = Trimesh(points, triangles, process=False)
    mesh.merge_vertices()
    return bool(mesh.is_watertight and mesh.is_winding_consistent)


def _topology(points: Points, triangles: Triangles) -> tuple[int, int, int]:
    """Number of shells, of those that face inward, and of handles (Euler and Poincare)."""
    _, volumes = shells_of(points, triangles)
    euler = len(points) - len(triangles) // 2
    return len(volumes), int((volumes < 0).sum()), len(volumes) - euler // 2


def _deviation(body: Body, rng: np.random.Generator) -> dict[str, float]:
    smooth, steps = body.smooth, body.steps
    both = [
        distance_mm(
            samples(a.surface.points_mm, a.surface.triangles, rng, of=~a.on_border),
            (b.surface.points_mm, b.surface.triangles),
        )
        for a, b in ((smooth, steps), (steps, smooth))
    ]
    all_ = np.concatenate(both)
    if not len(smooth.surface.triangles) or not np.isfinite(all_).all():
        return {"mean": float("inf"), "p95": float("inf"), "max": float("inf")}
    if not len(all_):
        # The structure fills the view: all of its faces are cuts.
        return {"mean": 0.0, "p95": 0.0, "max": 0.0}
    return {"mean": float(all_.mean()), "p95": float(np.percentile(all_, 95)), "max": float(all_.max())}


def _three(values: Any) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in values)
    return x, y, z


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4) if np.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _rounded(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(v) for v in value]
    return value
