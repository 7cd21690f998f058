"""Reading a case's masks and making one label map of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle import io
from condyle.classical.voxelize import voxelize
from condyle.data.importers.found import MaskFiles, is_mesh
from condyle.data.importers.handling import Handling
from condyle.data.importers.labelling import Labelling
from condyle.data.importers.place import on_grid
from condyle.errors import DataError
from condyle.io.surface import read_surface
from condyle.labels import join_masks, label_type, present_ids
from condyle.space import Grid, Volume
from condyle.space.surface import Surface


def read_masks(masks: MaskFiles, grid: Grid, labelling: Labelling, handling: Handling) -> tuple[Volume, list[str]]:
    """A case's label map in the dataset's ids on its scan's grid.

    Args:
        masks: Its files.
        grid: The scan's.
        labelling: What the source's ids and names mean.
        handling: How masks are read, and whether they may be resampled.

    Returns:
        The label map, and sentences about what was done to masks.

    Raises:
        DataError: if a mask is broken, lies on another grid, holds an id without meaning, or overlaps another
            mask while no priority is stated.
    """
    notes = []
    if masks.whole is not None and not is_mesh(masks.whole):
        volume = _read(masks.whole, handling)
        array = labelling.of_map(volume.array, str(masks.whole))
        array, note = on_grid(volume.with_array(array), grid, str(masks.whole), resample=handling.resample_masks)
        return Volume(array, grid), [note] if note else []
    inside: dict[str, NDArray[np.bool_]] = {}
    for name, path in _parts(masks, labelling).items():
        structure = labelling.of_part(name, str(path))
        if not structure:
            continue
        mask, note = _one_structure(path, grid, handling)
        notes += [note] if note else []
        inside[structure] = inside[structure] | mask if structure in inside else mask
    return Volume(_joined(inside, grid, labelling, str(next(iter(masks.parts.values()), masks.whole))), grid), notes


def _parts(masks: MaskFiles, labelling: Labelling) -> dict[str, Path]:
    if masks.whole is None:
        return dict(masks.parts)
    if len(labelling.labels.structures) != 1:
        raise DataError(
            masks.whole,
            expected="a surface whose name tells its structure",
            got=masks.whole.name,
            hint="Name it <case>_<structure>, or give a mask pattern.",
        )
    return {labelling.labels.names[0]: masks.whole}


def _one_structure(path: Path, grid: Grid, handling: Handling) -> tuple[NDArray[np.bool_], str]:
    if is_mesh(path):
        surface = read_surface(path, space=handling.mesh_space, scale_to_mm=handling.mesh_scale_to_mm)
        return _voxelized(surface, grid, path), ""
    volume = _read(path, handling)
    values = list(present_ids(volume.array))
    if len(values) > 1:
        raise DataError(
            path,
            expected="a mask of one structure: 0 and one other value",
            got=f"the values {', '.join(map(str, values[:10]))}",
            hint="A label map is named like its case, without a structure.",
        )
    array, note = on_grid(volume, grid, str(path), resample=handling.resample_masks)
    return array != 0, note


def _joined(inside: dict[str, NDArray[np.bool_]], grid: Grid, labelling: Labelling, where: str) -> NDArray[Any]:
    ids = {name: labelling.labels[name].id for name in inside}
    if labelling.priority:
        unranked = [name for name in inside if name not in labelling.priority]
        if unranked:
            raise DataError(
                where, expected="every structure in the order of priority", got=f"no place for {', '.join(unranked)}"
            )
        order = sorted(inside, key=labelling.priority.index)
        return join_masks([(ids[name], inside[name]) for name in order], grid.shape)
    out = np.zeros(grid.shape, label_type(max(ids.values(), default=0)))
    for name, mask in inside.items():
        taken = out[mask]
        if taken.any():
            other = next(n for n in inside if ids[n] == taken.max())
            raise DataError(
                where,
                expected="masks that do not overlap",
                got=f"{name} on {other} in {np.count_nonzero(taken)} voxels",
                hint="State the order of priority: the first structure wins.",
            )
        out[mask] = ids[name]
    return out


def _voxelized(surface: Surface, grid: Grid, path: Path) -> NDArray[np.bool_]:
    try:
        return voxelize(surface, grid)
    except DataError as error:
        raise DataError(path, expected=error.expected, got=error.got, hint=error.hint) from error


def _read(path: Path, handling: Handling) -> Volume:
    return io.read_labels(path, spacing_mm=handling.spacing_mm if io.suffix_of(path) in {".tif", ".tiff"} else None)
