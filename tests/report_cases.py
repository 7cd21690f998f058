"""Small masks and a scan whose sides are known, for the tests of reports."""

from __future__ import annotations

import base64
import gzip
import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from condyle import io
from condyle.space import Grid, Volume

#: Axes stored in an unusual order: what is shown must come from the affine alone.
GRID = Grid((30, 32, 28), np.array([[0, -2.0, 0, 30], [0, 0, 2.0, -20], [2.0, 0, 0, -25], [0, 0, 0, 1]]))
NAMES = {"femur_right": 1, "patella": 2}

#: RAS mm.
RIGHT, LEFT = (15.0, 5.0, 5.0), (-20.0, 5.0, 5.0)


def ball(centre_mm: tuple[float, float, float], radius_mm: float, grid: Grid = GRID) -> np.ndarray:
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), -1)
    return np.linalg.norm(grid.to_world(index) - centre_mm, axis=-1) <= radius_mm


def labels(radius_mm: float = 10.0, *, patella: bool = True, shift_mm: float = 0.0) -> Volume:
    """A large body on the patient's right, a small one on the left."""
    array = np.zeros(GRID.shape, np.uint8)
    array[ball((RIGHT[0], RIGHT[1], RIGHT[2] + shift_mm), radius_mm)] = 1
    if patella:
        array[ball(LEFT, 6.0)] = 2
    return Volume(array, GRID)


def scan() -> Volume:
    noise = np.random.default_rng(0).integers(-40, 40, GRID.shape)
    return Volume((noise + 400 * (labels().array > 0)).astype(np.int16), GRID)


def folders(tmp_path: Path, ids: tuple[str, ...] = ("a", "b", "c")) -> dict[str, Path]:
    """Folders `truth`, `model`, `rival`, `images`; the model misses the patella of the last case."""
    out = {name: tmp_path / name for name in ("truth", "model", "rival", "images")}
    for n, id_ in enumerate(ids):
        io.write(out["truth"] / f"{id_}.nii.gz", labels())
        io.write(out["model"] / f"{id_}.nii.gz", labels(9.0 - n, patella=n < len(ids) - 1 or n == 0, shift_mm=2.0))
        io.write(out["rival"] / f"{id_}.nii.gz", labels(10.5))
        io.write(out["images"] / f"{id_}_0000.nii.gz", scan())
    return out


def embedded(page: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The setup and the cases that a page carries."""
    setup = re.search(r'<script type="application/json" id="setup">(.*?)</script>', page, re.DOTALL)
    assert setup is not None
    cases = re.findall(r'<script type="application/json" class="case" id="case-\d+">(.*?)</script>', page, re.DOTALL)
    return json.loads(setup[1]), [json.loads(text) for text in cases]


def unpacked(text: str, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    """What the page makes of `packed`."""
    flat = np.frombuffer(gzip.decompress(base64.b64decode(text)), np.dtype(dtype).newbyteorder("<"))
    return flat.reshape(shape, order="F")
