"""Many subjects of a kind, each in a scanner: the scans, and label maps that are known to be true.

A **person** gives one scan or, where the kind has sides, two; both belong to the group of that person. Every
scan is drawn from its own seed, so that any one of them can be made alone, in any order.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from condyle.classical.fill import FillSettings, fill
from condyle.errors import ConfigError
from condyle.labels import Labels
from condyle.phantoms.anatomy.implant import with_nail
from condyle.phantoms.body import Subject, sample
from condyle.phantoms.manual import manual_mask
from condyle.phantoms.scanners.ct import CT, scan_ct
from condyle.phantoms.scanners.mr import MR, PRESETS, scan_mr
from condyle.phantoms.subjects import KINDS, Kind, skeleton_kind
from condyle.phantoms.synthetic.anatomy import AnatomyMap
from condyle.space import Grid, Volume

#: Scanners by name.
SCANNERS: dict[str, CT | MR] = {
    "ct": CT(),
    "ct_bone": CT(kernel="bone", fwhm_mm=0.8, noise_hu=25.0),
    "ct_low_dose": CT(noise_hu=45.0),
    **{f"mr_{name}": settings for name, settings in PRESETS.items()},
}

#: The scanner each kind is usually seen in.
USUAL_SCANNER = {
    "proximal_femur": "ct_bone",
    "thighs": "ct",
    "knee": "mr_t1",
    "paediatric_legs": "mr_pd_fs",
    "abdomen": "ct",
    "skeleton": "ct",
}

#: Threshold of the `fill` label set, HU.
FILL_THRESHOLD_HU = 250.0


@dataclass(frozen=True)
class Member:
    """One scan of a cohort, before it is made.

    Args:
        id: `p01_left` or `p01`.
        group: The person, `p01`.
        person: Number of the person, from 0.
        side: One of the kind's sides.
    """

    id: str
    group: str
    person: int
    side: str


@dataclass(frozen=True)
class Phantom:
    """One scan and what is true of it.

    Args:
        image: int16 or uint8: HU, or MR signal.
        label_sets: `truth`, `manual` (a human's hand) and, of one bone in CT, `fill`.
        measures: True measures by name, units in the names.
        anatomy: The whole subject, sampled, where pictures of it are to be drawn in training.
    """

    image: Volume
    label_sets: dict[str, Volume]
    measures: dict[str, float]
    anatomy: AnatomyMap | None = None


@dataclass(frozen=True)
class Cohort:
    """Scans of one kind of subject.

    Args:
        kind: What is scanned.
        scanner: The scanner.
        count: Number of scans.
        seed: Start of all randomness.
        spacing_mm: Along the array axes; what the kind's scanners usually choose if None.
        metal: Whether each subject has a titanium nail in a femur, the first there is.
    """

    kind: Kind
    scanner: CT | MR
    count: int
    seed: int
    spacing_mm: tuple[float, float, float] | None = None
    metal: bool = False

    @property
    def modality(self) -> Literal["CT", "MR"]:
        """Of the scanner."""
        return "CT" if isinstance(self.scanner, CT) else "MR"

    @property
    def labels(self) -> Labels:
        """The structures of the label maps."""
        return Labels.of({name: n for n, name in enumerate(self.kind.labels, start=1)})

    @property
    def members(self) -> tuple[Member, ...]:
        """All scans, in order of person and side."""
        sides = self.kind.sides
        digits = max(2, len(str(-(-self.count // len(sides)))))
        members = []
        for n in range(self.count):
            person, side = n // len(sides), sides[n % len(sides)]
            group = f"p{person + 1:0{digits}d}"
            members.append(Member(group if len(sides) == 1 else f"{group}_{side}", group, person, side))
        return tuple(members)

    def make(self, member: Member) -> Phantom:
        """Build, scan and label one member."""
        person = self.kind.person(np.random.default_rng([self.seed, member.person]))
        rng = np.random.default_rng([self.seed, member.person, self.kind.sides.index(member.side)])
        subject = self.kind.build(person, member.side, rng)
        if self.metal:
            subject = with_nail(subject, next((n for n in subject.names if n.startswith("femur")), "femur"))
        grid = self.kind.field_of_view(subject, rng, self.spacing_mm)
        image = _scan(subject, grid, self.scanner, rng)
        truth = self._truth(subject, grid)
        sets = {"truth": truth, "manual": truth.with_array(manual_mask(truth.array, grid, rng))}
        if isinstance(self.scanner, CT) and len(self.kind.labels) == 1:
            sets["fill"] = fill(image, FillSettings(threshold=FILL_THRESHOLD_HU))
        return Phantom(image, sets, dict(subject.measures))

    def _truth(self, subject: Subject, grid: Grid) -> Volume:
        """The kind's structures at the voxel centres; a kind that does not tell sides gives both one label."""
        _, owner = sample(subject, grid)
        ids = self.labels.ids
        by_name = dict(zip(self.kind.labels, ids, strict=True))
        unsided = (name.removesuffix("_left").removesuffix("_right") for name in subject.names)
        lookup = [by_name.get(name, by_name.get(plain, 0)) for name, plain in zip(subject.names, unsided, strict=True)]
        return Volume(np.array([0, *lookup], np.uint8)[owner], grid)


def kind_named(name: str, shapes: Path | None) -> Kind:
    """A kind by name; `skeleton` needs a folder of bone surfaces.

    Raises:
        ConfigError: if there is no such kind, or a folder is missing or given in vain.
    """
    if (name == "skeleton") != (shapes is not None):
        raise ConfigError(
            "shapes",
            expected="a folder of bone surfaces with the kind skeleton, and with no other",
            got=f"{shapes or 'none'} with {name}",
        )
    if shapes is not None:
        return skeleton_kind(shapes)
    if name not in KINDS:
        raise ConfigError("kind", expected=f"one of {', '.join([*KINDS, 'skeleton'])}", got=name)
    return KINDS[name]


def scanner_named(name: str) -> CT | MR:
    """A scanner by name.

    Raises:
        ConfigError: if there is no such scanner.
    """
    if name not in SCANNERS:
        raise ConfigError("scanner", expected=f"one of {', '.join(SCANNERS)}", got=name)
    return SCANNERS[name]


def _scan(subject: Subject, grid: Grid, scanner: CT | MR, rng: np.random.Generator) -> Volume:
    if isinstance(scanner, CT):
        return scan_ct(subject, grid, scanner, rng)
    return scan_mr(subject, grid, scanner, rng)
