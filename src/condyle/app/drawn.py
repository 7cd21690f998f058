"""A label map that came from a page: is it one of this scan, with this dataset's labels?"""

from __future__ import annotations

from pathlib import Path

from condyle import io
from condyle.data import Case, Dataset
from condyle.errors import DataError
from condyle.io.nifti import read_grid
from condyle.labels import label_type, present_ids
from condyle.space import Grid, Volume

#: A header in single precision is off by less, a metre from the origin.
_TOLERANCE_MM = 1e-3


def grid_of(dataset: Dataset, case: Case) -> Grid:
    """The grid of a case's scan; no voxel is read.

    Raises:
        DataError: if the file is broken.
    """
    return read_grid(dataset.path(case.images[dataset.channels[0]]))


def read_drawn(path: Path, dataset: Dataset, case: Case) -> Volume:
    """Read and check a label map that was drawn on a case.

    Args:
        path: A NIfTI file.
        dataset: The dataset.
        case: The case.

    Returns:
        The label map on the scan's own grid, exactly, in memory as in the file.

    Raises:
        DataError: if it is no label map, lies elsewhere, or has ids that the dataset does not know.
    """
    grid = grid_of(dataset, case)
    drawn = io.read_labels(path)
    if not drawn.grid.matches(grid, max(_TOLERANCE_MM, 1e-4 * min(grid.spacing_mm))):
        raise DataError(
            "label map", expected=f"the scan's grid, {grid}", got=str(drawn.grid), hint="Open the case anew."
        )
    known = {*dataset.labels.ids, dataset.labels.ignore}
    unknown = [id_ for id_ in present_ids(drawn.array) if id_ not in known]
    if unknown:
        raise DataError(
            "label map",
            expected=f"the dataset's ids, {', '.join(str(i) for i in sorted(i for i in known if i is not None))}",
            got=f"also {', '.join(map(str, unknown))}",
            hint="Add the structure to the labels first.",
        )
    largest = max(dataset.labels.ids, default=0)
    return Volume(drawn.array.astype(label_type(max(largest, int(drawn.array.max()))), copy=False), grid)
