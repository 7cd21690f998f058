"""NRRD with its header attached (.nrrd) or beside the data (.nhdr) (http://teem.sourceforge.net/nrrd).

World is what the field `space` names; lengths are in `space units`, mm unless said.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from condyle.errors import DataError
from condyle.io.detached import data_file, data_path
from condyle.io.geometry import FLIP_XY, checked_grid
from condyle.io.packed import Encoding, compressed, opened, read_bytes, voxel_array, voxel_bytes
from condyle.io.values import refuse_unreal, storable, tidy
from condyle.space import Affine, Volume

log = logging.getLogger("condyle")

#: The sign of each world axis (by the world's long name) in RAS.
SPACES = {
    "left-posterior-superior": (-1, -1, 1),
    "right-anterior-superior": (1, 1, 1),
    "left-anterior-superior": (-1, 1, 1),
}
_SHORT = {"lps": "left-posterior-superior", "ras": "right-anterior-superior", "las": "left-anterior-superior"}

_ENCODINGS: dict[str, Encoding] = {
    "raw": "raw", "gzip": "gzip", "gz": "gzip", "bzip2": "bzip2", "bz2": "bzip2",
}  # fmt: skip

#: Every name the format has for a number type but `block`, which is none; the first is the one written.
_ALIASES = {
    "i1": ("int8", "int8_t", "signed char"),
    "u1": ("uint8", "uint8_t", "uchar", "unsigned char"),
    "i2": ("int16", "int16_t", "short", "short int", "signed short", "signed short int"),
    "u2": ("uint16", "uint16_t", "ushort", "unsigned short", "unsigned short int"),
    "i4": ("int32", "int32_t", "int", "signed int"),
    "u4": ("uint32", "uint32_t", "uint", "unsigned int"),
    "i8": ("int64", "int64_t", "longlong", "long long", "long long int", "signed long long", "signed long long int"),
    "u8": ("uint64", "uint64_t", "ulonglong", "unsigned long long", "unsigned long long int"),
    "f4": ("float",),
    "f8": ("double",),
}
_TYPES = {alias: code for code, aliases in _ALIASES.items() for alias in aliases}

_MM_PER_UNIT = {"": 1.0, "mm": 1.0, "cm": 10.0, "m": 1000.0, "um": 0.001, "µm": 0.001, "μm": 0.001}

#: Kinds of axes along which no voxels lie side by side.
_SPATIAL_KINDS = {"domain", "space", "???", "none"}

_LONGEST_HEADER = 1 << 20


def read(path: Path) -> Volume:
    """Read an NRRD file, raw, gzip or bzip2.

    Args:
        path: A `.nrrd` or `.nhdr` file. A detached data file must lie in the header's folder or below.

    Returns:
        The volume; see `values.tidy` for the number types. Without a named `space` the world is taken as
        left-posterior-superior, with a warning.

    Raises:
        DataError: if the file is no NRRD, damaged, not a scalar 3-D volume, its world is none of
            LPS, RAS, LAS, or its geometry is unsound.
    """
    header, header_bytes = read_header(path)
    dtype, shape = _dtype(path, header), _shape(path, header)
    grid = checked_grid(path, shape, _affine(path, header))
    encoding = _ENCODINGS.get(str(header.get("encoding")).lower())
    if encoding is None:
        raise DataError(path, expected="encoding raw, gzip or bzip2", got=str(header.get("encoding")))
    skip_lines, skip_bytes = (int(header.get(f"{w} skip", header.get(f"{w}skip", 0))) for w in ("line", "byte"))
    name = header.get("data file", header.get("datafile"))
    source = path if name is None else data_file(path, str(name))
    with opened(source) as file:
        file.seek(0 if name is not None else header_bytes)
        for _ in range(skip_lines):
            file.readline()
        data = read_bytes(source, file, encoding, math.prod(shape) * dtype.itemsize, skip=skip_bytes)
    return Volume(tidy(voxel_array(data, dtype, grid.shape)), grid)


def read_header(path: Path) -> tuple[dict[str, Any], int]:
    """The fields and key-value pairs of a header, and its length in bytes.

    Raises:
        DataError: if the file is no NRRD.
    """
    with opened(path) as file:
        head = file.read(_LONGEST_HEADER)
    end = re.search(rb"\r?\n\r?\n", head)
    return _header(path, head[: end.start()] if end else head), end.end() if end else len(head)


def write(path: Path, volume: Volume, pairs: Mapping[str, str] | None = None) -> None:
    """Write gzipped NRRD in left-posterior-superior space; a `.nhdr` gets its data in a `.raw.gz` beside it.

    Args:
        path: A `.nrrd` or `.nhdr` file.
        volume: Any real type.
        pairs: Key-value pairs to add to the header, one line each.
    """
    array = storable(path, volume.array)
    affine = FLIP_XY @ volume.affine
    detached = data_path(path, ".raw.gz") if path.suffix.lower() == ".nhdr" else None
    header = [
        "NRRD0004",
        f"type: {_ALIASES[f'{array.dtype.kind}{array.dtype.itemsize}'][0]}",
        "dimension: 3",
        "space: left-posterior-superior",
        f"sizes: {' '.join(str(n) for n in volume.shape)}",
        f"space directions: {' '.join(_vector(column) for column in affine[:3, :3].T)}",
        "kinds: domain domain domain",
        "endian: little",
        "encoding: gzip",
        f"space origin: {_vector(affine[:3, 3])}",
    ]
    if detached:
        header.append(f"data file: {detached.name}")
    header += [f"{key}:={' '.join(value.split())}" for key, value in (pairs or {}).items()]
    with path.open("wb") as file:
        file.write(("\n".join(header) + "\n\n").encode("utf-8"))
        if not detached:
            file.writelines(compressed("gzip", voxel_bytes(array)))
    if detached:
        with detached.open("wb") as file:
            file.writelines(compressed("gzip", voxel_bytes(array)))


def _vector(numbers: Any) -> str:
    return f"({','.join(repr(float(x)) for x in numbers)})"


def _header(path: Path, head: bytes) -> dict[str, Any]:
    import nrrd

    if not head.startswith(b"NRRD"):
        got = "an empty file" if not head else "a file that does not begin with NRRD"
        raise DataError(path, expected="an NRRD file", got=got)
    try:
        return dict(nrrd.read_header(head.decode("utf-8", "replace").splitlines()))
    except (nrrd.NRRDError, ValueError, IndexError, TypeError) as error:
        raise DataError(path, expected="a sound NRRD header", got=str(error), hint="Export the scan again.") from error


def _dtype(path: Path, header: dict[str, Any]) -> np.dtype[Any]:
    code = _TYPES.get(str(header.get("type")).lower())
    if code is None:
        raise DataError(path, expected="one real number a voxel", got=f"type {header.get('type')}")
    order = {"little": "<", "big": ">"}.get(str(header.get("endian")).lower())
    if order is None and code[1] != "1":
        raise DataError(path, expected="endian little or big", got=str(header.get("endian")))
    dtype = np.dtype((order or "<") + code)
    refuse_unreal(path, dtype)
    return dtype


def _shape(path: Path, header: dict[str, Any]) -> tuple[int, ...]:
    shape = tuple(int(n) for n in header.get("sizes", ()))
    kinds = [str(kind).lower() for kind in header.get("kinds", ())]
    other = [kind for kind in kinds if kind not in _SPATIAL_KINDS]
    if len(shape) != 3 or other:
        raise DataError(
            path,
            expected="a 3-D volume of one value a voxel",
            got=f"sizes {' '.join(map(str, shape)) or 'missing'}" + (f", kinds {' '.join(kinds)}" if kinds else ""),
            hint="Split it into one file per channel, layer or time point first.",
        )
    return shape


def _affine(path: Path, header: dict[str, Any]) -> Affine:
    """Index to RAS mm."""
    affine = np.eye(4)
    if "space directions" in header:
        affine[:3, :3] = _numbers(path, header, "space directions", (3, 3)).T
    elif "spacings" in header:
        affine[:3, :3] = np.diag(_numbers(path, header, "spacings", (3,)))
    else:
        raise DataError(path, expected="space directions or spacings", got="neither", hint="Export the scan again.")
    if "space origin" in header:
        affine[:3, 3] = _numbers(path, header, "space origin", (3,))
    units = {str(unit).lower() for unit in header.get("space units", header.get("units", ()))} or {""}
    if len(units) > 1 or not units <= set(_MM_PER_UNIT):
        raise DataError(path, expected="one unit of length: m, cm, mm or um", got=", ".join(sorted(units)))
    affine[:3] *= _MM_PER_UNIT[units.pop()]
    # Row by row: a matrix product would smear a NaN over the rows that have none.
    affine[:3] *= np.array(_signs(path, header))[:, None]
    return affine


def _signs(path: Path, header: dict[str, Any]) -> tuple[int, int, int]:
    if "space" not in header:
        log.warning(
            "%s: the header says nothing about left and right (no space); "
            "its axes are taken as left-posterior-superior.",
            path,
        )
        return SPACES["left-posterior-superior"]
    name = str(header["space"]).lower()
    name = _SHORT.get(name, name)
    if name not in SPACES:
        raise DataError(path, expected=f"a space that is one of {', '.join(SPACES)}", got=str(header["space"]))
    return SPACES[name]


def _numbers(path: Path, header: dict[str, Any], field: str, shape: tuple[int, ...]) -> Any:
    try:
        numbers = np.array(header[field], dtype=np.float64)
    except (TypeError, ValueError):
        numbers = np.empty(0)
    if numbers.shape != shape:
        raise DataError(path, expected=f"{' x '.join(map(str, shape))} numbers in {field}", got=str(header[field]))
    return numbers
