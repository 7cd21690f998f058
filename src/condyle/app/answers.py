"""What goes back to the page: JSON, and errors that say what happened and what to do."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from condyle.app.workspace import NotThereError
from condyle.data.lock import LockedError
from condyle.errors import CondyleError, DataError

log = logging.getLogger("condyle")

#: What people read of a dataset that somebody else writes to.
BUSY = "A job is writing to this dataset. Nothing was lost: wait until it is over, then try again."

#: No answer to a question about data may be kept by the browser and shown later.
FRESH = {"Cache-Control": "no-store"}


class ConflictError(DataError):
    """Somebody else was faster; nothing was overwritten.

    Args:
        current: What is there now, as plain data.
    """

    def __init__(self, where: str, *, expected: str, got: str, hint: str, current: Mapping[str, Any]) -> None:
        super().__init__(where, expected=expected, got=got, hint=hint)
        self.current = dict(current)


class TooLargeError(DataError):
    """More bytes than are let in."""


def answer(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Plain data as an answer."""
    return JSONResponse(content, status, {**FRESH, **(headers or {})})


def told(error: CondyleError) -> dict[str, Any]:
    """An error as plain data. Only the last part of a path is told: the page needs no more."""
    where = error.where.rsplit("/", 1)[-1]
    words = {"where": where, "expected": error.expected, "got": error.got, "hint": error.hint}
    return {**words, "message": f"{where}: expected {error.expected}, got {error.got}. {error.hint}".strip()}


async def bad_input(request: Request, error: Exception) -> Response:
    """The answer to a request that cannot be done."""
    del request
    assert isinstance(error, CondyleError)  # noqa: S101 - it is registered for these
    if isinstance(error, LockedError):
        return answer({"error": told(error) | {"message": BUSY}}, 409)
    if isinstance(error, ConflictError):
        return answer({"error": told(error), "current": error.current}, 409)
    status = 404 if isinstance(error, NotThereError) else 413 if isinstance(error, TooLargeError) else 422
    return answer({"error": told(error)}, status)


async def not_found(request: Request, error: Exception) -> Response:
    """The answer to an address that is none, or a method it does not know."""
    del request
    assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for these
    words = {"where": "address", "expected": "one of the app's", "got": error.detail, "hint": "Go back to the start."}
    return answer({"error": {**words, "message": f"{error.detail}. Go back to the start."}}, error.status_code)


async def failed(request: Request, error: Exception) -> Response:
    """The answer when the fault is ours. The log gets it without the address's names, which are keys."""
    log.error("%s %s", request.method, request.url.path, exc_info=error)
    words = {"where": "the app", "expected": "an answer", "got": "a fault of the app itself", "hint": "Try again."}
    return answer({"error": {**words, "message": "Something went wrong in the app itself. Try again."}}, 500)
