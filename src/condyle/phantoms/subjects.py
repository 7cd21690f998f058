"""The kinds of subject, each with the people it is made of and the scan it is made for.

Example:
    >>> import numpy as np
    >>> kind = KINDS["proximal_femur"]
    >>> person = kind.person(np.random.default_rng([7, 0]))
    >>> subject = kind.build(person, "left", np.random.default_rng([7, 0, 0]))
    >>> subject.names
    ('femur_left',)
    >>> grid = kind.field_of_view(subject, np.random.default_rng([7, 0, 1]), (2.0, 2.0, 2.0))
    >>> [round(mm, 6) for mm in grid.spacing_mm]
    [2.0, 2.0, 2.0]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from condyle.errors import ConfigError
from condyle.phantoms import population, views
from condyle.phantoms.anatomy import abdomen as trunk
from condyle.phantoms.anatomy import exvivo, limbs
from condyle.phantoms.anatomy.leg import LegShape
from condyle.phantoms.anatomy.table import table
from condyle.phantoms.body import Subject
from condyle.phantoms.population import Person
from condyle.phantoms.skeleton.subject import skeleton_subject
from condyle.space import Grid


class Build(Protocol):
    """Makes one subject of a person: `side` is one of the kind's sides."""

    def __call__(self, person: Person, side: str, rng: np.random.Generator) -> Subject: ...


class FieldOfView(Protocol):
    """Chooses a grid for a subject; a given spacing (per array axis) replaces the usual one."""

    def __call__(
        self, subject: Subject, rng: np.random.Generator, spacing_mm: Sequence[float] | None = None
    ) -> Grid: ...


@dataclass(frozen=True)
class Kind:
    """One kind of subject.

    Args:
        modality: The scanner it is made for.
        sides: The subjects one person gives: `("left", "right")`, or `("both",)` for a single one.
        labels: Structures a label map of it names; `femur` stands for the femur of either side.
        person: Draws a person.
        build: Makes a subject of a person.
        field_of_view: Chooses a grid.
    """

    modality: Literal["ct", "mr"]
    sides: tuple[str, ...]
    labels: tuple[str, ...]
    person: Callable[[np.random.Generator], Person]
    build: Build
    field_of_view: FieldOfView


def leg_of(person: Person, side: str, rng: np.random.Generator) -> LegShape:
    """The right leg of a person, or their left one as if it were a right one."""
    if side not in {"left", "right"}:
        raise ConfigError("side", expected="left or right", got=side)
    return person.leg if side == "right" else population.other_leg(person.leg, rng)


def _proximal_femur(person: Person, side: str, rng: np.random.Generator) -> Subject:
    cut_mm, block_mm = float(rng.uniform(100, 140)), float(rng.uniform(30, 50))
    return exvivo.proximal_femur(leg_of(person, side, rng).femur, rng, side=side, cut_mm=cut_mm, block_mm=block_mm)


def _thighs(person: Person, side: str, rng: np.random.Generator) -> Subject:
    del side
    return limbs.lower_body(person.leg, population.other_leg(person.leg, rng), rng)


def _knee(person: Person, side: str, rng: np.random.Generator) -> Subject:
    shape = replace(leg_of(person, side, rng), flexion_deg=float(rng.uniform(0, 18)))
    return limbs.knee(shape, rng, side=side)


def _paediatric_legs(person: Person, side: str, rng: np.random.Generator) -> Subject:
    del side
    return limbs.lower_body(person.leg, population.other_leg(person.leg, rng), rng, with_table=False)


def _abdomen(person: Person, side: str, rng: np.random.Generator) -> Subject:
    del side
    shape = population.abdomen_of(person, rng, enhanced=bool(rng.random() < 0.7))
    patient = trunk.abdomen(shape, rng)
    back_mm = (12 - 150 * shape.roundness * 1.08) * shape.scale - shape.fat_mm
    under = table(back_mm, (trunk.BOTTOM_MM * shape.scale, trunk.TOP_MM * shape.scale))
    return Subject((*under, *patient.bodies), patient.measures)


def _old_donor(rng: np.random.Generator) -> Person:
    return population.adult(rng, age_years=(76, 12))


_LEG = ("femur", "tibia", "fibula", "patella")


def _sided(*names: str) -> tuple[str, ...]:
    return tuple(f"{name}_{side}" for name in names for side in ("left", "right"))


#: Every kind of subject by name.
KINDS: dict[str, Kind] = {
    "proximal_femur": Kind(
        "ct", ("left", "right"), ("femur",), _old_donor, _proximal_femur, views.ex_vivo_ct
    ),
    "thighs": Kind("ct", ("both",), _sided("femur", "hip"), population.adult, _thighs, views.thigh_ct),
    "knee": Kind("mr", ("left", "right"), _sided(*_LEG), population.adult, _knee, views.knee_mr),
    "paediatric_legs": Kind(
        "mr", ("both",), _sided("femur", "tibia", "fibula", "hip"), population.child, _paediatric_legs, views.legs_mr
    ),
    "abdomen": Kind(
        "ct", ("both",), ("liver", *_sided("kidney"), "spleen"), population.adult, _abdomen, views.abdomen_ct
    ),
}  # fmt: skip


def skeleton_kind(folder: Path) -> Kind:
    """Lower bodies made of the surfaces of real bones in a folder, see `skeleton`, in a CT scanner."""

    def build(person: Person, side: str, rng: np.random.Generator) -> Subject:
        del side
        return skeleton_subject(folder, rng, scale=person.stature_mm / 1750, fat_mm=person.fat_mm)

    labels = (*_sided(*_LEG, "hip"), "sacrum", "spine", "other_bone")
    return Kind("ct", ("both",), labels, population.adult, build, views.lower_body_ct)
