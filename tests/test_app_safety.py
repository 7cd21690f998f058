"""Who may talk to the app: this machine, its own pages, and elsewhere only who has the token."""

from __future__ import annotations

import http.client
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app_server import Server, served
from condyle.app.safety import COOKIE, LOOPBACK, POLICY, Door

PORT = 8765
TOKEN = "abc"  # noqa: S105 - of these tests
HOME = f"127.0.0.1:{PORT}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with served(tmp_path_factory.mktemp("guarded")) as running:
        yield running


def refused(method: str = "GET", path: str = "/api/jobs", token: str | None = None, **headers: str) -> bool:
    named = {name.replace("_", "-"): value for name, value in ({"host": HOME} | headers).items()}
    return Door(LOOPBACK, PORT, token).refusal(method, path, named) is not None


@pytest.mark.parametrize("host", [HOME, f"localhost:{PORT}", f"[::1]:{PORT}", f"LOCALHOST:{PORT}"])
def test_this_machine_by_any_of_its_names_is_let_in(host):
    assert not refused(host=host)


@pytest.mark.parametrize(
    "host",
    ["evil.example", f"evil.example:{PORT}", "127.0.0.1", "127.0.0.1:1", f"127.0.0.1.evil.example:{PORT}", "", "[::1]"],
)
def test_a_name_that_resolves_here_is_not_enough(host):
    assert refused(host=host)


def test_what_changes_something_must_come_from_a_page_of_ours():
    assert not refused("POST", origin=f"http://{HOME}")
    assert refused("POST")
    for origin in ("null", "http://evil.example", "http://127.0.0.1:1", f"http://{HOME}.evil.example"):
        assert refused("POST", origin=origin)
        assert refused("GET", origin=origin)


def test_another_site_may_lead_here_but_not_embed():
    assert not refused(path="/", sec_fetch_site="cross-site")
    assert refused(path="/api/jobs", sec_fetch_site="cross-site")
    assert not refused(path="/api/jobs", sec_fetch_site="same-origin")


def test_a_token_is_demanded_where_there_is_one():
    assert refused(token=TOKEN)
    assert refused(token=TOKEN, cookie=f"{COOKIE}=abd")
    assert refused(token=TOKEN, cookie="=;;;\x00")
    assert refused(token=TOKEN, host=f"evil.example:{PORT}", cookie=f"{COOKIE}={TOKEN}")
    assert not refused(token=TOKEN, host=f"192.168.1.7:{PORT}", cookie=f"{COOKIE}={TOKEN}")
    assert not refused(token=TOKEN, cookie=f"other=1; {COOKIE}={TOKEN}")


def asked(server: Server, path: str, **headers: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=20)
    connection.putrequest("GET", path, skip_host="host" in headers)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


def test_every_answer_forbids_scripts_and_hosts_that_are_not_ours(server):
    for path in ("/", "/api/datasets", "/page/app.css", "/nowhere", "/favicon.ico"):
        headers = asked(server, path).headers
        assert headers["Content-Security-Policy"] == POLICY
        assert headers["X-Content-Type-Options"] == "nosniff"
    assert "unsafe" not in POLICY
    assert not re.search(r"https?:|\*", POLICY)


def test_the_server_itself_refuses_other_names(server):
    assert asked(server, "/", host="evil.example").status == 403
    assert asked(server, "/api/datasets", Origin="http://evil.example").status == 403
    assert server.ask("POST", "/api/jobs", b"{}", {"Origin": "http://evil.example"})[0] == 403


@pytest.mark.parametrize(
    "path", ["/page/../server.py", "/page/%2e%2e/server.py", "/page//etc/passwd", "/page/", "/page/view"]
)
def test_only_files_of_the_page_are_served(server, path):
    assert asked(server, f"/page/{path}").status in {404, 405}


def test_beyond_this_machine_the_printed_token_opens_the_door_once_and_for_all(tmp_path):
    with served(tmp_path, "--host", "0.0.0.0") as server:  # noqa: S104
        token = re.search(r"token=([\w-]+)", server.said)
        assert token is not None
        assert server.ask("GET", "/api/datasets")[0] == 403
        assert server.ask("GET", "/api/datasets?token=" + token[1])[0] == 403
        opened = asked(server, "/?token=" + token[1])
        assert (opened.status, opened.headers["location"]) == (303, "/")
        cookie = opened.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert asked(server, "/?token=wrong").status == 403
        assert server.ask("GET", "/api/datasets", headers={"Cookie": cookie.partition(";")[0]})[0] == 200


def test_a_port_that_is_taken_is_told_with_what_to_do(server, tmp_path):
    command = [
        sys.executable,
        "-m",
        "condyle",
        "serve",
        "--data",
        str(tmp_path),
        "--port",
        server.url.rpartition(":")[2],
    ]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 2
    assert "another --port" in ended.stderr


def test_no_page_names_another_host():
    page = Path(sys.modules["condyle.app.safety"].__file__ or "").parent / "page"
    ours = [p for p in page.rglob("*") if p.suffix in {".js", ".css", ".html"} and "vendor" not in p.parts]
    assert len(ours) > 10
    for path in ours:
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://", text), path.name
    html = (page / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<style|style=|\son\w+=|<script(?![^>]+src=)", html)
