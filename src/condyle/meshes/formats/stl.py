"""Binary STL: triangles and nothing else. Several parts become one."""

from __future__ import annotations

import numpy as np

from condyle.meshes.formats.part import Part, Space, joined
from condyle.meshes.shape import area_vectors, unit

_FACET = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])


def encode(parts: list[Part], space: Space, stem: str) -> dict[str, bytes]:
    """The file, by name. Its 80 byte head says the world, as 3D Slicer reads and writes it."""
    points, triangles = joined(parts, space)
    facets = np.zeros(len(triangles), _FACET)
    facets["normal"] = unit(area_vectors(points.astype(np.float64), triangles))
    facets["corners"] = points[triangles]
    head = f"Condyle, millimetres. SPACE={space}".encode().ljust(80)
    return {f"{stem}.stl": head + np.uint32(len(triangles)).tobytes() + facets.tobytes()}
