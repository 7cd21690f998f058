"""NIfTI-1 and NIfTI-2, plain or gzipped (https://nifti.nimh.nih.gov).

World is RAS already; lengths may be in metre, millimetre or micron. **sform** is a full affine, **qform** a
rotation with spacings; each counts where its code is above 0, and the sform wins.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.errors import DataError
from condyle.io.geometry import checked_grid
from condyle.io.packed import Encoding, compressed, decoded, opened, read_bytes, voxel_array, voxel_bytes
from condyle.io.values import refuse_unreal, rescaled, storable, tidy
from condyle.space import Affine, Grid, Volume

log = logging.getLogger("condyle")

#: mm per unit, by the lower three bits of `xyzt_units`; 0 is unknown.
_MM_PER_UNIT = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}

#: How far sform and qform may differ before that is worth a word.
_FORMS_AGREE_MM = 0.1

_SCANNER = 1
_LARGEST_NIFTI1_AXIS = 32767


def read(path: Path) -> Volume:
    """Read a NIfTI file.

    Args:
        path: A `.nii` or `.nii.gz` file; whether it is compressed is seen from its first bytes.

    Returns:
        The volume with `scl_slope` and `scl_inter` applied; see `values.tidy` for the number types. Bytes
        behind the voxels are ignored with a warning.

    Raises:
        DataError: if the file is no NIfTI, damaged, not 3-D (axes of one voxel behind the third are fine),
            complex or colour, or its geometry is unsound.
    """
    with opened(path) as file:
        encoding: Encoding = "gzip" if file.read(2) == b"\x1f\x8b" else "raw"
        file.seek(0)
        header = _header(path, decoded(file, encoding).read(540))
        shape = _shape(path, header)
        dtype = _dtype(path, header)
        grid = checked_grid(path, shape, _affine(path, header, shape))
        offset = float(header["vox_offset"])
        if not (offset.is_integer() and offset >= header["sizeof_hdr"]):
            raise DataError(path, expected="voxels behind the header", got=f"vox_offset {offset:g}")
        file.seek(0)
        data = read_bytes(path, file, encoding, math.prod(shape) * dtype.itemsize, skip=int(offset))
    array = voxel_array(data, dtype, grid.shape)
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    # The standard: a slope of 0 means that there is no scaling; a NaN is how some writers say the same.
    if slope != 0 and not math.isnan(slope):
        if not (math.isfinite(slope) and math.isfinite(intercept)):
            raise DataError(path, expected="a finite scaling of values", got=f"{slope:g} x + {intercept:g}")
        array = rescaled(array, slope, intercept)
    return Volume(tidy(array), grid)


def read_grid(path: Path) -> Grid:
    """Where the voxels of a NIfTI file lie, from its header alone.

    Raises:
        DataError: as `read`, as far as the header tells.
    """
    with opened(path) as file:
        encoding: Encoding = "gzip" if file.read(2) == b"\x1f\x8b" else "raw"
        file.seek(0)
        header = _header(path, decoded(file, encoding).read(540))
    shape = _shape(path, header)
    return checked_grid(path, shape, _affine(path, header, shape))


def write(path: Path, volume: Volume) -> None:
    """Write NIfTI-1, or NIfTI-2 for axes of more than 32767 voxels; gzipped if the name ends in `.gz`.

    The sform always carries the affine (float32 in NIfTI-1), with code 1, scanner. The qform has code 1 where
    it says the same, and code 0 where it cannot: sheared grids, and rotations close to 180 degrees that its
    single precision quaternion misses by more than a hundredth of a voxel.
    """
    array = storable(path, volume.array)
    head = _head(volume.shape, array.dtype, volume.grid)
    data = voxel_bytes(array)
    with path.open("wb") as file:
        if path.name.lower().endswith(".gz"):
            file.writelines(compressed("gzip", head, data))
        else:
            file.write(head)
            file.write(data)


def write_fractions(path: Path, channels: Iterable[NDArray[np.float32]], grid: Grid, count: int) -> None:
    """Write several channels of numbers from 0 to 1, such as probabilities, as one 4-D NIfTI file, gzipped.

    They are stored as 16-bit integers with a scaling that every reader applies (NIfTI knows no half precision): off
    by less than 1e-5, at half the size of single precision. The channel is the fourth axis.

    Args:
        path: A `.nii.gz` file.
        channels: Arrays of the grid's shape, taken one by one: each is packed as a gzip member of its own.
        grid: Where the voxels lie.
        count: How many channels.
    """
    dtype, steps = np.dtype("<u2"), 65535
    with path.open("wb") as file:
        file.writelines(compressed("gzip", _head((*grid.shape, count), dtype, grid, slope=1 / steps)))
        for channel in channels:
            whole = np.rint(np.clip(channel, 0, 1) * steps).astype(dtype)
            file.writelines(compressed("gzip", voxel_bytes(whole)))


def _head(shape: tuple[int, ...], dtype: np.dtype[Any], grid: Grid, slope: float = 1) -> bytes:
    """All bytes before the voxels."""
    header = _header_kinds()[348 if max(shape) <= _LARGEST_NIFTI1_AXIS else 540](endianness="<")
    header.set_data_shape(shape)
    header.set_data_dtype(dtype)
    header.set_xyzt_units("mm")
    header["scl_slope"], header["scl_inter"] = slope, 0
    header.set_sform(grid.affine, code=_SCANNER)
    header.set_qform(grid.affine, code=_SCANNER, strip_shears=True)
    if not Grid(grid.shape, header.get_qform()).matches(grid):
        header["qform_code"] = 0
    no_extensions = bytes(4)
    header["vox_offset"] = header.sizeof_hdr + len(no_extensions)
    out: bytes = header.binaryblock + no_extensions
    return out


def _header_kinds() -> dict[int, Any]:
    """nibabel's header classes by the header's size in bytes, which is the first number in the file."""
    from nibabel.nifti1 import Nifti1Header
    from nibabel.nifti2 import Nifti2Header

    return {348: Nifti1Header, 540: Nifti2Header}


def _header(path: Path, block: bytes) -> Any:
    """The header at the start of a file, of either version and byte order."""
    for endianness in "<>":
        size = int(np.frombuffer(block[:4].ljust(4, b"\0"), endianness + "i4")[0])
        magic = {348: block[344:347], 540: block[4:7]}.get(size)
        if magic in {b"n+1", b"n+2"} and len(block) >= size:
            return _header_kinds()[size](block[:size], endianness, check=False)
    raise DataError(
        path,
        expected="a NIfTI file",
        got="an empty file" if not block else "a header that is not NIfTI's",
        hint="Analyze and .hdr/.img pairs do not say left from right: convert them to one .nii file.",
    )


def _dtype(path: Path, header: Any) -> np.dtype[Any]:
    try:
        dtype: np.dtype[Any] = header.get_data_dtype()
    except KeyError as error:
        raise DataError(path, expected="a number type NIfTI knows", got=f"datatype {header['datatype']}") from error
    refuse_unreal(path, dtype)
    return dtype


def _shape(path: Path, header: Any) -> tuple[int, ...]:
    """Number of voxels along i, j, k; further axes of one voxel are left out."""
    count = int(header["dim"][0])
    shape = [int(n) for n in header["dim"][1 : 1 + max(0, count)]]
    if not 1 <= count <= 7 or min(shape) < 1:
        raise DataError(path, expected="1 to 7 axes of at least one voxel", got=f"dim {header['dim'].tolist()}")
    while len(shape) > 3 and shape[-1] == 1:
        shape.pop()
    return tuple(shape + [1] * (3 - len(shape)))


def _affine(path: Path, header: Any, shape: tuple[int, ...]) -> Affine:
    """Index to RAS mm, by sform, qform or, with a warning, spacings alone."""
    unit = int(header["xyzt_units"]) & 7
    if unit not in _MM_PER_UNIT:
        raise DataError(path, expected="lengths in metre, mm or micron", got=f"xyzt_units {unit}")
    to_mm = np.array([[_MM_PER_UNIT[unit]]] * 3 + [[1.0]])
    qform = _qform(path, header)
    if header["sform_code"] > 0:
        sform: Affine = header.get_sform() * to_mm
        _compare(path, shape, sform, None if qform is None else qform * to_mm)
        return sform
    if qform is not None:
        return np.asarray(qform * to_mm)
    log.warning(
        "%s: the header says nothing about left and right (sform and qform have code 0); "
        "the first axis is taken to run to the left, the second to the front, the third to the head.",
        path,
    )
    spacings = header.copy()
    # Only lengths count: a negative one would turn the axis round, against the words above and against nibabel.
    spacings["pixdim"][1:4] = np.abs(spacings["pixdim"][1:4])
    return np.asarray(spacings.get_base_affine() * to_mm)


def _qform(path: Path, header: Any) -> Affine | None:
    from nibabel.spatialimages import HeaderDataError

    if header["qform_code"] <= 0:
        return None
    header = header.copy()
    if header["pixdim"][0] == 0:  # the standard: a qfac of 0 is one that was never set, and means 1
        header["pixdim"][0] = 1
    try:
        return np.asarray(header.get_qform())
    except (HeaderDataError, ValueError) as error:
        if header["sform_code"] > 0:
            log.warning("%s: the qform is unsound (%s); the sform is taken.", path, error)
            return None
        raise DataError(path, expected="a sound qform", got=str(error), hint="Export the scan again.") from error


def _compare(path: Path, shape: tuple[int, ...], sform: Affine, qform: Affine | None) -> None:
    if qform is None or len(shape) != 3 or not (np.isfinite(sform).all() and np.isfinite(qform).all()):
        return
    corners = np.array(np.meshgrid(*[[0, n - 1] for n in shape], [1])).reshape(4, -1)
    apart_mm = float(np.linalg.norm((sform - qform) @ corners, axis=0).max())
    if apart_mm > _FORMS_AGREE_MM:
        log.warning("%s: sform and qform place voxels up to %.3g mm apart; the sform is taken.", path, apart_mm)
