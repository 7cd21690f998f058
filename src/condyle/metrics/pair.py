"""Two label maps that may be compared: on one grid, in ids that mean something."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.errors import DataError
from condyle.labels import Labels, label_type
from condyle.space import Box, Grid, Volume, bounding_box, cropped_grid, reorient, resample_labels


@dataclass(frozen=True, eq=False)
class Pair:
    """Reference and prediction, voxel by voxel.

    Args:
        reference: Unsigned integers (I, J, K).
        prediction: Of the same shape.
        grid: Where both lie.
    """

    reference: NDArray[Any]
    prediction: NDArray[Any]
    grid: Grid

    def cropped(self) -> Pair:
        """Where either has a structure, and one voxel around it; one voxel where neither has any.

        What touches the border of the crop, touches the border of the grid. The axes are brought into the order RAS,
        so that no score depends on how the voxels were stored.
        """
        box = _joint_box(self.reference, self.prediction, self.grid.shape)
        grid = cropped_grid(self.grid, box)
        reference, prediction = (
            reorient(Volume(array[box.slices], grid), "RAS") for array in (self.reference, self.prediction)
        )
        return Pair(np.ascontiguousarray(reference.array), np.ascontiguousarray(prediction.array), reference.grid)

    def masks(self, ids: Sequence[int]) -> Masks:
        """A structure, or a region of several ids, cropped likewise."""
        reference, prediction = (_member(array, ids) for array in (self.reference, self.prediction))
        box = _joint_box(reference, prediction, self.grid.shape)
        return Masks(reference[box.slices], prediction[box.slices], cropped_grid(self.grid, box))


@dataclass(frozen=True, eq=False)
class Masks:
    """One structure in both maps.

    Args:
        reference: bool (I, J, K).
        prediction: Of the same shape.
        grid: Where both lie.
    """

    reference: NDArray[np.bool_]
    prediction: NDArray[np.bool_]
    grid: Grid

    @property
    def cut(self) -> bool:
        """Whether either reaches the border of the grid, along an axis of more than one voxel."""
        return any(
            bool(np.take(mask, end, axis).any())
            for mask in (self.reference, self.prediction)
            for axis in range(3)
            if mask.shape[axis] > 1
            for end in (0, -1)
        )


def _member(array: NDArray[Any], ids: Sequence[int]) -> NDArray[np.bool_]:
    out: NDArray[np.bool_] = array == ids[0]
    for id_ in ids[1:]:
        out |= array == id_
    return out


def _joint_box(a: NDArray[Any], b: NDArray[Any], shape: tuple[int, int, int]) -> Box:
    found = [box for box in (bounding_box(a), bounding_box(b)) if box is not None]
    if not found:
        return Box((0, 0, 0), (1, 1, 1))
    start = [min(box.start[axis] for box in found) for axis in range(3)]
    stop = [max(box.stop[axis] for box in found) for axis in range(3)]
    return Box((start[0], start[1], start[2]), (stop[0], stop[1], stop[2])).grown(1, shape)


def paired(reference: Volume, prediction: Volume, *, resample: bool = False) -> Pair:
    """Bring a prediction onto the voxels of the reference, or say why not.

    Axes in another order are turned, which changes no value. Anything else is an error, unless asked for.

    Args:
        reference: A label map.
        prediction: A label map.
        resample: Resample the prediction onto the reference's grid where they differ.

    Raises:
        DataError: if a map has values that are no ids, or the grids differ in shape, spacing, direction or origin.
    """
    if prediction.grid.orientation != reference.grid.orientation:
        prediction = reorient(prediction, reference.grid.orientation)
    ids = _ids(reference, "reference"), _ids(prediction, "prediction")
    if not prediction.grid.matches(reference.grid):
        if not resample:
            raise DataError(
                "prediction and reference",
                expected=f"one grid; the reference has {reference.grid}",
                got=f"a prediction that has {prediction.grid}; they differ in "
                + differences(reference.grid, prediction.grid),
                hint="Compare maps of the same scan, or pass --resample to bring the prediction onto the reference.",
            )
        moved = resample_labels(Volume(ids[1], prediction.grid), reference.grid).array
        return Pair(ids[0], moved, reference.grid)
    return Pair(ids[0], ids[1], reference.grid)


def differences(a: Grid, b: Grid) -> str:
    """In what two grids of one orientation differ: shape, spacing, direction, origin."""
    found = []
    if a.shape != b.shape:
        found.append("shape")
    if not np.allclose(a.spacing_mm, b.spacing_mm, rtol=1e-4):
        found.append("spacing")
    if not np.allclose(a.direction, b.direction, atol=1e-4):
        found.append("direction")
    apart_mm = float(np.linalg.norm(a.origin_mm - b.origin_mm))
    if apart_mm > 0.01 * min(a.spacing_mm):
        found.append(f"origin ({apart_mm:.4g} mm apart)")
    return ", ".join(found) or "position, by less than any of them shows"


def without_ignored(pair: Pair, labels: Labels) -> tuple[Pair, int]:
    """The pair with background wherever the reference says that nobody labelled, and how many voxels that is."""
    if labels.ignore is None:
        return pair, 0
    ignored = pair.reference == labels.ignore
    count = int(np.count_nonzero(ignored))
    if not count:
        return pair, 0
    kept = ~ignored
    return Pair(pair.reference * kept, pair.prediction * kept, pair.grid), count


def _ids(volume: Volume, which: str) -> NDArray[Any]:
    array = volume.array
    if array.dtype == bool:
        return array.view(np.uint8)
    if array.dtype.kind == "u":
        return array
    low, high = array.min(), array.max()
    # NaN fails every comparison, and so this one.
    if not (low >= 0 and high <= 65535) or (array.dtype.kind == "f" and not np.array_equal(array, np.rint(array))):
        raise DataError(
            which,
            expected="whole numbers from 0 to 65535",
            got=f"values from {low:g} to {high:g}" + ("" if array.dtype.kind == "i" else ", some no whole numbers"),
            hint="Give label maps; probabilities need a threshold first.",
        )
    return array.astype(label_type(int(high)))
