"""The names behind the numbers of a label map.

* **structure**: what one number means: id, name, colour, side, mirror partner.
* **mirror partner**: the same structure on the other side of the body. Mirroring a scan along left-right
  must swap partners, or left and right are lost.
* **ignore**: an id for voxels nobody labelled; they enter no loss and no score.
* **region**: a name for a union of structures (`bone = femur + tibia`).

Id 0 is always background.
"""

from __future__ import annotations

import colorsys
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from condyle.errors import ConfigError, DataError

Side = Literal["left", "right"]
Color = tuple[int, int, int]

#: Colours of well-known structures, the same in every picture, page and mesh, after the usual atlases.
KNOWN_COLORS: dict[str, Color] = {
    "bone": (241, 214, 145), "femur": (230, 159, 0), "hip": (86, 180, 233), "tibia": (0, 158, 115),
    "fibula": (204, 121, 167), "patella": (240, 228, 66), "sacrum": (213, 94, 0), "spine": (176, 176, 140),
    "liver": (221, 130, 101), "kidney": (185, 102, 83), "spleen": (157, 108, 162),
}  # fmt: skip

#: As many voxels are counted at a time.
_PIECE = 1 << 20

_SIDE = re.compile(r"(?:^|[_\s-])(left|right)(?=$|[_\s-])", re.IGNORECASE)


def side_of(name: str) -> Side | None:
    """The side a structure's name tells: `femur_right` is right, `liver` has none."""
    found = _SIDE.search(name)
    if found is None:
        return None
    return "left" if found[1].lower() == "left" else "right"


def without_side(name: str) -> str:
    """What is left of a structure's name without its side: `femur` of `femur_right`."""
    return _SIDE.sub("", name).strip("_- ") or name


def _other_side(name: str) -> str:
    """The name with the other side in it, in the same case: `FEMUR_RIGHT` of `FEMUR_LEFT`."""

    def swapped(found: re.Match[str]) -> str:
        word = found[1]
        other = "right" if word.lower() == "left" else "left"
        if word[0].isupper():
            other = other.upper() if word.isupper() else other.title()
        return found[0].replace(word, other)

    return _SIDE.sub(swapped, name)


def default_color(name: str, id_: int) -> Color:
    """A known structure's colour (its left side a little darker), else a hue of its own from the id."""
    for word, color in KNOWN_COLORS.items():
        if word in name.lower():
            shade = 0.8 if side_of(name) == "left" else 1.0
            return round(color[0] * shade), round(color[1] * shade), round(color[2] * shade)
    # Steps of the golden angle keep neighbouring ids far apart in hue.
    r, g, b = colorsys.hsv_to_rgb(id_ * 0.618034 % 1, 0.65, 0.95)
    return round(r * 255), round(g * 255), round(b * 255)


@dataclass(frozen=True)
class Structure:
    """One label: what a number in a label map stands for."""

    id: int
    name: str
    color: Color
    side: Side | None = None
    mirror: str | None = None


@dataclass(frozen=True)
class Labels:
    """The table of structures of a label map.

    Args:
        structures: In ascending id, ids 1 to 65535, names and ids unique.
        ignore: Id of voxels nobody labelled, or None.
        regions: Name to the ids it joins.

    Raises:
        ConfigError: on repeated ids or names, an unknown mirror partner, a partner that does not point
            back, or a region of unknown ids.

    Example:
        >>> labels = Labels.of({"femur_left": 1, "femur_right": 2, "liver": 3})
        >>> labels["femur_left"].mirror
        'femur_right'
        >>> labels.mirror_table()
        {1: 2, 2: 1, 3: 3}
    """

    structures: tuple[Structure, ...]
    ignore: int | None = None
    regions: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        ids = [s.id for s in self.structures]
        names = [s.name for s in self.structures]
        if ids != sorted(set(ids)) or any(not 0 < i <= 65535 for i in ids):
            raise ConfigError("labels", expected="unique ids from 1 to 65535 in ascending order", got=str(ids))
        if len(set(names)) < len(names):
            raise ConfigError("labels", expected="a name of its own for each structure", got=str(names))
        if self.ignore is not None and (self.ignore in ids or not 0 < self.ignore <= 65535):
            raise ConfigError("labels", expected="an ignore id no structure has", got=str(self.ignore))
        for s in self.structures:
            if s.mirror is None:
                continue
            if s.mirror not in names or s.mirror == s.name or self[s.mirror].mirror != s.name:
                expected = "a mirror partner that exists, is another structure, and points back"
                raise ConfigError(f"labels: {s.name}", expected=expected, got=s.mirror)
        for region, members in self.regions.items():
            if not set(members) <= set(ids):
                raise ConfigError(f"labels: region {region}", expected=f"ids among {ids}", got=str(members))

    @classmethod
    def of(
        cls,
        ids: Mapping[str, int],
        *,
        ignore: int | None = None,
        regions: Mapping[str, tuple[int, ...]] | None = None,
        colors: Mapping[str, Color] | None = None,
    ) -> Labels:
        """Labels from names and ids; side, partner and colour follow from the names unless given."""
        colors = colors or {}
        structures = [
            Structure(
                id=id_,
                name=name,
                color=colors.get(name) or default_color(name, id_),
                side=side_of(name),
                mirror=_other_side(name) if side_of(name) and _other_side(name) in ids else None,
            )
            for name, id_ in sorted(ids.items(), key=lambda item: item[1])
        ]
        return cls(tuple(structures), ignore, regions or {})

    def __getitem__(self, name: str) -> Structure:
        for s in self.structures:
            if s.name == name:
                return s
        raise ConfigError("labels", expected=f"one of {', '.join(self.names)}", got=name)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(s.name for s in self.structures)

    @property
    def ids(self) -> tuple[int, ...]:
        return tuple(s.id for s in self.structures)

    def mirror_table(self) -> dict[int, int]:
        """Id to the id it becomes when left and right are exchanged."""
        return {s.id: self[s.mirror].id if s.mirror else s.id for s in self.structures}

    def to_json(self) -> dict[str, Any]:
        """Plain data, as stored in `dataset.json`."""
        out: dict[str, Any] = {
            "structures": [
                {
                    "id": s.id,
                    "name": s.name,
                    "color": "#{:02x}{:02x}{:02x}".format(*s.color),
                    "side": s.side,
                    "mirror": s.mirror,
                }
                for s in self.structures
            ]
        }
        if self.ignore is not None:
            out["ignore"] = self.ignore
        if self.regions:
            out["regions"] = {name: list(ids) for name, ids in self.regions.items()}
        return out

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Labels:
        """The inverse of `to_json`.

        Raises:
            ConfigError: on missing or unknown keys, or values that make no sense.
        """
        unknown = set(data) - {"structures", "ignore", "regions"}
        if unknown or "structures" not in data:
            raise ConfigError(
                "labels", expected="keys structures, ignore, regions", got=", ".join(sorted(data)) or "nothing"
            )
        try:
            structures = tuple(
                Structure(
                    id=int(s["id"]),
                    name=str(s["name"]),
                    color=_parse_color(s["color"]),
                    side=s.get("side"),
                    mirror=s.get("mirror"),
                )
                for s in data["structures"]
            )
            regions = {str(name): tuple(int(i) for i in ids) for name, ids in data.get("regions", {}).items()}
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigError(
                "labels", expected="id, name and color (#rrggbb) of each structure", got=repr(error)
            ) from error
        return cls(structures, data.get("ignore"), regions)


def _parse_color(text: str) -> Color:
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        raise ValueError(f"color {text!r}")
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def label_type(largest_id: int) -> type[np.uint8 | np.uint16]:
    """The smallest type a label map of ids up to `largest_id` needs."""
    return np.uint8 if largest_id <= 255 else np.uint16


def remap(array: NDArray[Any], table: Mapping[int, int], *, where: str = "label map") -> NDArray[Any]:
    """A label map with every id replaced through a table; 0 stays 0.

    Args:
        array: Integer array of any shape.
        table: Old id to new id; 0 as new id drops a structure. Every id in the array must be in it.
        where: What to call the array in an error.

    Raises:
        DataError: if the array holds an id that the table does not name.
    """
    present = np.flatnonzero(id_counts(array))
    missing = sorted(set(present.tolist()) - set(table) - {0})
    if missing:
        raise DataError(
            where,
            expected=f"only ids that the remap table names ({', '.join(map(str, sorted(table)))})",
            got=f"also {', '.join(map(str, missing))}",
            hint="Give each id a new one, or 0 to drop it.",
        )
    lookup = np.zeros(int(present.max(initial=0)) + 1, label_type(max(table.values(), default=0)))
    for old, new in table.items():
        if 0 < old < len(lookup):
            lookup[old] = new
    out: NDArray[Any] = lookup[array]
    return out


def join_masks(masks: Sequence[tuple[int, NDArray[Any]]], shape: tuple[int, ...]) -> NDArray[Any]:
    """One label map of several binary masks; where masks overlap the earlier one wins.

    Args:
        masks: (id, array) in falling priority. Arrays have `shape`; non-zero is inside.
        shape: Shape of the result.
    """
    out = np.zeros(shape, label_type(max((id_ for id_, _ in masks), default=0)))
    for id_, mask in reversed(masks):
        out[mask != 0] = id_
    return out


def present_ids(array: NDArray[Any]) -> Iterable[int]:
    """The ids above 0 found in a label map, ascending."""
    return [int(i) for i in np.flatnonzero(id_counts(array)) if i > 0]


def id_counts(array: NDArray[Any], largest: int = 0) -> NDArray[np.int64]:
    """How many voxels have each id, from 0 to the largest that there is, or at least to `largest`."""
    voxels = array.ravel(order="K")  # no copy, whichever axis is the fastest in memory
    counts = np.zeros(largest + 1, np.int64)
    # NumPy's count takes 8 bytes a voxel, so it is made piece by piece.
    for at in range(0, voxels.size, _PIECE):
        more = np.bincount(voxels[at : at + _PIECE], minlength=len(counts))
        more[: len(counts)] += counts
        counts = more
    return counts
