"""A browser on the app, for the tests of the viewer."""

from __future__ import annotations

import time
from typing import Any

from browsers import Watched

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


class Tab(Watched):
    """A page of the viewer."""

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

    def saved(self, seconds: float = 120) -> None:
        """Wait until nothing drawn is left to be saved."""
        self.until("document.querySelector('.view-status').dataset.state === 'clean'", seconds)

    def chosen(self, label_set: str, seconds: float = 120) -> None:
        """Wait until a label set is there to be corrected."""
        last = time.monotonic() + seconds
        while not self.ask("view.saving.set === given && view.session.editable", label_set):
            assert time.monotonic() < last, f"{label_set} is not there"
            self.page.wait_for_timeout(50)

    def ready(self) -> None:
        """Wait until scan, labels and 3D are there, and drawn."""
        self.page.wait_for_selector(".view", timeout=60_000)
        self.ask("(await view.ready, view.draw.now())")


def tab(running: Any, url: str, **options: Any) -> Tab:
    """A new page of its own profile."""
    page = running.new_context(viewport={"width": 1280, "height": 800}, **options).new_page()
    opened = Tab(page)
    page.goto(url)
    return opened
