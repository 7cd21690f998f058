"""The app while much goes on: thirty jobs, both cores at work, a dataset that is written to, a killed server."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
import pytest

from app_pages import case_of, key_of, watched_page
from app_server import Server, served, start
from app_view_page import Tab
from condyle import io
from condyle.data.lock import one_writer
from datasets import label_map, small_dataset


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("busy")
    small_dataset(folder / "small")
    with served(folder) as running:
        yield running


def spin(seconds: float) -> None:
    last = time.monotonic() + seconds
    while time.monotonic() < last:
        pass


@contextmanager
def both_cores() -> Iterator[None]:
    """As a job that uses both: at the niceness that jobs run with."""
    spinners = [multiprocessing.get_context("spawn").Process(target=_nice_spin, daemon=True) for _ in range(2)]
    for one in spinners:
        one.start()
    try:
        yield
    finally:
        for one in spinners:
            one.kill()
            one.join()


def _nice_spin() -> None:
    import os

    os.nice(5)
    spin(600)


def drawn_on(tab: Tab) -> None:
    """One dab of the brush."""
    tab.ask("view.session.moveTo([3, 3, 3])")
    tab.page.locator("[data-plane=axial] canvas").focus()
    for key in ("1", "b", "Enter"):
        tab.page.keyboard.press(key)


def test_thirty_jobs_wait_in_line_and_all_are_done(browser, server):
    key = key_of(server)
    asked = {"verb": "check", "dataset": key}
    ids = [server.json("POST", "/api/jobs", asked)["job"]["id"] for _ in range(30)]
    with watched_page(browser, server) as opened:
        opened.go("jobs")
        opened.see(".busy:has-text('jobs')")
        opened.see(f".job[data-job='{ids[0]}'][data-state=done]")
        opened.page.click(f".job[data-job='{ids[-1]}'] button:text('Stop')")
        opened.see(f".job[data-job='{ids[-1]}'][data-state=cancelled]")
        assert opened.page.locator(".job").count() >= 30
    for id_ in ids[2:-1]:
        server.json("POST", f"/api/jobs/{id_}/cancel")
    assert server.wait_for_job(ids[1])["state"] == "done"


def test_the_page_answers_while_a_job_uses_both_cores(browser, server):
    key = key_of(server)
    case = case_of(server, key, "a")["key"]
    with watched_page(browser, server) as opened, both_cores():
        opened.page.goto(f"{server.url}/#/view/{key}/{case}?set=reference")
        tab = Tab(opened.page)
        tab.ready()
        waits = tab.ask(
            """(async () => {
                const waits = [];
                for (let n = 0; n < 20; n++) {
                    const start = performance.now();
                    view.panes.axial.goTo(n % 16); view.draw.now();
                    await fetch("/api/jobs");
                    await new Promise((done) => setTimeout(done));
                    waits.push(performance.now() - start);
                }
                return waits.sort((a, b) => a - b);
            })()"""
        )
    assert waits[10] < 500  # milliseconds for a slice and an answer of the server; a fraction of it on an idle machine


def test_a_new_label_set_waits_for_the_job_that_writes_and_says_so_in_words(browser, server):
    key = key_of(server)
    case = case_of(server, key, "b")["key"]
    with watched_page(browser, server, refused=True) as opened:
        page = opened.page
        page.goto(f"{server.url}/#/view/{key}/{case}?set=mine")
        page.evaluate("localStorage.setItem('condyle.who', 'Eva')")
        tab = Tab(page)
        tab.ready()
        drawn_on(tab)
        with one_writer(server.folder / "small"):
            page.keyboard.press("Control+s")
            opened.see(".toast:has-text('A job is writing to this dataset')")
            assert tab.ask("view.saving.state") in {"unsaved", "drafted"}
            assert not (server.folder / "small/labels/mine").exists()  # nothing half-way
        page.locator("[data-plane=axial] canvas").focus()
        page.keyboard.press("Control+s")
        tab.saved()
    assert case_of(server, key, "b")["label_sets"]["mine"] == {"revision": 1}


def test_the_labels_editor_says_that_a_job_writes(browser, server):
    with watched_page(browser, server, refused=True) as opened:
        opened.go(f"cases/{key_of(server)}")
        opened.page.click("button:text('Edit labels')")
        with one_writer(server.folder / "small"):
            opened.page.click("dialog button:text('Save')")
            opened.see("dialog .error:has-text('A job is writing to this dataset')")
        opened.page.click("dialog button:text('Save')")  # what was filled in is still there
        opened.see(".toast:text('The labels are saved.')")


def test_a_label_set_that_a_job_makes_appears_in_the_viewer(browser, server):
    key = key_of(server)
    with watched_page(browser, server) as opened:
        page = opened.page
        page.goto(f"{server.url}/#/view/{key}/{case_of(server, key, 'c')['key']}?set=reference&tool=threshold")
        tab = Tab(page)
        tab.ready()
        tab.ask("view.session.set('tool', { range: [200, 3000] })")
        page.click("button:text('Make a bone mask with it')")
        opened.see(".view-told:has-text('has made the label set fill')")
        page.get_by_label("Label set", exact=True).select_option("fill")
        tab.chosen("fill")
        assert tab.ask("view.session.labels.data.some((label) => label)")


def test_a_server_killed_in_the_middle_of_a_save_loses_nothing_and_restores_what_was(browser, tmp_path):
    small_dataset(tmp_path / "small", ("a",))
    before = io.read_labels(tmp_path / "small/labels/reference/a.nii.gz").array
    first = start(tmp_path)
    port = first.url.rpartition(":")[2]
    key = key_of(first)

    def crash(route: Any) -> None:
        if route.request.method == "POST":
            first.kill()
        route.continue_()

    with watched_page(browser, first, refused=True) as opened:
        page = opened.page
        page.goto(f"{first.url}/#/view/{key}/{case_of(first, key, 'a')['key']}?set=reference")
        page.evaluate("localStorage.setItem('condyle.who', 'Eva')")
        tab = Tab(page)
        tab.ready()
        drawn_on(tab)
        tab.until("document.querySelector('.view-status').dataset.state === 'drafted'", 60)
        drawn = np.array(tab.ask("[...view.session.labels.data]"), np.uint8).reshape(before.shape, order="F")
        page.route("**/labels/reference", crash)
        page.keyboard.press("Control+s")
        opened.see(".toast:has-text('cannot be reached')")
        assert np.array_equal(io.read_labels(tmp_path / "small/labels/reference/a.nii.gz").array, before)
        page.unroute("**/labels/reference")
        with served(tmp_path, "--port", port) as again:
            page.reload()  # even the tab is lost
            tab.ready()
            page.click("button:text('Take it up')")
            tab.until("document.querySelector('.view-status').dataset.state !== 'clean'", 60)
            page.locator("[data-plane=axial] canvas").focus()
            page.keyboard.press("Control+s")
            tab.saved()
            assert np.array_equal(io.read_labels(tmp_path / "small/labels/reference/a.nii.gz").array, drawn)
            page.click(".view-side summary")
            page.click(".view-revisions button:text('Restore')")
            tab.until("document.querySelector('.view-revisions').textContent.includes('revision 1 restored')", 60)
            assert np.array_equal(io.read_labels(tmp_path / "small/labels/reference/a.nii.gz").array, before)
            assert [r["revision"] for r in revisions(again, key)] == [3, 2, 1]


@pytest.mark.parametrize("moment", ["arriving/*.nii", "reference/a/0002.nii.gz", "reference/a/log.json"])
def test_a_server_killed_at_any_moment_of_a_save_has_the_old_version_or_the_new(tmp_path, moment):
    dataset = small_dataset(tmp_path / "small", ("a",))
    path = dataset.path(dataset["a"].label_sets["reference"])
    before = io.read_labels(path)
    drawn = before.with_array(np.roll(before.array, 1, axis=0))
    io.write(tmp_path / "drawn.nii", drawn)
    body = (tmp_path / "drawn.nii").read_bytes()
    first = start(tmp_path)
    key = key_of(first)
    address = f"/api/datasets/{key}/cases/{case_of(first, key, 'a')['key']}/labels/reference"
    head = {"If-Match": first.ask("GET", address)[1]["etag"]}

    def send() -> None:
        with suppress(OSError):  # it is killed before it answers
            first.ask("POST", address, body, head)

    sender = threading.Thread(target=send)
    sender.start()
    while sender.is_alive() and not [*(tmp_path / "small/corrections").glob(moment)]:
        pass
    first.kill()
    sender.join()
    with served(tmp_path) as again:
        current = again.json("GET", address + "/revisions")["current"]
        expected = {1: before, 2: drawn}[current]
        assert np.array_equal(io.read_labels(path).array, expected.array)
        assert again.ask("POST", address, body, {"If-Match": again.ask("GET", address)[1]["etag"]})[0] == 201
        assert np.array_equal(io.read_labels(path).array, drawn.array)
        assert [r["revision"] for r in revisions(again, key)] == list(range(current + 1, 0, -1))


def revisions(server: Server, key: str) -> list[dict[str, Any]]:
    address = f"/api/datasets/{key}/cases/{case_of(server, key, 'a')['key']}/labels/reference/revisions"
    found: list[dict[str, Any]] = server.json("GET", address)["revisions"]
    return found


def test_a_draft_that_could_not_be_kept_is_kept_once_the_server_is_back(browser, tmp_path):
    small_dataset(tmp_path / "small", ("a",))
    first = start(tmp_path)
    port, key = first.url.rpartition(":")[2], key_of(first)
    case = case_of(first, key, "a")["key"]
    with watched_page(browser, first, refused=True) as opened:
        opened.page.goto(f"{first.url}/#/view/{key}/{case}?set=reference")
        tab = Tab(opened.page)
        tab.ready()
        first.kill()
        drawn_on(tab)
        opened.see(".toast:has-text('cannot be reached')")
        with served(tmp_path, "--port", port) as again:
            tab.until("document.querySelector('.view-status').dataset.state === 'drafted'", 60)
            assert again.ask("GET", f"/api/datasets/{key}/cases/{case}/labels/reference/autosave")[0] == 200


def test_a_new_set_whose_save_was_killed_before_it_was_entered_is_gone_on_with(server, tmp_path):
    from condyle.app.revisions import Revision, revisions, save
    from condyle.app.target import Target
    from condyle.data import Dataset

    dataset = small_dataset(tmp_path / "d", ("a",))
    target = Target(dataset, dataset["a"], "mine")
    save(target, label_map(), Revision(0, "Eva", "", "", ""), None)
    dataset.save()  # as it was before the last step: the set is not in `dataset.json`
    made = save(target, label_map(), Revision(0, "Eva", "", "", ""), None)
    entered = Dataset.open(dataset.folder)
    assert made.revision == 2
    assert [r.revision for r in revisions(Target(entered, entered["a"], "mine"))] == [1, 2]
