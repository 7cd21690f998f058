"""Wavefront OBJ with its colours in an MTL file beside it; one object a part."""

from __future__ import annotations

from condyle.meshes.formats.part import Part, Space, points_in
from condyle.meshes.formats.text import lines


def encode(parts: list[Part], space: Space, stem: str) -> dict[str, bytes]:
    """Both files, by name."""
    obj = [f"# Condyle, millimetres. SPACE={space}\nmtllib {stem}.mtl\n"]
    mtl = ["# Condyle\n"]
    before = 1
    for part in parts:
        name = "_".join(part.name.split())
        points = points_in(part, space)
        obj += [f"o {name}\nusemtl {name}\n", lines("v %.9g %.9g %.9g\n", points)]
        obj.append(lines("f %d %d %d\n", part.surface.triangles + before))
        before += len(points)
        mtl.append("newmtl {}\nKd {:.4f} {:.4f} {:.4f}\nillum 1\n".format(name, *(c / 255 for c in part.color)))
    return {f"{stem}.obj": "".join(obj).encode(), f"{stem}.mtl": "".join(mtl).encode()}
