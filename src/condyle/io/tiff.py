"""TIFF stacks: one page a slice (k), rows along j, columns along i.

Where a stack lies in the patient is told by `tiff_place`.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.errors import ConfigError, DataError
from condyle.io.geometry import checked_grid
from condyle.io.packed import opened
from condyle.io.tiff_place import Spacing, affine_of
from condyle.io.values import refuse_unreal, storable, tidy
from condyle.space import Volume

#: No compression that scanners use gains more on a real stack; a file that promises more is not believed.
_LARGEST_RATIO = 2000

#: Classic TIFF has 32-bit offsets.
_LARGEST_CLASSIC_BYTES = 2**32 - 2**25


def read(path: Path, *, spacing_mm: Spacing | None = None) -> Volume:
    """Read a stack of 8, 16, 32 or 64-bit grey pages, plain or compressed.

    Args:
        path: A `.tif` or `.tiff` file.
        spacing_mm: Distance of columns, rows and pages, for a file that does not tell it.

    Returns:
        The volume (columns, rows, pages); see `values.tidy` for the number types.

    Raises:
        DataError: if the file is no TIFF, damaged, not one stack of grey pages, or tells no spacing and
            none is given.
        ConfigError: if `spacing_mm` is not three positive numbers, or the file tells another.
    """
    import tifffile

    if spacing_mm is not None and not (len(spacing_mm) == 3 and all(0 < s < math.inf for s in spacing_mm)):
        raise ConfigError("spacing", expected="three positive numbers in mm", got=str(spacing_mm))
    with opened(path):  # tells a file that may not be read from one that is no TIFF
        pass
    try:
        # Files that OME-XML names beside this one are not opened: one path is one volume.
        with _no_lost_pages(), tifffile.TiffFile(path, _multifile=False) as tif:
            pages = _stack(path, tif)
            grid = checked_grid(path, pages.T.shape, affine_of(path, tif, spacing_mm))
            return Volume(tidy(pages.T), grid)
    except (DataError, ConfigError):
        raise
    except Exception as error:  # a TIFF decoder answers damage with every kind of error there is
        raise DataError(
            path,
            expected="a whole TIFF file",
            got=f"{type(error).__name__}: {error}",
            hint="It is damaged, cut short or no TIFF: copy or export it again.",
        ) from error


def write(path: Path, volume: Volume) -> None:
    """Write a deflated stack whose description carries the full affine. The same volume gives the same bytes.

    The description is `{"condyle": {"affine": 4 x 4, index (column, row, page) to RAS mm}}`. Column and row
    spacing stand in the resolution tags, too, for other programs.
    """
    import tifffile

    array = storable(path, volume.array)
    x_mm, y_mm, _ = volume.spacing_mm
    tifffile.imwrite(
        path,
        np.ascontiguousarray(array.T),
        bigtiff=array.nbytes > _LARGEST_CLASSIC_BYTES,
        photometric="minisblack",
        compression="zlib",
        compressionargs={"level": 1},
        description=json.dumps({"condyle": {"affine": volume.affine.tolist()}}),
        metadata=None,
        software=False,
        resolution=(10 / x_mm, 10 / y_mm),
        resolutionunit="CENTIMETER",
        maxworkers=2,
    )


@contextmanager
def _no_lost_pages() -> Iterator[None]:
    """Raise a `ValueError` where tifffile only logs that the chain of pages breaks off, and goes on with the rest."""
    lost: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "<tifffile.TiffPages" in record.getMessage():
                lost.append(record.getMessage())

    tifffile_log, listener = logging.getLogger("tifffile"), Listener(logging.ERROR)
    tifffile_log.addHandler(listener)
    try:
        yield
    finally:
        tifffile_log.removeHandler(listener)
    if lost:
        raise ValueError(lost[0])


def _stack(path: Path, tif: Any) -> NDArray[Any]:
    """The pages as one array (page, row, column)."""
    if len(tif.series) != 1:
        shapes = ", ".join("x".join(map(str, s.shape)) for s in tif.series)
        raise DataError(path, expected="one stack of pages of one size and type", got=f"{len(tif.series)} ({shapes})")
    series = tif.series[0]
    axes = [a for a, n in zip(series.axes, series.shape, strict=True) if n > 1 or a in "YX"]
    if axes[-2:] != ["Y", "X"] or len(axes) > 3 or axes[0] in "SCT":
        sizes = ", ".join(f"{a} {n}" for a, n in zip(series.axes, series.shape, strict=True))
        raise DataError(
            path,
            expected="one stack of grey pages",
            got=f"axes {sizes} (S samples of colour, C channels, T time points)",
            hint="Convert it to 8 or 16-bit grey slices first.",
        )
    refuse_unreal(path, np.dtype(series.dtype))
    _check_size(path, series)
    pages = series.asarray(maxworkers=2)
    out: NDArray[Any] = pages.reshape(-1, *pages.shape[-2:]).astype(pages.dtype.newbyteorder("="), copy=False)
    return out


def _check_size(path: Path, series: Any) -> None:
    """Refuse pages that are not all in the file: the decoder would fill them up with zeros."""
    stored, promised = path.stat().st_size, _stored_bytes(series)
    if series.dataoffset is not None:  # one uncompressed block
        whole = series.dataoffset + promised <= stored
    else:
        parts = [part for page in series.pages for part in zip(page.dataoffsets, page.databytecounts, strict=True)]
        whole = all(start > 0 and count > 0 and start + count <= stored for start, count in parts)
        ratio = 1 if series.keyframe.compression == 1 else _LARGEST_RATIO
        whole = whole and promised <= ratio * sum(count for _, count in parts)
    if not whole:
        raise DataError(
            path,
            expected=f"{promised:,} bytes of voxels, as its pages say",
            got=f"a file of {stored:,} bytes that does not hold them all",
            hint="It is damaged or cut short: copy or export it again.",
        )


def _stored_bytes(series: Any) -> int:
    """The bytes that the voxels take before compression: pixels of 1 or 12 bits lie packed, each row in whole bytes."""
    page = series.keyframe
    row_bits = int(page.imagewidth) * int(page.bitspersample)
    return int(series.size) // int(page.imagewidth) * math.ceil(row_bits / 8)
