"""Bones of given surfaces in a given pose.

The surfaces and the `.osim` model come from the caller; this file only knows which surface is which bone.
Two refinements of the Gait2392 model: the hip bones and the sacrum are taken from finer surfaces where those
are at hand, and the patellae, which the model lacks, are put in front of the femora.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from condyle.errors import DataError
from condyle.io.surface import read_surface
from condyle.phantoms.skeleton.osim import TO_RAS, Geometry, Skeleton, read_osim
from condyle.phantoms.solids import rotation, waves
from condyle.phantoms.solids.lattice import smoothed
from condyle.space.surface import Surface

Matrix = NDArray[np.float64]

#: Structure of each surface the model names; those not listed are left out.
STRUCTURES: dict[str, str] = {
    "sacrum.vtp": "sacrum", "pelvis.vtp": "hip_right", "l_pelvis.vtp": "hip_left",
    "femur_r.vtp": "femur_right", "femur_l.vtp": "femur_left",
    "tibia_r.vtp": "tibia_right", "tibia_l.vtp": "tibia_left",
    "fibula.vtp": "fibula_right", "l_fibula.vtp": "fibula_left", "hat_spine.vtp": "spine",
    "talus.vtp": "other_bone", "foot.vtp": "other_bone", "bofoot.vtp": "other_bone",
    "l_talus.vtp": "other_bone", "l_foot.vtp": "other_bone", "l_bofoot.vtp": "other_bone",
}  # fmt: skip

#: Bones of the chest, for those who ask for them.
CHEST = {"hat_ribs.vtp": "other_bone"}

#: Finer surfaces of the same bones; they share one frame.
FINER = {"sacrum.vtp": "sacrumv.vtp", "pelvis.vtp": "pelvis_rv.vtp", "l_pelvis.vtp": "pelvis_lv.vtp"}
#: Takes that frame to the model's pelvis. A sphere fitted to the acetabulum of `pelvis_rv.vtp` has its centre at
#: (-79, -81, 75) mm; the model's hip joint is at (-70.7, -66.1, 83.5). The midline stays at z = 0.
FINER_TO_PELVIS = np.array([[1, 0, 0, 0.0083], [0, 1, 0, 0.0149], [0, 0, 1.109, 0], [0, 0, 0, 1]])

#: Of the patella's surface: its middle in its own frame (m), its scale, and its height above the knee's axis (mm).
PATELLA_MIDDLE = np.array([0.002, 0.0265, 0.0])
PATELLA_SCALE = 0.9
PATELLA_ABOVE_MM = 14.0
#: The patella turns about the knee's axis by this part of the knee's flexion (Amis et al., J Orthop Res 2006).
PATELLA_FOLLOWS = 0.65
#: Cartilage between patella and femur.
PATELLA_GAP_MM = 3.0


@dataclass(frozen=True, eq=False)
class Bone:
    """A bone in place.

    Args:
        name: Its structure.
        surface: RAS mm.
        axes: 3 x 3, columns: forward, up and right of the bone itself.
    """

    name: str
    surface: Surface
    axes: Matrix


def posed_bones(
    folder: Path,
    angles_deg: Mapping[str, float],
    *,
    chest: bool = False,
    legs_mm: Mapping[str, Matrix] | None = None,
) -> tuple[list[Bone], dict[str, Matrix]]:
    """All bones of the model in a pose.

    Args:
        folder: Holds one `.osim` file and the surfaces it names.
        angles_deg: Angles by the model's coordinate names (`hip_flexion_r`, `knee_angle_r`, negative in flexion).
        chest: Whether to add the ribs.
        legs_mm: How far a leg, `right` or `left`, is moved from its hip, RAS.

    Returns:
        The bones, and for each body of the model its frame: 4 x 4, OpenSim metres to RAS mm.

    Raises:
        DataError: if a file is missing or damaged.
        ConfigError: on a coordinate the model does not have.
    """
    model = _model(folder)
    placed = model.place({name: math.radians(angle) for name, angle in angles_deg.items()})
    frames = {body: TO_RAS @ pose for body, pose in placed.items()}
    for side, shift_mm in (legs_mm or {}).items():
        for body, frame in frames.items():
            if body.endswith(f"_{side[0]}"):
                frame[:3, 3] += shift_mm
    names = STRUCTURES | CHEST if chest else STRUCTURES
    bones = [
        _bone(folder, geometry, frames[body], names[geometry.file])
        for body, geometries in model.bodies.items()
        for geometry in geometries
        if geometry.file in names
    ]
    femora = {bone.name: bone for bone in bones if bone.name.startswith("femur")}
    for side, letter in (("right", "r"), ("left", "l")):
        flexion = angles_deg.get(f"knee_angle_{letter}", 0.0)
        surface = folder / f"patella_{letter}.vtp"
        bones.append(_patella(surface, side, femora[f"femur_{side}"], frames[f"tibia_{letter}"][:3, 3], flexion))
    return bones, frames


def _model(folder: Path) -> Skeleton:
    models = sorted(folder.glob("*.osim"))
    if len(models) != 1:
        raise DataError(folder, expected="one .osim file", got=str(len(models)))
    return read_osim(models[0])


def _bone(folder: Path, geometry: Geometry, frame: Matrix, name: str) -> Bone:
    to_world = frame @ np.diag([*geometry.scale, 1.0])
    file = geometry.file
    if file in FINER and (folder / FINER[file]).exists():
        file, to_world = FINER[file], frame @ FINER_TO_PELVIS
    return Bone(name, _moved(_read(folder / file), to_world), _directions(frame))


def _patella(path: Path, side: str, femur: Bone, knee_mm: Matrix, flexion_deg: float) -> Bone:
    """In front of the femur, as close as cartilage lets it."""
    from scipy.spatial import cKDTree

    axes = femur.axes @ rotation((0, 0, 1), PATELLA_FOLLOWS * flexion_deg)
    shape = _moved(_read(path), np.diag([1000.0, 1000, 1000, 1])).points_mm - 1000 * PATELLA_MIDDLE
    at_knee = knee_mm + (PATELLA_SCALE * shape + (0, PATELLA_ABOVE_MM, 0)) @ axes.T
    femur_points = cKDTree(femur.surface.points_mm)

    def clearance_mm(forward_mm: float) -> float:
        distances, _ = femur_points.query(at_knee + forward_mm * axes[:, 0])
        return float(np.min(distances))

    forward = next(d for d in np.arange(90.0, 0, -0.5) if clearance_mm(d - 0.5) < PATELLA_GAP_MM)
    return Bone(f"patella_{side}", Surface(at_knee + forward * axes[:, 0], _read(path).triangles), axes)


def _read(path: Path) -> Surface:
    """A surface in its own metres, rounded where it is coarse."""
    surface = read_surface(path)
    return smoothed(surface) if len(surface.points_mm) < 1000 else surface


def _moved(surface: Surface, to_world: Matrix) -> Surface:
    return Surface(surface.points_mm @ to_world[:3, :3].T + to_world[:3, 3], surface.triangles)


def _directions(frame: Matrix) -> Matrix:
    return np.asarray(frame[:3, :3] / np.linalg.norm(frame[:3, :3], axis=0))


def varied(bones: list[Bone], rng: np.random.Generator, amplitude_mm: float, length_mm: float = 140) -> list[Bone]:
    """The bones of another person: all points moved by one smooth random field, so that joints stay joints.

    Args:
        bones: In place.
        rng: Source of the field.
        amplitude_mm: Root mean square of the shift along each axis. Up to a hundredth of the length, space is
            bent but never folded.
        length_mm: Shortest wave of the field.
    """
    fields = [waves(rng, amplitude_mm, length_mm) for _ in range(3)]

    def shifted(surface: Surface) -> Surface:
        points = surface.points_mm.astype(np.float32)
        return Surface(surface.points_mm + np.stack([f(points) for f in fields], -1), surface.triangles)

    return [replace(bone, surface=shifted(bone.surface)) for bone in bones]
