"""Who may talk to the app, and what its pages may do.

A page of another site can make a browser send requests to this machine, and with a name of its own that resolves
here (DNS rebinding) even read the answers. So the Host header must name this server, what changes something must
come from a page of this server (Origin), and beyond this machine a token is demanded.
"""

from __future__ import annotations

import ipaddress
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: What a page of ours may load: nothing from anywhere else, and no script that is not a file of ours.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

#: Sent with every answer.
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

COOKIE = "condyle"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
_READING = {"GET", "HEAD"}


def names_of(host: str | None) -> frozenset[str]:
    """What the Host header may say of a server that listens at an address; None for this machine alone."""
    if host is None:
        return LOOPBACK
    name = socket.gethostname().lower()
    return LOOPBACK | {host.lower(), name, f"{name}.local"}


@dataclass(frozen=True)
class Door:
    """Who is let in.

    Args:
        names: What the Host header may say, the port aside. Where a token is demanded, any address in digits may
            stand there too: only a name can be made to resolve to this machine.
        port: The server's; another one in the Host header is another server's page.
        token: What a browser must show once; None on this machine alone.
    """

    names: frozenset[str]
    port: int
    token: str | None = None

    def refusal(self, method: str, path: str, headers: Mapping[str, str]) -> str | None:
        """Why a request is turned away, or None.

        Args:
            method: GET, POST ...
            path: Of the address.
            headers: By lower-case name.
        """
        host = headers.get("host", "")
        if not self._ours(host):
            return "The address in the browser is not this server's."
        origin = headers.get("origin")
        if origin is not None and not self._ours(origin.partition("://")[2]):
            return "The request comes from a page of another site."
        if method not in _READING and origin is None:
            return "The request does not come from a page of this server."
        if headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"} and path != "/":
            return "The request comes from a page of another site."
        if self.token is not None and not secrets.compare_digest(_cookie(headers), self.token):
            return "Open the address that the server printed, with its token."
        return None

    def _ours(self, host: str) -> bool:
        name, _, port = host.rpartition(":") if not host.endswith("]") and ":" in host else (host, "", "80")
        known = name.lower() in self.names or (self.token is not None and _is_address(name))
        return known and port == str(self.port)


class Guarded:
    """The app behind its door; adds the headers, and takes the token out of the first address.

    Args:
        app: The app.
        door: Who is let in.
    """

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app = app
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name.lower() for name, _ in message["headers"]}
                more = [(n.lower().encode(), v.encode()) for n, v in HEADERS.items() if n.lower().encode() not in given]
                message["headers"] = [*message["headers"], *more]
            await send(message)

        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        token = self._door.token
        if token is not None and given and scope["path"] == "/" and secrets.compare_digest(given, token):
            cookie = f"{COOKIE}={token}; HttpOnly; SameSite=Strict; Path=/"
            await _plain(send_with_headers, 303, "", {"location": "/", "set-cookie": cookie})
            return
        refusal = self._door.refusal(scope["method"], scope["path"], headers)
        if refusal is not None:
            await _plain(send_with_headers, 403, refusal, {})
            return
        await self._app(scope, receive, send_with_headers)


async def _plain(send: Send, status: int, text: str, headers: Mapping[str, str]) -> None:
    head = {"content-type": "text/plain; charset=utf-8", "cache-control": "no-store", **headers}
    lines = [(name.encode(), value.encode()) for name, value in head.items()]
    await send({"type": "http.response.start", "status": status, "headers": lines})
    await send({"type": "http.response.body", "body": text.encode()})


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True


def _cookie(headers: Mapping[str, str]) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""
