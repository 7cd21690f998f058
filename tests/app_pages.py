"""A browser on the app's pages, and a workspace in which every page has something to show."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app_server import Server
from browsers import Watched
from condyle.labels import Labels
from datasets import LABELS, small_dataset

#: What no job is at work for is there sooner, even on a busy machine.
PATIENCE_MS = 180_000


@dataclass
class Opened(Watched):
    """A page and its server."""

    server: Server = field(kw_only=True)

    def go(self, address: str) -> None:
        """Open `#/<address>` afresh."""
        self.page.goto("about:blank")
        self.page.goto(f"{self.server.url}/#/{address}")
        self.page.wait_for_selector("h1")

    def see(self, selector: str) -> Any:
        """Wait for something that a job may have to make first: while one is at work, however slow the machine."""
        from playwright.sync_api import TimeoutError as TooLate

        while True:
            try:
                return self.page.wait_for_selector(selector, timeout=PATIENCE_MS)
            except TooLate:
                if not self.server.busy:
                    raise

    @property
    def elsewhere(self) -> list[str]:
        """Requests to any other host."""
        return [url for url in self.asked if not url.startswith((self.server.url, "data:", "blob:", "about:"))]


def opened_page(browser: Any, server: Server, **options: Any) -> Opened:
    """A page of its own profile, as wide as a small laptop."""
    page = browser.new_page(viewport={"width": 1280, "height": 800}, **options)
    page.set_default_timeout(60_000)
    return Opened(page, server=server)


@contextmanager
def watched_page(browser: Any, server: Server, *, refused: bool = False, **options: Any) -> Iterator[Opened]:
    """A page that must say nothing on its console and ask no other host.

    Args:
        browser: The browser.
        server: What it looks at.
        refused: The server will refuse something, or be away: the browser itself notes that on the console.
        options: Of the browser's profile.
    """
    opened = opened_page(browser, server, **options)
    yield opened
    opened.page.close()
    assert [fault for fault in opened.faults if not (refused and fault.startswith("Failed to load resource"))] == []
    assert opened.elsewhere == []


def key_of(server: Server, name: str = "small") -> str:
    """A dataset's key by its name."""
    return next(d["key"] for d in server.json("GET", "/api/datasets")["datasets"] if d["name"] == name)


def case_of(server: Server, key: str, id_: str) -> dict[str, Any]:
    """A case as the server tells it."""
    found: dict[str, Any] = next(c for c in server.json("GET", f"/api/datasets/{key}")["cases"] if c["id"] == id_)
    return found


def furnish(folder: Path) -> None:
    """A dataset with two label sets, a model that looks trained, its curves, a score and a comparison."""
    dataset = small_dataset(folder / "small", ("p1", "p2", "p3"))
    for case in dataset.cases:
        source = dataset.path(case.label_sets["reference"])
        target = dataset.folder / "labels" / "model" / source.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        dataset = dataset.with_case(case.with_label_set("model", f"labels/model/{source.name}"))
    dataset.save()
    model = folder / "models" / "bones"
    history = model / "training" / "fold_0" / "history.csv"
    history.parent.mkdir(parents=True)
    rows = [f"{n},{1 / n},{1.2 / n},0.01,{1 - 1 / (n + 1)},3,1.5,0,{1 - 1 / (n + 1)}" for n in range(1, 9)]
    head = "epoch,loss,val_loss,rate,mean_dice,seconds,ram_gib,vram_gib,dice: femur_left"
    history.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    (model / "labels.json").write_text(json.dumps(Labels.of(dict(_ids())).to_json()), encoding="utf-8")
    (model / "plan.json").write_text("{}", encoding="utf-8")
    told = {"femur_left": {"dice": 0.95, "assd_mm": 0.4, "hd95_mm": 1.2, "volume_error_percent": -1.5}}
    record = {"folds": {"0": {}}, "dataset": "small", "label_set": "reference", "validation": told}
    (model / "record.json").write_text(json.dumps(record), encoding="utf-8")
    for name in ("scored", "compared"):
        (folder / "results" / name).mkdir(parents=True)
    scores = "case,structure,dice,assd_mm,hd95_mm,volume_error_percent\np1,femur_left,0.9,0.5,1.4,3\n"
    (folder / "results/scored/scores.csv").write_text(scores, encoding="utf-8")
    words = {"findings": ["The second is better: Dice 0.95 against 0.90."], "notes": []}
    (folder / "results/compared/compare.json").write_text(json.dumps(words), encoding="utf-8")


def _ids() -> Iterator[tuple[str, int]]:
    return ((s.name, s.id) for s in LABELS.structures)
