"""Who is drawn: whole lower bodies of real bones and of modelled ones, children, trunks, single knees and bones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from condyle.labels import Labels
from condyle.phantoms.anatomy.implant import with_nail
from condyle.phantoms.body import Subject
from condyle.phantoms.cohort import Member, Phantom
from condyle.phantoms.skeleton.subject import SUPINE_DEG, skeleton_subject
from condyle.phantoms.subjects import KINDS
from condyle.phantoms.synthetic.anatomy import LABELS, anatomy_map
from condyle.phantoms.synthetic.draw import drawn_pair
from condyle.phantoms.synthetic.pose import View
from condyle.phantoms.synthetic.stored import MapInMemory
from condyle.phantoms.views import grid_over
from condyle.space import Grid, Volume

#: How often each is drawn, for a hundred. Without surfaces of real bones the first goes to the second.
SHARES = {"skeleton": 62, "thighs": 12, "paediatric_legs": 8, "abdomen": 10, "knee": 5, "proximal_femur": 3}
#: Margin of air around a body.
MARGIN_MM = 12.0


@dataclass(frozen=True)
class SyntheticCohort:
    """Sampled subjects, each with one picture of it, so that they make a dataset.

    Args:
        shapes: Folder of bone surfaces, or None.
        count: Number of subjects.
        seed: Start of all randomness.
        step_mm: Fineness of the maps.
    """

    shapes: Path | None
    count: int
    seed: int
    step_mm: float = 2.0

    @property
    def modality(self) -> Literal["scan"]:
        """Of the pictures: any."""
        return "scan"

    @property
    def labels(self) -> Labels:
        """The structures of the label maps."""
        return LABELS

    @property
    def members(self) -> tuple[Member, ...]:
        """All subjects, in order. Each is a group."""
        names = (f"s{n + 1:03d}" for n in range(self.count))
        return tuple(Member(name, name, n, "both") for n, name in enumerate(names))

    def make(self, member: Member) -> Phantom:
        """Sample one member, and draw a picture of it."""
        rng = np.random.default_rng([self.seed, member.person])
        kind = self._kind(member.person)
        subject = _subject(kind, self.shapes, rng)
        made = anatomy_map(subject, _grid(subject, self.step_mm))
        view = View(_scan_size(rng), (2.0, 2.0, 2.0), (0, 1, 2))
        pair = drawn_pair(MapInMemory(made), view, rng)
        grid = Grid(pair.image[pair.seen.slices].shape, np.diag([2.0, 2.0, 2.0, 1.0]))
        image = Volume(np.rint(pair.image[pair.seen.slices]).astype(np.int16), grid)
        truth = Volume(pair.labels[pair.seen.slices].astype(np.uint8), grid)
        return Phantom(image, {"truth": truth}, dict(subject.measures), made)

    def _kind(self, number: int) -> str:
        """Kinds take turns, so that any part of a cohort has its share of each."""
        shares = dict(SHARES)
        if self.shapes is None:
            shares["thighs"] += shares.pop("skeleton")
        order = np.repeat(list(shares), list(shares.values()))
        return str(np.random.default_rng([self.seed, 7]).permutation(order)[number % len(order)])


def _subject(kind: str, shapes: Path | None, rng: np.random.Generator) -> Subject:
    if kind == "skeleton" and shapes is not None:
        subject = _skeleton(shapes, rng)
    else:
        drawn = KINDS[kind]
        person = drawn.person(rng)
        subject = drawn.build(person, str(rng.choice(drawn.sides)), rng)
    femora = [name for name in subject.names if name.startswith("femur")]
    if femora and kind != "paediatric_legs" and rng.random() < 0.12:
        subject = with_nail(subject, str(rng.choice(femora)), radius_mm=float(rng.uniform(3, 7)))
    return subject


def _skeleton(shapes: Path, rng: np.random.Generator) -> Subject:
    spread = 4.0 if rng.random() < 0.7 else 12.0
    angles = {name: angle + float(rng.normal(0, spread)) for name, angle in SUPINE_DEG.items()}
    for letter in "rl":
        # Knees do not bend the other way.
        angles[f"knee_angle_{letter}"] = -abs(angles[f"knee_angle_{letter}"])
    child = rng.random() < 0.15
    return skeleton_subject(
        shapes,
        rng,
        angles_deg=angles,
        scale=float(rng.uniform(0.6, 0.88) if child else np.clip(rng.normal(0.98, 0.06), 0.84, 1.14)),
        variation_mm=float(rng.uniform(0.5, 1.4)),
        gap_mm=float(rng.uniform(1.6, 4.0)),
        fat_mm=float(rng.uniform(3, 12) if child else rng.gamma(3.0, 6.0) + 3),
        step_mm=1.5,
    )


def _grid(subject: Subject, step_mm: float) -> Grid:
    """All of a subject: the box of its widest bodies, the table aside, and a margin of air to the sides."""
    bodies = [b for b in subject.bodies if b.tissue not in {"table_carbon", "foam"}]
    low = np.min([b.bounds_mm[0] for b in bodies], 0)
    high = np.max([b.bounds_mm[1] for b in bodies], 0)
    table = [b.bounds_mm[0, 1] for b in subject.bodies if b.tissue == "table_carbon"]
    margin = np.array([MARGIN_MM, MARGIN_MM, 0])
    low[1] = min([low[1], *table])
    return grid_over(np.array([low - margin, high + margin]), "RAS", (step_mm,) * 3)


def _scan_size(rng: np.random.Generator) -> tuple[int, int, int]:
    """Voxels of 2 mm: up to 380 x 320 x 500 mm."""
    x, y, z = (int(rng.integers(low, high)) for low, high in ((110, 190), (100, 160), (60, 250)))
    return x, y, z
