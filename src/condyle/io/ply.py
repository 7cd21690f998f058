"""The PLY format: a text header, then elements of properties, as text or binary.

Read here and not by VTK, whose reader crashes on a file that has been cut short. Described by G. Turk, "The PLY
polygon file format", 1994.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.errors import DataError
from condyle.io.packed import opened

_TYPES = {
    "char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4",
    "float": "f4", "double": "f8", "float32": "f4", "float64": "f8",
    "int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4",
}  # fmt: skip
_ORDERS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}


@dataclass
class _Element:
    """One block of rows. A list property has the type of its length in `list_of`, by its name."""

    name: str
    count: int
    properties: dict[str, str] = field(default_factory=dict)
    list_of: dict[str, str] = field(default_factory=dict)


def read_ply(path: Path) -> tuple[NDArray[np.float64], list[NDArray[np.int64]]]:
    """Points and polygons of a PLY file.

    Returns:
        points: float64 (N, 3), as stored.
        faces: One array of positions in `points` a polygon.

    Raises:
        DataError: if the file is no PLY, damaged, or has no faces.
    """
    with opened(path) as file:
        content = file.read()
    end = re.search(rb"\Aply\r?\n.*?^end_header[ \t]*\r?\n", content, re.DOTALL | re.MULTILINE)
    try:
        if end is None:
            raise ValueError("no PLY header")
        order, elements = _header(end[0].decode("ascii", "replace"))
        body = content[end.end() :]
        tables = _read_text(body, elements) if order == "" else _read_binary(body, elements, order)
        vertices, faces = tables["vertex"], tables["face"]
        name = next(n for n in ("vertex_indices", "vertex_index") if n in faces)
        if any(e.properties.get(name, "i")[0] == "f" for e in elements):
            raise ValueError("faces whose corners are no whole numbers")
        points = np.stack([np.asarray(vertices[axis], np.float64) for axis in "xyz"], axis=1)
        return points, [np.asarray(face, np.int64) for face in faces[name]]
    except (ValueError, KeyError, IndexError, StopIteration, OverflowError, MemoryError) as error:
        raise DataError(
            path,
            expected="a PLY mesh with vertices x, y, z and faces",
            got=f"{type(error).__name__} {error}".strip(),
            hint="It is damaged, cut short or of another kind: export it again.",
        ) from error


def _header(text: str) -> tuple[str, list[_Element]]:
    order, elements = "?", list[_Element]()
    for words in map(str.split, text.splitlines()):
        match words:
            case ["format", name, "1.0"]:
                order = _ORDERS[name]
            case ["element", name, count]:
                elements.append(_Element(name, int(count)))
            case ["property", "list", length, kind, name]:
                elements[-1].properties[name] = _TYPES[kind]
                elements[-1].list_of[name] = _TYPES[length]
            case ["property", kind, name]:
                elements[-1].properties[name] = _TYPES[kind]
    if order == "?":
        raise ValueError("no format line")
    return order, elements


def _read_text(body: bytes, elements: list[_Element]) -> dict[str, dict[str, list[Any]]]:
    words = iter(body.split())
    tables = {}
    for element in elements:
        table: dict[str, list[Any]] = {name: [] for name in element.properties}
        for _ in range(element.count):
            for name, kind in element.properties.items():
                number = float if kind[0] == "f" else int
                table[name].append(
                    [number(next(words)) for _ in range(int(next(words)))]
                    if name in element.list_of
                    else number(next(words))
                )
        tables[element.name] = table
    return tables


def _read_binary(body: bytes, elements: list[_Element], order: str) -> dict[str, Any]:
    tables: dict[str, Any] = {}
    at = 0
    for element in elements:
        table, at = _read_rows(body, at, element, order)
        tables[element.name] = table
    return tables


def _read_rows(body: bytes, at: int, element: _Element, order: str) -> tuple[Any, int]:
    """The rows of one element, and where the next begins.

    Rows are read in one go as if each list were as long as the first row's; where that proves wrong, one by one.
    """
    row = _row_type(body, at, element, order)
    if element.count * row.itemsize <= len(body) - at:
        rows = np.frombuffer(body, row, element.count, at)
        if all((rows[f"{name} length"] == row[name].shape[0]).all() for name in element.list_of):
            return {name: rows[name] for name in element.properties}, at + rows.nbytes
    table: dict[str, list[Any]] = {name: [] for name in element.properties}
    for _ in range(element.count):
        row = _row_type(body, at, element, order)
        values = np.frombuffer(body, row, 1, at)[0]
        at += row.itemsize
        for name in element.properties:
            table[name].append(values[name])
    return table, at


def _row_type(body: bytes, at: int, element: _Element, order: str) -> np.dtype[Any]:
    """The layout of the row that begins at `at`."""
    fields: list[Any] = []
    for name, kind in element.properties.items():
        if name in element.list_of and element.count:
            length = np.dtype(order + element.list_of[name])
            size = int(np.frombuffer(body, length, 1, at)[0])
            if not 0 <= size <= len(body):
                raise ValueError(f"a list of {size}")
            fields.append((f"{name} length", length))
            fields.append((name, order + kind, (size,)))
            at += length.itemsize + size * np.dtype(kind).itemsize
        else:
            fields.append((name, order + kind))
            at += np.dtype(kind).itemsize
    return np.dtype(fields)
