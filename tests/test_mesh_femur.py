"""What is known of a phantom femur is found again in its mesh."""

from __future__ import annotations

import numpy as np
import pytest

from condyle.meshes.bodies import Body, bodies
from condyle.meshes.shape import Points, enclosed_volume
from condyle.phantoms.anatomy.femur import femur
from condyle.phantoms.anatomy.femur_shape import FemurShape
from condyle.phantoms.body import inside_mask
from condyle.space import Box, Grid, Volume

SHAPE = FemurShape(neck_shaft_angle_deg=131.0, head_radius_mm=23.0)
PART = femur(SHAPE, np.random.default_rng(1))
AXIS = SHAPE.shaft_turn @ SHAPE.neck_axis
LOW, SIZE = SHAPE.head_center_mm - [90, 70, 110], np.array([150, 130, 150])


def proximal(spacing: tuple[float, float, float]) -> Volume:
    """The mask of the proximal end; the view cuts the shaft."""
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = LOW + np.array(spacing) / 2
    i, j, k = np.rint(SIZE / spacing).astype(int).tolist()
    grid = Grid((i, j, k), affine)
    mask = inside_mask(PART.solid.distance_mm, grid, Box((0, 0, 0), grid.shape))
    return Volume(mask.astype(np.uint8), grid)


def fitted_sphere(points: Points) -> tuple[Points, float]:
    near = points - points.mean(axis=0)
    design = np.column_stack([2 * near, np.ones(len(near))])
    *centre, rest = np.linalg.lstsq(design, (near**2).sum(axis=1), rcond=None)[0]
    return np.array(centre) + points.mean(axis=0), float(np.sqrt(rest + np.dot(centre, centre)))


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.8, 0.8, 2.4)], ids=["1 mm", "slices of 2.4 mm"])
def test_a_phantom_femurs_volume_head_and_neck_angle_are_found_again_in_its_mesh(spacing):
    (body,) = bodies(proximal(spacing)).values()
    points = body.smooth.surface.points_mm
    truth_ml = proximal((0.6, 0.6, 0.6)).array.sum() * 0.6**3 / 1000
    assert body.smooth.cut
    assert enclosed_volume(points, body.smooth.surface.triangles) / 1000 == pytest.approx(truth_ml, rel=0.005)
    off = points - SHAPE.head_center_mm
    # The half that faces away from the neck is all head.
    head = points[(np.linalg.norm(off, axis=1) < SHAPE.head_radius_mm + 3) & (off @ AXIS > 2)]
    centre, radius = fitted_sphere(head)
    assert radius == pytest.approx(SHAPE.head_radius_mm, abs=0.1)
    assert centre == pytest.approx(SHAPE.head_center_mm, abs=0.15)
    # The neck axis runs from where it meets the shaft axis to the centre of the head.
    neck, down = centre - SHAPE.shaft_origin_mm, SHAPE.shaft_turn @ [0, 0, -1]
    angle = np.degrees(np.arccos(neck @ down / np.linalg.norm(neck)))
    assert angle == pytest.approx(SHAPE.neck_shaft_angle_deg, abs=0.25)
    true = np.abs(PART.solid.distance_mm(points[~_capped(body)].astype(np.float32)))
    assert true.mean() < 0.2 * max(spacing)
    assert true.max() < max(spacing)


def _capped(body: Body) -> np.ndarray:
    out = np.zeros(len(body.smooth.surface.points_mm), bool)
    out[body.smooth.surface.triangles[body.smooth.on_border]] = True
    return out
