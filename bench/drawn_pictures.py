"""Could one tell them apart? Drawn pictures beside slices of real scans, in one PNG; and how fast they are drawn.

    python -m bench.drawn_pictures MAPS sheet.png [--count 64] [--spacing 3] [--patch 112,96,96] [--seed 7]
        [--real ../shared/data] [--labels]

MAPS is a dataset of `condyle phantom synthetic`. Of each patch the slice with most bone is shown, axial, coronal and
sagittal in turn. Real slices stand in the first rows. Times are of one thread's processor seconds.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from condyle.io import read
from condyle.phantoms.synthetic.draw import drawn_pair
from condyle.phantoms.synthetic.pose import View
from condyle.phantoms.synthetic.stored import MAPS, stored_maps
from condyle.space import reorient

Picture = NDArray[np.floating[Any]]

_CT_WINDOW = (-250.0, 700.0)
_COLUMNS = 8
_REAL = (
    ("ct_abdomen_pelvis/hip_right.nii.gz", "ct"),
    ("ct_abdomen_pelvis/abdomen.nii.gz", "ct"),
    ("ct_dicom_abdomen", "ct"),
    ("mr_knee/sag_t1.nii.gz", "mr"),
)


@dataclass(frozen=True)
class Tile:
    """A slice with its labels (or none), its title and whether it is in HU."""

    image: Picture
    labels: NDArray[np.int16] | None
    title: str
    ct: bool


def drawn(maps: Path, count: int, view: View, seed: int) -> Iterator[Tile]:
    """Slices of drawn pairs; prints how long they took."""
    stored = list(stored_maps(maps / MAPS).items())
    took = []
    for n in range(count):
        name, one = stored[n % len(stored)]
        start = time.thread_time()
        pair = drawn_pair(one, view, np.random.default_rng([seed, n]))
        took.append(time.thread_time() - start)
        image = np.full(view.patch, np.nan, np.float32)
        image[pair.seen.slices] = pair.image[pair.seen.slices]
        axis = n % 3
        bone = np.moveaxis(pair.labels > 0, axis, 0).sum((1, 2))
        at = int(bone.argmax()) if bone.any() else (pair.seen.start[axis] + pair.seen.stop[axis]) // 2
        yield Tile(
            np.take(image, at, axis), np.take(pair.labels, at, axis), f"{n} {name} {pair.kind}", pair.kind == "ct"
        )
    if len(took) > 1:
        print(f"{np.median(took[1:]):.2f} s a pair (median), {max(took[1:]):.2f} s at most, of one thread")


def real(folder: Path) -> Iterator[Tile]:
    """Slices of the real scans that are at hand, at their own resolution."""
    for name, kind in _REAL:
        if not (folder / name).exists():
            continue
        scan = reorient(read(folder / name), "RAS")
        array = scan.array.transpose(2, 1, 0).astype(np.float32)
        for axis in range(3) if scan.grid.shape[2] > 30 and kind == "ct" else [0 if kind == "ct" else 2]:
            for part in (0.35, 0.6):
                image = np.take(array, int(part * array.shape[axis]), axis)
                yield Tile(image, None, Path(name).name[:14], kind == "ct")


def sheet(tiles: list[Tile], out: Path, *, labels: bool) -> None:
    """All tiles in rows."""
    import matplotlib.pyplot as plt

    rows = -(-len(tiles) // _COLUMNS)
    figure, axes = plt.subplots(rows, _COLUMNS, figsize=(2 * _COLUMNS, 2 * rows), squeeze=False, facecolor="black")
    for place in axes.ravel():
        place.axis("off")
    for place, tile in zip(axes.ravel(), tiles, strict=False):
        known = tile.image[np.isfinite(tile.image)]
        low, high = _CT_WINDOW if tile.ct or not known.size else tuple(np.percentile(known, (1, 99.5)))
        place.imshow(tile.image[::-1], cmap="gray", vmin=low, vmax=high)
        place.set_title(tile.title, fontsize=6, color="white", pad=2)
        if labels and tile.labels is not None:
            shown = np.ma.masked_equal(tile.labels[::-1], 0)
            place.imshow(shown, cmap="tab20", vmin=0, vmax=13, alpha=0.6, interpolation="nearest")
    figure.tight_layout(pad=0.2)
    figure.savefig(out, dpi=100, facecolor="black")
    plt.close(figure)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("maps", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=64)
    parser.add_argument("--spacing", type=float, default=3.0)
    parser.add_argument("--patch", default="112,96,96")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--real", type=Path, default=Path("../shared/data"))
    parser.add_argument("--labels", action="store_true")
    asked = parser.parse_args()
    i, j, k = (int(n) for n in asked.patch.split(","))
    torch.set_num_threads(1)
    view = View((i, j, k), (asked.spacing,) * 3)
    tiles = [*real(asked.real), *drawn(asked.maps, asked.count, view, asked.seed)]
    sheet(tiles, asked.out, labels=asked.labels)


if __name__ == "__main__":
    main()
