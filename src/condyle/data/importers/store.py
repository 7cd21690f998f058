"""A case's images and label maps, read and checked; then written, each file whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from condyle import io
from condyle.data.dataset import Dataset
from condyle.data.importers.found import FoundCase
from condyle.data.importers.handling import Handling
from condyle.errors import DataError
from condyle.space import Volume


def read_images(found: FoundCase, handling: Handling) -> dict[str, Volume]:
    """The images of a case by channel.

    Raises:
        DataError: if an image is broken, or channels lie on different grids.
    """
    images: dict[str, Volume] = {}
    for channel, file in found.images.items():
        volume = file.read(spacing_mm=handling.spacing_mm, fix_tilt=handling.fix_tilt)
        grid = next(iter(images.values()), volume).grid
        if not volume.grid.matches(grid):
            raise DataError(
                file.path,
                expected=f"channel {channel} on the grid of the others, {grid}",
                got=str(volume.grid),
                hint="Register and resample the channels onto one grid first.",
            )
        images[channel] = volume
    return images


def write_files(dataset: Dataset, files: Mapping[str, Volume], *, overwrite: bool) -> None:
    """Write volumes to their places in a dataset.

    An import that was killed leaves files that no case names yet: one with the very same voxels is taken as
    written.

    Raises:
        DataError: if another file is in the way, or the disk refuses.
    """
    for relative, volume in files.items():
        path = dataset.path(relative)
        if overwrite or not path.exists():
            io.write(path, volume, overwrite=overwrite)
        elif not is_stored(path, volume):
            raise DataError(
                path,
                expected="no other file in the way",
                got="one with other voxels that no case names",
                hint="Remove it, or overwrite.",
            )


def is_stored(path: Path, volume: Volume) -> bool:
    """Whether a file holds the very same voxels in the same place.

    Raises:
        DataError: if it cannot be read.
    """
    old = io.read(path)
    return old.grid.matches(volume.grid) and np.array_equal(
        old.array, volume.array, equal_nan=volume.array.dtype.kind == "f"
    )
