"""Binary PLY with a colour at each point."""

from __future__ import annotations

import numpy as np

from condyle.meshes.formats.part import Part, Space, joined

_VERTEX = np.dtype([("place", "<f4", 3), ("color", "u1", 3)])
_FACE = np.dtype([("count", "u1"), ("corners", "<i4", 3)])


def encode(parts: list[Part], space: Space, stem: str) -> dict[str, bytes]:
    """The file, by name. A comment in its head says the world, as 3D Slicer reads and writes it."""
    points, triangles = joined(parts, space)
    vertices, faces = np.zeros(len(points), _VERTEX), np.zeros(len(triangles), _FACE)
    vertices["place"] = points
    vertices["color"] = np.repeat(
        np.array([p.color for p in parts], np.uint8).reshape(-1, 3), [len(p.surface.points_mm) for p in parts], axis=0
    )
    faces["count"], faces["corners"] = 3, triangles
    head = [
        "ply",
        "format binary_little_endian 1.0",
        f"comment Condyle, millimetres. SPACE={space}",
        f"element vertex {len(points)}",
        *(f"property float {axis}" for axis in "xyz"),
        *(f"property uchar {color}" for color in ("red", "green", "blue")),
        f"element face {len(triangles)}",
        "property list uchar int vertex_indices",
        "end_header",
    ]
    return {f"{stem}.ply": ("\n".join(head) + "\n").encode() + vertices.tobytes() + faces.tobytes()}
