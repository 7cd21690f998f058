"""The one table of affines that drives every test of geometry: all axis orders and signs, oblique, sheared."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from condyle.space import ORIENTATIONS, Affine

_SPACING = np.array([0.7, 1.1, 2.5])
_ORIGIN = np.array([-31.0, 12.5, 104.25])


def _affine(direction: np.ndarray, spacing: np.ndarray = _SPACING) -> Affine:
    out = np.eye(4)
    out[:3, :3] = direction * spacing
    out[:3, 3] = _ORIGIN
    return out


def _direction(orientation: str) -> np.ndarray:
    signs = {"R": (0, 1), "L": (0, -1), "A": (1, 1), "P": (1, -1), "S": (2, 1), "I": (2, -1)}
    out = np.zeros((3, 3))
    for axis, letter in enumerate(orientation):
        world, sign = signs[letter]
        out[world, axis] = sign
    return out


_TURN = Rotation.from_euler("xyz", [8, -14, 21], degrees=True).as_matrix()
_SHEAR = np.array([[1, 0, 0.05], [0, 1, 0.12], [0, 0, 1]])

STRAIGHT: dict[str, Affine] = {name: _affine(_direction(name)) for name in ORIENTATIONS}
OBLIQUE: dict[str, Affine] = {
    f"oblique-{name}": _affine(_TURN @ _direction(name)) for name in ("RAS", "LPS", "PIR", "AIL", "SRP")
}
SHEARED: dict[str, Affine] = {"sheared": _affine(_SHEAR), "sheared-LPS": _affine(_SHEAR @ _direction("LPS"))}
ALL: dict[str, Affine] = STRAIGHT | OBLIQUE | SHEARED
