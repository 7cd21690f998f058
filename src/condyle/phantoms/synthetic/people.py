"""Who is drawn: whole lower bodies of real bones and of modelled ones, children, trunks, single knees and bones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from condyle.errors import ConfigError
from condyle.phantoms.anatomy.arms import arm
from condyle.phantoms.anatomy.implant import with_nail
from condyle.phantoms.anatomy.table import table
from condyle.phantoms.body import Body, Subject
from condyle.phantoms.part import mirrored_bodies
from condyle.phantoms.skeleton.hip_joint import drawn_hip_joint
from condyle.phantoms.skeleton.subject import SUPINE_DEG, skeleton_subject
from condyle.phantoms.subjects import KINDS
from condyle.phantoms.synthetic.things import things
from condyle.phantoms.views import grid_over
from condyle.space import Grid

#: How often each is drawn, for a hundred. Without surfaces of real bones the first goes to the second.
SHARES = {
    "skeleton": 58, "thighs": 12, "paediatric_legs": 8, "abdomen": 10, "knee": 5, "proximal_femur": 3, "things": 4,
}  # fmt: skip
#: Margin of air around a body.
MARGIN_MM = 12.0
#: Of a skeleton, trunk above this height is left out: its chest is plain.
SKELETON_TOP_MM = 330.0
#: Height of the hips in the world of each kind that has a trunk.
_HIPS_MM = {"skeleton": -66.0, "thighs": 0.0, "paediatric_legs": 0.0, "abdomen": -235.0}

Drawn = tuple[Subject, Grid]


@dataclass(frozen=True)
class Person:
    """A subject to be sampled.

    Args:
        kind: Which of `SHARES`.
        subject: The subject.
        grid: All of it, RAS.
    """

    kind: str
    subject: Subject
    grid: Grid


def kind_of(number: int, seed: int, *, with_shapes: bool) -> str:
    """The kind of one member of a cohort. Kinds take turns, so that any part of it has its share of each."""
    shares = dict(SHARES)
    if not with_shapes:
        shares["thighs"] += shares.pop("skeleton")
    order = np.random.default_rng([seed, 7]).permutation(np.repeat(list(shares), list(shares.values())))
    return str(order[number % len(order)])


def drawn_person(kind: str, shapes: Path | None, step_mm: float, rng: np.random.Generator) -> Person:
    """Draw a subject.

    Args:
        kind: One of `SHARES`.
        shapes: Folder of bone surfaces, for `skeleton`.
        step_mm: Fineness of the grid.
        rng: The subject.
    """
    if kind == "things":
        thing = things(rng)
        return Person(kind, *_with_grid(thing, thing, step_mm))
    if kind == "skeleton":
        if shapes is None:
            raise ConfigError("shapes", expected="a folder of bone surfaces", got="none")
        subject = _skeleton(shapes, rng)
    else:
        chosen = KINDS[kind]
        subject = chosen.build(chosen.person(rng), str(rng.choice(chosen.sides)), rng)
    trunk = subject
    if kind in _HIPS_MM and rng.random() < 0.65:
        subject = _with_arms(subject, _HIPS_MM[kind], rng)
    femora = [name for name in subject.names if name.startswith("femur")]
    if femora and kind != "paediatric_legs" and rng.random() < 0.12:
        subject = with_nail(subject, str(rng.choice(femora)), radius_mm=float(rng.uniform(3, 7)))
    return Person(kind, *_with_grid(subject, trunk, step_mm, top_mm=SKELETON_TOP_MM if kind == "skeleton" else np.inf))


def _skeleton(shapes: Path, rng: np.random.Generator) -> Subject:
    spread = 4.0 if rng.random() < 0.7 else 12.0
    angles = {name: angle + float(rng.normal(0, spread)) for name, angle in SUPINE_DEG.items()}
    for letter in "rl":
        # Knees do not bend the other way.
        angles[f"knee_angle_{letter}"] = -abs(angles[f"knee_angle_{letter}"])
    child = rng.random() < 0.15
    subject = skeleton_subject(
        shapes,
        rng,
        angles_deg=angles,
        scale=float(rng.uniform(0.6, 0.88) if child else np.clip(rng.normal(0.98, 0.06), 0.84, 1.14)),
        variation_mm=float(rng.uniform(0.5, 1.4)),
        gap_mm=float(rng.uniform(1.6, 4.0)),
        hips=drawn_hip_joint(rng),
        fat_mm=float(rng.uniform(3, 12) if child else rng.gamma(3.0, 6.0) + 3),
        step_mm=1.75,
        with_viscera=True,
        enhanced=True,
    )
    skin = next(b for b in subject.bodies if b.tissue == "skin")
    low, high = skin.bounds_mm
    # Feet hang lower than the back lies.
    back_mm = min(b.bounds_mm[0, 1] for b in subject.bodies if b.name == "sacrum")
    back_mm -= subject.measures["fat_mm"] + float(rng.uniform(5, 30))
    under = table(back_mm, (float(low[2]) - 50, float(high[2]) + 50), float(rng.uniform(190, 260)))
    return replace(subject, bodies=(*under, *subject.bodies))


def _with_arms(subject: Subject, hips_mm: float, rng: np.random.Generator) -> Subject:
    """Beside the trunk, sometimes with the forearms over it, sometimes one alone."""
    skin = [b for b in subject.bodies if b.tissue == "skin"]
    low, high = np.min([b.bounds_mm[0] for b in skin], 0), np.max([b.bounds_mm[1] for b in skin], 0)
    k = float(np.clip((high[0] - low[0]) / 400, 0.6, 1.15))
    fat_mm = float(rng.uniform(2, 12))
    out: list[Body] = []
    for side in (1, -1):
        if rng.random() < 0.12:
            continue
        edge = high[0] if side > 0 else -low[0]
        hips = [b.bounds_mm[1, 0] for b in subject.bodies if b.name == "hip_right"]
        if hips:
            # The legs may lie wider apart than the trunk is.
            edge = min(edge, max(hips) + 40 * k + 1.5 * subject.measures.get("fat_mm", 15.0))
        x = edge + (48 + fat_mm) * k + rng.uniform(-8, 35)
        y = 0.5 * (low[1] + high[1]) + rng.uniform(-50, 30)
        shoulder = np.array([x - 15 * k, y, hips_mm + 425 * k])
        elbow = np.array([x + 12 * k, y - 10, hips_mm + 130 * k]) + rng.normal(0, 10, 3)
        if rng.random() < 0.75:
            wrist = elbow + np.array([rng.normal(-5, 8), rng.uniform(-10, 60), -245]) * k
            knuckles = wrist + np.array([rng.normal(0, 8), rng.uniform(-10, 20), -85]) * k
        else:
            front = high[1] + 45 * k
            wrist = np.array([rng.uniform(20, 90), front, hips_mm + rng.uniform(120, 240) * k])
            knuckles = wrist + np.array([-80, 5, rng.normal(0, 20)]) * k
        limb = arm(np.stack([shoulder, elbow, wrist, knuckles]), k, fat_mm, rng)
        out += limb if side > 0 else mirrored_bodies(limb)
    return replace(subject, bodies=(*out, *subject.bodies))


def _with_grid(subject: Subject, trunk: Subject, step_mm: float, *, top_mm: float = np.inf) -> Drawn:
    """All of a subject, and of its height what the trunk has, which may end in cuts; a margin of air to the sides."""

    def bounds(of: Subject, pick: Callable[[Body], bool]) -> np.ndarray:
        chosen = [b.bounds_mm for b in of.bodies if pick(b)]
        return np.array([np.min([b[0] for b in chosen], 0), np.max([b[1] for b in chosen], 0)])

    whole = bounds(subject, lambda b: b.tissue not in {"table_carbon", "foam"})
    lying = bounds(subject, lambda b: True)
    heights = bounds(trunk, lambda b: b.tissue not in {"table_carbon", "foam"})[:, 2]
    low = np.array([whole[0, 0] - MARGIN_MM, lying[0, 1] - MARGIN_MM, heights[0]])
    high = np.array([whole[1, 0] + MARGIN_MM, whole[1, 1] + MARGIN_MM, min(heights[1], top_mm)])
    return subject, grid_over(np.array([low, high]), "RAS", (step_mm,) * 3)
