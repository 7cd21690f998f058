"""The warp of `warp` as operations on whole tensors, for any device, with or without displacements."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import torch
from torch import Tensor

from condyle.augment.brick import Shape
from condyle.augment.turn import Matrix


def warp_on_tensors(
    image: Tensor, labels: Tensor, frame: Matrix, patch: Shape, moved: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Read a patch; arguments and results as `warp_loops.warp_in_loops`.

    Args:
        image: float32 (C, *size).
        labels: (*size), an integer type with a sign.
        frame: (dim, dim + 1): steps in the image for a step along each axis of the patch, and where the patch's first
            voxel is found.
        patch: Its size.
        moved: float32 (dim, *patch), a displacement of each voxel of the patch, before the matrix.
    """
    places = _places(frame, patch, image.device, moved)
    corners = list(_corners(places, labels.shape))
    flat_image, flat_labels = image.flatten(1), labels.flatten()
    out = torch.zeros((image.shape[0], *patch), device=image.device)
    votes = []
    for index, weight, inside in corners:
        out.addcmul_(flat_image[:, index], weight * inside)
        votes.append(torch.where(inside, flat_labels[index], -1))
    best, most = votes[0].clone(), torch.full(patch, -1.0, device=image.device)
    for vote in votes:
        total = torch.zeros_like(most)
        for other, (_, weight, _) in zip(votes, corners, strict=True):
            total.addcmul_(weight, (other == vote).float())
        # More by rounding alone is a tie.
        better = total > most + 1e-6
        best, most = torch.where(better, vote, best), torch.where(better, total, most)
    return out, best


def _places(frame: Matrix, patch: Shape, device: torch.device, moved: Tensor | None) -> list[Tensor]:
    """The place of each voxel along each axis of the image."""
    steps = torch.meshgrid(*(torch.arange(n, device=device, dtype=torch.float32) for n in patch), indexing="ij")
    if moved is not None:
        steps = tuple(step + by for step, by in zip(steps, moved, strict=True))
    places = []
    for row in frame:
        place = torch.full(patch, float(row[-1]), device=device)
        for weight, step in zip(row[:-1], steps, strict=True):
            place.add_(step, alpha=float(weight))
        places.append(place)
    return places


def _corners(places: list[Tensor], size: torch.Size) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """For each voxel around the places: its index in memory, its weight, and whether it exists."""
    lower = [place.floor() for place in places]
    for corner in product((0, 1), repeat=len(places)):
        index = torch.zeros_like(places[0], dtype=torch.int64)
        weight = torch.ones_like(places[0])
        inside = torch.ones_like(places[0], dtype=torch.bool)
        for place, low, up, n in zip(places, lower, corner, size, strict=True):
            at = low + up
            fraction = place - low
            weight = weight * (fraction if up else 1 - fraction)
            inside &= (at >= 0) & (at <= n - 1)
            index = index * n + at.clamp(0, n - 1).long()
        yield index, weight, inside
