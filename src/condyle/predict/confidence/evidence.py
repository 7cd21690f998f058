"""What is found of each structure of a label map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.labels import Labels, Side, Structure, without_side
from condyle.predict.confidence.agreement import Agreement
from condyle.predict.confidence.population import Body, Usual, off_the_others
from condyle.predict.confidence.sides import Places, lies_on
from condyle.space import Box, Volume

#: Places of a structure that are compared with those of others.
_PLACES = 500


@dataclass(frozen=True)
class Evidence:
    """What is found of one structure.

    Args:
        agreement: Dice with each changed look; 0 where the plain look did not find it.
        parts: Connected parts.
        islands: Share of its voxels in parts that are neither the largest nor go on beyond the border.
        cut: Whether it touches the border of what was looked at: size and shape are not judged then.
        share: Of the usual volume; None where nothing is usual.
        size_z: Deviations from the usual volume; None where that is not judged.
        shape_z: Likewise of the shape.
        beside: Its volume, divided by what the other whole bones let expect; None where too few are whole.
        beside_z: The same in deviations of the logarithm.
        side: What the name says.
        lies_on: Where it lies; None where nothing tells.
    """

    agreement: tuple[float, ...]
    parts: int = 1
    islands: float = 0.0
    cut: bool = False
    share: float | None = None
    size_z: float | None = None
    shape_z: float | None = None
    beside: float | None = None
    beside_z: float | None = None
    side: Side | None = None
    lies_on: Side | None = None

    @property
    def wrong_side(self) -> bool:
        """Whether it lies on the other side than its name says."""
        return self.side is not None and self.lies_on is not None and self.side != self.lies_on


def gather(
    volume: Volume,
    labels: Labels,
    agreement: Agreement,
    population: Mapping[str, Usual],
    *,
    looks: int = 0,
    scattered: Sequence[str] = (),
    within: Box | None = None,
) -> dict[str, Evidence]:
    """The evidence on each structure that is there, by name.

    Args:
        volume: The label map, as it will be stored.
        labels: Its table.
        agreement: Of changed looks.
        population: Bone, without its side, to what is usual.
        looks: How many there were: of a structure that the plain look did not find there is no Dice with them.
        scattered: Structures of many parts by nature, which have no islands.
        within: The part of the scan that was looked at; all of it if None.
    """
    found = _found(volume, labels)
    sides = lies_on({s.name: part.places(volume) for s, part in found.items() if s.name not in scattered}, labels)
    looked_at = within or Box((0, 0, 0), volume.shape)
    out = {}
    for s, part in found.items():
        usual = population.get(without_side(s.name))
        seen = _scattered(part, looked_at) if s.name in scattered else _measured(part, volume, looked_at, usual)
        out[s.name] = replace(
            seen, agreement=agreement.get(s.id, (0.0,) * looks), side=s.side, lies_on=sides.get(s.name)
        )
    return out | _compared(out, population)


def _compared(found: Mapping[str, Evidence], population: Mapping[str, Usual]) -> dict[str, Evidence]:
    """Whole bones beside the other whole bones."""
    sizes = {name: float(np.log(e.share)) for name, e in found.items() if e.share is not None and not e.cut}
    return {
        name: replace(found[name], beside=float(np.exp(off)), beside_z=off / population[without_side(name)].beside)
        for name, off in off_the_others(sizes).items()
    }


@dataclass(frozen=True, eq=False)
class _Part:
    """The voxels of a structure, in a box around them."""

    mask: NDArray[np.bool_]
    box: Box

    def places(self, volume: Volume) -> Places:
        index = np.argwhere(self.mask)
        return volume.grid.to_world(index[:: max(1, len(index) // _PLACES)] + np.array(self.box.start))


def _found(volume: Volume, labels: Labels) -> dict[Structure, _Part]:
    """The structures that are there; the label map is gone through once."""
    from scipy.ndimage import find_objects

    boxes = dict(enumerate(find_objects(volume.array, max(labels.ids, default=0)), start=1))
    out = {}
    for s in labels.structures:
        if (where := boxes[s.id]) is not None:
            i, j, k = where
            box = Box((i.start, j.start, k.start), (i.stop, j.stop, k.stop))
            out[s] = _Part(volume.array[box.slices] == s.id, box)
    return out


def _measured(part: _Part, volume: Volume, looked_at: Box, usual: Usual | None) -> Evidence:
    """What a structure's own voxels tell."""
    parts, sizes, at_border = _parts(part, looked_at)
    apart = (np.arange(len(sizes)) != sizes.argmax()) & ~at_border
    islands, cut = float(sizes[apart].sum() / sizes.sum()), bool(at_border.any())
    if usual is None:
        return Evidence((), parts, islands, cut)
    body = body_of(part.mask, volume.affine)
    share = body.volume_ml / usual.volume_ml
    if cut:
        return Evidence((), parts, islands, cut, share)
    return Evidence((), parts, islands, cut, share, usual.size_z(body), usual.shape_z(body))


def _scattered(part: _Part, looked_at: Box) -> Evidence:
    """Of a structure of many parts only the border tells; to number them all would take much memory."""
    return Evidence((), cut=any(low or high for low, high in _at_border(part, looked_at)))


def _parts(part: _Part, looked_at: Box) -> tuple[int, NDArray[np.int64], NDArray[np.bool_]]:
    """How many parts; the voxels of each, and whether it touches the border."""
    from scipy.ndimage import label

    numbered, count = label(part.mask)
    sizes = np.bincount(numbered.ravel(), minlength=count + 1)[1:]
    touching = np.zeros(count + 1, bool)
    for axis, (low, high) in enumerate(_at_border(part, looked_at)):
        if low:
            touching[np.take(numbered, 0, axis)] = True
        if high:
            touching[np.take(numbered, -1, axis)] = True
    return int(count), sizes, touching[1:]


def _at_border(part: _Part, looked_at: Box) -> list[tuple[bool, bool]]:
    """Along each axis, whether the first and the last voxels lie at the border; a single slice has none across."""
    ends = zip(part.box.start, part.box.stop, looked_at.start, looked_at.stop, strict=True)
    return [(start <= low and high - low > 1, stop >= high and high - low > 1) for start, stop, low, high in ends]


def body_of(mask: NDArray[np.bool_], affine: NDArray[Any]) -> Body:
    """A mask as a body; it need not lie where it does in the scan.

    Args:
        mask: Of at least one voxel.
        affine: Its steps.
    """
    to_world = np.asarray(affine, np.float64)[:3, :3]
    index = np.argwhere(mask).astype(np.float64)
    off = index - index.mean(0)
    # Voxels are bricks, not points.
    spread = off.T @ off / len(index) + np.eye(3) / 12
    volume_ml = len(index) * abs(float(np.linalg.det(to_world))) / 1000
    return Body(volume_ml, to_world @ spread @ to_world.T)
