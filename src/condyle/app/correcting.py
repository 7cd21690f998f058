"""Routes of corrections: saves, revisions, drafts, verdicts."""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from condyle import io
from condyle.app import drafts
from condyle.app.answers import FRESH, answer
from condyle.app.bodies import file_body, json_body, said
from condyle.app.changes import changed
from condyle.app.datasets import told_case
from condyle.app.drawn import grid_of, read_drawn
from condyle.app.reviews import Reviews, now, review
from condyle.app.revisions import Revision, revisions, save, stored
from condyle.app.state import case_of, served
from condyle.app.target import Target, corrections
from condyle.app.volumes import sent
from condyle.app.workspace import require
from condyle.data.names import require_safe
from condyle.errors import ConfigError

_WHO = "somebody"

#: What has been arriving for so long never will.
_LEFT_S = 3600.0


async def post_labels(request: Request) -> Response:
    """`POST .../labels/<set>`: a correction, as a new revision."""
    target, base = _target(request), _base(request)
    revision = Revision(0, said(request, "x-who", _WHO), "", said(request, "x-what"), "")
    async with _received(request, target) as path:
        made = await asyncio.to_thread(_save, target, path, revision, base)
        await asyncio.to_thread(drafts.forget, target, _tabs(request))
    return _told(made)


async def restore(request: Request) -> Response:
    """`POST .../labels/<set>/restore`: an older revision again, as a new one."""
    target, body = _target(request), await json_body(request)
    number, base = body.get("revision"), body.get("base")
    if not isinstance(number, int) or not isinstance(base, str):
        raise ConfigError("revision, base", expected="a number, and a mark", got=f"{number!r}, {base!r}")
    who = str(body.get("who") or _WHO)[:200]
    _, path = await asyncio.to_thread(stored, target, number)
    revision = Revision(0, who, "", f"revision {number} restored", "", restored_from=number)
    return _told(await asyncio.to_thread(_save, target, path, revision, base))


def list_revisions(request: Request) -> Response:
    """`GET .../labels/<set>/revisions`: all of them, the newest first."""
    known = require(revisions(_target(request)) or None, "a label set of this case")
    told = [r.to_json() for r in reversed(known)]
    return answer({"current": known[-1].revision, "mark": known[-1].mark, "revisions": told})


def one_revision(request: Request) -> Response:
    """`GET .../labels/<set>/revisions/<n>`: its label map."""
    revision, path = stored(_target(request), request.path_params["number"])
    return sent(request, path, f'"r{revision.mark}"')


async def put_draft(request: Request) -> Response:
    """`PUT .../labels/<set>/autosave`: what is drawn so far."""
    target = _target(request)
    draft = drafts.Draft(said(request, "x-base"), said(request, "x-tab"), said(request, "x-who", _WHO), now())
    async with _received(request, target) as path:
        await asyncio.to_thread(drafts.keep, target, path, draft, _tabs(request))
    return Response(status_code=204)


def get_draft(request: Request) -> Response:
    """`GET .../labels/<set>/autosave`: what was drawn last and not saved; 204 where there is nothing."""
    found = drafts.draft_of(_target(request))
    if found is None:
        # No 404: looking is the normal case, and browsers put every 404 on their console.
        return Response(status_code=204)
    draft, path = found
    head = {"X-Base": draft.base, "X-When": draft.when, "X-Tab": draft.tab, **FRESH}
    return FileResponse(path, media_type="application/octet-stream", headers=head)


def delete_draft(request: Request) -> Response:
    """`DELETE .../labels/<set>/autosave`: whosever it is, unless a tab is named."""
    drafts.forget(_target(request), _tabs(request) if "x-tab" in request.headers else None)
    return Response(status_code=204)


async def put_verdict(request: Request) -> Response:
    """`PUT .../verdict`: accepted, rejected, or to be looked at again."""
    dataset, case = case_of(request)
    body = await json_body(request)
    who, remark = (str(body.get(name) or "")[:200] for name in ("who", "remark"))
    await asyncio.to_thread(review, dataset, case.id, str(body.get("verdict")), who or _WHO, remark)
    return answer(told_case(served(request).workspace, dataset, case, Reviews(dataset)))


def _target(request: Request) -> Target:
    dataset, case = case_of(request)
    return Target(dataset, case, require_safe(request.path_params["set"], "label set"))


def _tabs(request: Request) -> set[str]:
    """Whose draft is the sender's own: its tab's, and that of the tab whose draft it took up."""
    return {said(request, "x-tab")} | ({said(request, "x-took")} - {""})


def _told(made: Revision) -> Response:
    return answer(made.to_json() | {"mark": made.mark}, 201, {"ETag": f'"{made.mark}"'})


def _save(target: Target, path: Path, revision: Revision, base: str | None) -> Revision:
    """Check a label map and make it the newest revision."""
    drawn = read_drawn(path, target.dataset, target.case)
    Reviews(target.dataset)  # one that cannot be read is told before anything is written
    before = io.read_labels(target.path) if revisions(target) else None
    old = before.array if before is not None and before.grid.matches(drawn.grid) else None
    differs = changed(old, drawn.array, drawn.grid, target.dataset.labels)
    made = save(target, drawn, replace(revision, changed=differs.to_json()), base)
    review(target.dataset, target.case.id, "corrected", revision.who)
    return made


def _base(request: Request) -> str | None:
    """The mark of the revision that was drawn on, as the headers of HTTP say it; None for a new label set."""
    if request.headers.get("if-none-match") == "*":
        return None
    match = re.fullmatch(r'"([\w-]+)"', request.headers.get("if-match", ""))
    if match is None:
        hint = "Send the ETag of the label map as If-Match, or If-None-Match: * for a new label set."
        raise ConfigError("If-Match", expected="the revision that was drawn on", got="none", hint=hint)
    return match[1]


@asynccontextmanager
async def _received(request: Request, target: Target) -> AsyncIterator[Path]:
    """What was sent, in a file of the dataset's own file system; gone when the block ends, if it is still there."""
    shape = grid_of(target.dataset, target.case).shape
    most_bytes = 8 * shape[0] * shape[1] * shape[2] + (1 << 20)
    folder = corrections(target.dataset) / "arriving"
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.iterdir():  # of a server that was killed
        if time.time() - left.stat().st_mtime > _LEFT_S:
            left.unlink(missing_ok=True)
    path = folder / f"{secrets.token_hex(8)}.nii"
    try:
        await file_body(request, path, most_bytes)
        yield path
    finally:
        path.unlink(missing_ok=True)


_CASE = "/api/datasets/{dataset}/cases/{case}"

ROUTES: list[Any] = [
    Route(_CASE + "/labels/{set}", post_labels, methods=["POST"]),
    Route(_CASE + "/labels/{set}/restore", restore, methods=["POST"]),
    Route(_CASE + "/labels/{set}/revisions", list_revisions),
    Route(_CASE + "/labels/{set}/revisions/{number:int}", one_revision),
    Route(_CASE + "/labels/{set}/autosave", put_draft, methods=["PUT"]),
    Route(_CASE + "/labels/{set}/autosave", get_draft, methods=["GET"]),
    Route(_CASE + "/labels/{set}/autosave", delete_draft, methods=["DELETE"]),
    Route(_CASE + "/verdict", put_verdict, methods=["PUT"]),
]
