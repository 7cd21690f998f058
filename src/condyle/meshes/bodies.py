"""From a label map to one closed surface a structure.

The way: axes in RAS order; thick slices divided; the map carried on beyond the field of view, so that smoothing
does not round a cut; structures that touch taken together; smoothed; fewer triangles if asked for; cut apart
from each other and at the field of view; placed in the patient.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from condyle.errors import ConfigError, DataError
from condyle.meshes.boxes import boxes_of, joined_box
from condyle.meshes.crossings import crossings
from condyle.meshes.isosurface import Isosurface
from condyle.meshes.placing import as_stored, in_patient
from condyle.meshes.shape import Points, Triangles
from condyle.meshes.simplify import fewer_triangles, simplified
from condyle.meshes.slices import refined
from condyle.meshes.slivers import grown_into, rehomed
from condyle.meshes.smooth import smoothed
from condyle.meshes.solid import solid, triangles_of, within
from condyle.meshes.touching import carried_on, refuse_noise, touching_groups
from condyle.progress import Track, silent
from condyle.space import Box, Grid, Volume, bounding_box, crop, pad, reorient

#: Voxels that the map is carried on beyond the field of view.
_BEYOND_VIEW = 5
#: Voxels around a structure that its work needs.
_AROUND = 5
#: Each takes a moment, however small it is.
_MOST_STRUCTURES = 1000
#: A closed surface has no fewer.
_LEAST_TRIANGLES = 4
#: How often a budget of triangles is tried for again.
_BUDGET_ROUNDS = 6
#: A point this near to the field of view's face lies on it.
_ON_FACE_MM = 1e-6


@dataclass(frozen=True)
class MeshSettings:
    """How surfaces are made.

    Args:
        smooth_mm: How far smoothing may move the surface from the mask's, along the lines between voxel centres;
            half a voxel if not given, which is also the most. 0 leaves the steps of the voxels.
        triangles: At most so many triangles a structure, 4 or more; structures that touch share the sum of theirs.
            Where that cannot be had with a sound surface there are more, and the passport says so.
        simplify_mm: As few triangles as keep the surface within so many mm of the full one.

    Raises:
        ConfigError: if a number is below 0, triangles below 4, or both budgets of triangles are given.
    """

    smooth_mm: float | None = None
    triangles: int | None = None
    simplify_mm: float | None = None

    def __post_init__(self) -> None:
        for name in ("smooth_mm", "simplify_mm"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < float("inf"):
                raise ConfigError(name, expected="a number of mm, 0 or more", got=str(value))
        if self.triangles is not None and self.triangles < _LEAST_TRIANGLES:
            raise ConfigError("triangles", expected=f"at least {_LEAST_TRIANGLES}", got=str(self.triangles))
        if self.triangles is not None and self.simplify_mm is not None:
            raise ConfigError("triangles, simplify_mm", expected="one of them", got="both")


@dataclass(frozen=True, eq=False)
class Body:
    """A structure's surface, and what it was made of.

    Args:
        id: In the label map.
        smooth: The surface; where the field of view cuts it, it is closed by flat faces. Its points are exact in
            single precision, as files store them.
        steps: The mask's own surface, each point midway between two voxels. It goes on beyond the field of view;
            that part is `on_border`.
        mask_volume_ml: Of the voxels.
        mask_parts: Parts of the mask that are joined by voxel faces.
        in_budget: Whether this structure and those that touch it have no more triangles than they may.
    """

    id: int
    smooth: Isosurface
    steps: Isosurface
    mask_volume_ml: float
    mask_parts: int
    in_budget: bool = True


def bodies(volume: Volume, settings: MeshSettings = MeshSettings(), *, track: Track = silent) -> dict[int, Body]:
    """One closed surface for each id of a label map, in the patient, ascending by id.

    Args:
        volume: Label map, uint8 or uint16.
        settings: Budgets.
        track: Told of each group of structures that touch.

    Returns:
        Id to body. Surfaces of different ids share faces where they touch and overlap nowhere. The centre of every
        voxel lies in its own structure's surface, unless triangles were saved or slices are thick.

    Raises:
        DataError: if the map is noise: of more surface, seams or structures than can be meshed in reasonable time.
    """
    given = _around_all(reorient(volume, "RAS"))
    fine = refined(given)
    padded = pad(fine, (_BEYOND_VIEW,) * 3, (_BEYOND_VIEW,) * 3, mode="edge")
    boxes, fine_boxes, padded_boxes = (boxes_of(v.array) for v in (given, fine, padded))
    if len(boxes) > _MOST_STRUCTURES:
        raise DataError("label map", expected=f"at most {_MOST_STRUCTURES} structures", got=f"{len(boxes)}")
    mask_mm3 = {id_: _volume_mm3(given, id_, box) for id_, box in boxes.items()}
    surfaces: dict[int, Isosurface] = {}
    in_budget: dict[int, bool] = {}
    for group in track(touching_groups(padded.array, list(boxes)), "Meshing"):
        # Dividing thick slices changes volumes a little; the surface shall have the given map's.
        stretch = sum(mask_mm3[i] for i in group) / sum(_volume_mm3(fine, i, fine_boxes[i]) for i in group)
        box = joined_box([padded_boxes[id_] for id_ in group])
        made = _group(crop(padded, box.grown(_AROUND, padded.shape)), fine.grid, group, settings, stretch)
        surfaces.update(made)
        in_budget.update(dict.fromkeys(group, _over(made, settings) <= 1))
    return {
        id_: Body(id_, surfaces[id_], _steps(given, id_, box), mm3 / 1000, _parts(given, id_, box), in_budget[id_])
        for (id_, box), mm3 in zip(boxes.items(), mask_mm3.values(), strict=True)
    }


def _around_all(volume: Volume) -> Volume:
    """All structures and a voxel around them; what touches the border still does."""
    box = bounding_box(volume.array)
    return volume if box is None else crop(volume, box.grown(1, volume.shape))


def _group(
    part: Volume, view: Grid, group: tuple[int, ...], settings: MeshSettings, stretch: float
) -> dict[int, Isosurface]:
    """The surfaces of structures that touch each other; `stretch` is their volume over that of their voxels here."""
    labels = np.where(np.isin(part.array, group), part.array, 0)
    refuse_noise(labels)
    # Millimetres along the axes, from the first voxel of the part.
    spacing = np.array(part.spacing_mm)
    low = (part.grid.to_index(view.origin_mm) - 0.5) * spacing
    high = low + np.array(view.shape) * spacing

    def stored(points: Points, triangles: Triangles) -> Isosurface:
        on_face = (np.abs(points - low) < _ON_FACE_MM) | (np.abs(points - high) < _ON_FACE_MM)
        surface = in_patient(points / spacing, triangles, part.grid)
        return as_stored(surface, on_face[triangles].all(axis=1).any(axis=1))

    carried = carried_on(labels) if len(group) > 1 else labels
    whole = _smooth(labels != 0, part.grid, settings, stretch)
    cuts = [
        _smooth(grown_into(carried, id_, group[:n]), part.grid, settings, stretch) for n, id_ in enumerate(group[:-1])
    ]
    alone = len(group) == 1 and bool((whole[0] >= low).all() and (whole[0] <= high).all())
    first, last = (np.rint(bound / spacing + 0.5).astype(int) for bound in (low, high))
    seen = tuple(slice(max(a, 0), b) for a, b in zip(first.tolist(), last.tolist(), strict=True))

    def made(settings: MeshSettings) -> dict[int, Isosurface]:
        outer = _fewer(whole, settings, len(group))
        if alone:
            return {group[0]: stored(*outer)}
        rest, solids = solid(*outer), {}
        for id_, cut in zip(group, cuts, strict=False):
            solids[id_], rest = rest.split(solid(*_fewer(cut, settings, 1)))
        solids[group[-1]] = rest
        solids = {id_: within(one, low, high) for id_, one in solids.items()}
        return {id_: stored(*triangles_of(one)) for id_, one in rehomed(solids, labels, carried, spacing, seen).items()}

    return _in_budget(made, settings)


def _in_budget(made: Callable[[MeshSettings], dict[int, Isosurface]], settings: MeshSettings) -> dict[int, Isosurface]:
    """Surfaces made with fewer triangles than asked for, until what the cuts add is made up for."""
    out, now = made(settings), settings
    for _ in range(_BUDGET_ROUNDS):
        over = _over(out, settings)
        if over <= 1 or now.triangles is None or now.triangles == _LEAST_TRIANGLES:
            break
        now = replace(now, triangles=max(_LEAST_TRIANGLES, int(0.95 * now.triangles / over)))
        out = min((out, made(now)), key=lambda tried: _over(tried, settings))
    return out


def _over(made: Mapping[int, Isosurface], settings: MeshSettings) -> float:
    """The triangles of structures that touch, over those they may have together."""
    return sum(len(s.surface.triangles) for s in made.values()) / (len(made) * (settings.triangles or float("inf")))


def _smooth(mask: NDArray[np.bool_], grid: Grid, settings: MeshSettings, stretch: float) -> tuple[Points, Triangles]:
    raw = crossings(mask)
    budget_mm = settings.smooth_mm if settings.smooth_mm is not None else float("inf")
    volume_mm3 = float(mask.sum() * np.prod(grid.spacing_mm) * stretch)
    return smoothed(raw, grid.spacing_mm, budget_mm, volume_mm3), raw.triangles


def _fewer(full: tuple[Points, Triangles], settings: MeshSettings, share: int) -> tuple[Points, Triangles]:
    if settings.triangles is not None:
        return fewer_triangles(*full, settings.triangles * share)
    if settings.simplify_mm is not None:
        return simplified(*full, settings.simplify_mm)
    return full


def _parts(volume: Volume, id_: int, box: Box) -> int:
    from scipy.ndimage import label

    return int(label(volume.array[box.slices] == id_)[1])


def _volume_mm3(volume: Volume, id_: int, box: Box) -> float:
    return float((volume.array[box.slices] == id_).sum() * volume.grid.voxel_volume_mm3)


def _steps(given: Volume, id_: int, box: Box) -> Isosurface:
    """The mask's own surface; see `Body`."""
    part = crop(given, box.grown(1, given.shape))
    padded = pad(part, (1, 1, 1), (1, 1, 1), mode="edge")
    raw = crossings(padded.array == id_)
    beyond = np.any((raw.points < 0.5) | (raw.points > np.array(padded.shape) - 1.5), axis=1)
    on_border: NDArray[np.bool_] = np.any(beyond[raw.triangles], axis=1)
    return Isosurface(in_patient(raw.points, raw.triangles, padded.grid), on_border)
