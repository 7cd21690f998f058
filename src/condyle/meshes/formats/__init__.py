"""Mesh files as bytes, one format a file. The same parts give the same bytes."""

from __future__ import annotations

from collections.abc import Callable

from condyle.meshes.formats import glb, obj, ply, stl, threemf
from condyle.meshes.formats.part import Part, Space

__all__ = ["FORMATS", "Part", "Space"]

#: Name to encoder: parts, world and the name without suffix to the files' names and bytes.
FORMATS: dict[str, Callable[[list[Part], Space, str], dict[str, bytes]]] = {
    "stl": stl.encode,
    "ply": ply.encode,
    "obj": obj.encode,
    "glb": glb.encode,
    "3mf": threemf.encode,
}
