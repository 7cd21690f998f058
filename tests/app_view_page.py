"""A browser on the app, for the tests of the viewer."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

#: No sandbox, as tests may run as root in a container; the rest keeps the browser itself from the network.
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

#: The modules of the viewer that are pure functions, by file name.
MODULES = """
const names = ["tools/brush", "tools/region", "tools/islands", "tools/between", "tools/smooth", "tools/growcut",
    "edits", "history", "nifti", "labelmap", "planes", "contour", "paint", "measure", "window", "heavy", "session"];
const lib = Object.assign({}, ...await Promise.all(names.map((name) => import(`/page/view/${name}.js`))));
const grid = { shape: [48, 44, 30], spacing: [0.8, 1.0, 1.6] };
const voxel = grid.spacing.reduce((a, b) => a * b);
const count = grid.shape.reduce((a, b) => a * b);
const none = new Set();
const paint = (labels, indices, values, locked = none) => lib.apply(labels, { indices, values }, locked);
const ball = (center, radius, through = null) => lib.capsule(grid, center, center, radius, through);
"""


@dataclass
class Tab:
    """A page of the browser, and what it said and asked since."""

    page: Any
    faults: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def run(self, body: str, given: Any = None) -> Any:
        """What JavaScript gives back that has the viewer's pure functions as `lib`."""
        return self.page.evaluate(f"async (given) => {{ {MODULES} {body} }}", given)

    def ask(self, expression: str, given: Any = None) -> Any:
        """What an expression gives back that has the opened viewer as `view`."""
        opened = "await document.querySelector('#main > .wide').opened"
        return self.page.evaluate(f"async (given) => {{ const view = {opened}; return {expression}; }}", given)

    def until(self, expression: str, seconds: float = 30) -> None:
        """Wait until an expression is true. Playwright's own `wait_for_function` needs `eval`: forbidden."""
        last = time.monotonic() + seconds
        while not self.page.evaluate(expression):
            assert time.monotonic() < last, f"not within {seconds} s: {expression}"
            self.page.wait_for_timeout(50)

    def ready(self) -> None:
        """Wait until scan, labels and 3D are there, and drawn."""
        self.page.wait_for_selector(".view", timeout=60_000)
        self.ask("(await view.ready, view.draw.now())")


@contextmanager
def browser() -> Iterator[Any]:
    """Debian's Chromium, or a skip that says what is missing."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed")
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield running
        running.close()


def tab(running: Any, url: str, **options: Any) -> Tab:
    """A new page of its own profile."""
    page = running.new_context(viewport={"width": 1280, "height": 800}, **options).new_page()
    opened = Tab(page)
    page.on("console", lambda said: opened.faults.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: opened.faults.append(str(error)))
    page.on("request", lambda request: opened.asked.append(request.url))
    page.goto(url)
    return opened
