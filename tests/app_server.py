"""The app as users start it: a process, a port, a folder."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

_AT_WORK = {"queued", "running"}


@dataclass
class Server:
    """A server that runs.

    Args:
        process: Its process.
        url: `http://127.0.0.1:<port>`.
        said: What it printed first.
        folder: What it serves.
    """

    process: subprocess.Popen[str]
    url: str
    said: str
    folder: Path

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and body of an answer; the request has the page's own Origin unless told otherwise."""
        head = {"Origin": self.url, **(headers or {})}
        request = urllib.request.Request(self.url + path, body, head, method=method)  # noqa: S310 - our own
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    def json(self, method: str, path: str, content: Any = None) -> Any:
        """A JSON answer to a JSON question."""
        body = None if content is None else json.dumps(content).encode()
        return json.loads(self.ask(method, path, body)[2])

    @property
    def busy(self) -> bool:
        """Whether a job waits or runs; also where the server runs and is too busy to answer."""
        with contextlib.suppress(OSError):
            return any(job["state"] in _AT_WORK for job in self.json("GET", "/api/jobs")["jobs"])
        return self.process.poll() is None

    def wait_for_job(self, id_: int) -> dict[str, Any]:
        """A job, once it has ended."""
        while True:
            job: dict[str, Any] = self.json("GET", f"/api/jobs/{id_}")
            if job["state"] not in _AT_WORK:
                return job
            time.sleep(0.1)

    def kill(self) -> None:
        """End the server at once, as a crash would; its jobs go on."""
        self.process.kill()
        self.process.wait()
        assert self.process.stderr is not None
        self.process.stderr.close()


def start(folder: Path, *options: str) -> Server:
    """Start a server on a free port."""
    command = [sys.executable, "-m", "condyle", "serve", "--data", str(folder), "--port", "0", *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert process.stderr is not None
    said = process.stderr.readline()
    found = re.search(r"http://[^/ ]+", said)
    if found is None:
        process.kill()
        raise AssertionError(said + process.stderr.read())
    server = Server(process, found[0], said, folder)
    for _ in range(300):
        try:
            urllib.request.urlopen(server.url + "/favicon.ico", timeout=5).close()  # noqa: S310
        except urllib.error.HTTPError as error:  # it runs, and wants a token
            error.close()
        except OSError:
            time.sleep(0.02)
            continue
        break
    return server


@contextlib.contextmanager
def served(folder: Path, *options: str) -> Iterator[Server]:
    """A server of a folder, stopped when the block ends, and its jobs with it."""
    server = start(folder, *options)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.process.send_signal(signal.SIGINT)
            try:
                server.process.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
        assert server.process.stderr is not None
        server.process.stderr.close()
        _end_jobs(folder)


def _end_jobs(folder: Path) -> None:
    """Jobs outlive their server; none is to outlive its test."""
    own = str(folder / ".workspace" / "jobs")
    for process in psutil.process_iter(["cmdline"]):
        if any(word.startswith(own) for word in process.info["cmdline"] or ()):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
