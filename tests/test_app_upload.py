"""Files on their way into the app, as a person drops them: label maps with scans, what is no scan, what breaks off."""

from __future__ import annotations

import io as bytes_io
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app_pages import Opened, case_of, key_of, watched_page
from app_server import Server, served, start
from condyle import io
from condyle.data import Dataset
from condyle.space import Grid, Volume
from datasets import GRID, LABELS, label_map, scan


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("uploads")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    with served(folder) as running:
        yield running


@pytest.fixture
def opened(browser: Any, server: Server) -> Iterator[Opened]:
    with watched_page(browser, server) as opened:
        yield opened


def drop(opened: Opened, *paths: Path) -> None:
    """Choose files, as dropping them does."""
    opened.go("datasets")
    opened.page.wait_for_selector(".drop .button")
    opened.page.set_input_files("#files", list(paths))
    opened.see("dialog button:text('Import'), dialog button:text('Close')")


def brought(opened: Opened) -> str:
    """Press Import; the state of the job once it has ended."""
    opened.page.click("dialog button:text('Import')")
    opened.see(".job")
    opened.see(".job:first-child:not([data-state=queued], [data-state=running])")
    return str(opened.page.get_attribute(".job:first-child", "data-state"))


def test_label_maps_dropped_with_scans_become_their_label_set(opened, server, folder, tmp_path):
    for seed, id_ in enumerate(("knee", "hip")):
        io.write(tmp_path / f"{id_}.nii.gz", scan(seed))
        io.write(tmp_path / f"{id_}_seg.nii.gz", label_map())
    drop(opened, *sorted(tmp_path.iterdir()))
    page = opened.page
    for id_ in ("knee", "hip"):
        owner = page.get_by_label(f"Belongs to {id_}_seg.nii.gz")
        assert owner.evaluate("(one) => one.selectedOptions[0].textContent") == f"{id_}.nii.gz"
    page.fill("#new-name", "joints")
    page.fill("#mask-set", "by-hand")
    for number, name in (("1", "femur_left"), ("2", "femur_right"), ("4", "patella")):
        page.fill(f"#masks [data-id='{number}']", name)
    assert brought(opened) in {"done", "attention"}
    made = Dataset.open(folder / "joints")
    assert {s.name: s.id for s in made.labels.structures} == {s.name: s.id for s in LABELS.structures}
    assert [sorted(case.label_sets) for case in made.cases] == [["by-hand"]] * 2
    stored = io.read_labels(made.path(made["knee"].label_sets["by-hand"]))
    assert np.array_equal(stored.array, label_map().array)


def test_a_label_map_for_a_case_that_is_there_is_refused_on_another_grid_and_fits_when_resampled(
    opened, server, folder, tmp_path
):
    fine = Grid((48, 40, 32), GRID.affine @ np.diag([0.5, 0.5, 0.5, 1]))
    doubled = label_map().array.repeat(2, 0).repeat(2, 1).repeat(2, 2)
    io.write(tmp_path / "hip.nii.gz", Volume(doubled, fine))
    for tick in (False, True):
        drop(opened, tmp_path / "hip.nii.gz")
        page = opened.page
        assert page.locator("#target option").all_inner_texts() == ["joints"]  # no scan, no new dataset
        assert page.input_value("#masks [data-id='4']") == "patella"
        page.fill("#mask-set", "finer")
        page.locator("#resample").set_checked(tick)
        assert brought(opened) in {"done", "attention"}
        told = page.locator(".job").first.inner_text()
        if not tick:
            assert "a mask on its scan's grid" in told
            assert "or resample" in told
            assert "/" not in told.split("grid")[0]
            assert "finer" not in case_of(server, key_of(server, "joints"), "hip")["label_sets"]
    assert "nearest voxel" in told
    stored = io.read_labels(folder / "joints/labels/finer/hip.nii.gz")
    assert stored.grid.matches(GRID)
    agreed = np.count_nonzero((stored.array == label_map().array) & (stored.array > 0)) / (label_map().array > 0).sum()
    assert agreed > 0.6  # half a voxel of shift, on bodies of eight voxels


def test_a_second_drop_has_a_free_name_and_a_refused_import_can_be_put_right(browser, server, folder, tmp_path):
    io.write(tmp_path / "ankle.nii.gz", scan(5))
    for name in ("scans", "Scans-2"):
        (folder / name).mkdir()
        (folder / name / "dataset.json").write_text("{}", encoding="utf-8")
    with watched_page(browser, server, refused=True) as opened:
        drop(opened, tmp_path / "ankle.nii.gz")
        page = opened.page
        assert page.input_value("#new-name") == "scans-3"
        page.fill("#new-name", "scans")
        page.click("dialog button:text('Import')")
        opened.see("dialog .error:has-text('Choose another name')")
        page.fill("#new-name", "not a name")
        drop(opened, tmp_path / "ankle.nii.gz")  # the page was left: nothing is sent again
        assert len([url for url in opened.asked if url.endswith("/0?at=0")]) == 1
        page.fill("#new-name", "not a name")
        page.select_option("#target", label="joints")  # what is hidden is in nobody's way
        assert brought(opened) in {"done", "attention"}
        assert "ankle" in [case.id for case in Dataset.open(folder / "joints").cases]
        assert page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('upload'))") == []
    for name in ("scans", "Scans-2"):
        (folder / name / "dataset.json").unlink()


def test_an_import_that_has_begun_keeps_its_files_where_its_dialog_is_closed_at_once(opened, server, folder, tmp_path):
    io.write(tmp_path / "wrist.nii.gz", scan(6))
    held: list[Any] = []

    def hold(route: Any) -> None:
        held.append(route)

    opened.page.route("**/import", hold)
    drop(opened, tmp_path / "wrist.nii.gz")
    opened.page.fill("#new-name", "wrists")
    opened.page.click("dialog button:text('Import')")
    while not held:
        opened.page.wait_for_timeout(20)
    answer = held[0].fetch()
    opened.page.click("dialog button:text('Cancel')")
    opened.page.wait_for_timeout(500)
    held[0].fulfill(response=answer)
    opened.page.wait_for_url("**/#/jobs")
    job = server.json("GET", "/api/jobs")["jobs"][0]
    assert server.wait_for_job(job["id"])["state"] in {"done", "attention"}
    assert [case.id for case in Dataset.open(folder / "wrists").cases] == ["wrist"]


def test_the_viewer_refuses_a_label_map_on_another_grid_in_words(opened, server, folder, tmp_path):
    key = key_of(server, "joints")
    moved = Volume(label_map().array, Grid(GRID.shape, GRID.affine + np.array([[0, 0, 0, 9]] + [[0] * 4] * 3)))
    io.write(folder / "joints/labels/by-hand/knee.nii.gz", moved, overwrite=True)
    opened.go(f"view/{key}/{case_of(server, key, 'knee')['key']}")
    opened.see(".toast:has-text('lies on another grid than this scan')")


def test_a_zip_bomb_a_broken_scan_and_an_empty_folder_are_refused_in_words(opened, tmp_path):
    bomb = bytes_io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.dcm", "w") as entry:
        for _ in range(320):
            entry.write(bytes(1 << 20))
    (tmp_path / "bomb.zip").write_bytes(bomb.getvalue())
    io.write(tmp_path / "broken.nii.gz", scan(1))
    os.truncate(tmp_path / "broken.nii.gz", 2000)
    (tmp_path / "empty.nii").touch()
    for name, said in (("bomb.zip", "unpack"), ("broken.nii.gz", "broken.nii.gz"), ("empty.nii", "empty.nii")):
        drop(opened, tmp_path / name)
        faults = opened.page.locator("dialog td li").all_inner_texts()
        assert len(faults) == 1
        assert said in opened.page.locator("dialog").inner_text()
        assert str(tmp_path.parent) not in faults[0]
        opened.page.click("dialog button:text('Close')")
    (tmp_path / "nothing").mkdir()
    opened.page.set_input_files("#folder", tmp_path / "nothing")
    opened.see(".toast:has-text('nothing in it')")


def test_a_file_of_many_gigabytes_is_refused_before_it_is_sent(browser, server, tmp_path):
    with (tmp_path / "huge.nii").open("wb") as file:
        file.truncate(20 << 30)
    with watched_page(browser, server, refused=True) as opened:
        opened.go("datasets")
        opened.page.wait_for_selector(".drop .button")
        opened.page.set_input_files("#files", tmp_path / "huge.nii")
        assert "at most" in opened.see("dialog .error").inner_text()
        opened.page.click("dialog button:text('Cancel')")
    assert not any("/0?at=" in url for url in opened.asked)


def test_an_upload_goes_on_where_it_was_when_the_server_is_killed_in_its_middle(browser, tmp_path):
    rng = np.random.default_rng(1)
    noise = Volume(rng.integers(-1000, 1000, (256, 256, 300), np.int16), Grid((256, 256, 300), np.eye(4)))
    io.write(tmp_path / "large.nii", noise)  # three pieces
    first = start(tmp_path / "data")
    port = first.url.rpartition(":")[2]

    def crash(route: Any) -> None:
        if first.process.poll() is None:
            first.kill()
        route.continue_()

    with watched_page(browser, first, refused=True) as opened:
        page = opened.page
        opened.go("datasets")
        page.wait_for_selector(".drop .button")
        page.route("**/api/uploads/*/0?at=16777216", crash)
        page.set_input_files("#files", tmp_path / "large.nii")
        assert "cannot be reached" in opened.see("dialog .error").inner_text()
        page.unroute("**/api/uploads/*/0?at=16777216")
        with served(tmp_path / "data", "--port", port) as again:
            page.reload()
            page.wait_for_selector(".drop .button")
            before = len(opened.asked)
            page.set_input_files("#files", tmp_path / "large.nii")
            opened.see("#new-name")
            sent = [url for url in opened.asked[before:] if "/0?at=" in url]
            assert "at=16777216" in sent[0]
            assert len(sent) == 2
            assert again.url == first.url
