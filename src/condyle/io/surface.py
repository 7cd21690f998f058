"""Meshes of bones from other programs: STL, PLY, VTP, OBJ.

None of these formats says what its coordinates mean. Left and right, and the unit, come from the caller, or
from a comment `SPACE=LPS` or `SPACE=RAS` in the file's head, as 3D Slicer writes it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from condyle.errors import ConfigError, DataError
from condyle.io.geometry import FLIP_XY
from condyle.io.obj import read_obj
from condyle.io.packed import opened
from condyle.io.ply import read_ply
from condyle.io.vtp import read_vtp
from condyle.space.surface import Surface

log = logging.getLogger("condyle")

Space = Literal["RAS", "LPS"]

SUFFIXES = (".stl", ".ply", ".vtp", ".obj")

_SPACE_COMMENT = re.compile(rb"SPACE\s*=\s*(RAS|LPS)\b")
_HEAD_BYTES = 4096


def read_surface(path: Path, *, space: Space = "RAS", scale_to_mm: float = 1.0) -> Surface:
    """Read a mesh; polygons and strips become triangles, lines and lone points are left out.

    Args:
        path: An STL (text or binary), PLY, VTP or OBJ file.
        space: World of the coordinates. 3D Slicer writes LPS unless told otherwise. A `SPACE=` comment in the
            head of the file goes before this, with a warning where they differ.
        scale_to_mm: Millimetres per unit of the file: 1000 for metres, as OpenSim has.

    Raises:
        DataError: if the file is of no known kind, damaged, or holds no triangle.
        ConfigError: if the scale is not a positive number, or the space is neither RAS nor LPS.

    Example:
        >>> femur = read_surface(Path("femur_r.vtp"), scale_to_mm=1000.0)  # doctest: +SKIP
    """
    if space not in ("RAS", "LPS"):
        raise ConfigError("space", expected="RAS or LPS", got=str(space))
    if not 0 < scale_to_mm < float("inf"):
        raise ConfigError("scale_to_mm", expected="a positive number of mm", got=str(scale_to_mm))
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise DataError(path, expected=f"a mesh: {', '.join(SUFFIXES)}", got=path.name)
    with opened(path) as file:
        told = _SPACE_COMMENT.search(file.read(_HEAD_BYTES))
    if told and told[1].decode() != space:
        log.warning("%s: its head says SPACE=%s; that is taken instead of %s.", path, told[1].decode(), space)
        space = "LPS" if told[1] == b"LPS" else "RAS"
    points, triangles = _read_triangles(path, suffix)
    points_mm = points * scale_to_mm
    if space == "LPS":
        points_mm = points_mm @ FLIP_XY[:3, :3]
    if not len(triangles):
        raise DataError(path, expected="a mesh of triangles or polygons", got="only polygons of no area")
    try:
        return Surface(points_mm, triangles)
    except ValueError as error:
        raise DataError(path, expected="a sound mesh", got=str(error), hint="Export it again.") from error


def _read_triangles(path: Path, suffix: str) -> tuple[Any, Any]:
    """Points (N, 3) float64 as stored, and triangles (M, 3) int32."""
    from vtkmodules.util import numpy_support
    from vtkmodules.vtkFiltersCore import vtkTriangleFilter

    complaints: list[str] = []
    own: dict[str, Any] = {".obj": read_obj, ".ply": read_ply, ".vtp": read_vtp}
    mesh = _polygons(*own[suffix](path)) if suffix in own else _read_stl(path, complaints)
    vtk_to_numpy: Any = numpy_support.vtk_to_numpy
    for cells in (mesh.GetPolys(), mesh.GetStrips()):
        named, corners = vtk_to_numpy(cells.GetConnectivityArray()), np.diff(vtk_to_numpy(cells.GetOffsetsArray()))
        if corners.size and corners.min() < 3:
            complaints.append(f"a polygon of {corners.min()} corners")
        # Cutting up a polygon whose corners do not exist would read outside the points.
        if named.size and (named.min() < 0 or named.max() >= mesh.GetNumberOfPoints()):
            complaints.append(f"a polygon that names a point beyond the {mesh.GetNumberOfPoints()} there are")
    if complaints or mesh.GetNumberOfPolys() + mesh.GetNumberOfStrips() == 0:
        raise DataError(
            path,
            expected="a mesh of triangles or polygons",
            got=complaints[0] if complaints else "none",
            hint="It is damaged, empty or of another kind: export it again.",
        )
    cutter = vtkTriangleFilter()
    cutter.SetInputData(mesh)
    cutter.PassLinesOff()
    cutter.PassVertsOff()
    cutter.Update()
    triangles = vtk_to_numpy(cutter.GetOutput().GetPolys().GetConnectivityArray())
    points = vtk_to_numpy(cutter.GetOutput().GetPoints().GetData())
    return points.astype(np.float64), triangles.reshape(-1, 3).astype(np.int32)


def _read_stl(path: Path, complaints: list[str]) -> Any:
    """An STL file as VTK reads it, equal corners joined; what VTK has to say goes to `complaints`."""
    from vtkmodules.vtkIOGeometry import vtkSTLReader

    def listen(_caller: object, _event: str, message: str) -> None:
        complaints.append(message.strip().rpartition("): ")[2])

    listen.CallDataType = "string0"  # type: ignore[attr-defined]  # how VTK is told to pass the text
    reader: Any = vtkSTLReader()
    for speaker in (reader, reader.GetExecutive()):
        speaker.AddObserver("ErrorEvent", listen)
        speaker.AddObserver("WarningEvent", listen)
    reader.SetFileName(str(path))
    reader.Update()
    return reader.GetOutput()


def _polygons(
    points: NDArray[np.float64], faces: list[NDArray[np.int64]], strips: Sequence[NDArray[np.int64]] = ()
) -> Any:
    """A VTK mesh."""
    from vtkmodules.util import numpy_support
    from vtkmodules.vtkCommonCore import vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData

    numpy_to_vtk: Any = numpy_support.numpy_to_vtk
    numpy_to_ids: Any = numpy_support.numpy_to_vtkIdTypeArray
    corners, mesh = vtkPoints(), vtkPolyData()
    corners.SetDataTypeToDouble()
    corners.SetData(numpy_to_vtk(points, deep=True))
    mesh.SetPoints(corners)
    for cells, put in ((faces, mesh.SetPolys), (strips, mesh.SetStrips)):
        if len(cells):
            array = vtkCellArray()
            ends = np.cumsum([0, *map(len, cells)])
            array.SetData(numpy_to_ids(ends, deep=True), numpy_to_ids(np.concatenate(cells), deep=True))
            put(array)
    return mesh
