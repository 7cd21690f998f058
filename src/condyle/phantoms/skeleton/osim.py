"""How the bones of an OpenSim model join, read from its `.osim` file.

Words of the format: a **body** carries **geometry** (surface files with scale factors); a **joint** ties a
child body to its parent through two fixed frames; **coordinates** (`hip_flexion_r`, in radians) drive up to
three rotations and three translations of a joint, each by a function. OpenSim's world is in metres: x forward,
y up, z right.

Source: documentation of `CustomJoint` and `SpatialTransform`, OpenSim 4 API guide.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree  # expat reads no external entities; sizes are checked

import numpy as np
from numpy.typing import NDArray

from condyle.errors import ConfigError, DataError
from condyle.phantoms.solids import rotation

Matrix = NDArray[np.float64]
Function = Callable[[float], float]

#: Takes OpenSim's metres to RAS millimetres.
TO_RAS = np.array([[0.0, 0, 1000, 0], [1000, 0, 0, 0], [0, 1000, 0, 0], [0, 0, 0, 1]])

#: Larger files are no skeleton models.
_LARGEST_BYTES = 50_000_000


@dataclass(frozen=True)
class Geometry:
    """A surface file of a body, in metres in the body's frame, and its scale along x, y, z."""

    file: str
    scale: tuple[float, float, float]


@dataclass(frozen=True)
class Axis:
    """One of a joint's six motions: `function(coordinate)` along or about a direction of the parent frame."""

    coordinate: str
    direction: tuple[float, float, float]
    function: Function


@dataclass(frozen=True, eq=False)
class Joint:
    """A joint.

    Args:
        parent: Body, or `ground`.
        child: Body.
        in_parent: 4 x 4, the joint's frame in the parent body.
        in_child: 4 x 4, the joint's frame in the child body.
        rotations: In order; each about axes turned by those before.
        translations: Along the parent frame.
    """

    parent: str
    child: str
    in_parent: Matrix
    in_child: Matrix
    rotations: tuple[Axis, ...]
    translations: tuple[Axis, ...]

    def transform(self, coordinates: Mapping[str, float]) -> Matrix:
        """4 x 4, child body to parent body, for coordinates in radians."""
        moving = np.eye(4)
        for axis in self.rotations:
            angle = axis.function(coordinates.get(axis.coordinate, 0.0))
            if angle:
                moving[:3, :3] = moving[:3, :3] @ rotation(axis.direction, math.degrees(angle))
        for axis in self.translations:
            moving[:3, 3] += axis.function(coordinates.get(axis.coordinate, 0.0)) * np.array(axis.direction)
        return np.asarray(self.in_parent @ moving @ np.linalg.inv(self.in_child))


@dataclass(frozen=True)
class Skeleton:
    """Bodies with their surfaces, and joints from the root outwards."""

    bodies: dict[str, tuple[Geometry, ...]]
    joints: tuple[Joint, ...]

    @property
    def coordinates(self) -> tuple[str, ...]:
        """Names of the coordinates of all joints."""
        axes = (axis for joint in self.joints for axis in (*joint.rotations, *joint.translations))
        return tuple(dict.fromkeys(axis.coordinate for axis in axes if axis.coordinate))

    def place(self, coordinates: Mapping[str, float]) -> dict[str, Matrix]:
        """Where every body is: 4 x 4 from body to ground, in metres.

        Args:
            coordinates: Radians (metres for translations) by name; 0 where not given.

        Raises:
            ConfigError: on a coordinate no joint has.
        """
        unknown = set(coordinates) - set(self.coordinates)
        if unknown:
            raise ConfigError(
                "coordinates", expected=f"some of {', '.join(self.coordinates)}", got=", ".join(sorted(unknown))
            )
        placed = {"ground": np.eye(4)}
        for joint in self.joints:
            placed[joint.child] = placed[joint.parent] @ joint.transform(coordinates)
        return placed


def read_osim(path: Path) -> Skeleton:
    """Bodies, joints and surface names of an OpenSim model (format 4).

    Raises:
        DataError: if the file is missing, no XML, or lacks what is needed.
    """
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise DataError(path, expected="a skeleton model", got=f"{path.stat().st_size} bytes")
        model = ElementTree.parse(path).getroot().find("Model")  # noqa: S314
        if model is None:
            raise DataError(path, expected="an OpenSim model", got="XML without a Model element")
        bodies = {_name(b): tuple(_geometry(m) for m in b.iter("Mesh")) for b in model.iterfind("BodySet/objects/Body")}
        joints = [_joint(j) for j in _all(model, "JointSet/objects")]
    except OSError as error:
        raise DataError(path, expected="a file that can be read", got=error.strerror or str(error)) from error
    except (ElementTree.ParseError, KeyError, ValueError) as error:
        raise DataError(
            path, expected="an OpenSim 4 model", got=f"{error}", hint="Open it in OpenSim and save it again."
        ) from error
    return Skeleton(bodies, _from_the_root(path, joints))


def _from_the_root(path: Path, joints: list[Joint]) -> tuple[Joint, ...]:
    known, out, waiting = {"ground"}, [], joints
    while waiting:
        ready = [j for j in waiting if j.parent in known]
        if not ready:
            raise DataError(
                path, expected="joints that lead back to ground", got=f"{waiting[0].child} that hangs loose"
            )
        out += ready
        known |= {j.child for j in ready}
        waiting = [j for j in waiting if j not in ready]
    return tuple(out)


def _joint(element: ElementTree.Element) -> Joint:
    frames = {_name(f): f for f in _all(element, "frames")}
    ends = [frames[_text(element, f"socket_{end}_frame")] for end in ("parent", "child")]
    parent, child = (_text(f, "socket_parent").rpartition("/")[2] for f in ends)
    axes = {_name(a): _axis(a) for a in element.iterfind("SpatialTransform/TransformAxis")}
    rotations = tuple(axes[name] for name in ("rotation1", "rotation2", "rotation3") if name in axes)
    translations = tuple(axes[name] for name in ("translation1", "translation2", "translation3") if name in axes)
    return Joint(parent, child, _frame(ends[0]), _frame(ends[1]), rotations, translations)


def _frame(element: ElementTree.Element) -> Matrix:
    """4 x 4 of a frame: a shift, and rotations about its x, then y, then z."""
    out = np.eye(4)
    for axis, angle in zip(np.eye(3), _vector(element, "orientation"), strict=True):
        out[:3, :3] = out[:3, :3] @ rotation(axis, math.degrees(angle))
    out[:3, 3] = _vector(element, "translation")
    return out


def _axis(element: ElementTree.Element) -> Axis:
    coordinate = (element.findtext("coordinates") or "").strip()
    function = next(child for child in element if child.get("name") == "function")
    return Axis(coordinate, _vector(element, "axis"), _function(function))


def _function(element: ElementTree.Element) -> Function:
    if element.tag == "Constant":
        value = float(_text(element, "value"))
        return lambda _: value
    if element.tag == "LinearFunction":
        slope, start = (float(c) for c in _text(element, "coefficients").split())
        return lambda q: slope * q + start
    if element.tag == "SimmSpline":
        from scipy.interpolate import CubicSpline

        x, y = ([float(v) for v in _text(element, name).split()] for name in ("x", "y"))
        spline = CubicSpline(x, y, bc_type="natural")
        return lambda q: float(spline(q))
    raise ValueError(f"a function of kind {element.tag}, which is not supported")


def _geometry(element: ElementTree.Element) -> Geometry:
    return Geometry(_text(element, "mesh_file"), _vector(element, "scale_factors"))


def _all(element: ElementTree.Element, path: str) -> list[ElementTree.Element]:
    found = element.find(path)
    if found is None:
        raise KeyError(f"no {path}")
    return list(found)


def _name(element: ElementTree.Element) -> str:
    return element.get("name", "")


def _text(element: ElementTree.Element, path: str) -> str:
    text = element.findtext(path)
    if not text:
        raise KeyError(f"no {path} in {element.tag} {_name(element)}")
    return text.strip()


def _vector(element: ElementTree.Element, path: str) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in _text(element, path).split())
    return x, y, z
