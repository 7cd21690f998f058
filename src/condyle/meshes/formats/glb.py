"""Binary glTF 2.0 (https://registry.khronos.org/glTF): a scene for the web.

glTF has a world of its own: metres, y up, the front towards z. The patient stands in it upright and looks at
the viewer. The points in the file are RAS mm; the scene's first node turns and scales them.
"""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.labels import Color
from condyle.meshes.formats.part import Part, Space, points_in
from condyle.meshes.shape import point_normals

#: RAS mm to glTF's world, column by column: right to -x, front to z, head to y.
_UPRIGHT = [-0.001, 0, 0, 0, 0, 0, 0.001, 0, 0, 0.001, 0, 0, 0, 0, 0, 1]

_FLOAT, _UINT32 = 5126, 5125
_POINTS, _INDICES = 34962, 34963


def encode(parts: list[Part], space: Space, stem: str) -> dict[str, bytes]:
    """The file, by name. `space` changes nothing, see the head of this file."""
    del space
    parts = [part for part in parts if len(part.surface.triangles)]
    data = bytearray()
    views: list[dict[str, Any]] = []
    accessors: list[dict[str, Any]] = []

    def add(array: NDArray[Any], kind: str, target: int) -> int:
        views.append({"buffer": 0, "byteOffset": len(data), "byteLength": array.nbytes, "target": target})
        component = _FLOAT if array.dtype.kind == "f" else _UINT32
        rows = array.reshape(-1, 3) if kind == "VEC3" else array.reshape(-1, 1)
        accessor = {"bufferView": len(views) - 1, "componentType": component, "count": len(rows), "type": kind}
        accessors.append(accessor | {"min": rows.min(axis=0).tolist(), "max": rows.max(axis=0).tolist()})
        data.extend(array.tobytes())
        return len(accessors) - 1

    meshes = []
    for n, part in enumerate(parts):
        normals = point_normals(part.surface.points_mm, part.surface.triangles)
        attributes = {
            "POSITION": add(points_in(part, "RAS"), "VEC3", _POINTS),
            "NORMAL": add(normals.astype("<f4"), "VEC3", _POINTS),
        }
        indices = add(part.surface.triangles.astype("<u4").ravel(), "SCALAR", _INDICES)
        meshes.append(
            {"name": part.name, "primitives": [{"attributes": attributes, "indices": indices, "material": n}]}
        )
    root = {"name": stem, "matrix": _UPRIGHT, "children": list(range(1, len(parts) + 1))}
    scene = {
        "asset": {"version": "2.0", "generator": "Condyle", "extras": {"points": "RAS mm"}},
        "scene": 0,
        "scenes": [{"nodes": [0] if parts else []}],
        "nodes": [root, *({"name": part.name, "mesh": n} for n, part in enumerate(parts))] if parts else [],
        "meshes": meshes,
        "materials": [{"name": part.name, "pbrMetallicRoughness": _paint(part.color)} for part in parts],
        "accessors": accessors,
        "bufferViews": views,
        "buffers": [{"byteLength": len(data)}],
    }
    # The specification forbids empty lists.
    text = json.dumps(
        {key: value for key, value in scene.items() if (value and data) or key == "asset"}, separators=(",", ":")
    )
    chunk = text.encode().ljust(-(-len(text.encode()) // 4) * 4)
    chunks = struct.pack("<II", len(chunk), 0x4E4F534A) + chunk
    if data:
        chunks += struct.pack("<II", len(data), 0x004E4942) + bytes(data)
    return {f"{stem}.glb": struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks}


def _paint(color: Color) -> dict[str, Any]:
    """A matt material; glTF wants colours in linear light (IEC 61966-2-1)."""
    srgb = np.array(color) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    return {"baseColorFactor": [*linear.round(6).tolist(), 1.0], "metallicFactor": 0.0, "roughnessFactor": 0.8}
