"""`condyle serve`: the app in the browser."""

from __future__ import annotations

import contextlib
import secrets
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from condyle.errors import ConfigError, DataError

_LOOPBACK = "127.0.0.1"
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - compared, not listened to

#: No log of addresses; heads of requests, idle connections and the end have their limits.
_SETTINGS: dict[str, Any] = {
    "log_level": "error",
    "access_log": False,
    "server_header": False,
    "h11_max_incomplete_event_size": 64 << 10,
    "timeout_keep_alive": 15,
    "timeout_graceful_shutdown": 3,
}


@dataclass(frozen=True)
class ServeResult:
    """What was served, once it is over.

    Args:
        data: The folder.
    """

    data: Path

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"data": str(self.data)}

    def __str__(self) -> str:
        return "Closed. Jobs that run go on; `condyle serve` finds them again."


def serve(*, data: Path = Path(), port: int = 8765, host: str | None = None) -> ServeResult:
    """Open the app in the browser: scans, masks, corrections, training, comparisons, meshes. Nothing leaves here.

    It listens to this machine alone. With `--host` others can reach it too, with the token that is printed, and what
    they send is not encrypted: do that only in a network you trust, or behind a proxy with TLS.

    Args:
        data: The folder of datasets, or one dataset; made if it is not there.
        port: Where it listens; 0 for any that is free.
        host: An address of this machine for others to reach it by; 0.0.0.0 for all of them.

    Raises:
        DataError: if the folder cannot be written.
        ConfigError: if it cannot listen there.
    """
    try:
        import starlette  # noqa: F401
        import uvicorn
    except ImportError as error:
        hint = "Install it with: pip install 'condyle[app]'"
        raise ConfigError("serve", expected="the web server of the app", got=str(error), hint=hint) from error
    from condyle.app.safety import Door, names_of
    from condyle.app.server import make_app
    from condyle.app.workspace import Workspace

    workspace = Workspace(data.resolve())
    try:
        workspace.own.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(data, expected="a folder one can write to", got=error.strerror or str(error)) from error
    with _listening(host or _LOOPBACK, port) as listener:
        port = listener.getsockname()[1]
        token = None if host is None else secrets.token_urlsafe(24)
        _say(host, port, token)
        settings = uvicorn.Config(make_app(workspace, Door(names_of(host), port, token)), **_SETTINGS)
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(settings).run(sockets=[listener])
    return ServeResult(data)


def _say(host: str | None, port: int, token: str | None) -> None:
    """The address to open, on standard error: the result on standard output comes when all is over."""
    shown = _LOOPBACK if host in (None, *_EVERYWHERE) else str(host)
    address = f"http://{f'[{shown}]' if ':' in shown else shown}:{port}/" + (f"?token={token}" if token else "")
    sys.stderr.write(f"condyle: open {address} (Ctrl-C ends it)\n")
    sys.stderr.flush()


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        hint = "Is it open already? Choose another --port, or an address of this machine as --host."
        raise ConfigError(f"{host}:{port}", expected="an address to listen to", got=str(error), hint=hint) from error
