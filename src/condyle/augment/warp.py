"""A patch read from a region of the scan through a matrix: image and labels in one go.

The image is interpolated linearly, with 0 beyond its edges. Labels are never averaged: of the eight voxels around a
place (four in 2-D) each votes for its label with its linear weight, and the label with most weight wins. That is the
largest of all labels' own interpolated 0/1 images, which nnU-Net takes, without making them; where the eight agree,
nothing is weighed. Beyond the edges votes are for `OUTSIDE`. On a tie the voxel earlier in memory wins.

Reordering alone is done without interpolating. Processors run compiled loops, other devices (and elastic
deformations) tensor operations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from condyle.augment.brick import Shape
from condyle.augment.elastic import Arrows, field
from condyle.augment.straight import cut, reordered
from condyle.augment.turn import Matrix, is_straight, region
from condyle.augment.warp_tensor import warp_on_tensors

#: Mark in prepared labels of background that lies outside the scan's non-zero region.
OUTSIDE = -1


@dataclass(frozen=True, eq=False)
class Placement:
    """Where each voxel of a patch is found in the scan.

    Args:
        matrix: From places in the patch to places in the region, both counted from the middle.
        arrows: Displacements that are added to places in the patch first.
    """

    matrix: Matrix
    arrows: Arrows | None = None

    def region(self, patch: Shape) -> Shape:
        """The size of the part of the scan that is seen, and not a voxel more."""
        longest = 0.0 if self.arrows is None else float(np.abs(self.arrows).max())
        return region(self.matrix, patch, longest)


def placed(image: Tensor, labels: Tensor, placement: Placement, patch: Shape) -> tuple[Tensor, Tensor]:
    """Read a patch from the middle of an image.

    Args:
        image: float32 (C, *size), of any size.
        labels: int16 or int32 (*size).
        placement: Where.
        patch: The size of the result.

    Returns:
        Image (C, *patch) and labels (*patch), in memory of their own.
    """
    matrix = placement.matrix
    if placement.arrows is None and is_straight(matrix):
        seen = region(matrix, patch)
        return reordered(cut(image, seen, 0), matrix), reordered(cut(labels, seen, OUTSIDE), matrix)
    frame = _frame(matrix, labels.shape, patch)
    if placement.arrows is None and image.device.type == "cpu":
        from condyle.augment.warp_loops import warp_in_loops

        return warp_in_loops(image, labels, frame, patch)
    moved = None if placement.arrows is None else field(placement.arrows, patch, image.device)
    return warp_on_tensors(image, labels, frame, patch, moved)


def _frame(matrix: Matrix, size: torch.Size, patch: Shape) -> Matrix:
    """Steps and the place of the patch's first voxel, (dim, dim + 1). The middle is that of `cut`, to the voxel."""
    half = (np.array(patch) - 1) / 2
    middle = (np.array(size) - patch) // 2 + half
    return np.column_stack([matrix, middle - matrix @ half])
