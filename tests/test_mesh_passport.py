from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from condyle.labels import Labels
from condyle.meshes.bodies import Body, MeshSettings, bodies
from condyle.meshes.deviation import distance_mm, samples, wall_mm
from condyle.meshes.isosurface import Isosurface
from condyle.meshes.passport import Passport, passport
from condyle.meshes.shape import area, enclosed_volume
from condyle.space import Volume
from condyle.space.surface import Surface
from solids import ball, cylinder, drawn, grid_around, torus


def issued(volume: Volume, settings: MeshSettings = MeshSettings(), **asked: object) -> Passport:  # noqa: B008
    (body,) = bodies(volume, settings).values()
    return passed(body, volume, settings, **asked)


def passed(body: Body, volume: Volume, settings: MeshSettings = MeshSettings(), **asked: object) -> Passport:  # noqa: B008
    structure = Labels.of({"femur_left": body.id}).structures[0]
    return passport(
        body, structure, settings, spacing_mm=volume.spacing_mm, source="a.nii.gz", source_sha256="0" * 64, **asked
    )


def with_surface(body: Body, surface: Surface) -> Body:
    return replace(body, smooth=Isosurface(surface, np.zeros(len(surface.triangles), bool)))


BALL = drawn(grid_around(12, (1.0, 1.0, 1.0)), ball((0, 0, 0), 9))


def test_a_balls_passport_tells_what_is_true_of_a_ball():
    told = issued(BALL)
    assert told.failed == ()
    assert (told.watertight, told.manifold, told.genus, told.parts, told.cavities) == (True, True, 0, 1, 0)
    assert told.volume_ml == pytest.approx(4 / 3 * np.pi * 0.729, rel=0.01)
    assert told.volume_ml == pytest.approx(told.mask_volume_ml, rel=1e-3)
    assert told.size_mm == pytest.approx((18, 18, 18), abs=0.6)
    assert told.centre_mm == pytest.approx((0, 0, 0), abs=0.3)
    assert told.side == "left"
    assert not told.cut_by_view
    assert 0 < told.deviation_mm["mean"] < told.deviation_mm["p95"] < told.deviation_mm["max"] < 0.87


def test_genus_parts_and_cavities_are_counted():
    ring = issued(drawn(grid_around(14, (1.0, 1.0, 1.0)), torus(9, 3)))
    assert (ring.genus, ring.parts, ring.cavities) == (1, 1, 0)
    shell = BALL.array.copy()
    shell[10:14, 10:14, 10:14] = 0
    shell[0, 0, 0] = 1
    told = issued(BALL.with_array(shell))
    assert (told.genus, told.parts, told.cavities) == (0, 2, 1)


def test_the_thinnest_wall_of_a_plate_is_its_thickness():
    array = np.zeros((30, 30, 14), np.uint8)
    array[4:26, 4:26, 5:9] = 1
    array[12:16, 12:16, 2:12] = 1
    told = issued(Volume.of(array, np.diag([0.5, 0.5, 0.5, 1])))
    assert told.thinnest_wall_mm == pytest.approx(2.0, abs=0.3)
    tube = issued(drawn(grid_around(14, (1.0, 1.0, 1.0)), cylinder(5)))
    assert tube.wall_p05_mm == pytest.approx(10, abs=0.6)


def test_a_thin_wall_or_a_small_bed_fails_only_where_it_is_asked_for():
    assert issued(BALL).fits_bed
    assert issued(BALL, bed_mm=(17, 30, 30)).failed == ("bed",)
    assert issued(BALL, bed_mm=(30, 17, 30), least_wall_mm=30).failed == ("bed", "wall")
    assert issued(BALL, bed_mm=(19, 30, 19), least_wall_mm=2).failed == ()
    long = Volume.of(np.ones((4, 4, 300), np.uint8), np.eye(4))
    assert not issued(long).fits_bed
    assert issued(long).failed == ()


def test_a_hole_a_doubled_edge_or_a_shrunken_surface_is_told():
    (body,) = bodies(BALL).values()
    points, triangles = body.smooth.surface.points_mm, body.smooth.surface.triangles
    holed = passed(with_surface(body, Surface(points, triangles[1:])), BALL)
    assert set(holed.failed) == {"watertight", "manifold"}
    assert holed.genus is None
    inside_out = passed(with_surface(body, Surface(points, triangles[:, ::-1].copy())), BALL)
    assert "volume" in inside_out.failed
    shrunken = passed(with_surface(body, Surface(points * 0.9, triangles)), BALL)
    assert set(shrunken.failed) == {"volume", "deviation"}
    assert shrunken.deviation_mm["mean"] == pytest.approx(0.9, abs=0.1)
    empty = passed(with_surface(body, Surface(np.empty((0, 3)), np.empty((0, 3), np.int32))), BALL)
    assert set(empty.failed) == {"watertight", "manifold", "volume", "deviation"}


def test_a_speck_that_the_mask_does_not_have_is_told():
    (body,) = bodies(BALL).values()
    (grain,) = bodies(BALL.with_array(np.where(np.indices(BALL.shape).sum(0) == 0, 1, 0).astype(np.uint8))).values()
    ours, speck = body.smooth.surface, grain.smooth.surface
    both = Surface(
        np.concatenate([ours.points_mm, speck.points_mm]),
        np.concatenate([ours.triangles, speck.triangles + np.int32(len(ours.points_mm))]),
    )
    told = passed(with_surface(body, both), BALL)
    assert told.failed == ("parts",)
    assert (told.parts, told.mask_parts) == (2, 1)
    assert "FAILED parts" in str(told)


def test_a_budget_of_triangles_that_cannot_be_had_is_told():
    touching = drawn(grid_around(14, (1.0, 1.0, 1.0)), ball((-5, 0, 0), 8), ball((6, 0, 0), 7))
    for count, holds in ((6, False), (600, True)):
        settings = MeshSettings(triangles=count)
        for body in bodies(touching, settings).values():
            assert passed(body, touching, settings).checks["triangles"] == holds


def test_a_face_that_the_view_cuts_is_told_and_does_not_count_as_deviation():
    told = issued(drawn(grid_around(10, (1.0, 1.0, 1.0)), cylinder(5)))
    assert told.cut_by_view
    assert told.failed == ()
    assert told.deviation_mm["max"] < 0.87


def test_a_passport_is_plain_json_with_source_and_settings():
    told = json.loads(json.dumps(issued(BALL, MeshSettings(smooth_mm=0.25)).to_json()))
    assert told["source"] == "a.nii.gz"
    assert told["source_sha256"] == "0" * 64
    assert told["settings"]["smooth_mm"] == 0.25
    assert told["checks"] == {"watertight": True, "manifold": True, "volume": True, "deviation": True, "parts": True}
    assert told["failed"] == []
    assert "sound" in str(issued(BALL))


def test_distances_and_walls_of_concentric_balls_are_exact():
    (small,), (large,) = (bodies(drawn(grid_around(16, (0.8,) * 3), ball((0, 0, 0), r))).values() for r in (10, 13))
    inner, outer = ((b.smooth.surface.points_mm, b.smooth.surface.triangles) for b in (small, large))
    rng = np.random.default_rng(0)
    assert distance_mm(samples(*inner, rng), outer).mean() == pytest.approx(3, abs=0.05)
    assert distance_mm(samples(*outer, rng), inner).mean() == pytest.approx(3, abs=0.05)
    assert wall_mm(samples(*inner, rng), inner).mean() == pytest.approx(20, rel=0.02)
    assert enclosed_volume(*inner) == pytest.approx(4 / 3 * np.pi * 1000, rel=0.01)
    assert area(*inner) == pytest.approx(4 * np.pi * 100, rel=0.01)
    assert np.isinf(distance_mm(samples(*inner, rng), (np.empty((0, 3)), np.empty((0, 3), np.int32)))).all()
