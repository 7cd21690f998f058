"""Small scans, masks and datasets that tests plant faults in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from condyle import io
from condyle.data import Case, Dataset
from condyle.data.case import image_path, labels_path
from condyle.labels import Labels
from condyle.space import Grid, Volume

#: Oblique, anisotropic, not RAS: what a real scan looks like.
TURN = np.deg2rad(10)
AFFINE = np.array(
    [
        [-1.5 * np.cos(TURN), 1.5 * np.sin(TURN), 0, 30],
        [-1.5 * np.sin(TURN), -1.5 * np.cos(TURN), 0, 40],
        [0, 0, 2.0, -20],
        [0, 0, 0, 1],
    ]
)
GRID = Grid((24, 20, 16), AFFINE)

LABELS = Labels.of({"femur_left": 1, "femur_right": 2, "patella": 4})


def ball(grid: Grid, center: tuple[float, float, float], radius: float) -> NDArray[np.bool_]:
    """Voxels within a radius (in voxels) of a position (in voxels)."""
    index = np.stack(np.indices(grid.shape), -1)
    return np.linalg.norm(index - np.array(center), axis=-1) <= radius


def label_map(grid: Grid = GRID) -> Volume:
    """Two femora, the left one at smaller x, and a patella; none touches the other or the border."""
    array = np.zeros(grid.shape, np.uint8)
    array[ball(grid, (17, 10, 8), 4)] = LABELS["femur_left"].id  # i runs to the left
    array[ball(grid, (6, 10, 8), 4)] = LABELS["femur_right"].id
    array[ball(grid, (12, 4, 8), 2)] = LABELS["patella"].id
    return Volume(array, grid)


def scan(seed: int, grid: Grid = GRID) -> Volume:
    """Noisy bone in soft tissue, different for each seed."""
    rng = np.random.default_rng(seed)
    hu = np.where(label_map(grid).array > 0, 400, 40) + rng.normal(0, 20, grid.shape)
    return Volume(hu.round().astype(np.int16), grid)


def source_folders(folder: Path, ids: list[str], suffix: str = ".nii.gz") -> tuple[Path, Path]:
    """A folder of scans and a folder of masks of the same names."""
    for seed, id_ in enumerate(ids):
        io.write(folder / "scans" / f"{id_}{suffix}", scan(seed))
        io.write(folder / "masks" / f"{id_}{suffix}", label_map())
    return folder / "scans", folder / "masks"


def small_dataset(folder: Path, ids: tuple[str, ...] = ("a", "b", "c")) -> Dataset:
    """A dataset without a fault. Each case's patella lies a little elsewhere, so that no two maps are the same."""
    dataset = Dataset(folder, "small", ("CT",), LABELS)
    for seed, id_ in enumerate(ids):
        truth = label_map()
        truth.array[truth.array == LABELS["patella"].id] = 0
        truth.array[ball(GRID, (12, 4, 4 + seed % 8), 2)] = LABELS["patella"].id
        case = Case(id_, id_, {"CT": image_path("CT", id_)}, {"reference": labels_path("reference", id_)})
        io.write(dataset.path(case.images["CT"]), scan(seed))
        io.write(dataset.path(case.label_sets["reference"]), truth)
        dataset = dataset.with_case(case)
    dataset.save()
    return dataset
