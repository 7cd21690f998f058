"""Small masks of known candidates, for the tests of comparisons."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from condyle import io
from condyle.space import Grid, Volume
from report_cases import ball

#: Small, so that a case is scored in a few milliseconds.
GRID = Grid((22, 24, 20), np.diag([2.0, 2.0, 2.0, 1.0]))

NAMES = {"femur": 1, "patella": 2}


def mask(radius_mm: float, *, patella: bool = True, shift_mm: float = 0.0) -> Volume:
    """A ball and a small one beside it."""
    array = np.zeros(GRID.shape, np.uint8)
    array[ball((22.0, 20.0, 20.0 + shift_mm), radius_mm, GRID)] = 1
    if patella:
        array[ball((22.0, 40.0, 20.0), 5.0, GRID)] = 2
    return Volume(array, GRID)


def candidates(root: Path, *, patients: int = 7, missed: bool = True) -> dict[str, Path]:
    """Folders `truth`, `3d`, `2d`, `poor` and `scans`: two femora of each patient, of another size each.

    `3d` is nearly right, `2d` half a voxel off, `poor` far off, and misses the patella of the first case.
    """
    folders = {name: root / name for name in ("truth", "3d", "2d", "poor", "scans")}
    rng = np.random.default_rng(3)
    for n in range(patients):
        for side in ("left", "right"):
            radius = 11.0 + 0.4 * n + (side == "left") * 0.2
            file = f"p{n}_{side}.nii.gz"
            io.write(folders["truth"] / file, mask(radius))
            io.write(folders["3d"] / file, mask(radius - 0.35 + 0.1 * n % 0.3))
            io.write(folders["2d"] / file, mask(radius + 0.9, shift_mm=0.8))
            io.write(folders["poor"] / file, mask(radius - 2.0, patella=not missed or (n, side) != (0, "left")))
            scan = 300 * (mask(radius).array > 0) + rng.normal(0, 20, GRID.shape)
            io.write(folders["scans"] / file, Volume(scan.astype(np.int16), GRID))
    return folders


def patients_file(root: Path, patients: int = 7) -> Path:
    """Case and patient."""
    path = root / "patients.csv"
    path.write_text("".join(f"p{n}_{side},p{n}\n" for n in range(patients) for side in ("left", "right")))
    return path
