"""Routes of jobs: ask for one, look, stop it, read its log."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from condyle.app.answers import answer
from condyle.app.bodies import json_body
from condyle.app.jobs import log as logs
from condyle.app.jobs.child import LOG
from condyle.app.jobs.commands import planned
from condyle.app.jobs.job import Job, Planned
from condyle.app.state import served
from condyle.app.workspace import require
from condyle.errors import ConfigError

#: More jobs than this at once are a slip of a script.
_MOST_QUEUED = 500


async def post_job(request: Request) -> Response:
    """`POST /api/jobs`: put a verb in the queue."""
    fields = await json_body(request)
    return answer({"job": start(request, fields)}, 201)


def start(request: Request, fields: dict[str, Any]) -> dict[str, Any]:
    """Queue what is asked for; the job as plain data.

    Raises:
        ConfigError: if it makes no sense, or too much is queued already.
    """
    here = served(request)
    if len(here.runner.table.in_state("queued")) >= _MOST_QUEUED:
        raise ConfigError("jobs", expected=f"fewer than {_MOST_QUEUED} waiting", got="more", hint="Wait, or stop some.")
    plan = planned(here.workspace, fields)
    job = here.runner.table.add(str(fields["verb"]), plan, fields)
    return here.runner.told(job)


def list_jobs(request: Request) -> Response:
    """`GET /api/jobs?dataset=<d>`: the newest first."""
    runner = served(request).runner
    place = request.query_params.get("dataset")
    jobs = [job for job in runner.table.newest() if place in (None, job.place)]
    return answer({"jobs": [runner.told(job) for job in jobs]})


def one_job(request: Request) -> Response:
    """`GET /api/jobs/<j>`: with what its steps printed."""
    runner, job = served(request).runner, _job(request)
    return answer({**runner.told(job), "result": runner.results(job)})


def cancel(request: Request) -> Response:
    """`POST /api/jobs/<j>/cancel`: stop it; what it has finished stays."""
    runner, job = served(request).runner, _job(request)
    runner.table.stop_asked(job.id)
    return answer(runner.told(_job(request)))


def again(request: Request) -> Response:
    """`POST /api/jobs/<j>/again`: the same once more; what was stopped or lost goes on."""
    runner, job = served(request).runner, _job(request)
    fresh = runner.table.add(job.verb, Planned(job.title, job.place, job.lane, job.steps), job.asked)
    return answer({"job": runner.told(fresh)}, 201)


def log(request: Request) -> Response:
    """`GET /api/jobs/<j>/log`: its last lines."""
    lines = logs.words(logs.tail(served(request).runner.place(_job(request)) / LOG))
    return answer({"lines": lines})


def _job(request: Request) -> Job:
    return require(served(request).runner.table.get(request.path_params["job"]), "a job")


ROUTES = [
    Route("/api/jobs", list_jobs, methods=["GET"]),
    Route("/api/jobs", post_job, methods=["POST"]),
    Route("/api/jobs/{job:int}", one_job),
    Route("/api/jobs/{job:int}/cancel", cancel, methods=["POST"]),
    Route("/api/jobs/{job:int}/again", again, methods=["POST"]),
    Route("/api/jobs/{job:int}/log", log),
]
