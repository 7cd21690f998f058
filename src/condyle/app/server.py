"""The app as an ASGI application: its routes, its files, its jobs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from condyle.app import answers, correcting, datasets, downloads, models, queue, results, uploads, volumes
from condyle.app.jobs import routes as jobs
from condyle.app.jobs.runner import Runner
from condyle.app.safety import Door, Guarded
from condyle.app.state import Served
from condyle.app.workspace import Workspace
from condyle.errors import CondyleError

PAGE = Path(__file__).parent / "page"


def make_app(workspace: Workspace, door: Door) -> ASGIApp:
    """The app of a workspace, behind its door. Its jobs are watched while it runs."""
    runner = Runner(workspace.own / "jobs", ended=lambda job: uploads.job_ended(workspace, job))

    @asynccontextmanager
    async def life(app: Starlette) -> AsyncIterator[None]:
        del app
        runner.start()
        yield
        runner.close()

    parts = (datasets, volumes, correcting, queue, uploads, jobs, models, results, downloads)
    app = Starlette(
        routes=[
            Route("/", _start),
            Route("/favicon.ico", _icon),
            Mount("/page", _Files(directory=PAGE)),
            *(route for part in parts for route in part.ROUTES),
        ],
        exception_handlers={
            CondyleError: answers.bad_input,
            HTTPException: answers.not_found,
            Exception: answers.failed,
        },
        lifespan=life,
    )
    app.state.served = Served(workspace, runner)
    return Guarded(app, door)


class _Files(StaticFiles):
    """The page's own files; the browser asks each time whether they are new."""

    def file_response(self, *args: object, **options: object) -> Response:
        answer = super().file_response(*args, **options)  # type: ignore[arg-type]  # handed on as they came
        answer.headers["Cache-Control"] = "no-cache"
        return answer


def _start(request: Request) -> Response:
    del request
    return FileResponse(PAGE / "index.html", headers={"Cache-Control": "no-cache"})


def _icon(request: Request) -> Response:
    del request
    return FileResponse(PAGE / "icon.svg", media_type="image/svg+xml")
