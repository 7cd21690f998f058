"""A surface and its passport beside scikit-image with trimesh's smoothing and beside VTK's surface nets.

As in `bench.foundation`: each contender is a function that makes its input and returns the work to be timed. The
others make the surface alone; only Condyle measures it too.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Work = Callable[[], str]

SIZE = 256


def _mask() -> np.ndarray:
    """A bone-like body in a 256^3 mask: a bent shaft with a head."""
    i, j, k = np.indices((SIZE,) * 3, dtype=np.float32)
    bend = 128 + 12 * np.sin(k / 60)
    shaft = np.hypot(i - bend, j - 128) < 22 + 14 * np.abs((k - 128) / 128) ** 2
    head = (i - 168) ** 2 + (j - 128) ** 2 + (k - 205) ** 2 < 38**2
    return (((shaft & (k > 12)) | head) & (k < 244)).astype(np.uint8)


def _ball() -> np.ndarray:
    """The largest ball: more surface than any bone has in such a mask."""
    i, j, k = np.ogrid[:SIZE, :SIZE, :SIZE]
    return ((i - 127.6) ** 2 + (j - 127.3) ** 2 + (k - 127.9) ** 2 < 110**2).astype(np.uint8)


def _ours(make: Callable[[], np.ndarray]) -> Work:
    from condyle.labels import Labels
    from condyle.meshes.bodies import MeshSettings, bodies
    from condyle.meshes.passport import passport
    from condyle.space import Volume

    volume = Volume.of(make(), np.eye(4))
    structure = Labels.of({"bone": 1}).structures[0]

    def work() -> str:
        settings = MeshSettings()
        told = passport(
            bodies(volume, settings)[1], structure, settings, spacing_mm=volume.spacing_mm, source="", source_sha256=""
        )
        error = 100 * (told.volume_ml / told.mask_volume_ml - 1)
        return f"{told.triangles} triangles, volume {error:+.2f} %, {'sound' if not told.failed else told.failed}"

    return work


def _skimage(make: Callable[[], np.ndarray]) -> Work:
    import trimesh
    from skimage.measure import marching_cubes

    mask = make()

    def work() -> str:
        points, triangles, _, _ = marching_cubes(np.pad(mask, 1), 0.5)
        mesh = trimesh.Trimesh(points, triangles[:, ::-1], process=False)
        trimesh.smoothing.filter_taubin(mesh, iterations=20)
        return _note(len(triangles), abs(mesh.volume), mask)

    return work


def _surface_nets(make: Callable[[], np.ndarray]) -> Work:
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkCommonDataModel import vtkImageData
    from vtkmodules.vtkFiltersCore import vtkMassProperties, vtkSurfaceNets3D

    mask = make()
    image = vtkImageData()
    image.SetDimensions(*mask.shape[::-1])
    image.GetPointData().SetScalars(numpy_to_vtk(mask.ravel(), deep=True))

    def work() -> str:
        nets = vtkSurfaceNets3D()
        nets.SetInputData(image)
        nets.SetValue(0, 1)
        nets.SetOutputMeshTypeToTriangles()
        nets.SetNumberOfIterations(20)
        nets.Update()
        mass = vtkMassProperties()
        mass.SetInputConnection(nets.GetOutputPort())
        return _note(nets.GetOutput().GetNumberOfPolys(), mass.GetVolume(), mask)

    return work


def _note(triangles: int, volume: float, mask: np.ndarray) -> str:
    return f"{triangles} triangles, volume {100 * (volume / mask.sum(dtype=np.int64) - 1):+.2f} %"


#: Stage to contender to its maker; ours first.
STAGES: dict[str, dict[str, Callable[[], Work]]] = {
    f"smooth surface, ours with its passport, {what} in 256^3": {
        "Condyle": lambda make=make: _ours(make),
        "scikit-image + trimesh Taubin": lambda make=make: _skimage(make),
        "VTK surface nets": lambda make=make: _surface_nets(make),
    }
    for what, make in {"a bone": _mask, "the largest ball": _ball}.items()
}
