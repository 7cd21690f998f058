"""Routes of results: comparisons and evaluations, and the meshes of cases."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from condyle.app.answers import answer
from condyle.app.jobs.pieces import meshes_folder
from condyle.app.state import case_of, served
from condyle.app.workspace import require
from condyle.meshes.file_names import file_stems

#: Pages that verbs write are whole in themselves. They run apart from the app: no cookie, no request, no frame.
_APART = {
    "Content-Security-Policy": (
        "sandbox allow-scripts allow-downloads; default-src 'none'; script-src 'unsafe-inline'; "
        "style-src 'unsafe-inline'; img-src data: blob:; font-src data:"
    )
}

#: What of a folder of results may be fetched.
_FILES = {
    "report.html": "text/html; charset=utf-8",
    "compare.html": "text/html; charset=utf-8",
    "scores.csv": "text/csv; charset=utf-8",
    "differences.csv": "text/csv; charset=utf-8",
    "compare.json": "application/json",
}

_METRICS = ("dice", "assd_mm", "hd95_mm", "volume_error_percent")

_MESHES = {"stl": "model/stl", "3mf": "model/3mf", "glb": "model/gltf-binary", "obj": "model/obj", "ply": "model/ply"}


def list_results(request: Request) -> Response:
    """`GET /api/results`: comparisons and evaluations, the newest first."""
    workspace = served(request).workspace
    out = []
    for folder in workspace.result_folders():
        files = [name for name in _FILES if (folder / name).is_file()]
        if files:
            key = workspace.key("result", folder.name)
            urls = {name: f"/api/results/{key}/{name}" for name in files}
            when = max((folder / name).stat().st_mtime for name in files)
            out.append({"key": key, "name": folder.name, "when": when, "files": urls, **_summary(folder)})
    return answer({"results": sorted(out, key=lambda r: -r["when"])})


def _summary(folder: Path) -> dict[str, Any]:
    """The sentences of a comparison, or the means of an evaluation."""
    compared = folder / "compare.json"
    if compared.is_file():
        content = json.loads(compared.read_text(encoding="utf-8"))
        return {"kind": "comparison", "findings": content["findings"], "notes": content["notes"]}
    return {"kind": "evaluation", "table": means(folder / "scores.csv")}


def means(path: Path) -> list[dict[str, Any]]:
    """Mean scores of a CSV file of `condyle evaluate`, by structure; one without any score is left out."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    out = []
    for structure in dict.fromkeys(row["structure"] for row in rows):
        of = [row for row in rows if row["structure"] == structure]
        told: dict[str, Any] = {"structure": structure, "cases": len(of)}
        for metric in _METRICS:
            values = [float(row[metric]) for row in of if row.get(metric) not in (None, "")]
            told[metric] = sum(values) / len(values) if values else None
        if any(told[metric] is not None for metric in _METRICS):
            out.append(told)
    return out


def result_file(request: Request) -> Response:
    """`GET /api/results/<r>/<file>`."""
    folder = served(request).workspace.result(request.path_params["result"])
    name = request.path_params["name"]
    kind = require(_FILES.get(name), "a file of this result")
    path = require(folder / name if (folder / name).is_file() else None, "a file of this result")
    if name.endswith(".html"):
        return FileResponse(path, media_type=kind, headers=_APART)
    return FileResponse(path, media_type=kind, filename=name)


def meshes(request: Request) -> Response:
    """`GET .../meshes/<set>`: each structure's passport and files."""
    dataset, case = case_of(request)
    label_set = request.path_params["set"]
    mask = dataset.path(require(case.label_sets.get(label_set), "a label set of this case"))
    folder = meshes_folder(dataset, label_set, case)
    told = folder / "passports.json"
    if not told.is_file():
        return answer({"meshes": []})
    with mask.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    files = sorted(p.name for p in folder.iterdir() if p.suffix[1:] in _MESHES)
    passports = json.loads(told.read_text(encoding="utf-8"))["structures"]
    stems = file_stems([passport["name"] for passport in passports if passport.get("triangles")])
    colors = {s.name: "#{:02x}{:02x}{:02x}".format(*s.color) for s in dataset.labels.structures}
    out = []
    for passport in passports:
        name = passport["name"]
        stem = stems.get(name)
        own = {Path(f).suffix[1:]: f"{request.url.path}/{n}" for n, f in enumerate(files) if Path(f).stem == stem}
        current = passport.get("source_sha256") == digest
        color = colors.get(name, "#c8c8c8")
        out.append({"structure": name, "color": color, "passport": passport, "files": own, "current": current})
    return answer({"meshes": out})


def mesh_file(request: Request) -> Response:
    """`GET .../meshes/<set>/<n>`: the n-th file."""
    dataset, case = case_of(request)
    label_set = request.path_params["set"]
    require(case.label_sets.get(label_set), "a label set of this case")
    folder = meshes_folder(dataset, label_set, case)
    files = sorted(p for p in folder.iterdir() if p.suffix[1:] in _MESHES) if folder.is_dir() else []
    number = request.path_params["number"]
    path = require(files[number] if number < len(files) else None, "a mesh")
    return FileResponse(path, media_type=_MESHES[path.suffix[1:]], filename=path.name)


_SET = "/api/datasets/{dataset}/cases/{case}/meshes/{set}"

ROUTES = [
    Route("/api/results", list_results),
    Route("/api/results/{result}/{name}", result_file),
    Route(_SET, meshes),
    Route(_SET + "/{number:int}", mesh_file),
]
