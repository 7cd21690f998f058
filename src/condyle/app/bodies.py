"""Reading what a page sends, never more of it than is let in."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from starlette.requests import ClientDisconnect, Request

from condyle.app.answers import TooLargeError
from condyle.errors import ConfigError, DataError

#: Of a request in JSON.
MOST_JSON_BYTES = 1 << 20

#: So much more is taken from a sender of too much, and thrown away, each piece within so many seconds.
_DRAINED_BYTES, _DRAINED_S = 64 << 20, 5.0

#: A sender that says nothing for so long is given up.
PATIENCE_S = 60.0


async def json_body(request: Request, most_bytes: int = MOST_JSON_BYTES) -> dict[str, Any]:
    """The JSON object that was sent.

    Raises:
        ConfigError: if it is none.
        TooLargeError: if it is larger than any that makes sense.
    """
    content = b"".join([chunk async for chunk in chunks(request, most_bytes)])
    try:
        value = json.loads(content)
    except ValueError as error:
        raise ConfigError("request", expected="JSON", got=str(error)) from error
    if not isinstance(value, dict):
        raise ConfigError("request", expected="a JSON object", got=type(value).__name__)
    return value


async def file_body(request: Request, path: Path, most_bytes: int, *, at: int = 0) -> int:
    """Write what was sent to a file, from a place in it on; gives the file's size then.

    Raises:
        TooLargeError: if the file would be larger than let in.
        DataError: if the disk refuses, or the sender breaks off.
    """
    try:
        with path.open("r+b" if path.exists() else "xb") as file:
            file.seek(at)
            async for chunk in chunks(request, most_bytes - at):
                await asyncio.to_thread(file.write, chunk)
            return file.tell()
    except OSError as error:
        hint = "Free some space on the disk."
        raise DataError("upload", expected="room on the disk", got=error.strerror or str(error), hint=hint) from error


async def chunks(request: Request, most_bytes: int) -> AsyncIterator[bytes]:
    """What was sent, piece by piece.

    Raises:
        TooLargeError: if it is more than let in.
        DataError: if the sender breaks off or falls silent.
    """
    left = most_bytes
    stream = request.stream()
    try:
        while True:
            try:
                chunk = await asyncio.wait_for(anext(stream), PATIENCE_S)
            except StopAsyncIteration:
                return
            left -= len(chunk)
            if left < 0:
                await _drained(stream)
                expected = f"at most {most_bytes / 1e6:.1f} MB"
                raise TooLargeError("upload", expected=expected, got="more", hint="Send less at once.")
            yield chunk
    except (ClientDisconnect, TimeoutError) as error:
        hint = "Send it again; what has arrived is kept."
        raise DataError("upload", expected="all of it", got="a sender that broke off", hint=hint) from error


async def _drained(stream: AsyncIterator[bytes]) -> None:
    """Let a sender of too much come to its end: one that is cut off in the middle never reads the answer."""
    left = _DRAINED_BYTES
    with contextlib.suppress(TimeoutError, ClientDisconnect, StopAsyncIteration):
        while left > 0:
            left -= len(await asyncio.wait_for(anext(stream), _DRAINED_S))


def said(request: Request, header: str, default: str = "") -> str:
    """A percent-encoded header of the page, in one line of at most 200 characters."""
    text = unquote(request.headers.get(header, "")).strip() or default
    return "".join(c for c in text if c.isprintable())[:200]
