"""From a dropped DICOM folder to a printable bone, as one person does it in one browser, from click to click."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh

from app_pages import Opened, case_of, key_of, watched_page
from app_server import served
from app_view_page import Tab
from condyle import io
from condyle.space import Volume
from datasets import small_dataset

#: Mean place from left to right, 0 to 1, of a structure's voxels in the axial picture.
ACROSS = """((id) => {
    const { plane } = view.panes.axial;
    const { data } = view.session.labels;
    let [sum, count] = [0, 0];
    for (let slice = 0; slice < plane.depth; slice++)
        for (let y = 0; y < plane.height; y++)
            for (let x = 0; x < plane.width; x++)
                if (data[plane.start + x * plane.steps[0] + y * plane.steps[1] + slice * plane.steps[2]] === id) {
                    sum += x / plane.width; count += 1;
                }
    return sum / count;
})(given)"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A workspace with phantoms to train on; the DICOM folder is dropped into it."""
    small_dataset(tmp_path / "small", tuple("abcdef"))
    return tmp_path


def test_from_dicom_to_a_corrected_mask_a_model_and_a_mesh(browser, folder, shared_data):
    with served(folder) as server, watched_page(browser, server) as opened:
        bring_in(opened, shared_data)
        look(opened)
        fill(opened)
        correct(opened)
        restore(opened)
        learn(opened)
        compare(opened)
        make_meshes(opened)


def bring_in(opened: Opened, shared_data: Path) -> None:
    """Drop the DICOM folder, then the label map that belongs to it."""
    page = opened.page
    dropped(opened, "#folder", shared_data / "ct_dicom_abdomen")
    page.fill("#new-name", "abdomen")
    page.fill("#case-name", "first")
    imported(opened)
    dropped(opened, "#files", shared_data / "ct_dicom_abdomen_labels.nii.gz")
    page.select_option("#target", label="abdomen")
    opened.page.wait_for_selector("#masks option:text('first')", state="attached")
    page.select_option("#masks select", label="first")
    page.fill("#masks [data-id='1']", "liver")
    page.fill("#masks [data-id='2']", "spleen")
    imported(opened)


def look(opened: Opened) -> None:
    """The liver lies on the patient's right, which is the left of the screen."""
    key = key_of(opened.server, "abdomen")
    opened.go(f"cases/{key}")
    opened.page.click("#cases th a")
    tab = Tab(opened.page)
    tab.ready()
    assert tab.ask("view.panes.axial.plane.letters.slice(0, 2)") == ["R", "L"]
    names = {s["name"]: s["id"] for s in opened.server.json("GET", f"/api/datasets/{key}")["labels"]["structures"]}
    assert tab.ask(ACROSS, names["liver"]) < 0.5 < tab.ask(ACROSS, names["spleen"])
    assert tab.ask("view.session.scan.shape") == [512, 512, 20]


def fill(opened: Opened) -> None:
    """Fill bone with the threshold that is seen on the screen."""
    page = opened.page
    page.keyboard.press("t")
    page.get_by_label("Low", exact=True).first.fill("300")
    page.keyboard.press("Enter")
    page.click("button:text('Make a bone mask with it')")
    opened.see(".view-told:has-text('has made the label set fill')")
    page.get_by_label("Label set", exact=True).select_option("fill")
    Tab(page).chosen("fill")
    assert mask(opened).array.any()


def correct(opened: Opened) -> None:
    """Two strokes with the mouse, one taken back, saved: what is painted arrives, bit by bit."""
    page, tab, before = opened.page, Tab(opened.page), mask(opened)
    count = "view.session.labels.data.reduce((sum, label) => sum + (label > 0), 0)"
    page.evaluate("localStorage.setItem('condyle.who', 'Eva')")
    page.keyboard.press("b")
    stroke(page, 0.35)
    kept = tab.ask(count)
    stroke(page, 0.6)
    page.keyboard.press("Control+z")
    assert tab.ask(count) == kept
    painted = tab.ask("[...view.session.labels.data.entries()].filter(([, label]) => label).map(([n]) => n)")
    page.keyboard.press("Control+s")
    tab.saved()
    after = mask(opened)
    assert np.flatnonzero(after.array.ravel(order="F")).tolist() == painted
    assert after.grid.distance_mm(io.read(opened.server.folder / "abdomen/images/CT/first.nii.gz").grid) == 0
    assert (after.array != before.array).sum() > 20


def restore(opened: Opened) -> None:
    """Who, when and what changed is told; the first revision comes back."""
    page = opened.page
    page.click(".view-side summary")
    assert "Eva" in page.inner_text(".view-revisions")
    assert " ml" in page.inner_text(".view-revisions")
    page.click(".view-revisions button:text('Restore')")
    Tab(page).until("document.querySelector('.view-revisions').textContent.includes('revision 1 restored')", 120)
    first = opened.server.folder / "abdomen/corrections/fill/first/0001.nii.gz"
    assert np.array_equal(mask(opened).array, io.read_labels(first).array)


def learn(opened: Opened) -> None:
    """Train `quick` on the phantoms, and segment them with what it made."""
    page = opened.page
    opened.go(f"train/{key_of(opened.server)}")
    page.fill("#name", "phantoms")
    page.fill("#minutes", "0.5")
    page.click("#go")
    opened.see("[data-model=phantoms] .plot")
    opened.see("[data-model=phantoms] .tag.ok:text('ready')")
    page.click("[data-model=phantoms] a:text('Segment with it')")
    page.wait_for_selector("#how option:has-text('phantoms')", state="attached")
    page.fill("#set", "auto")
    page.click("#go")
    opened.see(".job:first-child[data-state=done], .job:first-child[data-state=attention]")


def compare(opened: Opened) -> None:
    """What the model made against the truth, in words."""
    page = opened.page
    opened.go(f"results/{key_of(opened.server)}")
    page.select_option("#a", "auto")
    page.select_option("#b", "reference")
    page.click("#compare")
    assert "auto" in opened.see("[data-result^='auto-reference'] li").inner_text()


def make_meshes(opened: Opened) -> None:
    """Meshes for the printer: sound, downloaded, read again by another program, seen in 3D."""
    page, server = opened.page, opened.server
    page.select_option("#case", label="a")
    page.select_option("#mesh-set", "reference")
    page.click("#make-meshes")
    opened.see("#meshes a:text('STL')")
    assert page.locator("#meshes .tag.ok").count() == 3
    key = key_of(server)
    address = f"/api/datasets/{key}/cases/{case_of(server, key, 'a')['key']}/meshes/reference"
    passport = server.json("GET", address)["meshes"][0]["passport"]
    with page.expect_download() as download:
        page.locator("#meshes a:text('STL')").first.click()
    mesh = trimesh.load_mesh(download.value.path(), file_type="stl")
    assert mesh.is_watertight
    assert mesh.volume / 1000 == pytest.approx(passport["volume_ml"], rel=1e-3)
    page.click("a:text('Turn it in 3D')")
    Tab(page).ready()
    assert Tab(page).ask("view.scene.view.meshes.length") == 3


def dropped(opened: Opened, selector: str, path: Path) -> None:
    opened.go("datasets")
    opened.see(".drop .button")
    opened.page.set_input_files(selector, path)
    opened.see("dialog button:text('Import')")


def imported(opened: Opened) -> None:
    """Press Import, and wait until the job has ended well."""
    opened.page.click("dialog button:text('Import')")
    opened.see(".job:first-child:not([data-state=queued], [data-state=running])")
    state = opened.page.get_attribute(".job:first-child", "data-state")
    assert state in {"done", "attention"}, opened.page.inner_text(".job:first-child")


def mask(opened: Opened) -> Volume:
    return io.read_labels(opened.server.folder / "abdomen/labels/fill/first.nii.gz")


def stroke(page: Any, height: float) -> None:
    """Draw a line across a part of the axial picture with the mouse."""
    box = page.locator("[data-plane=axial] canvas").bounding_box()
    x, y = box["x"] + box["width"] * 0.4, box["y"] + box["height"] * height
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 40, y + 6, steps=5)
    page.mouse.up()
