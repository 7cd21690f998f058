"""The app with a CT of 512 x 512 x 300 on its page: the first page, the scan on the screen, a slice, a save.

The server is a process of its own, the browser is Debian's Chromium, without a window and without a graphics card.
Notes tell what the time holds apart from the whole, and the server's peak memory so far.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from shutil import rmtree, which
from typing import Any

import numpy as np

SHAPE = (512, 512, 300)
SPACING_MM = (0.8, 0.8, 1.0)

Work = Callable[[], str]


def workspace() -> Path:
    """A dataset of one case: a body with two long bones and the noise of a scanner, and their mask."""
    from condyle import io
    from condyle.data import Case, Dataset
    from condyle.data.case import image_path, labels_path
    from condyle.labels import Labels
    from condyle.space import Grid, Volume

    folder = Path(tempfile.mkdtemp(prefix="condyle-bench-app-"))
    i, j, k = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    body = np.hypot((i - 256) / 220, (j - 256) / 150) < 1
    bones = [np.hypot(i - x - 8 * np.sin(k / 40), j - 250) < 28 for x in (160, 350)]
    noise = np.random.default_rng(0).normal(0, 20, SHAPE).astype(np.int16)
    hu = np.where(bones[0] | bones[1], 900, np.where(body, 40, -1000)).astype(np.int16) + noise
    labels = (bones[0] + 2 * bones[1].astype(np.uint8)).astype(np.uint8)
    grid = Grid(SHAPE, np.diag([-SPACING_MM[0], -SPACING_MM[1], SPACING_MM[2], 1.0]))
    dataset = Dataset(folder / "large", "large", ("CT",), Labels.of({"femur_right": 1, "femur_left": 2}))
    case = Case("whole", "whole", {"CT": image_path("CT", "whole")}, {"reference": labels_path("reference", "whole")})
    io.write(dataset.path(case.images["CT"]), Volume(hu, grid))
    io.write(dataset.path(case.label_sets["reference"]), Volume(labels, grid))
    dataset.with_case(case).save()
    return folder


class Served:
    """A server of a folder, ended with this process at the latest."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        begun = time.perf_counter()
        command = [sys.executable, "-m", "condyle", "serve", "--data", str(folder), "--port", "0"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if self.process.stderr is None:
            raise RuntimeError("the server has no voice")
        found = re.search(r"http://[^/ ]+", self.process.stderr.readline())
        if found is None:
            raise RuntimeError("the server did not start")
        self.url = found[0]
        while True:
            with suppress(OSError):
                self.get("/")
                break
            time.sleep(0.005)
        self.start_s = time.perf_counter() - begun

    def get(self, path: str) -> bytes:
        """What is at an address."""
        with urllib.request.urlopen(self.url + path, timeout=60) as answer:  # noqa: S310 - our own
            content: bytes = answer.read()
        return content

    @property
    def peak_mib(self) -> float:
        """Peak resident memory of the server."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024

    def end(self) -> None:
        """Stop it."""
        self.process.kill()
        self.process.wait()


def page_of(served: Served) -> Any:
    """A page of a browser that stays open until this process ends."""
    from playwright.sync_api import sync_playwright

    program = which("chromium")
    if program is None:
        raise RuntimeError("chromium is not installed")
    running = sync_playwright().start().chromium.launch(executable_path=program, args=["--headless", "--no-sandbox"])
    page = running.new_page(viewport={"width": 1280, "height": 800})
    page.goto(served.url)
    page.wait_for_selector("h1")
    return page


def view_address(served: Served) -> str:
    """Where the case is looked at."""
    import json

    key = json.loads(served.get("/api/datasets"))["datasets"][0]["key"]
    case = json.loads(served.get(f"/api/datasets/{key}"))["cases"][0]["key"]
    return f"#/view/{key}/{case}?set=reference"


def first_page() -> Work:
    """From the command to the first page, drawn in the browser."""
    folder = workspace()
    pages: dict[str, Any] = {}

    def work() -> str:
        served = Served(folder)
        page = pages["one"] if pages else pages.setdefault("one", page_of(served))
        page.goto(served.url)
        page.wait_for_selector("[data-name=large]")
        note = f"server answers after {served.start_s:.2f} s, {served.peak_mib:.0f} MiB"
        served.end()
        return note

    return work


def _ready(page: Any) -> None:
    page.evaluate("async () => (await document.querySelector('#main > .wide').opened).ready")


def on_screen() -> Work:
    """From a click on the case to scan and labels in full, nothing made beforehand."""
    served = Served(workspace())
    page, address = page_of(served), view_address(served)

    def work() -> str:
        page.goto("about:blank")
        rmtree(served.folder / ".workspace" / "coarse", ignore_errors=True)
        page.goto(served.url)
        page.wait_for_selector("h1")
        begun = time.perf_counter()
        page.evaluate("(address) => { location.hash = address; }", address)
        page.wait_for_selector(".view-stage")
        coarse_s = time.perf_counter() - begun
        _ready_planes(page)
        planes_s = time.perf_counter() - begun
        _ready(page)
        return f"coarse after {coarse_s:.1f} s, planes in full after {planes_s:.1f} s, server {served.peak_mib:.0f} MiB"

    return work


def _ready_planes(page: Any) -> None:
    """Wait until the whole scan is in the planes; 3D comes after."""
    page.evaluate(
        """async () => {
            const view = await document.querySelector('#main > .wide').opened;
            const whole = () => view.session.scan.shape[0] === 512 && view.session.editable;
            while (!whole()) await new Promise((go) => setTimeout(go, 20));
            view.draw.now();
        }"""
    )


def slice_change() -> Work:
    """One slice further in the axial picture: no request, all is in the page."""
    served = Served(workspace())
    page = page_of(served)
    page.goto(f"{served.url}/{view_address(served)}")
    page.wait_for_selector(".view-stage")
    _ready(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    def work() -> str:
        before = len([url for url in asked if "/api/jobs" not in url])
        median_ms = page.evaluate(
            """async () => {
                const view = await document.querySelector('#main > .wide').opened;
                const times = [...Array(40).keys()].map((n) => {
                    const start = performance.now();
                    view.panes.axial.goTo(100 + n);
                    view.draw.now();
                    return performance.now() - start;
                });
                return times.sort((a, b) => a - b)[20];
            }"""
        )
        requests = len([url for url in asked if "/api/jobs" not in url]) - before
        return f"40 slices, median {median_ms:.1f} ms each in the browser, {requests} requests"

    return work


def save() -> Work:
    """A correction of the whole label map, as a new revision: what the server does."""
    from condyle import io

    served = Served(workspace())
    dataset, case = view_address(served).partition("?")[0].split("/")[2:]
    address = f"{served.url}/api/datasets/{dataset}/cases/{case}/labels/reference"
    drawn = io.read_labels(served.folder / "large/labels/reference/whole.nii.gz")
    numbers = iter(range(1, 1000))
    with urllib.request.urlopen(address, timeout=300) as answer:  # noqa: S310 - our own
        marks = [answer.headers["ETag"]]

    def work() -> str:
        number = next(numbers)
        drawn.array[250:260, 100:110, 100 + number] = 1
        file = served.folder / "drawn.nii.gz"
        io.write(file, drawn, overwrite=True)
        head = {"Origin": served.url, "If-Match": marks[-1], "X-Who": "bench"}
        begun = time.perf_counter()
        request = urllib.request.Request(address, file.read_bytes(), head, method="POST")  # noqa: S310 - our own
        with urllib.request.urlopen(request, timeout=300) as answer:  # noqa: S310
            marks.append(answer.headers["ETag"])
            answer.read()
        return f"the server's part {time.perf_counter() - begun:.1f} s, server {served.peak_mib:.0f} MiB"

    return work


#: Stage to contender to its maker.
STAGES: dict[str, dict[str, Callable[[], Work]]] = {
    "app: first page of a server that starts": {"Condyle": first_page},
    "app: 512 x 512 x 300 CT on screen": {"Condyle": on_screen},
    "app: 40 slices": {"Condyle": slice_change},
    "app: a correction saved": {"Condyle": save},
}
