"""What lies beside a label map in the viewer follows it: surfaces, the verdict, the list of structures."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from app_pages import case_of, key_of
from app_server import Server, served
from app_view_page import Tab, tab
from condyle import io
from datasets import label_map, small_dataset


@pytest.fixture
def server(tmp_path) -> Iterator[Server]:
    dataset = small_dataset(tmp_path / "small", ("a",))
    io.write(dataset.folder / "labels/model/a.nii.gz", label_map())
    dataset.with_case(dataset.cases[0].with_label_set("model", "labels/model/a.nii.gz")).save()
    with served(tmp_path) as running:
        yield running


@pytest.fixture
def shown(browser, server) -> Iterator[Tab]:
    """The viewer on the label set `model`, from which nothing was made."""
    made = tab(browser, server.url)
    made.page.evaluate("localStorage.setItem('condyle.who', 'Eva')")
    made.page.goto("about:blank")
    made.page.goto(f"{server.url}/#/view/{key_of(server)}/{case_of(server, key_of(server), 'a')['key']}?set=model")
    made.ready()
    yield made
    made.page.context.close()


def done(server: Server, **asked: Any) -> None:
    key = key_of(server)
    job = server.json("POST", "/api/jobs", {"dataset": key, **asked})["job"]
    assert server.wait_for_job(job["id"])["state"] in {"done", "attention"}


def meshes(shown: Tab, number: int) -> None:
    """Wait until so many surfaces are in the picture."""
    last = time.monotonic() + 60
    while shown.ask("view.scene.view.meshes.length") != number:
        assert time.monotonic() < last, number
        shown.page.wait_for_timeout(50)


def labels_in_3d(shown: Tab) -> bool:
    return bool(shown.ask("view.scene.parts.labels"))


def choose(shown: Tab, label_set: str) -> None:
    shown.page.get_by_label("Label set", exact=True).select_option(label_set)
    shown.chosen(label_set)


def test_the_surfaces_in_the_picture_are_those_of_the_label_set_that_is_shown(shown, server):
    case = case_of(server, key_of(server), "a")["key"]
    assert labels_in_3d(shown)
    done(server, verb="mesh", case=case, label_set="reference", formats=["stl"])
    choose(shown, "reference")
    meshes(shown, 3)
    assert not labels_in_3d(shown)
    choose(shown, "model")
    meshes(shown, 0)
    assert labels_in_3d(shown)


def test_saving_makes_surfaces_old_and_the_case_corrected(shown, server):
    case = case_of(server, key_of(server), "a")["key"]
    verdict = shown.page.locator(".view-verdict")
    done(server, verb="mesh", case=case, label_set="model", formats=["stl"])
    meshes(shown, 3)
    assert not labels_in_3d(shown)
    assert verdict.inner_text() == "not looked at"
    shown.ask("view.session.moveTo([3, 3, 3])")
    shown.page.locator("[data-plane=axial] canvas").focus()
    for key in ("1", "b", "Enter", "Control+s"):
        shown.page.keyboard.press(key)
    shown.page.wait_for_selector(".view-verdict:text('corrected')")
    last = time.monotonic() + 30
    while not labels_in_3d(shown):
        assert time.monotonic() < last
        shown.page.wait_for_timeout(50)


def test_a_structure_that_a_job_added_can_be_drawn(shown, server):
    names = shown.page.locator(".view-structures .view-name")
    before = names.all_inner_texts()
    case = case_of(server, key_of(server), "a")["key"]
    done(server, verb="fill", cases=[case], label_set="fill", threshold=200, overwrite=True)
    last = time.monotonic() + 60
    while names.all_inner_texts() == before:
        assert time.monotonic() < last
        shown.page.wait_for_timeout(50)
    (added,) = set(names.all_inner_texts()) - set(before)
    shown.page.click(f".view-structures .view-structure:has-text('{added}')")
    assert shown.ask("view.session.structure(view.session.active).name") == added
