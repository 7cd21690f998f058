"""Fields of view: the grids scanners of the day would choose for a subject."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from condyle.phantoms.body import Subject, sample
from condyle.phantoms.solids import rotation
from condyle.space import Grid, bounding_box
from condyle.space.axes import LETTERS

Bounds = NDArray[np.float64]


def grid_over(
    bounds_mm: Bounds,
    orientation: str,
    spacing_mm: Sequence[float],
    *,
    tilt: NDArray[np.float64] | None = None,
) -> Grid:
    """A grid that covers a box.

    Args:
        bounds_mm: Shape (2, 3), lower and upper corner.
        orientation: Where the axes point, e.g. `LPS`.
        spacing_mm: One number per array axis.
        tilt: A rotation of the whole grid about the middle of the box, for oblique scans.
    """
    size, middle = bounds_mm[1] - bounds_mm[0], bounds_mm.mean(0)
    steps, shape = np.zeros((3, 3)), []
    for axis, letter in enumerate(orientation):
        world = next(w for w, pair in enumerate(LETTERS) if letter in pair)
        steps[world, axis] = spacing_mm[axis] * (1 if letter == LETTERS[world][0] else -1)
        shape.append(max(1, round(size[world] / spacing_mm[axis])))
    affine = np.eye(4)
    affine[:3, :3] = steps if tilt is None else tilt @ steps
    affine[:3, 3] = middle - affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Grid((shape[0], shape[1], shape[2]), affine)


def bounds_of(subject: Subject, *names: str, step_mm: float = 6.0) -> Bounds:
    """The box around the named structures, to one `step_mm`; a name may be the start of several."""
    bodies = tuple(b for b in subject.bodies if b.name and b.name.startswith(names))
    low = np.min([b.bounds_mm[0] for b in bodies], 0)
    high = np.max([b.bounds_mm[1] for b in bodies], 0)
    coarse = grid_over(np.array([low, high]), "RAS", (step_mm,) * 3)
    found = bounding_box(sample(Subject(bodies), coarse)[1])
    if found is None:
        return np.array([low, high])
    return coarse.to_world(np.array([found.start, np.subtract(found.stop, 1)])) + np.array([[-step_mm], [step_mm]]) / 2


def small_tilt(rng: np.random.Generator, sd_deg: float) -> NDArray[np.float64]:
    """A random rotation about each axis in turn."""
    x, y, z = rng.normal(0, sd_deg, 3)
    return rotation((1, 0, 0), x) @ rotation((0, 1, 0), y) @ rotation((0, 0, 1), z)


def ex_vivo_ct(subject: Subject, rng: np.random.Generator, spacing_mm: Sequence[float] | None = None) -> Grid:
    """Tight around the bone, 1 mm isotropic, long axis first or last, a degree or so askew in the scanner.

    More often than not the field ends within the block, so that the cut shaft touches its border.
    """
    bounds = bounds_of(subject, "femur", step_mm=2.0)
    margin = np.array([12.0, 11.0, 4.0])
    bounds += np.array([-rng.uniform(0.3, 1.6, 3) * margin, rng.uniform(0.3, 1.6, 3) * margin])
    if rng.random() < 0.6:
        bounds[0, 2] += rng.uniform(10, 25)
    orientation = str(rng.choice(["RAS", "LPS", "SAR", "IPR"]))
    return grid_over(bounds, orientation, spacing_mm or (1.0, 1.0, 1.0), tilt=small_tilt(rng, 1.0))


def thigh_ct(subject: Subject, rng: np.random.Generator, spacing_mm: Sequence[float] | None = None) -> Grid:
    """Both thighs, from above the hip joints to below the knees or to part of the way there, in axial slices."""
    bounds = bounds_of(subject, "femur")
    whole = rng.random() < 0.5
    low = bounds[0, 2] - 12 if whole else bounds[1, 2] - rng.uniform(180, 320)
    pixel = float(rng.uniform(0.74, 0.86))
    half = 256 * pixel
    x, y, _ = bounds.mean(0) - (0, 10, 0)
    box = np.array([[x - half, y - half, low], [x + half, y + half, bounds[1, 2] + rng.uniform(12, 60)]])
    tilt = small_tilt(rng, 1.0) if rng.random() < 0.3 else None
    return grid_over(box, "LPS", spacing_mm or (pixel, pixel, 3.0), tilt=tilt)


def knee_mr(subject: Subject, rng: np.random.Generator, spacing_mm: Sequence[float] | None = None) -> Grid:
    """Sagittal slices of 4 mm, or a nearly isotropic low-field scan, oblique along the condyles."""
    side = 1 if "femur_right" in subject.names else -1
    if rng.random() < 0.6:
        spacing, half = (0.45, 0.45, 4.0), np.array([50, 84, 84])
    else:
        spacing, half = (1.0, 1.0, 1.0), np.array([62, 72, 72])
    middle = np.array([side * 2, -4, -2]) + rng.normal(0, 3, 3)
    orientation = "PIR" if side > 0 else "PIL"
    return grid_over(
        np.array([middle - half, middle + half]), orientation, spacing_mm or spacing, tilt=small_tilt(rng, 3)
    )


def legs_mr(subject: Subject, rng: np.random.Generator, spacing_mm: Sequence[float] | None = None) -> Grid:
    """Axial slices of 0.94 mm pixels, from the hips to the ankles or to below the knees."""
    femur = bounds_of(subject, "femur")
    reach = bounds_of(subject, "femur", "hip", "tibia")
    low = reach[0, 2] - 12 if rng.random() < 0.5 else femur[0, 2] - rng.uniform(20, 80)
    box = np.array([[reach[0, 0] - 55, -130, low], [reach[1, 0] + 55, 130, reach[1, 2] + 15]])
    slices = float(rng.choice([1.5, 2.0, 3.0]))
    orientation = str(rng.choice(["LPS", "RAS"]))
    tilt = small_tilt(rng, 1.5) if rng.random() < 0.3 else None
    return grid_over(box, orientation, spacing_mm or (0.94, 0.94, slices), tilt=tilt)


def abdomen_ct(subject: Subject, rng: np.random.Generator, spacing_mm: Sequence[float] | None = None) -> Grid:
    """The trunk from the dome of the liver to below the kidneys, 1.5 mm isotropic or 0.8 x 0.8 x 3 mm."""
    k = subject.measures["scale"]
    half_x, half_y = 172 * k + 1.2 * subject.measures["fat_mm"], 140 * k + 1.2 * subject.measures["fat_mm"]
    low, high = rng.uniform(-125, -90) * k, rng.uniform(140, 180) * k
    box = np.array([[-half_x, 8 * k - half_y, low], [half_x, 8 * k + half_y, high]])
    spacing = (1.5, 1.5, 1.5) if rng.random() < 0.5 else (0.8, 0.8, 3.0)
    return grid_over(box, str(rng.choice(["LPS", "RAS"])), spacing_mm or spacing)


def lower_body_ct(subject: Subject, rng: np.random.Generator, spacing_mm: Sequence[float] | None = None) -> Grid:
    """From the iliac crests to below the knees or the ankles, the table's width across, in axial slices."""
    bones = bounds_of(subject, "femur", "hip")
    low = bounds_of(subject, "tibia")[0, 2] - 15 if rng.random() < 0.5 else bones[0, 2] - rng.uniform(20, 120)
    middle = bones.mean(0)
    box = np.array([[middle[0] - 240, middle[1] - 160, low], [middle[0] + 240, middle[1] + 160, bones[1, 2] + 20]])
    return grid_over(box, "LPS", spacing_mm or (1.5, 1.5, 3.0))
