"""Subjects, sampled or as somebody labelled them, each with one picture of it, so that they make a dataset."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from condyle.phantoms.cohort import Member, Phantom
from condyle.phantoms.synthetic.anatomy import LABELS, AnatomyMap, anatomy_map
from condyle.phantoms.synthetic.draw import drawn_pair
from condyle.phantoms.synthetic.labelled import Labelled, labelled_map
from condyle.phantoms.synthetic.people import drawn_person, kind_of
from condyle.phantoms.synthetic.pose import View
from condyle.phantoms.synthetic.stored import MapInMemory
from condyle.space import Grid, Volume

#: Voxels of the pictures that lie beside the maps.
_PICTURE_MM = 2.0
#: What they look like: any scan.
_MODALITY: Literal["scan"] = "scan"


@dataclass(frozen=True)
class SyntheticCohort:
    """Subjects of all kinds.

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

    modality: ClassVar = _MODALITY
    labels: ClassVar = LABELS

    @property
    def members(self) -> tuple[Member, ...]:
        """All subjects, in order. Each is a group."""
        names = (f"s{n + 1:03d}" for n in range(self.count))
        return tuple(Member(name, name, n, "both") for n, name in enumerate(names))

    def make(self, member: Member) -> Phantom:
        """Sample one member, and draw a picture of it."""
        rng = np.random.default_rng([self.seed, member.person])
        kind = kind_of(member.person, self.seed, with_shapes=self.shapes is not None)
        person = drawn_person(kind, self.shapes, self.step_mm, rng)
        return _pictured(anatomy_map(person.subject, person.grid), dict(person.subject.measures), rng)


@dataclass(frozen=True)
class LabelledCohort:
    """Subjects as they are labelled in scans.

    Args:
        people: Name to a person, who is read when it is made.
        groups: Name to whose scan it is.
        seed: Start of all randomness.
        step_mm: Fineness of the maps.
    """

    people: Mapping[str, Callable[[], Labelled]]
    groups: Mapping[str, str]
    seed: int
    step_mm: float = 2.0

    modality: ClassVar = _MODALITY
    labels: ClassVar = LABELS

    @property
    def members(self) -> tuple[Member, ...]:
        """All subjects, in order, in the groups that they have."""
        return tuple(Member(name, self.groups[name], n, "both") for n, name in enumerate(self.people))

    def make(self, member: Member) -> Phantom:
        """Make the map of one member, and draw a picture of it.

        Raises:
            DataError: if its files cannot be read, or show no bone that is drawn.
        """
        rng = np.random.default_rng([self.seed, member.person])
        return _pictured(labelled_map(self.people[member.id](), self.step_mm), {}, rng)


def _pictured(made: AnatomyMap, measures: dict[str, float], rng: np.random.Generator) -> Phantom:
    pair = drawn_pair(MapInMemory(made), View(_size(rng), (_PICTURE_MM,) * 3, (0, 1, 2)), rng)
    seen = pair.seen.slices
    i, j, k = pair.labels[seen].shape
    grid = Grid((i, j, k), np.diag([_PICTURE_MM, _PICTURE_MM, _PICTURE_MM, 1.0]))
    image = Volume(np.clip(np.rint(pair.image[seen]), -32000, 32000).astype(np.int16), grid)
    truth = Volume(pair.labels[seen].astype(np.uint8), grid)
    return Phantom(image, {"truth": truth}, measures, made)


def _size(rng: np.random.Generator) -> tuple[int, int, int]:
    """Voxels: up to 380 x 320 x 500 mm."""
    x, y, z = (int(rng.integers(low, high)) for low, high in ((110, 190), (100, 160), (60, 250)))
    return x, y, z
