"""What has arrived: scans, label maps, DICOM series, and what is wrong with them, in words.

Files are looked at by a process of their own, so that a bad one cannot take the server with it:
`python -m condyle.app.looking FILE...` prints a line of JSON for each file as soon as it is known.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from condyle.app.jobs.outcome import bare
from condyle.errors import CondyleError
from condyle.io import segnrrd

#: A file that takes longer is broken off.
_LOOK_S = 180.0

#: The longest line: a folder of many series.
_LINE_BYTES = 64 << 20

#: What is told of a DICOM series.
_SERIES = ("key", "modality", "description", "images", "shape", "spacing_mm", "tilt_deg", "faults", "uid")

Found = dict[str, Any]


async def looked_at(sources: Sequence[Path]) -> list[Found]:
    """The scans, label maps and series in some files, zips and folders of DICOM files, in their order."""
    found: list[Found] = []
    left = list(sources)
    while left:
        told = await _told(left)
        found += [item for some in told for item in some]
        left = left[len(told) :]
        if left:  # the process ended at this one
            found.append(_fault(left.pop(0), "It cannot be read."))
    return found


async def _told(sources: Sequence[Path]) -> list[list[Found]]:
    """What a process tells of each of the sources, until it ends or takes too long for one."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "condyle.app.looking", *map(str, sources),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, limit=_LINE_BYTES,
    )  # fmt: skip
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    told: list[list[Found]] = []
    try:
        while line := await asyncio.wait_for(process.stdout.readline(), _LOOK_S):
            told.append(json.loads(line))
    except TimeoutError:
        process.kill()
        told.append([_fault(sources[len(told)], f"It took longer than {_LOOK_S:.0f} s to look at.")])
    await process.wait()
    return told


def look(source: Path) -> list[Found]:
    """What is in one file, zip or folder."""
    from condyle.workflow.info import info  # the server itself needs no reader of DICOM

    try:
        told = info(source).to_json()
    except CondyleError as error:
        return [_fault(source, bare(f"expected {error.expected}, got {error.got}. {error.hint}".strip()))]
    if source.is_dir() or source.suffix == ".zip":
        return [{"source": source.name, "kind": "series", **{k: s[k] for k in _SERIES}} for s in told["series"]]
    grid = {name: told[name] for name in ("shape", "spacing_mm", "orientation", "affine")}
    volumes_ml = told["values"].get("labels_ml")
    if volumes_ml is None:
        wrong = told["values"].get("not_finite")
        faults = [f"{wrong} of its values are NaN or infinite."] if wrong else []
        return [{"source": source.name, "kind": "scan", "faults": faults, **grid}]
    names = _names(source) if source.name.endswith(".seg.nrrd") else {}
    ids = {str(id_): names.get(id_, "") for id_ in volumes_ml}
    return [{"source": source.name, "kind": "labels", "faults": [], "ids": ids, **grid}]


def _names(source: Path) -> dict[int, str]:
    """The names that a file of 3D Slicer gives its numbers."""
    try:
        return {s.id: s.name for s in segnrrd.read_table(source).structures}
    except CondyleError:
        return {}  # numbers without names are asked for


def _fault(source: Path, text: str) -> Found:
    return {"source": source.name, "kind": "unknown", "faults": [text]}


def main() -> None:
    """Look at the files that are named on the command line."""
    for name in sys.argv[1:]:
        sys.stdout.write(json.dumps(look(Path(name))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
