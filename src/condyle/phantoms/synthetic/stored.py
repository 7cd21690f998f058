"""Maps on disk, read through a memory map: a patch touches only what it shows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from condyle.errors import DataError
from condyle.io.atomic import atomic_folder
from condyle.phantoms.synthetic.anatomy import LABELS, AnatomyMap
from condyle.space import Grid

#: Folder of the maps in a dataset.
MAPS = "maps"
#: Voxels kept of each bone, and of the body, to centre patches on.
_PLACES = 600
#: Bones that are looked at twice as often: longer and more crooked than others, or so small that they are seldom seen.
_OFTEN = tuple(LABELS[f"{bone}_{side}"].id for bone in ("femur", "hip", "patella") for side in ("left", "right"))


class Readable(Protocol):
    """A map, wherever it is kept."""

    @property
    def grid(self) -> Grid:
        """Of the map."""
        ...

    def planes(self) -> NDArray[np.uint8]:
        """See `AnatomyMap`."""
        ...

    def centre(self, rng: np.random.Generator) -> NDArray[np.float64]:
        """A random place in RAS mm: mostly in a bone, whichever its size; else anywhere in the body."""
        ...


@dataclass(frozen=True, eq=False)
class MapInMemory:
    """A map that was just made.

    Args:
        made: The map.
    """

    made: AnatomyMap

    @property
    def grid(self) -> Grid:
        return self.made.grid

    def planes(self) -> NDArray[np.uint8]:
        return self.made.planes

    def centre(self, rng: np.random.Generator) -> NDArray[np.float64]:
        return _centre(self._places, self.grid, rng)

    @cached_property
    def _places(self) -> NDArray[np.int32]:
        return _places(self.made)


@dataclass(frozen=True)
class StoredMap:
    """A map on disk.

    Args:
        folder: With `map.json`, `planes.npy` and `places.npy`.
    """

    folder: Path

    @cached_property
    def grid(self) -> Grid:
        """Of the map."""
        try:
            told = json.loads((self.folder / "map.json").read_text(encoding="utf-8"))
            i, j, k = (int(n) for n in told["shape"])
            return Grid((i, j, k), np.array(told["affine"], np.float64))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise _broken(self.folder, error) from error

    def planes(self) -> NDArray[np.uint8]:
        """See `AnatomyMap`; read as it is used."""
        return _loaded(self.folder, "planes.npy", mmap_mode="r")

    def centre(self, rng: np.random.Generator) -> NDArray[np.float64]:
        return _centre(self._places, self.grid, rng)

    @cached_property
    def _places(self) -> NDArray[np.int32]:
        return _loaded(self.folder, "places.npy", mmap_mode=None)


def _loaded(folder: Path, name: str, mmap_mode: Literal["r"] | None) -> NDArray[Any]:
    try:
        return np.asarray(np.load(folder / name, mmap_mode=mmap_mode, allow_pickle=False))
    except (OSError, ValueError, EOFError) as error:
        raise _broken(folder, error) from error


def _broken(folder: Path, error: Exception) -> DataError:
    hint = "Make the dataset anew: condyle phantom synthetic."
    return DataError(folder, expected="a map of a subject", got=str(error), hint=hint)


def write_map(folder: Path, made: AnatomyMap) -> StoredMap:
    """Write a map, whole or not at all. One that is there is replaced.

    Raises:
        DataError: if the disk refuses.
    """
    with atomic_folder(folder, overwrite=True) as temporary:
        np.save(temporary / "planes.npy", made.planes)
        np.save(temporary / "places.npy", _places(made))
        told = {"shape": list(made.grid.shape), "affine": made.grid.affine.tolist()}
        (temporary / "map.json").write_text(json.dumps(told) + "\n", encoding="utf-8")
    return StoredMap(folder)


def _centre(places: NDArray[np.int32], grid: Grid, rng: np.random.Generator) -> NDArray[np.float64]:
    there = np.unique(places[:, 0])
    bones = there[there > 0]
    weights = np.array([2.0 if id_ in _OFTEN else 1.0 for id_ in bones])
    id_ = int(rng.choice(bones, p=weights / weights.sum())) if len(bones) and rng.random() < 0.9 else 0
    rows = np.flatnonzero(places[:, 0] == id_)
    voxel = places[rows[rng.integers(len(rows))], 1:]
    return np.asarray(grid.to_world(voxel.astype(np.float64)))


def _places(made: AnatomyMap) -> NDArray[np.int32]:
    """Rows of id and voxel; id 0 is the body."""
    rng = np.random.default_rng(1)
    tissue, owner, depth = made.planes
    bone = np.where(depth < 128, owner & 15, 0)
    rows = []
    for id_ in np.flatnonzero(np.bincount(bone.ravel(), minlength=1)):
        flat = np.flatnonzero(tissue.ravel() > 0) if id_ == 0 else np.flatnonzero(bone.ravel() == id_)
        if len(flat):
            chosen = rng.choice(flat, min(_PLACES, len(flat)), replace=False)
            rows.append(np.column_stack([np.full(len(chosen), id_), np.array(np.unravel_index(chosen, bone.shape)).T]))
    return np.concatenate(rows).astype(np.int32) if rows else np.zeros((0, 4), np.int32)


def stored_maps(folder: Path) -> dict[str, StoredMap]:
    """All maps in a folder, by name."""
    return {path.parent.name: StoredMap(path.parent) for path in sorted(folder.glob("*/map.json"))}
