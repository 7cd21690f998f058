"""Which frames belong together.

A **series** here is one stack of slices. A DICOM series (one UID) is split where it holds several:

1. by echo number and echo time, and by image type (magnitude and phase, original and derived, localizers);
2. by direction, where planes differ by more than 10 degrees (three-plane localizers). Smaller differences are
   no localizer but a fault, and are refused later;
3. where positions repeat: by the first of temporal position, acquisition number, b-value, trigger time and
   acquisition time that gives parts with the very same positions, each once. If none does, the repetition
   is a fault.

Its **key** names it: the series number, with a running part (`5.1`, `5.2`) where several share the number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from condyle.errors import DataError
from condyle.io.dicom.geometry import Stack, stacked
from condyle.io.dicom.headers import Frame
from condyle.io.dicom.pixels import pixel_fault

_PLANE_COSINE = float(np.cos(np.radians(10)))


@dataclass(frozen=True)
class Series:
    """One stack of slices as a list shows it.

    Args:
        key: Names it within the folder: `5`, or `5.2` where several share the number.
        number: Series number, None if the files have none.
        uid: Series instance UID, empty if the files have none.
        description: Series description.
        modality: E.g. `CT`, `MR`.
        patient_id: As in the files; empty after de-identification.
        study_date: `YYYYMMDD` or empty.
        image_type: E.g. `("ORIGINAL", "PRIMARY", "AXIAL")`.
        echo_time_ms: Of MR, else None.
        n_slices: Number of images.
        shape: Columns, rows, slices; None if it is no volume.
        spacing_mm: Along the same axes; None if it is no volume.
        tilt_deg: Gantry tilt, 0 without.
        faults: Why it cannot be read as a volume; empty if it can (a tilt can be undone and is no fault).
        frames: Its images, in no order.
    """

    key: str
    number: int | None
    uid: str
    description: str
    modality: str
    patient_id: str
    study_date: str
    image_type: tuple[str, ...]
    echo_time_ms: float | None
    n_slices: int
    shape: tuple[int, int, int] | None
    spacing_mm: tuple[float, float, float] | None
    tilt_deg: float
    faults: tuple[str, ...]
    frames: tuple[Frame, ...] = field(repr=False)

    def __str__(self) -> str:
        size = " x ".join(map(str, self.shape)) if self.shape else f"{self.n_slices} images"
        echo = f", echo {self.echo_time_ms:g} ms" if self.echo_time_ms is not None else ""
        tilt = f", tilted {self.tilt_deg:.1f} deg" if self.tilt_deg else ""
        faults = f", not a volume: {'; '.join(self.faults)}" if self.faults else ""
        return f"{self.key}: {self.modality} {self.description!r}, {size}{echo}{tilt}{faults}"


def grouped(frames: list[Frame], where: Path) -> list[Series]:
    """All series among frames, in order of number and UID."""
    groups = _split([tuple(frames)], _file_series)
    groups.sort(key=lambda group: _number_first(group[0]))
    for rule in (_kind, _plane_rule()):
        groups = _split(groups, rule)
    groups = [part for group in groups for part in _without_repeats(group)]
    return _keyed([_described(group, where) for group in groups])


def _file_series(frame: Frame) -> Hashable:
    header = frame.header
    return header.patient_id, header.series_uid or (header.series_number, header.description)


def _number_first(frame: Frame) -> tuple[bool, int, str, str]:
    header = frame.header
    return header.series_number is None, header.series_number or 0, header.series_uid, header.description


def _kind(frame: Frame) -> Hashable:
    time_ms = None if frame.echo_time_ms is None else round(frame.echo_time_ms, 2)
    return frame.image_type, frame.echo_number, time_ms


def _plane_rule() -> Callable[[Frame], Hashable]:
    """A rule that gives each frame the number of the plane it is nearly parallel to."""
    planes: list[NDArray[np.float64]] = []

    def plane(frame: Frame) -> int:
        if frame.directions is None:
            return -1
        both = np.array(frame.directions).reshape(2, 3)
        for number, known in enumerate(planes):
            if ((both * known).sum(axis=1) > _PLANE_COSINE).all():
                return number
        planes.append(both)
        return len(planes) - 1

    return plane


def _split(groups: list[tuple[Frame, ...]], rule: Callable[[Frame], Hashable]) -> list[tuple[Frame, ...]]:
    """Each group in parts of equal value under a rule, in order of first appearance."""
    out: list[tuple[Frame, ...]] = []
    for group in groups:
        parts: dict[Hashable, list[Frame]] = {}
        for frame in group:
            parts.setdefault(rule(frame), []).append(frame)
        out += [tuple(part) for part in parts.values()]
    return out


def _without_repeats(group: tuple[Frame, ...]) -> list[tuple[Frame, ...]]:
    """The group, or its parts if positions repeat and a property tells the parts apart."""
    places = Counter(_place(frame) for frame in group)
    if None in places or max(places.values()) == 1:
        return [group]
    for which in range(len(group[0].repeats)):
        parts = _split([group], partial(_repeat, which))
        if len(parts) > 1 and all(Counter(map(_place, part)) == Counter(places.keys()) for part in parts):
            return parts
    return [group]


def _repeat(which: int, frame: Frame) -> Hashable:
    return frame.repeats[which]


def _place(frame: Frame) -> tuple[float, ...] | None:
    return None if frame.position_mm is None else tuple(round(x, 3) for x in frame.position_mm)


def _described(frames: tuple[Frame, ...], where: Path) -> Series:
    header = frames[0].header
    faults = sorted({fault for frame in frames if (fault := pixel_fault(frame.header))})
    stack: Stack | None = None
    try:
        stack = stacked(frames, where)
    except DataError as error:
        faults.append(f"expected {error.expected}, got {error.got}")
    return Series(
        key="",
        number=header.series_number,
        uid=header.series_uid,
        description=header.description,
        modality=header.modality,
        patient_id=header.patient_id,
        study_date=header.study_date,
        image_type=frames[0].image_type,
        echo_time_ms=frames[0].echo_time_ms,
        n_slices=len(frames),
        shape=stack.grid.shape if stack else None,
        spacing_mm=stack.grid.spacing_mm if stack else None,
        tilt_deg=stack.tilt_deg if stack else 0.0,
        faults=tuple(faults),
        frames=frames,
    )


def _keyed(series: list[Series]) -> list[Series]:
    """The series with their keys."""
    total = Counter(one.number for one in series)
    seen: Counter[int | None] = Counter()
    out = []
    for one in series:
        seen[one.number] += 1
        base = "unnumbered" if one.number is None else str(one.number)
        out.append(replace(one, key=f"{base}.{seen[one.number]}" if total[one.number] > 1 else base))
    return out
