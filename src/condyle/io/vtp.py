"""VTK's XML files of polygons (.vtp).

Read here and not by VTK, whose reader ends the whole program on some damaged files. The layout is told in
"VTK File Formats" (https://docs.vtk.org/en/latest/vtk_file_formats/vtkxml_file_format.html): arrays stand in the
XML as text or base64, or behind it as one block of base64 or raw bytes; a count of bytes goes before each, and
where they are compressed, the sizes of the blocks.
"""

from __future__ import annotations

import base64
import re
import zlib
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
from numpy.typing import NDArray

from condyle.errors import DataError
from condyle.io.packed import opened

Faces = list[NDArray[np.int64]]

_TYPES = {
    "Int8": "i1", "UInt8": "u1", "Int16": "i2", "UInt16": "u2", "Int32": "i4", "UInt32": "u4",
    "Int64": "i8", "UInt64": "u8", "Float32": "f4", "Float64": "f8",
}  # fmt: skip
_APPENDED = re.compile(rb'<AppendedData\s+encoding="(raw|base64)"\s*>\s*_')


def read_vtp(path: Path) -> tuple[NDArray[np.float64], Faces, Faces]:
    """Points, polygons and triangle strips of a VTP file, all pieces together.

    Returns:
        points: float64 (N, 3), as stored.
        faces: One array of positions in `points` a polygon.
        strips: One array of positions a strip: each three in a row are a triangle.

    Raises:
        DataError: if the file is no VTP, damaged, or compressed with anything but zlib.
    """
    with opened(path) as file:
        content = file.read()
    try:
        arrays = _Arrays(content)
        points, faces, strips = [np.empty((0, 3))], Faces(), Faces()
        for piece in arrays.root.iter("Piece"):
            if not int(piece.get("NumberOfPoints", "0")):
                continue
            start = sum(map(len, points))
            points.append(arrays.read(piece, "Points", None).reshape(-1, 3).astype(np.float64))
            faces += _cells(arrays, piece, "Polys", start)
            strips += _cells(arrays, piece, "Strips", start)
        return np.concatenate(points), faces, strips
    except (ET.ParseError, ValueError, KeyError, IndexError, zlib.error, OverflowError, MemoryError) as error:
        raise DataError(
            path,
            expected="a VTP mesh",
            got=f"{type(error).__name__}: {error}",
            hint="It is damaged, cut short or of another kind: export it again.",
        ) from error


def _cells(arrays: _Arrays, piece: ET.Element, kind: str, start: int) -> Faces:
    if not int(piece.get(f"NumberOf{kind}", "0")):
        return []
    corners = arrays.read(piece, kind, "connectivity").astype(np.int64) + start
    ends = arrays.read(piece, kind, "offsets").astype(np.int64)
    if ends[0] < 0 or (np.diff(ends) < 0).any() or ends[-1] != len(corners):
        raise ValueError(f"the offsets of {kind} do not fit the connectivity")
    return np.split(corners, ends[:-1])


class _Arrays:
    """The data arrays of one file: where they are and how they are packed.

    Args:
        content: The whole file.
    """

    def __init__(self, content: bytes) -> None:
        appended = _APPENDED.search(content)
        self._encoding = appended[1].decode() if appended else "base64"
        self._block = content[appended.end() :] if appended else b""
        text = content[: appended.start()] + b"</VTKFile>" if appended else content
        self.root = ET.fromstring(text)  # noqa: S314  # expat itself bounds the growth of entities
        if self.root.tag != "VTKFile" or self.root.get("type") != "PolyData":
            raise ValueError("no VTKFile of type PolyData")
        self._order = {"LittleEndian": "<", "BigEndian": ">"}[self.root.get("byte_order", "LittleEndian")]
        self._counts = np.dtype(self._order + _TYPES[self.root.get("header_type", "UInt32")])
        self._compressor = self.root.get("compressor")
        if self._compressor not in (None, "vtkZLibDataCompressor"):
            raise ValueError(f"compressed with {self._compressor}; only zlib is known")

    def read(self, piece: ET.Element, part: str, name: str | None) -> NDArray[Any]:
        """The array `name` (or the only one) of a part of a piece, flat."""
        arrays = piece.findall(f"{part}/DataArray")
        element = next((a for a in arrays if name in (None, a.get("Name"))), None)
        if element is None:
            raise ValueError(f"no array {name or ''} in {part}")
        dtype = np.dtype(self._order + _TYPES[element.get("type", "")])
        if element.get("format") == "ascii":
            return np.array((element.text or "").split(), dtype)
        if element.get("format") == "appended":
            return np.frombuffer(self._unpacked(self._block[int(element.get("offset", "")) :], self._encoding), dtype)
        return np.frombuffer(self._unpacked((element.text or "").strip().encode(), "base64"), dtype)

    def _unpacked(self, stored: bytes, encoding: str) -> bytes:
        if self._compressor is None:
            (size,), at = self._head(stored, encoding, 1)
            if encoding == "raw":
                return _exactly(stored[at : at + size], size)
            # Here, and only here, head and data are one stretch of base64.
            both = self._counts.itemsize + size
            return _exactly(_plain(stored, both), both)[self._counts.itemsize :]
        (blocks,), _ = self._head(stored, encoding, 1)
        (_, full, last, *sizes), at = self._head(stored, encoding, 3 + blocks)
        packed = _exactly(stored[at:] if encoding == "raw" else _plain(stored[at:], sum(sizes)), sum(sizes))
        starts = np.cumsum([0, *sizes])
        lengths = [full] * blocks if last == 0 else [full] * (blocks - 1) + [last]
        return b"".join(
            _exactly(zlib.decompressobj().decompress(packed[start : start + size], length), length)
            for start, size, length in zip(starts, sizes, lengths, strict=False)
        )

    def _head(self, stored: bytes, encoding: str, count: int) -> tuple[list[int], int]:
        """The first `count` whole numbers, and where what follows them begins if they stand alone."""
        size = count * self._counts.itemsize
        if size > len(stored):
            raise ValueError("an array that goes on behind the file's end")
        head = stored[:size] if encoding == "raw" else _plain(stored, size)
        numbers = np.frombuffer(_exactly(head, size), self._counts)
        return [int(n) for n in numbers], size if encoding == "raw" else -(-size // 3) * 4


def _plain(stored: bytes, size: int) -> bytes:
    """The first `size` bytes that base64 text stands for."""
    return base64.b64decode(stored[: -(-size // 3) * 4], validate=True)[:size]


def _exactly(data: bytes, size: int) -> bytes:
    if len(data) < size or size < 0:
        raise ValueError("an array that goes on behind the file's end")
    return data[:size]
