"""What has arrived: scans, label maps, DICOM series, and what is wrong with them, in words."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

#: A look that takes longer is broken off.
_LOOK_S = 180.0


async def looked_at(source: Path) -> list[dict[str, Any]]:
    """What `condyle info` says of a source: as a command, so that a bad file cannot take the server with it."""
    dicom = source.is_dir() or source.suffix == ".zip"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "condyle", "info", str(source), "--json",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        out, said = await asyncio.wait_for(process.communicate(), _LOOK_S)
    except TimeoutError:
        process.kill()
        await process.wait()
        return [_fault(source, f"It took longer than {_LOOK_S:.0f} s to look at.")]
    if process.returncode:
        words = said.decode(errors="replace").strip().splitlines()
        fault = words[-1].removeprefix("condyle: ").replace(f"{source}: ", "") if words else "It cannot be read."
        return [_fault(source, fault)]
    told = json.loads(out)
    if not dicom:
        grid = {name: told[name] for name in ("shape", "spacing_mm", "orientation")}
        labels = "labels_ml" in told.get("values", {})
        return [{"source": source.name, "kind": "labels" if labels else "scan", "faults": [], **grid}]
    kept = ("key", "modality", "description", "images", "shape", "spacing_mm", "tilt_deg", "faults", "uid")
    return [{"source": source.name, "kind": "series", **{k: s[k] for k in kept}} for s in told["series"]]


def _fault(source: Path, text: str) -> dict[str, Any]:
    return {"source": source.name, "kind": "unknown", "faults": [text]}
