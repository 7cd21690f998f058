"""Elastic deformation: a few arrows, and what lies between them interpolated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from condyle.augment.brick import Range, Shape, uniform

#: Displacements (dim, *arrows) in voxels.
Arrows = NDArray[np.float32]


@dataclass(frozen=True)
class Elastic:
    """Arrows at even distances, one at each corner of the patch.

    Args:
        p: How often.
        spacing: About how many voxels between arrows.
        length: Limits of the longest arrow's length along each axis, in voxels. Up to a third of the spacing the
            image cannot fold.
    """

    p: float
    spacing: float = 32.0
    length: Range = (0.0, 8.0)

    def draw(self, patch: Shape, rng: np.random.Generator) -> Arrows | None:
        if rng.random() >= self.p:
            return None
        counts = [max(2, round(n / self.spacing) + 1) for n in patch]
        arrows = rng.uniform(-1, 1, (len(patch), *counts))
        return np.asarray(arrows * uniform(rng, self.length), np.float32)


def field(arrows: Arrows, patch: Shape, device: torch.device) -> Tensor:
    """The displacement of every voxel, float32 (dim, *patch)."""
    few = torch.from_numpy(arrows).to(device)[None]
    return interpolate(few, patch, mode="trilinear" if len(patch) == 3 else "bilinear", align_corners=True)[0]
