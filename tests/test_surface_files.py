"""Meshes from files, and the voxels inside them."""

from __future__ import annotations

import logging
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from vtkmodules.vtkCommonDataModel import vtkPolyData
from vtkmodules.vtkFiltersCore import vtkStripper
from vtkmodules.vtkFiltersSources import vtkCubeSource, vtkSphereSource
from vtkmodules.vtkIOGeometry import vtkOBJWriter, vtkSTLWriter
from vtkmodules.vtkIOPLY import vtkPLYWriter
from vtkmodules.vtkIOXML import vtkXMLPolyDataWriter

from condyle.classical.voxelize import open_edge_count, voxelize
from condyle.errors import ConfigError, DataError
from condyle.io.surface import SUFFIXES, read_surface
from condyle.space import ORIENTATIONS, Grid, Volume, reorient
from condyle.space.surface import Surface

CENTER = np.array([3.0, -20.0, 100.0])
#: Shapes of the shared folder with holes, and how many open edges each has.
OPEN_SHAPES = {"foot": 3, "l_foot": 3, "pelvis": 18, "l_pelvis": 18, "hat_spine": 518, "sacrumv": 20}

WRITERS: dict[str, Callable[[], Any]] = {
    "binary.stl": vtkSTLWriter, "text.stl": vtkSTLWriter, "binary.ply": vtkPLYWriter, "text.ply": vtkPLYWriter,
    "x.obj": vtkOBJWriter, "x.vtp": vtkXMLPolyDataWriter, "text.vtp": vtkXMLPolyDataWriter,
    **{
        f"{how}.vtp": vtkXMLPolyDataWriter
        for how in ("base64_big", "base64_plain", "raw_wide", "raw_plain", "plain_wide")
    },
}  # fmt: skip


def ball(radius: float = 20.0, parts: int = 60) -> vtkPolyData:
    source = vtkSphereSource()
    source.SetRadius(radius)
    source.SetCenter(CENTER)
    source.SetThetaResolution(parts)
    source.SetPhiResolution(parts)
    source.Update()
    return source.GetOutput()


def saved(folder: Path, name: str, mesh: vtkPolyData) -> Path:
    writer = WRITERS[name]()
    writer.SetFileName(str(folder / name))
    writer.SetInputData(mesh)
    if name.endswith((".stl", ".ply")):
        writer.SetFileTypeToBinary() if name.startswith("binary") else writer.SetFileTypeToASCII()
    if name == "text.vtp":
        writer.SetDataModeToAscii()
    if name.startswith("base64"):
        writer.SetDataModeToBinary()
    if name.startswith("raw"):
        writer.EncodeAppendedDataOff()
    if "plain" in name:
        writer.SetCompressorTypeToNone()
    if "big" in name:
        writer.SetByteOrderToBigEndian()
    if "wide" in name:
        writer.SetHeaderTypeToUInt64()
    writer.Write()
    return folder / name


def volume_mm3(surface: Surface) -> float:
    """By the divergence theorem; positive where triangles face outward."""
    a, b, c = np.moveaxis(surface.points_mm[surface.triangles] - surface.points_mm.mean(axis=0), 1, 0)
    return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6)


def box(lower: Any, upper: Any, *, inward: bool = False) -> Surface:
    """An axis-aligned box of twelve triangles."""
    ends = np.array([lower, upper], float)
    points = np.array([[ends[x, 0], ends[y, 1], ends[z, 2]] for x in (0, 1) for y in (0, 1) for z in (0, 1)])
    quads = [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]]
    triangles = np.array([[q[0], q[a], q[a + 1]] for q in quads for a in (1, 2)], np.int32)
    return Surface(points, triangles[:, ::-1] if inward else triangles)


def joined(*surfaces: Surface) -> Surface:
    starts = np.cumsum([0] + [len(s.points_mm) for s in surfaces])
    return Surface(
        np.concatenate([s.points_mm for s in surfaces]),
        np.concatenate([s.triangles + start for s, start in zip(surfaces, starts, strict=False)]).astype(np.int32),
    )


# Reading.


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_ball(tmp_path: Path, name: str) -> None:
    surface = read_surface(saved(tmp_path, name, ball()))
    assert (surface.points_mm.dtype, surface.triangles.dtype) == (np.float64, np.int32)
    np.testing.assert_allclose(np.linalg.norm(surface.points_mm - CENTER, axis=1), 20, atol=1e-4)
    assert volume_mm3(surface) == pytest.approx(4 / 3 * np.pi * 20**3, rel=0.01)
    assert open_edge_count(surface) == 0


@pytest.mark.parametrize("name", ["binary.ply", "x.obj", "x.vtp", "text.ply"])
def test_polygons_are_cut_into_triangles(tmp_path: Path, name: str) -> None:
    source = vtkCubeSource()
    source.SetBounds(0, 1, 0, 2, 0, 3)
    source.Update()
    surface = read_surface(saved(tmp_path, name, source.GetOutput()))
    assert surface.triangles.shape == (12, 3)
    assert volume_mm3(surface) == pytest.approx(6)


def test_strips_are_cut_into_triangles(tmp_path: Path) -> None:
    stripper = vtkStripper()
    stripper.SetInputData(ball(parts=20))
    stripper.Update()
    assert stripper.GetOutput().GetNumberOfStrips() > 0
    surface = read_surface(saved(tmp_path, "x.vtp", stripper.GetOutput()))
    assert open_edge_count(surface) == 0
    assert volume_mm3(surface) == pytest.approx(4 / 3 * np.pi * 20**3, rel=0.05)


def test_lps_coordinates_are_turned_and_metres_scaled(tmp_path: Path) -> None:
    path = saved(tmp_path, "x.vtp", ball())
    surface = read_surface(path, space="LPS", scale_to_mm=1000)
    np.testing.assert_allclose(surface.points_mm.mean(axis=0), CENTER * [-1000, -1000, 1000], rtol=1e-3)
    assert volume_mm3(surface) > 0  # turning about an axis keeps the outside outside


@pytest.mark.parametrize("name", ["binary.ply", "text.ply", "binary.stl", "text.stl", "x.obj"])
def test_a_comment_in_the_file_tells_its_space(tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture) -> None:
    path = saved(tmp_path, name, ball())
    content = path.read_bytes()
    if name == "binary.stl":
        content = b"SPACE=LPS".ljust(80) + content[80:]
    elif name == "text.stl":
        content = b"solid SPACE=LPS" + content[content.index(b"\n") :]
    elif name == "x.obj":
        content = b"# SPACE=LPS\n" + content
    else:
        content = content.replace(b"element vertex", b"comment SPACE=LPS\nelement vertex", 1)
    path.write_bytes(content)
    with caplog.at_level(logging.WARNING, "condyle"):
        mean = read_surface(path).points_mm.mean(axis=0)
    np.testing.assert_allclose(mean, CENTER * [-1, -1, 1], atol=1e-2)
    assert "SPACE=LPS" in caplog.text
    caplog.clear()
    np.testing.assert_array_equal(read_surface(path, space="LPS").points_mm.mean(axis=0), mean)
    assert caplog.text == ""


@pytest.mark.parametrize("order", ["<", ">"])
def test_ply_with_mixed_polygons_and_further_properties_reads(tmp_path: Path, order: str) -> None:
    names = {"<": "binary_little_endian", ">": "binary_big_endian"}
    head = (
        f"ply\nformat {names[order]} 1.0\nelement vertex 5\nproperty double x\nproperty double y\nproperty double z\n"
        "property uchar red\nelement face 2\nproperty uchar label\nproperty list uchar int vertex_indices\nend_header\n"
    )
    points = [(0, 0, 0), (2, 0, 0), (2, 2, 0), (0, 2, 0), (1, 1, 5)]
    body = b"".join(struct.pack(f"{order}dddB", *p, 9) for p in points)
    body += struct.pack(f"{order}BB4i", 1, 4, 0, 1, 2, 3) + struct.pack(f"{order}BB3i", 2, 3, 0, 1, 4)
    (tmp_path / "x.ply").write_bytes(head.encode() + body)
    surface = read_surface(tmp_path / "x.ply")
    np.testing.assert_array_equal(surface.points_mm, points)
    assert len(surface.triangles) == 3


def test_every_shared_shape_reads_and_the_open_ones_are_known(shared_data: Path) -> None:
    found = {}
    for path in sorted((shared_data / "shapes").glob("*.vtp")):
        surface = read_surface(path, scale_to_mm=1000)
        assert 10 < np.ptp(surface.points_mm, axis=0).max() < 700
        if count := open_edge_count(surface):
            found[path.stem] = count
    assert found == OPEN_SHAPES


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("content", [b"", b"no mesh\nat all\n", bytes(1000), b"\xff" * 1000])
def test_content_that_is_no_mesh_is_refused(tmp_path: Path, suffix: str, content: bytes) -> None:
    (tmp_path / f"bone{suffix}").write_bytes(content)
    with pytest.raises(DataError, match="bone"):
        read_surface(tmp_path / f"bone{suffix}")


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("part", [0.03, 0.5, 0.95])
def test_a_mesh_cut_short_is_refused(tmp_path: Path, name: str, part: float) -> None:
    path = saved(tmp_path, name, ball(parts=12))
    content = path.read_bytes()
    # A text cut between two lines is a shorter mesh in STL and OBJ, so it is cut inside a number.
    end = int(part * len(content))
    path.write_bytes(content[: end if not name.endswith("obj") else content.index(b" ", end) + 1])
    with pytest.raises(DataError):
        read_surface(path)


@pytest.mark.parametrize("name", ["binary.ply", "text.ply", "text.vtp", "x.obj"])
def test_a_triangle_of_points_that_do_not_exist_is_refused(tmp_path: Path, name: str) -> None:
    texts = {
        "text.ply": "ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\nproperty float z\n"
        "element face 1\nproperty list uchar int vertex_indices\nend_header\n0 0 0\n1 0 0\n0 1 0\n3 0 1 99999999\n",
        "x.obj": "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 99999999\n",
    }
    path = saved(tmp_path, name, ball(parts=8)) if name not in texts else tmp_path / name
    if name in texts:
        path.write_text(texts[name])
    elif name == "binary.ply":
        path.write_bytes(path.read_bytes()[:-4] + struct.pack("<i", 99999999))
    else:
        content = path.read_text()
        at = content.index("connectivity")
        path.write_text(content[:at] + content[at:].replace(" 2 ", " 99999999 ", 1))
    with pytest.raises(DataError):
        read_surface(path)


def test_points_without_triangles_nan_and_unknown_suffixes_are_refused(tmp_path: Path) -> None:
    (tmp_path / "points.obj").write_text("v 0 0 0\nv 1 0 0\n")
    (tmp_path / "nan.obj").write_text("v nan 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    (tmp_path / "mesh.step").write_text("")
    for name in ("points.obj", "nan.obj", "mesh.step", "missing.stl"):
        with pytest.raises(DataError, match=name):
            read_surface(tmp_path / name)


def test_senseless_settings_are_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, "x.vtp", ball())
    for scale in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ConfigError, match="scale_to_mm"):
            read_surface(path, scale_to_mm=scale)
    with pytest.raises(ConfigError, match="RAS or LPS"):
        read_surface(path, space="RAI")  # type: ignore[arg-type]


# Voxels.


def oblique_grid(spacing_mm: tuple[float, float, float] = (0.9, 1.1, 1.3), *, shear: float = 0.0) -> Grid:
    """A turned (and sheared) grid of 60 x 60 x 60 mm around the ball."""
    a, b = np.radians([25, -40])
    turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]]) @ np.array(
        [[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]]
    )
    turn[:, 1] += shear * turn[:, 0]
    shape = tuple(int(np.ceil(60 / s)) for s in spacing_mm)
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag(spacing_mm)
    affine[:3, 3] = CENTER - affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Grid(shape, affine)  # type: ignore[arg-type]


@pytest.mark.parametrize("shear", [0.0, 0.3])
def test_the_voxels_of_a_ball_have_its_volume(tmp_path: Path, shear: float) -> None:
    surface = read_surface(saved(tmp_path, "x.vtp", ball()))
    grid = oblique_grid(shear=shear)
    inside = voxelize(surface, grid)
    assert inside.sum() * grid.voxel_volume_mm3 == pytest.approx(volume_mm3(surface), rel=0.005)
    distance = np.linalg.norm(grid.to_world(np.stack(np.indices(grid.shape), -1)) - CENTER, axis=-1)
    assert inside[distance < 19.9].all()
    assert not inside[distance > 20].any()


def test_a_box_holds_exactly_its_voxels() -> None:
    grid = Grid((10, 11, 12), np.eye(4))
    inside = voxelize(box((1.5, 2.5, 3.5), (6.5, 8.5, 9.5)), grid)
    wanted = np.zeros(grid.shape, bool)
    wanted[2:7, 3:9, 4:10] = True
    np.testing.assert_array_equal(inside, wanted)


def test_walls_and_edges_through_voxel_centres_count_them_once() -> None:
    """Boxes side by side, with walls, edges and diagonals on voxel centres, share out the voxels without gap."""
    grid = Grid((12, 12, 12), np.eye(4))
    cuts = (0, 4, 7, 11)
    total = np.zeros(grid.shape, int)
    for x in range(3):
        for y in range(3):
            for z in range(3):
                lower, upper = ([cuts[n + d] for n in (x, y, z)] for d in (0, 1))
                total += voxelize(box(lower, upper), grid)
    assert total.max() == 1
    assert total.sum() == 11**3


def test_the_orientation_of_the_grid_does_not_matter(tmp_path: Path) -> None:
    surface = read_surface(saved(tmp_path, "x.vtp", ball(parts=24)))
    base = Volume(voxelize(surface, oblique_grid((2.1, 2.3, 2.9))), oblique_grid((2.1, 2.3, 2.9)))
    assert base.array.any()
    for orientation in ORIENTATIONS:
        turned = reorient(base, orientation)
        np.testing.assert_array_equal(voxelize(surface, turned.grid), turned.array)


def test_parts_beyond_the_grid_are_cut_off() -> None:
    grid = Grid((4, 5, 6), np.eye(4))
    assert voxelize(box((-50, -50, -50), (50, 50, 50)), grid).all()
    assert not voxelize(box((50, 50, 50), (60, 60, 60)), grid).any()
    half = voxelize(box((-50, -50, -50), (50, 50, 2.5)), grid)
    assert half[..., :3].all()
    assert not half[..., 3:].any()


def test_overlapping_parts_unite_and_a_cavity_stays_empty() -> None:
    grid = Grid((20, 20, 20), np.eye(4))
    first, second = box((1.5,) * 3, (9.5,) * 3), box((5.5,) * 3, (15.5,) * 3)
    both = voxelize(joined(first, second), grid)
    np.testing.assert_array_equal(both, voxelize(first, grid) | voxelize(second, grid))
    cavity = box((7.5,) * 3, (12.5,) * 3, inward=True)
    hollow = voxelize(joined(second, cavity), grid)
    assert hollow.sum() == 10**3 - 5**3
    # A surface turned inside out as a whole is still the same body.
    np.testing.assert_array_equal(voxelize(box((5.5,) * 3, (15.5,) * 3, inward=True), grid), voxelize(second, grid))


def test_a_surface_with_holes_is_refused_with_the_number_of_open_edges() -> None:
    whole = box((1.5,) * 3, (9.5,) * 3)
    holed = Surface(whole.points_mm, whole.triangles[1:])
    with pytest.raises(DataError, match="3 open edges"):
        voxelize(holed, Grid((12, 12, 12), np.eye(4)))


def test_a_surface_with_a_triangle_turned_over_is_refused() -> None:
    whole = box((1.5,) * 3, (9.5,) * 3)
    triangles = whole.triangles.copy()
    triangles[0] = triangles[0, ::-1]
    with pytest.raises(DataError, match="3 edges whose triangles face opposite ways"):
        voxelize(Surface(whole.points_mm, triangles), Grid((12, 12, 12), np.eye(4)))


def test_a_surface_checks_its_own_shape() -> None:
    with pytest.raises(ValueError, match="three columns"):
        Surface(np.zeros((3, 2)), np.zeros((1, 3), np.int32))


def test_a_real_femur_voxelises_to_its_volume(shared_data: Path) -> None:
    for path in sorted((shared_data / "shapes").glob("*.vtp")):
        if path.stem in OPEN_SHAPES:
            continue
        surface = read_surface(path, scale_to_mm=1000)
        lower, upper = surface.points_mm.min(axis=0), surface.points_mm.max(axis=0)
        step_mm = 1.3 if path.stem == "femur_r" else 3.1
        affine = np.diag([step_mm] * 3 + [1.0])
        affine[:3, 3] = lower - step_mm
        i, j, k = (int(n) for n in np.ceil((upper - lower) / step_mm) + 3)
        inside = voxelize(surface, Grid((i, j, k), affine))
        # Shapes of many overlapping parts count the overlap once, the divergence theorem as often as it is there.
        if path.stem == "femur_r":
            assert inside.sum() * step_mm**3 == pytest.approx(volume_mm3(surface), rel=0.005)
        assert inside.any()
