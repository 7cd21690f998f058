"""Every screen of the app before axe-core, in light and dark: no serious fault, none critical."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import axe
from app_pages import Opened, case_of, furnish, key_of, watched_page
from app_server import Server, served


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("axe")
    furnish(folder)
    with served(folder) as running:
        key = key_of(running)
        case = case_of(running, key, "p1")["key"]
        for asked in (
            {"verb": "check"},
            {"verb": "fill", "label_set": "none", "threshold": 30000},
            {"verb": "mesh", "case": case, "label_set": "reference", "formats": ["stl"]},
        ):
            running.wait_for_job(running.json("POST", "/api/jobs", {"dataset": key, **asked})["job"]["id"])
        yield running


@pytest.fixture(scope="module", params=["light", "dark"])
def opened(request: pytest.FixtureRequest, browser: Any, server: Server) -> Iterator[Opened]:
    program = axe.script()
    with watched_page(browser, server, refused=True, color_scheme=request.param) as opened:
        opened.page.add_init_script(program)
        yield opened


@pytest.mark.parametrize(
    ("address", "there"),
    [
        ("datasets", "[data-name=small]"),
        ("cases/{key}", "#cases"),
        ("cases/{key}?set=reference", "#cases .why"),
        ("segment/{key}", "#go"),
        ("train/{key}", ".plot"),
        ("results/{key}?case={case}", "[data-result=scored] td"),
        ("jobs", ".job"),
        ("cases/000000000000", ".error"),
    ],
)
def test_a_page_has_no_serious_fault(opened, server, address, there):
    key = key_of(server)
    opened.page.goto("about:blank")
    opened.page.goto(f"{server.url}/#/{address.format(key=key, case=case_of(server, key, 'p1')['key'])}")
    opened.see(there)
    opened.page.wait_for_load_state("networkidle")
    assert axe.grave_faults(opened.page) == []


def test_dialogs_and_their_forms_have_none(opened, server, tmp_path):
    from condyle import io
    from datasets import label_map, scan

    page = opened.page
    opened.go(f"cases/{key_of(server)}")
    page.click("button:text('Edit labels')")
    opened.see("dialog[open]")
    assert axe.grave_faults(page) == []
    page.click("dialog button:text('Cancel')")
    io.write(tmp_path / "knee.nii.gz", scan(1))
    io.write(tmp_path / "knee_seg.nii.gz", label_map())
    opened.go("datasets")
    opened.see("[data-name=small]")
    page.set_input_files("#files", sorted(tmp_path.iterdir()))
    opened.see("#masks")
    assert axe.grave_faults(page) == []
    page.click("dialog button:text('Cancel')")


def test_the_viewer_has_none_whatever_tool_is_in_hand(opened, server):
    key, page = key_of(server), opened.page
    opened.page.goto("about:blank")
    page.goto(f"{server.url}/#/view/{key}/{case_of(server, key, 'p1')['key']}?set=reference&other=model")
    opened.see(".view-scene canvas")
    page.wait_for_load_state("networkidle")
    for tool in "nbftgisc":
        page.keyboard.press(tool)
        assert (tool, axe.grave_faults(page)) == (tool, [])
    page.keyboard.press("n")
    page.keyboard.press("?")
    assert axe.grave_faults(page) == []
    page.keyboard.press("Escape")


def test_an_empty_app_has_none(browser, tmp_path):
    program = axe.script()
    with served(tmp_path) as empty, watched_page(browser, empty) as opened:
        opened.page.add_init_script(program)
        for address in ("datasets", "jobs"):
            opened.go(address)
            opened.see(".empty")
            assert axe.grave_faults(opened.page) == []
        opened.page.evaluate("document.querySelector('main').append(document.createElement('button'))")
        (fault,) = axe.grave_faults(opened.page)  # the judge is awake
        assert fault.startswith("button-name")
