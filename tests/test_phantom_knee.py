"""The soft parts that are laid into the knees of a skeleton."""

from __future__ import annotations

import numpy as np
import pytest

from condyle.phantoms.body import Subject, sample
from condyle.phantoms.skeleton.subject import skeleton_subject
from condyle.phantoms.tissue import CODES
from condyle.space import Grid

STEP_MM = 2.0
SOFT = ("cartilage", "meniscus", "synovial_fluid", "ligament", "tendon")


@pytest.fixture(scope="module", params=[(1.0, 3.0), (0.7, 25.0)], ids=["grown and straight", "small and bent"])
def person(request, shared_data) -> Subject:
    scale, bent_deg = request.param
    angles = {"knee_angle_r": -bent_deg, "knee_angle_l": -bent_deg}
    rng = np.random.default_rng(4)
    shapes = shared_data / "shapes"
    return skeleton_subject(shapes, rng, angles_deg=angles, scale=scale, step_mm=2.5, with_viscera=True)


def around_knee(person: Subject, side: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Tissue codes of 15 cm around a knee, axes RAS, and the indices (n, 3) of each bone's voxels there."""
    # The first body of a bone is all of it.
    ends = {b.name: b.bounds_mm for b in reversed(person.bodies)}
    middle = (ends[f"femur_{side}"][0, 2] + ends[f"tibia_{side}"][1, 2]) / 2
    x, y = ends[f"patella_{side}"].mean(0)[:2]
    affine = np.diag([STEP_MM, STEP_MM, STEP_MM, 1.0])
    affine[:3, 3] = (x - 75, y - 110, middle - 75)
    tissue, owner = sample(person, Grid((76, 76, 76), affine))
    return tissue, {name: np.argwhere(owner == n + 1) for n, name in enumerate(person.names)}


@pytest.mark.parametrize("side", ["right", "left"])
def test_between_the_bones_of_a_knee_lies_what_belongs_there(person, side):
    tissue, bones = around_knee(person, side)
    plateau = bones[f"tibia_{side}"]
    condyles = bones[f"femur_{side}"]
    found = set()
    for i, j in {(int(i), int(j)) for i, j, _ in plateau} & {(int(i), int(j)) for i, j, _ in condyles}:
        top = plateau[(plateau[:, 0] == i) & (plateau[:, 1] == j), 2].max()
        low = condyles[(condyles[:, 0] == i) & (condyles[:, 1] == j), 2].min()
        if 0 < low - top < 12 / STEP_MM:
            found |= set(tissue[i, j, top + 1 : low].tolist())
    assert CODES["cartilage"] in found
    assert CODES["muscle"] not in found


@pytest.mark.parametrize("side", ["right", "left"])
def test_a_tendon_leads_from_the_kneecap_to_the_shin_over_a_pad_of_fat(person, side):
    tissue, bones = around_knee(person, side)
    cap = bones[f"patella_{side}"]
    i, _, k = np.rint(cap[cap[:, 2] < cap[:, 2].min() + 2].mean(0)).astype(int)
    # Below the kneecap, from the front backwards.
    line = tissue[i, ::-1, k - round(8 / STEP_MM)]
    tendon = np.flatnonzero(line == CODES["tendon"])
    assert tendon.size
    behind = line[tendon[-1] + 1 : tendon[-1] + 1 + round(8 / STEP_MM)]
    assert (behind == CODES["fat"]).any()


@pytest.mark.parametrize("side", ["right", "left"])
def test_behind_the_thigh_bone_above_the_knee_is_fat(person, side):
    tissue, bones = around_knee(person, side)
    femur = bones[f"femur_{side}"]
    above = femur[femur[:, 2] == femur[:, 2].min() + round(45 / STEP_MM)]
    i, j, k = np.rint([above[:, 0].mean(), above[:, 1].min(), above[0, 2]]).astype(int)
    behind = tissue[i - 3 : i + 4, j - round(16 / STEP_MM) : j - 1, k]
    assert (behind == CODES["fat"]).mean() > 0.4


@pytest.mark.parametrize("side", ["right", "left"])
def test_over_the_kneecap_there_is_less_fat_than_on_the_thigh(person, side):
    layer, muscle = (next(b for b in person.bodies if b.tissue == tissue) for tissue in ("fat", "muscle"))
    bones = {b.name: b.bounds_mm.mean(0) for b in reversed(person.bodies)}
    places = np.array([bones[f"patella_{side}"], bones[f"femur_{side}"]], np.float32)
    over_kneecap_mm, on_thigh_mm = muscle.distance_mm(places) - layer.distance_mm(places)
    assert on_thigh_mm > 0.7 * person.measures["fat_mm"]
    assert 1 < over_kneecap_mm < 0.6 * on_thigh_mm


def test_both_knees_have_all_of_it_and_as_much(person):
    counts = [[int((around_knee(person, s)[0] == CODES[t]).sum()) for t in SOFT] for s in ("right", "left")]
    right, left = np.array(counts)
    assert (right > 20).all(), dict(zip(SOFT, right, strict=True))
    assert (np.abs(right - left) < 0.35 * (right + left) / 2).all(), (right, left)
