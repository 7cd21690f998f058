"""The measures of a femur, and the frames it is built in.

Two frames, both with x lateral, y anterior, z up:

* **knee frame**, in which the bone is returned: origin midway between the condyles on the joint line, upright as
  in standing.
* **shaft frame**: origin where the neck axis meets the shaft axis, z along the proximal shaft axis. The shaft
  axis rises laterally in the knee frame, by the valgus angle.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from condyle.errors import ConfigError
from condyle.phantoms.solids import Matrix, rotation


@dataclass(frozen=True)
class FemurShape:
    """Measures of one femur.

    Args:
        head_radius_mm: Radius of the head, an exact sphere.
        neck_length_mm: Head centre to the shaft axis, along the neck axis.
        neck_radius_mm: Half height of the neck where it is narrowest.
        neck_shaft_angle_deg: Between the neck axis and the downward shaft axis.
        anteversion_deg: Of the neck axis before the condylar plane, seen along the shaft axis.
        shaft_length_mm: From the neck axis to the joint line, along the shaft axis.
        shaft_radius_mm: Outer radius at mid-shaft.
        bow_mm: How far the mid-shaft lies in front of the shaft axis.
        valgus_deg: Between the shaft axis and upright.
        condylar_width_mm: Between the epicondyles.
        cortex_mm: Thickness at mid-shaft.
        thin_cortex_mm: Thickness at head and condyles.
    """

    head_radius_mm: float = 24.0
    neck_length_mm: float = 52.0
    neck_radius_mm: float = 16.0
    neck_shaft_angle_deg: float = 127.0
    anteversion_deg: float = 13.0
    shaft_length_mm: float = 395.0
    shaft_radius_mm: float = 13.8
    bow_mm: float = 9.0
    valgus_deg: float = 6.0
    condylar_width_mm: float = 82.0
    cortex_mm: float = 6.0
    thin_cortex_mm: float = 1.5

    def __post_init__(self) -> None:
        if not 0.3 < self.thin_cortex_mm < self.cortex_mm < 0.8 * self.shaft_radius_mm:
            raise ConfigError(
                "femur", expected="0.3 mm < thin cortex < cortex < 0.8 x shaft radius", got=f"cortex {self.cortex_mm}"
            )
        if not 90 < self.neck_shaft_angle_deg < 170 or self.neck_radius_mm >= self.head_radius_mm:
            raise ConfigError("femur", expected="90 to 170 deg and a neck thinner than the head", got=str(self))

    @property
    def scale(self) -> float:
        """Size of the distal end relative to the reference."""
        return self.condylar_width_mm / 82

    @property
    def neck_axis(self) -> Matrix:
        """Unit vector from shaft to head in the shaft frame."""
        angle, version = np.deg2rad([self.neck_shaft_angle_deg, self.anteversion_deg])
        return np.array([-np.sin(angle) * np.cos(version), np.sin(angle) * np.sin(version), -np.cos(angle)])

    @property
    def shaft_turn(self) -> Matrix:
        """Rotation from the shaft frame to the knee frame."""
        return rotation((0, 1, 0), self.valgus_deg)

    @property
    def shaft_origin_mm(self) -> Matrix:
        """Origin of the shaft frame in the knee frame."""
        return np.array([0, 6 * self.scale, 0]) + self.shaft_turn @ (0, 0, self.shaft_length_mm)

    @property
    def head_center_mm(self) -> Matrix:
        """In the knee frame."""
        return self.shaft_origin_mm + self.shaft_turn @ (self.neck_axis * self.neck_length_mm)


def femur_measures(shape: FemurShape) -> dict[str, float]:
    """The true measures of a femur of this shape, by name with unit."""
    names = ("head_radius_mm", "neck_length_mm", "neck_shaft_angle_deg", "anteversion_deg", "condylar_width_mm")
    length = float(shape.head_center_mm[2] + shape.head_radius_mm)
    return {name: float(getattr(shape, name)) for name in names} | {
        "cortex_mid_shaft_mm": shape.cortex_mm,
        "length_mm": length,
    }
