"""A small picture of each case: one plane, the patient's right on the left, with one label set laid over."""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from condyle.data import Case, Dataset, load_image
from condyle.data.load import load_labels
from condyle.errors import CondyleError
from condyle.io.atomic import atomic_file
from condyle.labels import Color
from condyle.reports.planes import grey_range
from condyle.space import Volume, reorient

#: Pixels of the longer side.
SIZE = 200

#: A scan lower than this share of its width is shown from below.
LOW = 0.4

#: Of a structure's colour over the scan.
_OPACITY = 0.5

#: Sets are drawn in this order of liking, then by name.
_LIKED = ("corrected", "reference", "truth")


def drawn_set(case: Case) -> str | None:
    """The label set that is drawn, or None."""
    return next((s for s in (*_LIKED, *sorted(case.label_sets)) if s in case.label_sets), None)


def tag(dataset: Dataset, case: Case) -> str:
    """Another text whenever the picture would be another."""
    chosen = drawn_set(case)
    files = [case.images[dataset.channels[0]], *([case.label_sets[chosen]] if chosen else [])]
    marks = []
    for name in files:
        try:
            status = dataset.path(name).stat()
            marks.append(f"{name} {status.st_size} {status.st_mtime_ns}")
        except OSError:
            marks.append(name)
    return hashlib.blake2b("\n".join([case.id, *marks]).encode(), digest_size=8).hexdigest()


def thumbnail(dataset: Dataset, case: Case, folder: Path) -> Path:
    """The picture of a case, drawn if it is not there yet.

    Args:
        dataset: The dataset.
        case: One of its cases.
        folder: Where pictures are kept.

    Raises:
        DataError: if the scan cannot be read.
    """
    path = folder / f"{tag(dataset, case)}.png"
    if not path.exists():
        scan = load_image(dataset, case, dataset.channels[0])
        chosen = drawn_set(case)
        try:
            mask = load_labels(dataset, case, chosen) if chosen else None
        except CondyleError:
            mask = None  # the scan alone is better than nothing; the check tells of the mask
        if mask is not None and not mask.grid.matches(scan.grid):
            mask = None
        colors = {s.id: s.color for s in dataset.labels.structures}
        with atomic_file(path, overwrite=True) as temporary:
            temporary.write_bytes(png(plane(scan, mask, colors)))
    return path


def plane(scan: Volume, mask: Volume | None, colors: Mapping[int, Color]) -> NDArray[np.uint8]:
    """A plane through the middle of what is labelled, in square pixels, as (rows, columns, 3).

    It is the coronal one; of a scan that is low and wide the axial one.
    """
    image = reorient(scan, "LPS")
    wide_mm, high_mm = (image.shape[axis] * image.spacing_mm[axis] for axis in (0, 2))
    cut, down = (2, 1) if high_mm < LOW * wide_mm else (1, 2)
    labels = None if mask is None else reorient(mask, "LPS").array
    along = tuple(axis for axis in range(3) if axis != cut)
    there = np.flatnonzero(labels.any(axis=along)) if labels is not None else np.array([])
    middle = int(np.median(there)) if len(there) else image.shape[cut] // 2
    columns, rows = _square([image.shape[a] for a in (0, down)], [image.spacing_mm[a] for a in (0, down)])
    if down == 2:
        rows = rows[::-1]  # the third axis goes up, rows of a picture go down
    low, high = grey_range(image.array[::2, ::2, ::2], "auto")
    pixels = np.ix_(columns, rows)
    grey = (np.take(image.array, middle, cut)[pixels].T.astype(np.float32) - low) / (high - low)
    out: NDArray[np.float32] = np.repeat(grey.clip(0, 1)[..., None], 3, 2) * 255
    if labels is not None:
        ids = np.take(labels, middle, cut)[pixels].T
        for id_, color in colors.items():
            out[ids == id_] = (1 - _OPACITY) * out[ids == id_] + _OPACITY * np.array(color)
    return out.astype(np.uint8)


def _square(shape: Sequence[int], spacing_mm: Sequence[float]) -> list[NDArray[np.intp]]:
    """For each of two axes, the voxel of each of its pixels."""
    sizes_mm = [n * mm for n, mm in zip(shape, spacing_mm, strict=True)]
    pixel_mm = max(sizes_mm) / SIZE
    return [
        ((np.arange(max(1, int(size / pixel_mm))) + 0.5) * pixel_mm / mm).astype(np.intp).clip(0, n - 1)
        for size, mm, n in zip(sizes_mm, spacing_mm, shape, strict=True)
    ]


def png(pixels: NDArray[np.uint8]) -> bytes:
    """A picture of (rows, columns, 3) as PNG (ISO/IEC 15948), each row unfiltered."""
    high, wide, _ = pixels.shape
    rows = np.concatenate([np.zeros((high, 1), np.uint8), pixels.reshape(high, -1)], axis=1)
    head = struct.pack(">IIBBBBB", wide, high, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(rows.tobytes())), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )
