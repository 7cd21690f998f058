"""The warp of `warp` as compiled loops, for processors."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from condyle.augment.brick import Shape
from condyle.augment.rows import read_intensities, read_labels
from condyle.augment.turn import Matrix


def warp_in_loops(image: Tensor, labels: Tensor, frame: Matrix, patch: Shape) -> tuple[Tensor, Tensor]:
    """Read a patch, on as many threads as torch uses.

    Image and labels are read one after the other with the same places, which keeps more of each in the cache.

    Args:
        image: float32 (C, *size), on the processor.
        labels: (*size), an integer type with a sign.
        frame: (dim, dim + 1): steps in the image for a step along each axis of the patch, and where the patch's first
            voxel is found.
        patch: Its size.

    Returns:
        Image (C, *patch), 0 beyond the edges, and labels (*patch), -1 beyond.
    """
    out = torch.empty((image.shape[0], *patch))
    out_labels = torch.empty(patch, dtype=labels.dtype)
    # A 2-D patch is one slice of a volume of one slice.
    whole = np.eye(3, 4)
    whole[3 - len(patch) :, 3 - len(patch) :] = frame
    for source, target in zip(image, out, strict=True):
        _in_slabs(partial(read_intensities, _slices(source), whole, _slices(target)), patch)
    _in_slabs(partial(read_labels, _slices(labels), whole, _slices(out_labels)), patch)
    return out, out_labels


def _slices(volume: Tensor) -> NDArray[Any]:
    """As an array (D, H, W). A part of a scan is read where it lies: only what the patch shows is touched."""
    array: NDArray[Any] = (volume if volume.stride(-1) == 1 else volume.contiguous()).numpy()
    return array if array.ndim == 3 else array[None]


def _in_slabs(work: Callable[[int, int], None], patch: Shape) -> None:
    """Read the slices of a patch in as many parts as there are threads."""
    count = patch[0] if len(patch) == 3 else 1
    threads = min(torch.get_num_threads(), count)
    if threads == 1:
        work(0, count)
        return
    edges = [count * n // threads for n in range(threads + 1)]
    with ThreadPoolExecutor(threads) as pool:
        tuple(pool.map(work, edges[:-1], edges[1:]))
