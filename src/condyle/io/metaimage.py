"""MetaImage, ITK's own format: `.mha`, or a header `.mhd` with the data beside it.

World is LPS in mm. `TransformMatrix` has one row an axis: where that axis points. The format is described at
https://itk.org/Wiki/ITK/MetaIO/Documentation.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.errors import DataError
from condyle.io.detached import data_file, data_path
from condyle.io.geometry import FLIP_XY, checked_grid, refuse_sheared
from condyle.io.packed import Encoding, compressed, opened, read_bytes, voxel_array, voxel_bytes
from condyle.io.values import storable, tidy
from condyle.space import Affine, Volume

#: MetaImage's names of number types. MET_LONG has four bytes in files, whatever the compiler says.
_TYPES = {
    "MET_CHAR": "i1", "MET_UCHAR": "u1", "MET_SHORT": "i2", "MET_USHORT": "u2", "MET_INT": "i4", "MET_UINT": "u4",
    "MET_LONG": "i4", "MET_ULONG": "u4", "MET_LONG_LONG": "i8", "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4", "MET_DOUBLE": "f8",
}  # fmt: skip
_NAMES = {code: name for name, code in reversed(_TYPES.items())}

_MM_PER_UNIT = {"mm": 1.0, "?": 1.0, "cm": 10.0, "um": 0.001}

_HEADER = re.compile(rb"\A((?:[^\n=]+=[^\n]*\n)*?)ElementDataFile\s*=\s*([^\r\n]*)\r?\n?")
_LONGEST_HEADER = 1 << 16


def read(path: Path) -> Volume:
    """Read a MetaImage.

    Args:
        path: An `.mha` or `.mhd` file. The data file of an `.mhd` must lie in its folder or below.

    Returns:
        The volume; see `values.tidy` for the number types.

    Raises:
        DataError: if the file is no MetaImage, damaged, not a scalar 3-D volume, or its geometry is unsound.
    """
    with opened(path) as file:
        head = file.read(_LONGEST_HEADER)
    found = _HEADER.match(head)
    if found is None:
        got = "a file whose header does not end in ElementDataFile" if head else "an empty file"
        raise DataError(path, expected="a MetaImage", got=got)
    fields = _fields(path, found[1].decode("utf-8", "replace"))
    dtype, grid = _dtype(path, fields), checked_grid(path, _shape(path, fields), _affine(path, fields))
    encoding: Encoding = "zlib" if _flag(fields, "CompressedData") else "raw"
    name = found[2].decode("utf-8", "replace").strip()
    local = name.upper() == "LOCAL"
    source = path if local else data_file(path, name)
    skip = 0 if local else _header_size(path, fields)
    with opened(source) as file:
        file.seek(found.end() if local else 0)
        data = read_bytes(source, file, encoding, math.prod(grid.shape) * dtype.itemsize, skip=skip)
    return Volume(tidy(voxel_array(data, dtype, grid.shape)), grid)


def write(path: Path, volume: Volume) -> None:
    """Write a compressed MetaImage; an `.mhd` gets its data in a `.zraw` beside it.

    Raises:
        DataError: if the grid is sheared.
    """
    refuse_sheared(path, volume.grid, "MetaImage")
    array = storable(path, volume.array)
    data = list(compressed("zlib", voxel_bytes(array)))
    beside = data_path(path, ".zraw") if path.suffix.lower() == ".mhd" else None
    flip = FLIP_XY[:3, :3]
    header = {
        "ObjectType": "Image",
        "NDims": "3",
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": "False",
        "CompressedData": "True",
        "CompressedDataSize": str(sum(map(len, data))),
        "TransformMatrix": _text((flip @ volume.grid.direction).T.ravel()),
        "Offset": _text(flip @ volume.grid.origin_mm),
        "CenterOfRotation": "0 0 0",
        "ElementSpacing": _text(volume.spacing_mm),
        "DimSize": " ".join(str(n) for n in volume.shape),
        "ElementType": _NAMES[f"{array.dtype.kind}{array.dtype.itemsize}"],
        "ElementDataFile": beside.name if beside else "LOCAL",
    }
    with path.open("wb") as file:
        file.write("".join(f"{key} = {value}\n" for key, value in header.items()).encode())
        if not beside:
            file.writelines(data)
    if beside:
        with beside.open("wb") as file:
            file.writelines(data)


def _text(numbers: Any) -> str:
    return " ".join(repr(float(x)) for x in numbers)


def _fields(path: Path, text: str) -> dict[str, str]:
    pairs = (line.partition("=") for line in text.splitlines())
    fields = {key.strip(): value.strip() for key, _, value in pairs}
    if fields.get("ObjectType", "Image") != "Image" or "DimSize" not in fields:
        raise DataError(path, expected="a MetaImage header with DimSize", got=", ".join(fields) or "no field")
    if not _flag(fields, "BinaryData", default="True"):
        raise DataError(path, expected="binary data", got="voxels written as text", hint="Convert it with ITK first.")
    return fields


def _flag(fields: dict[str, str], name: str, default: str = "False") -> bool:
    return fields.get(name, default).lower() in {"true", "t", "1"}


def _dtype(path: Path, fields: dict[str, str]) -> np.dtype[Any]:
    channels = fields.get("ElementNumberOfChannels", "1")
    code = _TYPES.get(fields.get("ElementType", "").upper())
    if code is None or channels != "1":
        raise DataError(
            path,
            expected="one real number a voxel",
            got=f"{channels} channels of {fields.get('ElementType', 'no ElementType')}",
            hint="Export a scalar image: one channel, neither colour nor complex.",
        )
    big = _flag(fields, "BinaryDataByteOrderMSB") or _flag(fields, "ElementByteOrderMSB")
    return np.dtype((">" if big else "<") + code)


def _shape(path: Path, fields: dict[str, str]) -> tuple[int, ...]:
    try:
        return tuple(int(n) for n in fields["DimSize"].split())
    except ValueError as error:
        raise DataError(path, expected="whole numbers in DimSize", got=fields["DimSize"]) from error


def _header_size(path: Path, fields: dict[str, str]) -> int:
    """Number of bytes before the voxels in a data file; -1 if the voxels are its end."""
    size = float(_numbers(path, fields, 1, "HeaderSize", default="0")[0])
    if not (size.is_integer() and size >= -1):
        raise DataError(path, expected="a number of bytes, or -1, in HeaderSize", got=fields["HeaderSize"])
    return int(size)


def _affine(path: Path, fields: dict[str, str]) -> Affine:
    """Index to RAS mm."""
    if len(_shape(path, fields)) != 3:
        return np.eye(4)  # refused by `checked_grid` for its shape
    axes = _numbers(path, fields, 9, "TransformMatrix", "Rotation", "Orientation", default="1 0 0 0 1 0 0 0 1")
    spacing = _numbers(path, fields, 3, "ElementSpacing", "ElementSize")
    unit = fields.get("DistanceUnits", "mm")
    if unit not in _MM_PER_UNIT:
        raise DataError(path, expected="DistanceUnits mm, cm or um", got=unit)
    affine = np.eye(4)
    affine[:3, :3] = axes.reshape(3, 3).T * spacing
    affine[:3, 3] = _numbers(path, fields, 3, "Offset", "Position", "Origin", default="0 0 0")
    affine[:3] *= _MM_PER_UNIT[unit]
    affine[:2] *= -1  # LPS to RAS; a matrix product would smear a NaN over the rows that have none
    return affine


def _numbers(
    path: Path, fields: dict[str, str], count: int, *names: str, default: str | None = None
) -> NDArray[np.float64]:
    """The numbers of the first of these fields that is there."""
    text = next((fields[name] for name in names if name in fields), default)
    try:
        numbers = np.array([float(x) for x in (text or "").split()])
    except ValueError:
        numbers = np.empty(0)
    if len(numbers) != count:
        raise DataError(path, expected=f"{count} numbers in {names[0]}", got=text or "no such field")
    return numbers
