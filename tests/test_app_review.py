"""The queue of cases that need eyes first, from end to end in the browser: why, correct, accept, reject."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app_pages import Opened, case_of, key_of, watched_page
from app_server import Server, served
from app_view_page import Tab
from condyle import io
from condyle.data import Dataset
from condyle.space import Volume
from datasets import GRID, LABELS, label_map, small_dataset

IDS = ("doubted", "even", "island", "large", "plain", "unsure", "usual")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("review")
    dataset = small_dataset(folder / "small", IDS)
    spoil(dataset)
    with served(folder) as running:
        job = running.json("POST", "/api/jobs", {"verb": "check", "dataset": key_of(running)})["job"]
        running.wait_for_job(job["id"])
        yield running


def spoil(dataset: Dataset) -> None:
    """One map has an island, one a patella many times too large, of one the model was unsure, one has a red light."""
    island, large = label_map(), label_map()
    island.array[2, 2, 2] = LABELS["femur_left"].id
    large.array[10:15, 1:7, 3:14] = LABELS["patella"].id
    for id_, labels in (("island", island), ("large", large)):
        io.write(dataset.path(dataset[id_].label_sets["reference"]), labels, overwrite=True)
    doubt = Volume(np.full(GRID.shape, 0.4, np.float32), GRID)
    io.write(dataset.folder / "predictions" / "reference" / "unsure_uncertainty.nii.gz", doubt)
    light = {"number": 0.95, "light": "green", "reasons": ["it is fine"], "agreement": {"noisy": 1}, "dice": 0.85}
    wrong = {**light, "number": 0.2, "light": "red", "reasons": ["named left, but lies on the right"]}
    told = {"structures": {"femur_left": wrong, "femur_right": light, "patella": light}}
    path = dataset.folder / "predictions" / "reference" / "doubted_confidence.json"
    path.write_text(json.dumps(told), encoding="utf-8")


@pytest.fixture
def opened(browser: Any, server: Server) -> Iterator[Opened]:
    with watched_page(browser, server) as opened:
        opened.go(f"cases/{key_of(server)}?set=reference")
        opened.see("#cases .why")
        opened.page.wait_for_selector(".lead .note:empty", state="attached")  # all is measured
        opened.page.evaluate("localStorage.setItem('condyle.who', 'Eva')")
        yield opened


def order(opened: Opened) -> list[str]:
    return [str(row.get_attribute("data-case")) for row in opened.page.locator("#cases tbody tr").all()]


def why(opened: Opened, case: str) -> str:
    return str(opened.page.locator(f"[data-case={case}] .why").inner_text())


def test_what_needs_eyes_comes_first_and_says_why(opened):
    assert set(order(opened)[:4]) == {"doubted", "island", "large", "unsure"}
    assert "femur_left is red: named left, but lies on the right" in why(opened, "doubted")
    assert "1 red" in why(opened, "doubted")
    assert "2 green" in why(opened, "doubted")
    assert "patella has" in why(opened, "large")
    assert "is usual" in why(opened, "large")
    assert "femur_left: one stray island of" in why(opened, "island")
    assert "the model was unsure" in why(opened, "unsure")
    assert "nothing stands out" in why(opened, "plain")


def test_the_table_by_name_tells_the_faults_that_were_found(opened, server):
    opened.page.select_option("#order", "")
    opened.see("[data-case=island] .needs:has-text('femur_left')")
    assert opened.page.locator("[data-case=plain] .needs").count() == 0


def test_a_case_of_the_queue_is_corrected_accepted_and_rejected(opened, server):
    page, key = opened.page, key_of(server)
    page.click("[data-case=island] th a")
    tab = Tab(page)
    tab.ready()
    page.keyboard.press("1")
    page.keyboard.press("c")
    page.click("button:text('Keep the largest part')")
    tab.until("document.querySelector('.view-told').textContent.startsWith('Islands removed')", 60)
    page.keyboard.press("Control+s")
    tab.saved()
    assert case_of(server, key, "island")["verdict"] == "corrected"
    opened.go(f"cases/{key}?set=reference")
    opened.see("[data-case=island] .tag:text('corrected')")
    page.click("[data-case=large] button:text('Reject')")
    opened.see("[data-case=large] .tag.alert[title=Eva]")
    page.click("[data-case=unsure] button:text('Accept')")
    opened.see("[data-case=unsure] .tag.ok")
    assert set(order(opened)[4:]) == {"island", "large", "unsure"}  # who was looked at comes last
    verdicts = {id_: case_of(server, key, id_)["review"] for id_ in ("island", "large", "unsure")}
    assert {id_: (r["verdict"], r["who"]) for id_, r in verdicts.items()} == {
        "island": ("corrected", "Eva"), "large": ("rejected", "Eva"), "unsure": ("accepted", "Eva"),
    }  # fmt: skip
    stored = io.read_labels(Path(server.folder) / "small/labels/reference/island.nii.gz")
    assert not stored.array[2, 2, 2]


def told(server: Server, case: str) -> tuple[dict[str, str], set[str]]:
    """A case's lights, and what it needs eyes for."""
    cases = server.json("GET", f"/api/datasets/{key_of(server)}/queue?set=reference")["cases"]
    found = next(one for one in cases if one["id"] == case)
    return found["lights"], {need["code"] for need in found["needs"]}


@pytest.mark.parametrize(("case", "code"), [("doubted", "confidence"), ("unsure", "uncertainty")])
def test_what_a_model_said_of_its_mask_is_not_said_of_a_corrected_one(server, tmp_path, case, code):
    before = told(server, case)
    assert code in before[1]
    address = f"/api/datasets/{key_of(server)}/cases/{case_of(server, key_of(server), case)['key']}/labels/reference"
    drawn = label_map()
    drawn.array[drawn.array == LABELS["femur_left"].id] = 0
    io.write(tmp_path / "drawn.nii", drawn)
    head = {"If-Match": server.ask("GET", address)[1]["etag"]}
    assert server.ask("POST", address, (tmp_path / "drawn.nii").read_bytes(), head)[0] == 201
    lights, needs = told(server, case)
    assert (lights, needs & {"confidence", "uncertainty"}) == ({}, set())
    mark = server.json("GET", address + "/revisions")["mark"]
    server.json("POST", address + "/restore", {"revision": 1, "base": mark})
    assert told(server, case) == before


def test_the_viewer_leads_from_case_to_case_and_takes_verdicts(opened, server):
    page, key = opened.page, key_of(server)
    page.click("[data-case=plain] th a")
    Tab(page).ready()
    page.click(".view-bar button:text('Accept')")
    opened.see(".view-verdict[data-verdict=accepted]")
    page.click("[aria-label='Next case']")
    opened.see("h1:text('unsure')")
    assert case_of(server, key, "plain")["verdict"] == "accepted"
