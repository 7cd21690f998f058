from __future__ import annotations

import json
import logging
import zipfile
from pathlib import Path

import numpy as np
import pytest
import trimesh

from condyle.io.surface import read_surface
from condyle.meshes.bodies import bodies
from condyle.meshes.formats import FORMATS, Part
from condyle.meshes.shape import enclosed_volume
from condyle.space.surface import Surface
from solids import ball, drawn, grid_around

MADE = bodies(drawn(grid_around(20, (1.0, 1.0, 1.0)), ball((9, 3, 1), 7), ball((-8, 0, 2), 5)))
RED, GREEN = (230, 20, 0), (0, 158, 115)
PARTS = [Part("femur right", RED, MADE[1].smooth.surface), Part('patella <"L">', GREEN, MADE[2].smooth.surface)]
VOLUME = sum(enclosed_volume(p.surface.points_mm, p.surface.triangles) for p in PARTS)


def written(folder: Path, format_: str, parts: list[Part] = PARTS, space: str = "RAS") -> Path:
    for name, content in FORMATS[format_](parts, space, "scene").items():
        (folder / name).write_bytes(content)
    return folder / f"scene.{format_}"


@pytest.mark.parametrize("format_", ["stl", "ply", "obj"])
@pytest.mark.parametrize("space", ["RAS", "LPS"])
def test_a_file_read_again_has_the_same_volume_and_place(tmp_path, format_, space, caplog):
    path = written(tmp_path, format_, space=space)
    with caplog.at_level(logging.WARNING):
        surface = read_surface(path, space=space)
    assert not caplog.records
    assert enclosed_volume(surface.points_mm, surface.triangles) == pytest.approx(VOLUME, rel=1e-6)
    points = np.concatenate([p.surface.points_mm for p in PARTS])
    assert surface.points_mm.min(axis=0) == pytest.approx(points.min(axis=0), abs=1e-5)
    assert surface.points_mm.max(axis=0) == pytest.approx(points.max(axis=0), abs=1e-5)
    other = trimesh.load(path, force="mesh")
    assert other.volume == pytest.approx(VOLUME, rel=1e-5)
    flip = -1 if space == "LPS" else 1
    assert other.bounds[:, 2] == pytest.approx([points[:, 2].min(), points[:, 2].max()], abs=1e-5)
    assert sorted(flip * other.bounds[:, 0]) == pytest.approx([points[:, 0].min(), points[:, 0].max()], abs=1e-5)


def test_the_head_of_a_file_says_which_world_it_is_in(tmp_path):
    for format_ in ("stl", "ply", "obj"):
        assert b"SPACE=LPS" in written(tmp_path, format_, space="LPS").read_bytes()[:120]
    # A reader that trusts the head needs no telling.
    surface = read_surface(written(tmp_path, "stl", space="LPS"), space="LPS")
    assert surface.points_mm[:, 0].max() == pytest.approx(16, abs=0.5)


def test_a_glb_scene_stands_upright_in_metres_with_names_and_colours(tmp_path):
    scene = trimesh.load(written(tmp_path, "glb"))
    assert set(scene.geometry) == {p.name for p in PARTS}
    merged = scene.to_geometry()
    assert merged.volume == pytest.approx(VOLUME * 1e-9, rel=1e-4)
    points = np.concatenate([p.surface.points_mm for p in PARTS]) / 1000
    # Right is at -x of someone who faces the viewer; the head is up.
    assert merged.bounds[:, 0] == pytest.approx([-points[:, 0].max(), -points[:, 0].min()], abs=1e-6)
    assert merged.bounds[:, 1] == pytest.approx([points[:, 2].min(), points[:, 2].max()], abs=1e-6)
    assert merged.bounds[:, 2] == pytest.approx([points[:, 1].min(), points[:, 1].max()], abs=1e-6)
    content = written(tmp_path, "glb").read_bytes()
    header = json.loads(content[20 : 20 + int.from_bytes(content[12:16], "little")])
    assert header["materials"][0]["pbrMetallicRoughness"]["baseColorFactor"][1] == pytest.approx(0.006995, abs=1e-5)
    assert len(content) == int.from_bytes(content[8:12], "little")
    assert len(content) % 4 == 0


def test_a_3mf_job_has_millimetres_names_and_colours(tmp_path):
    path = written(tmp_path, "3mf")
    scene = trimesh.load(path)
    assert scene.units == "millimeter"
    assert scene.to_geometry().volume == pytest.approx(VOLUME, rel=1e-5)
    assert {name.split("_")[0] for name in scene.geometry} == {p.name for p in PARTS}
    text = zipfile.ZipFile(path).read("3D/3dmodel.model").decode()
    assert 'displaycolor="#E61400"' in text
    assert 'unit="millimeter"' in text


def test_a_ply_and_an_obj_carry_the_colours(tmp_path):
    mesh = trimesh.load(written(tmp_path, "ply"), process=False)
    assert {tuple(c[:3].tolist()) for c in mesh.visual.vertex_colors} == {RED, GREEN}
    text = written(tmp_path, "obj").with_suffix(".mtl").read_text()
    assert "newmtl femur_right\nKd 0.9020 0.0784 0.0000" in text
    assert len(trimesh.load(tmp_path / "scene.obj", split_object=True, group_material=False).geometry) == 2


@pytest.mark.parametrize("format_", FORMATS)
def test_the_same_parts_give_the_same_bytes(format_):
    assert FORMATS[format_](PARTS, "RAS", "a") == FORMATS[format_](list(PARTS), "RAS", "a")


@pytest.mark.parametrize("format_", FORMATS)
def test_a_structure_without_a_surface_gives_a_file_without_triangles(format_):
    nothing = Part("lost", RED, Surface(np.empty((0, 3)), np.empty((0, 3), np.int32)))
    assert FORMATS[format_]([nothing], "RAS", "a")[f"a.{format_}"]
