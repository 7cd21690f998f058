"""Training in the browser: curves while it learns, stop and go on, a killed server and a killed job, who is better."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

import condyle
from app_pages import Opened, key_of, watched_page
from app_server import Server, served, start
from condyle.recipe import RECIPES
from datasets import small_dataset

#: Seconds on a processor.
TINY = replace(
    RECIPES["quick"], features=4, patch=(16, 16, 16), batch=2, epochs=2, iterations=4, val_iterations=1,
    precision="fp32", compiled=False,
)  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("training")
    small_dataset(folder / "small", tuple("abcdef"))
    condyle.train(folder / "small", out=folder / "models" / "bones", recipe=TINY)
    with served(folder) as running:
        yield running


def begin(opened: Opened, key: str, name: str, minutes: str) -> None:
    opened.go(f"train/{key}")
    opened.see("#go")
    opened.page.fill("#name", name)
    opened.page.fill("#minutes", minutes)
    opened.page.select_option("#recipe", "quick")
    opened.page.click("#go")


def history(folder: Path, name: str) -> str:
    path = folder / "models" / name / "training" / "fold_0" / "history.csv"
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def goes_on(server: Server, name: str, before: list[str]) -> None:
    """Wait for one epoch more; those before stay what they were."""
    while len(now := history(server.folder, name).splitlines()) <= len(before):
        assert server.busy, "the training ended, and no epoch was added"
        time.sleep(0.2)
    assert now[: len(before)] == before


def test_curves_grow_while_it_learns_and_it_stops_and_goes_on(browser, server):
    key = key_of(server)
    with watched_page(browser, server) as opened:
        page = opened.page
        begin(opened, key, "begun", "30")
        card = "[data-model=begun]"
        opened.see(f"{card} .plot")  # the first epoch is over
        assert page.locator(f"{card} figure").count() == 4  # loss, Dice, rate, memory
        assert "femur_left" in page.locator(f"{card} figure").nth(1).inner_text()
        page.click(f"{card} button:text('Stop')")
        opened.see(f"{card} .job[data-state=cancelled]")
        before = history(server.folder, "begun").splitlines()
        page.reload()  # nothing is lost
        page.click(f"{card} button:text('Go on')")
        opened.see(f"{card} .job[data-state=running]")
        goes_on(server, "begun", before)
        page.click(f"{card} button:text('Stop')")
        opened.see(f"{card} .job[data-state=cancelled]")


def test_a_model_is_held_against_what_there_was_before_in_words(browser, server):
    key = key_of(server)
    fill = {"verb": "fill", "dataset": key, "label_set": "auto", "threshold": 200, "parts": 0}
    server.wait_for_job(server.json("POST", "/api/jobs", fill)["job"]["id"])
    with watched_page(browser, server) as opened:
        page = opened.page
        opened.go(f"train/{key}")
        opened.see("[data-model=bones] .contest")
        opened.see("[data-model=bones] td.number")  # scores on cases it was not trained on
        page.select_option("[data-model=bones] .contest select", label="label set auto")
        page.click("[data-model=bones] button:text('Compare with the original')")
        opened.see(".toast:has-text('under way')")
        opened.go("jobs")
        opened.see(".job:first-child:not([data-state=queued], [data-state=running])")
        assert page.get_attribute(".job:first-child", "data-state") in {"done", "attention"}
        opened.go(f"results/{key}")
        words = opened.see("[data-result^='auto-or-bones'] li").inner_text()
        assert "with 2 cases of 2 patients" in words  # those that were held out
        report = page.get_attribute("[data-result^='auto-or-bones'] a[target]", "href")
        assert b"<h1" in server.ask("GET", str(report))[2]
    held_out = server.json("GET", f"/api/datasets/{key}")["cases"]
    assert 0 < sum("bones-held-out" in case["label_sets"] for case in held_out) < len(held_out)


def test_a_training_outlives_the_server_and_a_killed_training_goes_on(browser, server, tmp_path):
    small_dataset(tmp_path / "small", tuple("abcdef"))
    first = start(tmp_path)
    port = first.url.rpartition(":")[2]
    with watched_page(browser, first, refused=True) as opened:
        page = opened.page
        begin(opened, key_of(first), "kept", "30")
        opened.see("[data-model=kept] .plot")
        first.kill()
        opened.see(".busy.alert")  # the page says that the server is away
        with served(tmp_path, "--port", port) as again:
            page.reload()
            opened.see("[data-model=kept] .job[data-state=running]")
            job = again.json("GET", "/api/jobs")["jobs"][0]
            for process in psutil.process_iter(["cmdline"]):
                if str(tmp_path / ".workspace/jobs" / str(job["id"])) in (process.info["cmdline"] or []):
                    os.killpg(process.pid, signal.SIGKILL)
            opened.see("[data-model=kept] .job[data-state=lost]")
            before = history(tmp_path, "kept").splitlines()
            assert len(before) > 1
            page.click("[data-model=kept] button:text('Go on')")
            opened.see("[data-model=kept] .job[data-state=running]")
            goes_on(again, "kept", before)
            page.click("[data-model=kept] button:text('Stop')")
            opened.see("[data-model=kept] .job[data-state=cancelled]")
