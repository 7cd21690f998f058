"""A whole lower body from surfaces of real bones.

The surfaces (see `posed`) are placed by the joints of an OpenSim model, bent a little so that no two people
are alike, turned into solids, cut apart so that every joint has its space, given a cortex and marrow, and
wrapped in flesh. The result is a subject like any other: it can be sampled and scanned on any grid.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from condyle.errors import ConfigError
from condyle.phantoms.body import Body, Subject
from condyle.phantoms.part import body
from condyle.phantoms.skeleton.envelope import flesh
from condyle.phantoms.skeleton.hip_joint import HipJoint, fitted, head_of, walls
from condyle.phantoms.skeleton.knee import Knee, knee
from condyle.phantoms.skeleton.layers import layers
from condyle.phantoms.skeleton.posed import Bone, posed_bones, varied
from condyle.phantoms.skeleton.viscera import viscera
from condyle.phantoms.solids import Field, Solid, intersection, offset, sphere
from condyle.phantoms.solids.lattice import Lattice, apart, lattice_of
from condyle.space.surface import Surface

#: Lying on the back: legs a little apart and turned out, feet hanging.
SUPINE_DEG: dict[str, float] = {
    f"{name}_{letter}": angle
    for letter in "rl"
    for name, angle in {
        "hip_flexion": 4.0, "hip_adduction": -2.0, "hip_rotation": -10.0, "knee_angle": -5.0, "ankle_angle": -25.0,
    }.items()
}  # fmt: skip

#: Bones that meet, and what fills the space between them.
JOINTS: tuple[tuple[str, str, str], ...] = (
    ("hip_right", "hip_left", "cartilage"),
    ("sacrum", "spine", "intervertebral_disc"),
    ("spine", "other_bone", "cartilage"),
    *(
        (a.format(side), b.format(side), "cartilage")
        for side in ("right", "left")
        for a, b in (
            ("hip_{}", "femur_{}"), ("hip_{}", "sacrum"), ("femur_{}", "tibia_{}"), ("femur_{}", "patella_{}"),
            ("femur_{}", "fibula_{}"), ("tibia_{}", "fibula_{}"), ("tibia_{}", "other_bone"),
            ("fibula_{}", "other_bone"),
        )
    ),
)  # fmt: skip


def skeleton_subject(
    folder: Path,
    rng: np.random.Generator,
    *,
    angles_deg: Mapping[str, float] | None = None,
    scale: float | None = None,
    variation_mm: float = 1.2,
    gap_mm: float = 2.0,
    hips: HipJoint | None = None,
    fat_mm: float | None = None,
    step_mm: float = 1.25,
    with_flesh: bool = True,
    with_viscera: bool = False,
    enhanced: bool = False,
) -> Subject:
    """The lower body of one person, from the last ribs down to the toes.

    Args:
        folder: Surfaces of bones and the `.osim` model that joins them.
        rng: Source of pose, size and shape, as far as these are not given.
        angles_deg: Angles by the model's coordinate names, 0 where not named. None for lying on the back, give
            or take some degrees.
        scale: Stature relative to the model (about 1.75 m).
        variation_mm: How far points move from the given shapes, root mean square along each axis.
        gap_mm: Space left between two bones of a joint, at least.
        hips: How heads lie in their sockets. None for the surfaces as they are.
        fat_mm: Fat under the skin.
        step_mm: Fineness of the lattices the distances are kept on.
        with_flesh: Whether soft tissue surrounds the bones.
        with_viscera: Whether there are ribs, and muscles, vessels, bowel and the soft parts of knees in that tissue.
        enhanced: Whether arteries hold contrast.

    Returns:
        Structures `femur_`, `tibia_`, `fibula_`, `patella_`, `hip_` with `right` and `left`, `sacrum`, `spine`,
        `other_bone`. Measures: `scale`, `hip_centres_mm` (distance between them), `femur_length_mm`
        (hip centre to knee centre) and `fat_mm`, before shapes are varied.

    Raises:
        DataError: if a file of the folder is missing or damaged.
        ConfigError: on a coordinate the model does not have, or sizes that make no sense.
    """
    if angles_deg is None:
        angles_deg = {name: angle + rng.normal(0, 3) for name, angle in SUPINE_DEG.items()}
    scale = float(np.clip(rng.normal(1, 0.05), 0.88, 1.12)) if scale is None else scale
    fat_mm = float(rng.uniform(6, 18)) if fat_mm is None else fat_mm
    if min(scale, step_mm, gap_mm, fat_mm) <= 0 or variation_mm < 0:
        raise ConfigError("skeleton", expected="positive sizes", got=f"{scale=}, {step_mm=}, {gap_mm=}, {fat_mm=}")

    legs_mm = {} if hips is None else {side: hips.shift_mm(side) for side in ("right", "left")}
    bones, frames = posed_bones(folder, angles_deg, chest=with_viscera, legs_mm=legs_mm)
    bones = [replace(b, surface=Surface(scale * b.surface.points_mm, b.surface.triangles)) for b in bones]
    frames = {name: np.diag([scale, scale, scale, 1]) @ frame for name, frame in frames.items()}
    measures = _measures(frames) | {"scale": scale, "fat_mm": fat_mm}
    if variation_mm:
        bones = varied(bones, rng, variation_mm)
    lattices = [lattice_of(b.surface, b.axes, step_mm) for b in bones]
    thicker_mm: dict[str, Field] = {}
    if hips is not None:
        heads = _heads(bones, frames)
        lattices = _with_hips(bones, lattices, hips, heads, gap_mm)
        for side, head in heads.items():
            thicker_mm[f"femur_{side}"], thicker_mm[f"hip_{side}"] = walls(hips, head)
    solids = _cut_apart(bones, lattices, gap_mm)

    painted: list[Body] = []
    if with_flesh:
        around = flesh(frames, [s.solid for s in solids], scale, fat_mm, rng)
        painted += around
        knees: list[Knee] = []
        if with_viscera:
            muscle = next(b for b in around if b.tissue == "muscle")
            outline = Solid(muscle.distance_mm, muscle.bounds_mm)
            knees = _knees(bones, solids, outline, rng)
            painted += [k.fat for k in knees]
            painted += viscera(frames, outline, scale, rng, enhanced=enhanced)
        painted += _joint_fillings(bones, solids, gap_mm)
        painted += [b for k in knees for b in k.inside]
    for bone, solid in zip(bones, solids, strict=True):
        painted += layers(bone, solid.solid, thicker_mm.get(bone.name))
        if bone.name.startswith("femur"):
            head_mm = frames[f"femur_{bone.name[len('femur_')]}"][:3, 3]
            # Trabeculae are densest in the head, where the load comes in.
            core = intersection(offset(solid.solid, -3.0), sphere(head_mm, 19 * scale))
            painted.append(body(bone.name, "dense_trabecular_bone", core))
    return Subject(tuple(painted), measures)


def _knees(bones: list[Bone], solids: list[Lattice], muscle: Solid, rng: np.random.Generator) -> list[Knee]:
    named = {bone.name: (bone, lattice.solid) for bone, lattice in zip(bones, solids, strict=True)}
    return [
        knee(named[f"femur_{side}"], named[f"patella_{side}"], named[f"tibia_{side}"], muscle, rng)
        for side in ("right", "left")
    ]


def _measures(frames: Mapping[str, NDArray[np.float64]]) -> dict[str, float]:
    right, left, below = (frames[name][:3, 3] for name in ("femur_r", "femur_l", "tibia_r"))
    return {
        "hip_centres_mm": float(np.linalg.norm(right - left)),
        "femur_length_mm": float(np.linalg.norm(right - below)),
    }


def _heads(
    bones: list[Bone], frames: Mapping[str, NDArray[np.float64]]
) -> dict[str, tuple[NDArray[np.float64], float]]:
    """Middle and radius of both heads, by side."""
    surfaces = {bone.name: bone.surface for bone in bones}
    return {side: head_of(surfaces[f"femur_{side}"], frames[f"femur_{side[0]}"][:3, 3]) for side in ("right", "left")}


def _with_hips(
    bones: list[Bone],
    lattices: list[Lattice],
    hips: HipJoint,
    heads: Mapping[str, tuple[NDArray[np.float64], float]],
    gap_mm: float,
) -> list[Lattice]:
    out = list(lattices)
    numbers = {bone.name: n for n, bone in enumerate(bones)}
    for side, head in heads.items():
        femur, hip = numbers[f"femur_{side}"], numbers[f"hip_{side}"]
        out[femur], out[hip] = fitted(out[femur], out[hip], hips, head, gap_mm)
    return out


def _cut_apart(bones: list[Bone], lattices: list[Lattice], gap_mm: float) -> list[Lattice]:
    out = []
    for bone, lattice in zip(bones, lattices, strict=True):
        partners = {a for pair in JOINTS if bone.name in pair[:2] for a in pair[:2]} - {bone.name}
        # The many small bones of a foot touch each other as they are.
        others = [other for b, other in zip(bones, lattices, strict=True) if b.name in partners]
        out.append(apart(lattice, others, gap_mm))
    return out


def _joint_fillings(bones: list[Bone], lattices: list[Lattice], gap_mm: float) -> list[Body]:
    """What lies between bones that meet: all that is close to both."""
    out = []
    for first, second, tissue in JOINTS:
        near = 1.2 * gap_mm if tissue == "cartilage" else 4 * gap_mm
        for a, lattice_a in zip(bones, lattices, strict=True):
            for b, lattice_b in zip(bones, lattices, strict=True):
                if a.name != first or b.name != second:
                    continue
                filling = intersection(offset(lattice_a.solid, near), offset(lattice_b.solid, near))
                if (filling.bounds_mm[0] < filling.bounds_mm[1]).all():
                    out.append(body("", tissue, filling))
    return out
