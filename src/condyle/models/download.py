"""A file from the web, believed only if its SHA-256 is the one that was told beforehand."""

from __future__ import annotations

import hashlib
import http.client
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from condyle.errors import ConfigError, DataError
from condyle.progress import Track, silent

if TYPE_CHECKING:
    from urllib.request import OpenerDirector

_CHUNK = 1 << 20
#: How long a server may say nothing.
_TIMEOUT_S = 60.0


def is_url(text: str) -> bool:
    """Whether this is an address on the web rather than a path."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text) is not None


def download(
    url: str,
    path: Path,
    *,
    sha256: str,
    limit_bytes: int = 32 << 30,
    timeout_s: float = _TIMEOUT_S,
    track: Track = silent,
) -> None:
    """Write the file of an address.

    Args:
        url: http or https.
        path: The file to write, in a folder that is thrown away if this raises: it then holds anything.
        sha256: Of the file, 64 hexadecimal digits, from whoever made it.
        limit_bytes: Refuse more.
        timeout_s: How long the server may say nothing.
        track: Told of every MiB, where the server tells the size.

    Raises:
        ConfigError: if the address or the hash is none.
        DataError: if the server does not give it, or gives too much or something else.
    """
    check_url(url)
    check_digest(sha256)
    digest = hashlib.sha256()
    try:
        with _opener().open(url, timeout=timeout_s) as response, path.open("xb") as sink:
            for chunk in _chunks(url, response, limit_bytes, track):
                digest.update(chunk)
                sink.write(chunk)
    except DataError:
        raise
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise DataError(url, expected="a file", got=_told(error), hint="Check the address, then try again.") from error
    match(url, digest.hexdigest(), sha256)


def check_url(url: str) -> None:
    """Raise a `ConfigError` if this is no address of http or https."""
    try:
        parts = urlsplit(url)
        fine = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        fine = False
    if not fine:
        raise ConfigError("address", expected="one that starts with https:// or http:// and a host", got=url)


def without_secrets(url: str) -> str:
    """The address without its query and password, which may let anybody in."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def check_digest(sha256: str) -> None:
    """Raise a `ConfigError` if this is no SHA-256."""
    if not re.fullmatch(r"[0-9A-Fa-f]{64}", sha256):
        raise ConfigError("sha256", expected="64 hexadecimal digits", got=repr(sha256))


def match(where: str | Path, got: str, expected: str) -> None:
    """Raise a `DataError` if a file's SHA-256 is not the expected one."""
    if got != expected.lower():
        hint = "It is damaged or was exchanged. Do not use it; ask whoever gave you the hash."
        raise DataError(where, expected=f"a file of SHA-256 {expected.lower()}", got=got, hint=hint)


def _opener() -> OpenerDirector:
    """Opens http and https, through a proxy where the system has one; whatever else a server leads to is refused."""
    from urllib import request

    opener = request.OpenerDirector()
    for handler in (
        request.ProxyHandler(),
        request.HTTPHandler(),
        request.HTTPSHandler(),
        request.HTTPRedirectHandler(),
        request.HTTPDefaultErrorHandler(),
        request.HTTPErrorProcessor(),
        request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _chunks(url: str, response: http.client.HTTPResponse, limit_bytes: int, track: Track) -> Iterator[bytes]:
    told = response.headers.get("Content-Length")
    size = int(told) if told is not None else None
    if size is not None and size > limit_bytes:
        raise DataError(url, expected=f"at most {limit_bytes / 1e6:.0f} MB", got=f"{size / 1e6:.0f} MB")
    steps = range(-(-(limit_bytes if size is None else size) // _CHUNK) + 1)
    received = 0
    for _ in (silent if size is None else track)(steps, "Downloading"):
        chunk = response.read(_CHUNK)
        received += len(chunk)
        if received > limit_bytes:
            raise DataError(url, expected=f"at most {limit_bytes / 1e6:.0f} MB", got="more")
        if chunk:
            yield chunk
    if size is not None and received != size:
        raise DataError(url, expected=f"{size} bytes, as the server said", got=f"{received}", hint="Try again.")


def _told(error: Exception) -> str:
    if isinstance(error, HTTPError):
        return f"{error.code} {error.reason}"
    if isinstance(error, URLError):
        return str(error.reason)
    return str(error) or type(error).__name__
