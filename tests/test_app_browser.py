"""The app's pages in a real browser: what a person would do, on a phantom."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app_pages import PATIENCE_MS, Opened, key_of, opened_page, watched_page
from app_server import Server, served
from condyle import io
from datasets import scan, small_dataset

#: Controls without a name, and texts whose contrast is below WCAG AA, of what can be seen.
FAULTS = """() => {
    const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const parsed = (color) => {
        pen.clearRect(0, 0, 1, 1);
        pen.fillStyle = color;
        pen.fillRect(0, 0, 1, 1);
        return [...pen.getImageData(0, 0, 1, 1).data];
    };
    const linear = (value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    const light = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
    const ground = (node) => {
        for (; node; node = node.parentElement) {
            const color = parsed(getComputedStyle(node).backgroundColor);
            if (color[3] === 255) return color;
        }
        return [255, 255, 255];
    };
    const faults = [];
    for (const node of document.querySelectorAll("body *")) {
        if (!node.checkVisibility() || node.closest("[disabled], .visually-hidden, svg, option")) continue;
        const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
        const style = getComputedStyle(node);
        if (own && style.opacity === "1") {
            const pair = [light(parsed(style.color)), light(ground(node))].sort((a, b) => b - a);
            const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
            const large = parseFloat(style.fontSize) >= 24;
            const text = node.textContent.slice(0, 40);
            if (ratio < (large ? 3 : 4.5)) faults.push(`contrast ${ratio.toFixed(2)}: ${text}`);
        }
        if (node.matches("button, a, input, select, summary, progress")) {
            const labelled = [...(node.labels ?? [])].some((label) => label.textContent.trim());
            const name = node.ariaLabel || node.textContent.trim() || labelled || node.closest("[aria-hidden=true]");
            if (!name) faults.push(`no name: ${node.outerHTML.slice(0, 80)}`);
        }
        if (node.matches("img:not([alt])")) faults.push(`no alternative: ${node.outerHTML.slice(0, 80)}`);
    }
    if (document.querySelectorAll("h1").length !== 1) faults.push("not one h1");
    if (!document.documentElement.lang || !document.title) faults.push("no language or title");
    if (document.documentElement.scrollWidth > innerWidth) faults.push("wider than the window");
    return faults;
}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("workspace")
    small_dataset(folder / "small", ("p1", "p2"))
    with served(folder) as running:
        yield running


@pytest.fixture
def opened(browser: Any, server: Server) -> Iterator[Opened]:
    with watched_page(browser, server) as opened:
        yield opened


def test_from_the_list_to_a_filled_label_set(opened):
    page = opened.page
    opened.go("datasets")
    page.click("[data-name=small]")
    page.wait_for_selector("#cases [data-case=p2] img")
    assert page.locator("#cases tbody tr").count() == 2
    page.wait_for_load_state("networkidle")
    assert page.locator("#cases img").first.evaluate("(image) => image.naturalWidth") > 50
    page.click("main .button.primary")
    page.select_option("#how", "")
    page.fill("#set", "bone")
    page.fill("#threshold", "200")
    page.click("#go")
    page.reload()  # nothing is lost
    page.wait_for_selector("[data-job][data-state=done]", timeout=PATIENCE_MS)
    page.click(".job summary")
    page.wait_for_selector(".job pre:not(:empty)")
    opened.go(f"cases/{key_of(opened.server)}")
    page.wait_for_selector("#cases [data-case=p1] .tag:text('bone')")
    page.wait_for_selector("#cases [data-case=p2] .tag:text('bone')")


def test_cases_are_accepted_by_name_and_ordered_by_need(opened):
    page, key = opened.page, key_of(opened.server)
    opened.go(f"cases/{key}")
    page.fill("#who", "Eva")
    page.keyboard.press("Tab")
    page.click("[data-case=p1] button:text('Accept')")
    page.wait_for_selector("[data-case=p1] .tag.ok[title=Eva]")
    page.select_option("#order", "reference")
    page.wait_for_selector("#cases tbody tr:last-child[data-case=p1]")  # who was looked at comes last
    page.click("[data-case=p1] button:text('Look again')")
    page.wait_for_selector("[data-case=p1] .tag:text('not looked at')")


def test_a_structure_gets_another_name_colour_and_partner(opened):
    page, key = opened.page, key_of(opened.server)
    opened.go(f"cases/{key}")
    page.click("button:text('Edit labels')")
    page.fill("[aria-label='Name 4']", "patella_left")
    page.select_option("[aria-label='Side 4']", "left")
    page.click("dialog button:text('Add a structure')")
    page.keyboard.type("patella_right")
    page.locator("dialog select").last.select_option("right")
    page.click("dialog button:text('Save')")
    page.wait_for_selector(".toast:text('The labels are saved.')")  # the dialog is gone before the server has them
    structures = opened.server.json("GET", f"/api/datasets/{key}")["labels"]["structures"]
    assert {s["name"]: s["mirror"] for s in structures}["patella_left"] == "patella_right"


def test_who_edits_the_labels_second_is_told_and_renames_no_number(browser, server):
    with watched_page(browser, server, refused=True) as opened:
        page, key = opened.page, key_of(server)
        opened.go(f"cases/{key}")
        page.click("button:text('Edit labels')")
        page.fill("[aria-label='Name 1']", "thigh_left")
        told = server.json("GET", f"/api/datasets/{key}")
        theirs = {**told["labels"], "structures": [{**s, "color": "#123456"} for s in told["labels"]["structures"]]}
        head = {"If-Match": f'"{told["labels_mark"]}"'}
        assert server.ask("PUT", f"/api/datasets/{key}/labels", json.dumps(theirs).encode(), head)[0] == 200
        page.click("dialog button:text('Save')")
        opened.see("dialog .error:has-text('somebody has changed the structures since')")
        assert server.json("GET", f"/api/datasets/{key}")["labels"] == theirs
        assert page.input_value("[aria-label='Name 1']") == "thigh_left"
        page.click("dialog button:text('Cancel')")
        page.click("button:text('Edit labels')")
        assert page.input_value("[aria-label='Color 1'], [aria-label='Colour 1']") == "#123456"
        page.click("dialog button:text('Save')")
        page.wait_for_selector(".toast:text('The labels are saved.')")


def test_a_dropped_scan_becomes_a_dataset(opened, tmp_path):
    page = opened.page
    io.write(tmp_path / "knee.nii.gz", scan(3))
    (tmp_path / "notes.txt").write_text("no scan", encoding="utf-8")
    opened.go("datasets")
    page.set_input_files("#files", [tmp_path / "knee.nii.gz"])
    page.wait_for_selector("#new-name", timeout=PATIENCE_MS)
    page.fill("#new-name", "knees")
    page.click("dialog button:text('Import')")
    page.wait_for_selector(".job[data-state=done], .job[data-state=attention]", timeout=PATIENCE_MS)
    opened.go("datasets")
    page.wait_for_selector("[data-name=knees]")
    page.set_input_files("#files", [tmp_path / "notes.txt"])
    page.wait_for_selector("dialog li:text('DICOM')", timeout=PATIENCE_MS)  # what is the matter, in words
    page.click("dialog button:text('Close')")
    page.wait_for_selector("dialog", state="detached")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 768])
def test_every_page_has_names_contrast_and_room(browser, server, scheme, width):
    opened = opened_page(browser, server, color_scheme=scheme)
    opened.page.set_viewport_size({"width": width, "height": 900})
    key = key_of(server)
    for address in ("datasets", "jobs", *(f"{name}/{key}" for name in ("cases", "segment", "train", "results"))):
        opened.go(address)
        opened.page.wait_for_load_state("networkidle")
        assert (address.partition("/")[0], opened.page.evaluate(FAULTS)) == (address.partition("/")[0], [])
    opened.page.close()
    assert opened.faults == []


def test_all_can_be_reached_with_the_keyboard(opened):
    page = opened.page
    opened.go("datasets")
    page.wait_for_selector("[data-name=small]")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.classList.contains('dataset')")
    page.keyboard.press("Enter")
    page.wait_for_selector("#cases")


def test_an_empty_workspace_says_what_to_do_next_and_a_wrong_address_what_is_wrong(browser, tmp_path: Path):
    with served(tmp_path) as server:
        opened = opened_page(browser, server)
        opened.go("datasets")
        opened.page.wait_for_selector(".empty button:text('Choose files')")
        opened.go("jobs")
        opened.page.wait_for_selector(".empty a")
        opened.page.goto(f"{server.url}/#/cases/000000000000")
        opened.page.wait_for_selector(".error button:text('Try again')")
        server.kill()
        opened.page.wait_for_selector(".busy.alert", timeout=PATIENCE_MS)
        opened.page.close()
