"""Scans that are dropped on the page: they arrive in a scratch folder, are looked at, and are imported by a job.

A file comes in pieces, each with its place in the file, so that one that broke off can be gone on with. What a file
is called becomes part of a name made safe, never a path; files that could be DICOM are only numbered.
"""

from __future__ import annotations

import json
import secrets
import shutil
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from condyle.app.announced import Expected, expected_files
from condyle.app.answers import answer
from condyle.app.bodies import file_body, json_body
from condyle.app.bringing import import_plan, sources
from condyle.app.jobs.asked import Asked
from condyle.app.jobs.job import Job
from condyle.app.looking import looked_at
from condyle.app.state import served
from condyle.app.workspace import Workspace, require
from condyle.errors import ConfigError, DataError
from condyle.io.atomic import atomic_file

#: Of the list of their names.
_LIST_BYTES = 16 << 20

#: An upload nobody came back to is removed.
KEPT_S = 7 * 24 * 3600.0


async def begin(request: Request) -> Response:
    """`POST /api/uploads`: which files are to come, as `{"files": [{"name", "bytes"}]}`."""
    files = expected_files((await json_body(request, _LIST_BYTES)).get("files"))
    folder = _folder(served(request).workspace)
    sweep(folder)
    key = secrets.token_hex(8)
    (folder / key / "files").mkdir(parents=True)
    with atomic_file(folder / key / "upload.json") as temporary:
        temporary.write_text(json.dumps([asdict(f) for f in files]), encoding="utf-8")
    return answer(_told(folder / key), 201)


async def put_piece(request: Request) -> Response:
    """`PUT /api/uploads/<u>/<n>?at=<byte>`: a piece of the n-th file."""
    folder = _upload(request)
    files = _files(folder)
    number = request.path_params["number"]
    file = require(files[number] if number < len(files) else None, "a file of this upload")
    path = folder / "files" / file.stored
    path.parent.mkdir(exist_ok=True)
    have = path.stat().st_size if path.exists() else 0
    told = request.query_params.get("at", "0")
    at = int(told) if told.isdecimal() else -1
    if not 0 <= at <= have:
        raise ConfigError("at", expected=f"0 to {have}, which is what has arrived", got=repr(told))
    size = await file_body(request, path, file.bytes, at=at)
    return answer({"bytes": size, "whole": size == file.bytes})


def one(request: Request) -> Response:
    """`GET /api/uploads/<u>`: what has arrived of each file."""
    return answer(_told(_upload(request)))


def remove(request: Request) -> Response:
    """`DELETE /api/uploads/<u>`."""
    shutil.rmtree(_upload(request), ignore_errors=True)
    return Response(status_code=204)


async def look(request: Request) -> Response:
    """`POST /api/uploads/<u>/look`: the scans and series in it, and what is wrong with them, in words."""
    folder = _upload(request)
    missing = [f.name for f in _files(folder) if _arrived(folder, f) < f.bytes]
    if missing:
        got = f"{len(missing)} that have not"
        raise DataError("upload", expected="files that have arrived whole", got=got, hint="Send the rest.")
    return answer({"found": await looked_at(sources(folder))})


async def bring_in(request: Request) -> Response:
    """`POST /api/uploads/<u>/import`: make a dataset of it, or add to one; a job. See `bringing` for the body."""
    folder = _upload(request)
    here = served(request)
    plan = import_plan(here.workspace, folder, Asked(await json_body(request)))
    asked_for = {"verb": "import", "upload": folder.name, "dataset": plan.place}
    job = here.runner.table.add("import", plan, asked_for)
    return answer({"job": here.runner.told(job), "dataset": plan.place}, 201)


def sweep(folder: Path) -> None:
    """Remove uploads that nobody came back to."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if time.time() - path.stat().st_mtime > KEPT_S:
            shutil.rmtree(path, ignore_errors=True)


def job_ended(workspace: Workspace, job: Job) -> None:
    """Remove the upload of an import that went well."""
    upload = job.asked.get("upload", "")
    if job.verb == "import" and job.state in {"done", "attention"} and str(upload).isalnum():
        shutil.rmtree(_folder(workspace) / str(upload), ignore_errors=True)


def _folder(workspace: Workspace) -> Path:
    folder = workspace.own / "uploads"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _upload(request: Request) -> Path:
    key = request.path_params["upload"]
    known = {path.name: path for path in _folder(served(request).workspace).iterdir()}
    return require(known.get(key), "an upload")


def _files(folder: Path) -> list[Expected]:
    return [Expected(**f) for f in json.loads((folder / "upload.json").read_text(encoding="utf-8"))]


def _arrived(folder: Path, file: Expected) -> int:
    path = folder / "files" / file.stored
    return path.stat().st_size if path.exists() else 0


def _told(folder: Path) -> dict[str, Any]:
    files = _files(folder)
    return {
        "upload": folder.name,
        "files": [{"name": f.name, "bytes": f.bytes, "arrived": _arrived(folder, f)} for f in files],
    }


ROUTES = [
    Route("/api/uploads", begin, methods=["POST"]),
    Route("/api/uploads/{upload}", one, methods=["GET"]),
    Route("/api/uploads/{upload}", remove, methods=["DELETE"]),
    Route("/api/uploads/{upload}/look", look, methods=["POST"]),
    Route("/api/uploads/{upload}/import", bring_in, methods=["POST"]),
    Route("/api/uploads/{upload}/{number:int}", put_piece, methods=["PUT"]),
]
