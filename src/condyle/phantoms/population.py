"""People, drawn at random, and the measures their bodies follow from.

Means and spreads are of adults, rounded after: Noble et al. (Clin Orthop 1988; 235:148) and Husmann et al.
(J Arthroplasty 1997; 12:444) for the proximal femur; Ruff & Hayes (J Orthop Res 1988; 6:886) for the thinning of the
cortex with age; Mahfouz et al. (Clin Orthop 2012; 470:172) for the knee; Trotter & Gleser (Am J Phys Anthropol 1952;
10:463) for the length of long bones by stature. Lengths and widths scale with stature; the rest of their variance is
independent.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from condyle.phantoms.anatomy.abdomen import AbdomenShape
from condyle.phantoms.anatomy.femur_shape import FemurShape
from condyle.phantoms.anatomy.hip import HipShape
from condyle.phantoms.anatomy.leg import LegShape
from condyle.phantoms.anatomy.shank import ShankShape

Sex = Literal["female", "male"]


@dataclass(frozen=True)
class Person:
    """One person, the group that all scans of them belong to.

    Args:
        sex: Female or male.
        age_years: Age.
        stature_mm: Height.
        fat_mm: Fat under the skin at mid-thigh.
        leg: Measures of the right leg; the left one differs a little, see `other_leg`.
    """

    sex: Sex
    age_years: float
    stature_mm: float
    fat_mm: float
    leg: LegShape


def adult(rng: np.random.Generator, *, age_years: tuple[float, float] = (60.0, 14.0)) -> Person:
    """A random adult.

    Args:
        rng: The person.
        age_years: Mean and standard deviation; ages are kept between 20 and 95.
    """
    sex: Sex = "male" if rng.random() < 0.5 else "female"
    male = sex == "male"
    age = float(np.clip(rng.normal(*age_years), 20, 95))
    stature = rng.normal(1750, 68) if male else rng.normal(1625, 62)
    fat = float(np.clip(rng.normal(9 if male else 15, 4), 3, 30))
    return Person(sex, age, float(stature), fat, _leg(male, age, float(stature), fat, rng))


def child(rng: np.random.Generator) -> Person:
    """A random child of 7 to 12 years with open growth plates."""
    sex: Sex = "male" if rng.random() < 0.5 else "female"
    age = float(rng.uniform(7, 12.9))
    stature = float(1220 + 57 * (age - 7) + rng.normal(0, 55))
    fat = float(np.clip(rng.normal(9, 3), 4, 18))
    adult_leg = _leg(sex == "male", 20, stature, fat, rng)
    # Children are steeper and more twisted at the hip, and their cortex is thin.
    thigh = replace(
        adult_leg.femur,
        neck_shaft_angle_deg=float(rng.normal(137, 4)),
        anteversion_deg=float(rng.normal(24, 6)),
        cortex_mm=0.62 * adult_leg.femur.cortex_mm,
        thin_cortex_mm=1.0,
        neck_radius_mm=0.62 * adult_leg.femur.head_radius_mm,
    )
    shin = replace(adult_leg.shank, cortex_mm=0.62 * adult_leg.shank.cortex_mm, thin_cortex_mm=0.9)
    hip = replace(adult_leg.hip, joint_space_mm=float(rng.normal(4.6, 0.3)), cortex_mm=1.0)
    return Person(sex, age, stature, fat, replace(adult_leg, femur=thigh, shank=shin, hip=hip, growing=True))


def other_leg(shape: LegShape, rng: np.random.Generator) -> LegShape:
    """The opposite leg of the same person: nearly the same.

    Lengths differ by about 1 %, angles by one to three degrees (compare Young et al., Clin Orthop 2013; 471:1593).
    """

    def near(value: float, relative: float) -> float:
        return float(value * (1 + np.clip(rng.normal(0, relative), -2.5 * relative, 2.5 * relative)))

    f = shape.femur
    thigh = replace(
        f,
        head_radius_mm=near(f.head_radius_mm, 0.006),
        neck_length_mm=near(f.neck_length_mm, 0.015),
        neck_shaft_angle_deg=near(f.neck_shaft_angle_deg, 0.010),
        anteversion_deg=f.anteversion_deg + float(rng.normal(0, 2.5)),
        shaft_length_mm=near(f.shaft_length_mm, 0.004),
        bow_mm=near(f.bow_mm, 0.05),
        cortex_mm=near(f.cortex_mm, 0.02),
    )
    shin = replace(shape.shank, length_mm=near(shape.shank.length_mm, 0.004))
    return replace(shape, femur=thigh, shank=shin, hip=replace(shape.hip, head_radius_mm=thigh.head_radius_mm))


def abdomen_of(person: Person, rng: np.random.Generator, *, enhanced: bool) -> AbdomenShape:
    """The trunk of a person."""
    return AbdomenShape(
        scale=float(person.stature_mm / 1720 * rng.normal(1, 0.025)),
        fat_mm=float(np.clip(1.3 * person.fat_mm + rng.normal(0, 3), 4, 40)),
        roundness=float(np.clip(rng.normal(0.68, 0.03), 0.6, 0.78)),
        enhanced=enhanced,
    )


def _leg(male: bool, age: float, stature: float, fat_mm: float, rng: np.random.Generator) -> LegShape:
    # Deviation of stature from the mean of the sex, for what scales with it only in part.
    size = stature / (1750 if male else 1625)
    aged = max(0.0, age - 45) / 10

    def width(mean_male: float, mean_female: float, relative_sd: float) -> float:
        mean = mean_male if male else mean_female
        return float(mean * size * (1 + np.clip(rng.normal(0, relative_sd), -0.12, 0.12)))

    head = width(24.4, 21.7, 0.035)
    condyles = width(83, 74, 0.03)
    shaft = width(14.0, 12.6, 0.04) * (1 + 0.008 * aged)
    thinning = 1 - aged * (0.03 if male else 0.05)
    cortex = min(width(6.4, 5.7, 0.07) * thinning, 0.6 * shaft)
    femur = FemurShape(
        head_radius_mm=head,
        neck_length_mm=width(53, 48, 0.06),
        neck_radius_mm=min(width(16.6, 14.6, 0.04), 0.75 * head),
        neck_shaft_angle_deg=float(np.clip(rng.normal(127, 4.5), 114, 142)),
        anteversion_deg=float(np.clip(rng.normal(13, 7), -5, 32)),
        shaft_length_mm=float(0.2255 * stature * (1 + np.clip(rng.normal(0, 0.015), -0.04, 0.04))),
        shaft_radius_mm=shaft,
        bow_mm=float(np.clip(rng.normal(9, 2), 4, 15)),
        valgus_deg=float(np.clip(rng.normal(6, 0.9), 4, 8.5)),
        condylar_width_mm=condyles,
        cortex_mm=cortex,
        thin_cortex_mm=float(np.clip(1.6 - 0.08 * aged + rng.normal(0, 0.08), 1.0, 1.9)),
    )
    shank = ShankShape(
        length_mm=0.825 * (femur.shaft_length_mm + 47) * float(rng.normal(1, 0.012)),
        plateau_width_mm=0.927 * condyles,
        shaft_radius_mm=0.73 * shaft,
        cortex_mm=0.8 * min(cortex, 0.73 * shaft),
        thin_cortex_mm=0.85 * femur.thin_cortex_mm,
    )
    hip = HipShape(
        head_radius_mm=head,
        joint_space_mm=float(np.clip(rng.normal(3.7, 0.3), 3.0, 4.5)),
        half_distance_mm=width(88, 90, 0.025) * (1 if male else 1 / size**0.5),
        wing_mm=width(8.8, 7.8, 0.05),
        cortex_mm=float(np.clip(1.4 * thinning, 1.0, 1.5)),
    )
    return LegShape(femur, shank, hip, flexion_deg=0.0, fat_mm=fat_mm)
