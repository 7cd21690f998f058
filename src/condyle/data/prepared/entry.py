"""One prepared case on disk, and back.

<case>/case.json        grids, number of voxels by label, signatures of the files it was made from
<case>/image.npy        float32 (C, *tensor axes), normalised
<case>/labels.npy       int8 or int16 (*tensor axes)
<case>/positions.npy    int32, rows (id, and an index along each tensor axis)
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from condyle.data.fields import checked_fields, read_json
from condyle.data.prepared.arrays import StoredArray, broken, write_array
from condyle.data.prepared.positions import Positions, as_table, from_table, sample_positions
from condyle.data.prepared.signature import Signature
from condyle.io.atomic import atomic_file, atomic_folder
from condyle.prepare import Prepared
from condyle.space import Grid

#: The file that makes a folder a prepared case.
FILE = "case.json"

#: Seed of the sample of positions, which is thus the same whenever a case is prepared.
_SEED = 1234


@dataclass(frozen=True)
class StoredCase:
    """A prepared case that lies on disk.

    Args:
        folder: Where.
        image: float32 (C, *tensor axes).
        labels: int8 or int16 (*tensor axes); `prepare.OUTSIDE` (-1) marks background outside the scan.
        grid: Where these voxels lie; see `prepare.Prepared`.
        source: The scan's own grid.
        separate: The tensor axis along which scores are not interpolated on the way back, or None.
        voxels: Number of voxels of each label that is there; of background (0) too where the table has an ignore id.
        table: The file of `positions`.
        files: Signatures of the files it was made from, by their paths in the dataset.
    """

    folder: Path
    image: StoredArray
    labels: StoredArray
    grid: Grid
    source: Grid
    separate: int | None
    voxels: Mapping[int, int]
    table: StoredArray
    files: Mapping[str, Signature]

    @cached_property
    def positions(self) -> Positions:
        """Up to 10,000 random voxels (n, 3) of each label in `voxels`, along the tensor axes.

        Raises:
            DataError: if the file is gone or broken.
        """
        return from_table(self.table.whole())


def is_stored(folder: Path) -> bool:
    """Whether a folder holds a prepared case."""
    return (folder / FILE).is_file()


def read_case(folder: Path) -> StoredCase:
    """What `write_case` wrote; no voxel is read.

    Raises:
        DataError: if it is not there or broken.
    """
    path = folder / FILE
    keys = ("image", "labels", "positions", "grid", "source", "separate", "voxels", "files")
    data = checked_fields(read_json(path), str(path), required=keys)
    try:
        return StoredCase(
            folder,
            StoredArray.from_json(folder / "image.npy", data["image"]),
            StoredArray.from_json(folder / "labels.npy", data["labels"]),
            _grid(data["grid"]),
            _grid(data["source"]),
            data["separate"],
            {int(id_): int(n) for id_, n in data["voxels"].items()},
            StoredArray.from_json(folder / "positions.npy", data["positions"]),
            {name: Signature.from_json(s, f"{path}: {name}") for name, s in data["files"].items()},
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise broken(path, repr(error)) from error


def write_case(folder: Path, prepared: Prepared, ids: Sequence[int], files: Mapping[str, Signature]) -> None:
    """Store a prepared case; its folder is there whole or not at all, an older one is replaced.

    Args:
        folder: Where, its name the case's id.
        prepared: With labels.
        ids: Labels to sample positions of.
        files: What it was made from.

    Raises:
        DataError: if the disk refuses.
    """
    labels = prepared.labels
    if labels is None:
        raise ValueError("a case without labels is not stored")
    labels = labels.astype(np.int8 if labels.max() <= np.iinfo(np.int8).max else np.int16)
    positions, voxels = sample_positions(labels, ids, np.random.default_rng(_SEED))
    with atomic_folder(folder, overwrite=True) as temporary:
        data = {
            "image": write_array(temporary / "image.npy", prepared.array).to_json(),
            "labels": write_array(temporary / "labels.npy", labels).to_json(),
            "positions": write_array(temporary / "positions.npy", as_table(positions)).to_json(),
            "grid": _grid_to_json(prepared.grid),
            "source": _grid_to_json(prepared.source),
            "separate": prepared.separate,
            "voxels": voxels,
            "files": {name: signature.to_json() for name, signature in files.items()},
        }
        _write_json(temporary / FILE, data)
        # An old folder is not gone at once: without this file what is left of it is no case.
        (folder / FILE).unlink(missing_ok=True)


def seen_again(folder: Path, files: Mapping[str, Signature]) -> None:
    """Note that the files a case was made from have the same content as ever, whatever their times say.

    Raises:
        DataError: if the disk refuses.
    """
    data = read_json(folder / FILE) | {"files": {name: signature.to_json() for name, signature in files.items()}}
    with atomic_file(folder / FILE, overwrite=True) as temporary:
        _write_json(temporary, data)


def _write_json(path: Path, data: Any) -> None:
    with path.open("w", encoding="utf-8") as file:
        json.dump(data, file, indent=1)
        file.flush()
        os.fsync(file.fileno())


def _grid_to_json(grid: Grid) -> dict[str, Any]:
    return {"shape": list(grid.shape), "affine": grid.affine.tolist()}


def _grid(data: Any) -> Grid:
    i, j, k = data["shape"]
    return Grid((i, j, k), np.array(data["affine"], np.float64))
