"""3MF (https://3mf.io/specification, core 1.3): what print programs read, with names, colours and the unit."""

from __future__ import annotations

import io
import zipfile
from xml.sax.saxutils import quoteattr

from condyle.meshes.formats.part import Part, Space, points_in
from condyle.meshes.formats.text import lines

_CORE = "http://schemas.microsoft.com/3dmanufacturing/core/2015/02"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_XML = '<?xml version="1.0" encoding="UTF-8"?>\n'

_TYPES = (
    f'{_XML}<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="model" ContentType="application/vnd.ms-package.3dmanufacturing-3dmodel+xml"/></Types>'
)
_RELATIONS = (
    f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Target="/3D/3dmodel.model" Id="rel0" '
    'Type="http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"/></Relationships>'
)

#: Zip files carry a time; the first one the format knows keeps the bytes the same from day to day.
_EPOCH = (1980, 1, 1, 0, 0, 0)


def encode(parts: list[Part], space: Space, stem: str) -> dict[str, bytes]:
    """The file, by name."""
    parts = [part for part in parts if len(part.surface.triangles)]
    bases = "".join(
        f'<base name={quoteattr(part.name)} displaycolor="#{"".join(f"{c:02X}" for c in part.color)}"/>'
        for part in parts
    )
    model = [
        f'{_XML}<model unit="millimeter" xml:lang="en-US" xmlns="{_CORE}">',
        f'<metadata name="Application">Condyle</metadata><metadata name="Description">SPACE={space}</metadata>',
        f'<resources><basematerials id="1">{bases}</basematerials>' if parts else "<resources>",
    ]
    for n, part in enumerate(parts):
        model += [
            f'<object id="{n + 2}" type="model" name={quoteattr(part.name)} pid="1" pindex="{n}"><mesh><vertices>',
            lines('<vertex x="%.9g" y="%.9g" z="%.9g"/>', points_in(part, space)),
            "</vertices><triangles>",
            lines('<triangle v1="%d" v2="%d" v3="%d"/>', part.surface.triangles),
            "</triangles></mesh></object>",
        ]
    items = "".join(f'<item objectid="{n + 2}"/>' for n in range(len(parts)))
    model.append(f"</resources><build>{items}</build></model>")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        for name, text in (
            ("[Content_Types].xml", _TYPES),
            ("_rels/.rels", _RELATIONS),
            ("3D/3dmodel.model", "".join(model)),
        ):
            out.writestr(zipfile.ZipInfo(name, _EPOCH), text.encode(), zipfile.ZIP_DEFLATED, 6)
    return {f"{stem}.3mf": archive.getvalue()}
