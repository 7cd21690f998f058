"""The app's server as a process of its own: datasets, jobs, corrections, uploads, results."""

from __future__ import annotations

import gzip
import io as bytes_io
import json
import os
import signal
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from app_server import Server, served, start
from condyle import io
from condyle.data import Dataset
from condyle.data.lock import one_writer
from condyle.labels import Labels
from condyle.space import Grid, Volume
from datasets import GRID, LABELS, label_map, scan, small_dataset


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("workspace")
    small_dataset(path / "Miller_Anna", ("p1", "p2", "p3", "p4"))
    return path


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    with served(folder) as running:
        yield running


@pytest.fixture(scope="module")
def key(server: Server) -> str:
    return str(server.json("GET", "/api/datasets")["datasets"][0]["key"])


def case(server: Server, key: str, id_: str) -> str:
    """The address of a case."""
    cases = server.json("GET", f"/api/datasets/{key}")["cases"]
    return f"/api/datasets/{key}/cases/" + next(c["key"] for c in cases if c["id"] == id_)


def packed(volume: Volume, folder: Path) -> bytes:
    path = folder / "drawn.nii"
    io.write(path, volume, overwrite=True)
    return path.read_bytes()


def unpacked(content: bytes, folder: Path) -> Volume:
    path = folder / "got.nii.gz"
    path.write_bytes(content)
    return io.read(path)


# Datasets


def test_a_dataset_is_listed_and_no_address_tells_a_name(server, key):
    listed = server.json("GET", "/api/datasets")["datasets"]
    assert [(d["name"], d["cases"], d["label_sets"]) for d in listed] == [("small", 4, ["reference"])]
    one = server.json("GET", f"/api/datasets/{key}")
    addresses = [c["thumbnail"] for c in one["cases"]] + [key]
    assert [c["id"] for c in one["cases"]] == ["p1", "p2", "p3", "p4"]
    assert not any(name in address for name in ("Miller", "p1", "p2") for address in addresses)


def test_a_thumbnail_is_a_picture_that_may_be_kept(server, key):
    picture = server.json("GET", f"/api/datasets/{key}")["cases"][0]["thumbnail"]
    status, headers, content = server.ask("GET", picture)
    assert (status, headers["content-type"], content[:8]) == (200, "image/png", b"\x89PNG\r\n\x1a\n")
    assert "immutable" in headers["cache-control"]


def test_names_of_folders_and_cases_are_no_keys(server, key):
    for path in (
        "/api/datasets/Miller_Anna",
        f"/api/datasets/{key}/cases/p1",
        "/api/datasets/..%2f..",
        "/api/models/m/history",
    ):
        status, _, content = server.ask("GET", path)
        assert status == 404
        assert "expected" in json.loads(content)["error"]


def test_labels_can_be_renamed_but_not_taken_away(server, key):
    labels, mark = table(server, key)
    labels["structures"][2]["name"] = "kneecap"
    status, told = relabelled(server, key, labels, mark)
    assert (status, told["labels"]["structures"][2]["name"]) == (200, "kneecap")
    labels["structures"][2]["name"] = "patella"
    mark = relabelled(server, key, labels, told["labels_mark"])[1]["labels_mark"]
    fewer = {**labels, "structures": labels["structures"][:2]}
    assert "4" in relabelled(server, key, fewer, mark)[1]["error"]["got"]


def table(server: Server, key: str) -> tuple[dict[str, Any], str]:
    """A dataset's structures, and the mark of the table."""
    told = server.json("GET", f"/api/datasets/{key}")
    return told["labels"], told["labels_mark"]


def relabelled(server: Server, key: str, labels: dict[str, Any], mark: str) -> tuple[int, dict[str, Any]]:
    """Status and answer of an edit of the structures."""
    body, head = json.dumps(labels).encode(), {"If-Match": f'"{mark}"'}
    status, _, content = server.ask("PUT", f"/api/datasets/{key}/labels", body, head)
    return status, json.loads(content)


def with_new(labels: dict[str, Any], name: str) -> dict[str, Any]:
    """A table with one structure more."""
    return {**labels, "structures": [*labels["structures"], {"id": 9, "name": name, "color": "#e69f00"}]}


def test_two_who_edit_the_labels_do_not_rename_each_others_numbers(tmp_path):
    small_dataset(tmp_path / "small", ("a",))
    with served(tmp_path) as server:
        key = server.json("GET", "/api/datasets")["datasets"][0]["key"]
        labels, mark = table(server, key)
        assert server.ask("PUT", f"/api/datasets/{key}/labels", json.dumps(labels).encode())[0] == 422
        assert relabelled(server, key, with_new(labels, "tibia"), mark)[0] == 200
        status, told = relabelled(server, key, with_new(labels, "fibula"), mark)
        assert (status, "somebody has changed" in told["error"]["message"]) == (409, True)
        assert table(server, key)[0]["structures"][-1]["name"] == "tibia"


@pytest.mark.parametrize("name", ["", " ", "../../x", "a/b", "a\\b", ".x", "-x", "a=b", "a\nb", "x" * 101])
def test_a_new_structure_gets_no_name_that_is_none_or_a_path(server, key, name):
    labels, mark = table(server, key)
    assert relabelled(server, key, with_new(labels, name), mark)[0] == 422
    assert table(server, key) == (labels, mark)


def test_a_name_that_came_with_the_scans_may_stay_while_another_is_changed(tmp_path):
    dataset = small_dataset(tmp_path / "small", ("a",))
    replace(dataset, labels=Labels.of({"femur, left/medial": 1, "femur_right": 2, "patella": 4})).save()
    with served(tmp_path) as server:
        key = server.json("GET", "/api/datasets")["datasets"][0]["key"]
        assert relabelled(server, key, with_new(table(server, key)[0], "tibia"), table(server, key)[1])[0] == 200


# Voxels and corrections


def test_a_scan_comes_as_stored_and_once(server, key, folder):
    address = case(server, key, "p1") + "/image/CT"
    status, headers, content = server.ask("GET", address)
    assert (status, content) == (200, (folder / "Miller_Anna/images/CT/p1.nii.gz").read_bytes())
    assert server.ask("GET", address, headers={"If-None-Match": headers["etag"]})[0] == 304


def test_a_coarse_scan_has_its_voxels_where_they_were():
    from condyle.app.volumes import coarse

    whole = Volume(np.arange(300 * 20 * 3).reshape(300, 20, 3), Grid((300, 20, 3), GRID.affine))
    small = coarse(whole)
    assert small.shape == (100, 20, 3)
    assert np.allclose(small.grid.to_world((7, 5, 1)), whole.grid.to_world((21, 5, 1)))
    assert small.array[7, 5, 1] == whole.array[21, 5, 1]


def test_a_correction_on_an_oblique_scan_arrives_bit_exact_as_a_revision(server, key, folder, tmp_path):
    address = case(server, key, "p1") + "/labels/reference"
    status, headers, content = server.ask("GET", address)
    drawn = unpacked(content, tmp_path)
    drawn.array[12:14, 10, 8] = LABELS["patella"].id
    who = {"If-Match": headers["etag"], "X-Who": "Eva%20M%C3%BCller", "X-What": "two%20voxels"}
    status, _, told = server.ask("POST", address, packed(drawn, tmp_path), who)
    made = json.loads(told)
    assert (status, made["revision"], made["who"], made["changed"]["voxels"]) == (201, 2, "Eva Müller", 2)
    back = unpacked(server.ask("GET", address)[2], tmp_path)
    assert np.array_equal(back.array, drawn.array)
    stored = io.read(folder / "Miller_Anna/labels/reference/p1.nii.gz")
    assert stored.grid.distance_mm(io.read(folder / "Miller_Anna/images/CT/p1.nii.gz").grid) == 0
    listed = server.json("GET", address + "/revisions")
    assert [r["revision"] for r in listed["revisions"]] == [2, 1]
    assert server.json("GET", case(server, key, "p1"))["verdict"] == "corrected"

    status, _, told = server.ask("POST", address, packed(drawn, tmp_path), who)
    assert (status, json.loads(told)["current"]["who"]) == (409, "Eva Müller")

    restored = server.json("POST", address + "/restore", {"revision": 1, "base": made["mark"], "who": "Eva"})
    assert (restored["revision"], restored["restored_from"]) == (3, 1)
    assert server.ask("GET", address + "/revisions/1")[2] == server.ask("GET", address)[2] == content
    assert server.ask("GET", address + "/revisions/9")[0] == 422


def test_a_new_label_set_needs_no_revision_before_it(server, key, tmp_path):
    address = case(server, key, "p2") + "/labels/by-hand"
    body = packed(label_map(), tmp_path)
    assert server.ask("POST", address, body)[0] == 422
    assert server.ask("POST", address, body, {"If-None-Match": "*"})[0] == 201
    assert server.ask("POST", address, body, {"If-None-Match": "*"})[0] == 409
    assert server.json("GET", case(server, key, "p2"))["label_sets"]["by-hand"] == {"revision": 1}


@pytest.mark.parametrize(
    ("fault", "said"),
    [("grid", "grid"), ("id", "also 9"), ("fraction", "whole numbers"), ("junk", "NIfTI"), ("huge", "at most")],
)
def test_a_label_map_that_does_not_fit_is_refused(server, key, tmp_path, fault, said):
    address = case(server, key, "p3") + "/labels/reference"
    drawn = label_map()
    moved = Grid(drawn.shape, np.diag([1, 1, 1, 1.0]))
    array = np.where(drawn.array == 1, 9, drawn.array).astype(np.uint8)
    bodies = {
        "grid": lambda: packed(Volume(drawn.array, moved), tmp_path),
        "id": lambda: packed(drawn.with_array(array), tmp_path),
        "fraction": lambda: packed(drawn.with_array(drawn.array * np.float32(0.5)), tmp_path),
        "junk": lambda: b"no scan at all" * 100,
        "huge": lambda: bytes(4 << 20),
    }
    status, _, told = server.ask("POST", address, bodies[fault](), base(server, address))
    assert status == (413 if fault == "huge" else 422)
    assert said in json.loads(told)["error"]["message"]
    assert server.json("GET", address + "/revisions")["current"] == 1


def test_a_draft_is_kept_until_saved_and_no_other_tab_overwrites_it(server, key, tmp_path):
    address = case(server, key, "p4") + "/labels/reference"
    body = packed(label_map(), tmp_path)
    assert server.ask("GET", address + "/autosave")[0] == 204
    mine = {"X-Base": "1", "X-Tab": "a", "X-Who": "Eva"}
    assert server.ask("PUT", address + "/autosave", body, mine)[0] == 204
    status, _, told = server.ask("PUT", address + "/autosave", body, {**mine, "X-Tab": "b"})
    assert (status, json.loads(told)["current"]["tab"]) == (409, "a")
    status, headers, content = server.ask("GET", address + "/autosave")
    assert (status, content, headers["x-base"]) == (200, body, "1")
    assert server.ask("POST", address, body, base(server, address) | {"X-Tab": "b"})[0] == 201
    assert server.ask("DELETE", address + "/autosave", headers={"X-Tab": "b"})[0] == 204
    assert server.ask("GET", address + "/autosave")[0] == 200  # another tab's work is nobody's to forget
    assert server.ask("POST", address, body, base(server, address) | {"X-Tab": "a"})[0] == 201
    assert server.ask("GET", address + "/autosave")[0] == 204
    server.ask("PUT", address + "/autosave", body, mine)
    assert server.ask("DELETE", address + "/autosave")[0] == 204
    assert server.ask("GET", address + "/autosave")[0] == 204


def test_a_draft_that_another_tab_takes_up_is_its_own_from_then_on(server, key, tmp_path):
    address = case(server, key, "p4") + "/labels/reference"
    body = packed(label_map(), tmp_path)
    server.ask("PUT", address + "/autosave", body, {"X-Base": "1", "X-Tab": "a"})
    assert server.ask("PUT", address + "/autosave", body, {"X-Tab": "b", "X-Took": "a"})[0] == 204
    assert server.ask("GET", address + "/autosave")[1]["x-tab"] == "b"
    server.ask("PUT", address + "/autosave", body, {"X-Tab": "a", "X-Took": "b"})
    assert server.ask("POST", address, body, base(server, address) | {"X-Tab": "b", "X-Took": "a"})[0] == 201
    assert server.ask("GET", address + "/autosave")[0] == 204


def test_a_save_beside_a_draft_that_cannot_be_read_is_told_as_done(server, key, folder, tmp_path):
    address = case(server, key, "p4") + "/labels/reference"
    body = packed(label_map(), tmp_path)
    server.ask("PUT", address + "/autosave", body, {"X-Tab": "a"})
    (folder / "Miller_Anna/corrections/reference/p4/draft.json").write_text("{no json", encoding="utf-8")
    assert server.ask("POST", address, body, base(server, address) | {"X-Tab": "a"})[0] == 201
    assert "Remove it" in json.loads(server.ask("GET", address + "/autosave")[2])["error"]["message"]
    assert server.ask("DELETE", address + "/autosave")[0] == 204


def test_a_file_of_reviews_that_cannot_be_read_is_told_before_anything_is_saved(server, key, folder, tmp_path):
    address = case(server, key, "p4") + "/labels/reference"
    reviews = folder / "Miller_Anna/corrections/reviews.json"
    before, known = reviews.read_bytes() if reviews.is_file() else None, base(server, address)
    reviews.parent.mkdir(exist_ok=True)
    reviews.write_text("{no json", encoding="utf-8")
    assert server.ask("POST", address, packed(label_map(), tmp_path), known)[0] == 422
    if before is None:
        reviews.unlink()
    else:
        reviews.write_bytes(before)
    assert base(server, address) == known
    assert server.ask("POST", address, packed(label_map(), tmp_path), known)[0] == 201


def test_restoring_a_revision_keeps_the_draft(server, key, tmp_path):
    address = case(server, key, "p4") + "/labels/reference"
    body = packed(label_map(), tmp_path)
    server.ask("PUT", address + "/autosave", body, {"X-Tab": "a"})
    mark = server.json("GET", address + "/revisions")["mark"]
    assert server.json("POST", address + "/restore", {"revision": 1, "base": mark})["restored_from"] == 1
    assert server.ask("GET", address + "/autosave")[0] == 200
    server.ask("DELETE", address + "/autosave")


def base(server: Server, address: str) -> dict[str, str]:
    """The header that says that the newest revision was drawn on."""
    return {"If-Match": server.ask("GET", address)[1]["etag"]}


def test_a_label_map_that_was_made_anew_is_fetched_anew_and_overwritten_by_nobody(server, key, folder, tmp_path):
    address, path = case(server, key, "p3") + "/labels/reference", folder / "Miller_Anna/labels/reference/p3.nii.gz"
    before = path.read_bytes()
    mark = server.ask("GET", address)[1]["etag"]
    old = server.ask("GET", address + "/revisions/1")[1]["etag"]
    drawn = label_map()
    drawn.array[2, 2, 2] = 4
    io.write(path, drawn, overwrite=True)
    made = path.read_bytes()
    for where, seen in ((address, mark), (address + "/revisions/1", old)):
        status, headers, content = server.ask("GET", where, headers={"If-None-Match": seen})
        assert (status, content, headers["etag"] != seen) == (200, made, True)
    for seen in (mark, '"1"'):
        assert server.ask("POST", address, packed(label_map(), tmp_path), {"If-Match": seen})[0] == 409
    assert path.read_bytes() == made
    path.write_bytes(before)


def test_a_verdict_stays_and_nonsense_is_none(server, key):
    address = case(server, key, "p3")
    assert server.json("PUT", address + "/verdict", {"verdict": "accepted", "who": "Eva"})["review"]["who"] == "Eva"
    assert server.json("GET", address)["verdict"] == "accepted"
    assert server.ask("PUT", address + "/verdict", b'{"verdict": "fine"}')[0] == 422


# Jobs


def test_fill_is_a_job_and_its_masks_are_a_label_set(server, key):
    cases = server.json("GET", f"/api/datasets/{key}")["cases"]
    asked = {"verb": "fill", "dataset": key, "cases": [cases[0]["key"]], "label_set": "bone-1", "threshold": 200}
    ended = server.wait_for_job(server.json("POST", "/api/jobs", asked)["job"]["id"])
    assert (ended["state"], ended["error"]) == ("done", None)
    after = server.json("GET", f"/api/datasets/{key}")
    assert "bone" in [s["name"] for s in after["labels"]["structures"]]
    assert [c["id"] for c in after["cases"] if "bone-1" in c["label_sets"]] == ["p1"]


def test_a_job_that_fails_says_why_in_words(server, key):
    asked = {"verb": "fill", "dataset": key, "label_set": "none", "threshold": 30000}
    ended = server.wait_for_job(server.json("POST", "/api/jobs", asked)["job"]["id"])
    assert ended["state"] == "attention"
    failed = ended["result"][0]["failed"]
    assert set(failed) == {"p1", "p2", "p3", "p4"}


@pytest.mark.parametrize(
    "asked",
    [
        {"verb": "rm"},
        {"verb": "fill", "dataset": "small"},
        {"verb": "fill", "label_set": "../../x"},
        {"verb": "fill", "label_set": "--help"},
        {"verb": "fill", "threshold": "1; rm"},
        {"verb": "fill", "cases": ["p1"]},
        {"verb": "train", "name": "m", "label_set": "none"},
        {"verb": "compare", "label_sets": ["reference"]},
        {"verb": "mesh", "case": "../p1", "label_set": "reference"},
    ],
)
def test_what_is_no_sound_question_is_refused_before_anything_runs(server, key, asked):
    before = len(server.json("GET", "/api/jobs")["jobs"])
    whole = {"dataset": key, "label_set": "fill", **asked}
    assert "expected" in server.json("POST", "/api/jobs", whole)["error"]
    assert len(server.json("GET", "/api/jobs")["jobs"]) == before


# Results


def test_meshes_have_passports_and_files_and_know_when_they_are_old(server, key, tmp_path):
    address = case(server, key, "p4")
    keys = {"dataset": key, "case": address.rsplit("/", 1)[-1]}
    asked = {"verb": "mesh", "label_set": "reference", "formats": ["stl"], **keys}
    ended = server.wait_for_job(server.json("POST", "/api/jobs", asked)["job"]["id"])
    assert ended["state"] in {"done", "attention"}
    made = server.json("GET", address + "/meshes/reference")["meshes"]
    assert {m["structure"] for m in made} == {"femur_left", "femur_right", "patella"}
    assert all(m["current"] for m in made)
    status, headers, content = server.ask("GET", made[0]["files"]["stl"])
    assert (status, headers["content-type"], len(content) > 1000) == (200, "model/stl", True)
    drawn = label_map()
    drawn.array[12, 10, 8] = 4
    server.ask(
        "POST", address + "/labels/reference", packed(drawn, tmp_path), base(server, address + "/labels/reference")
    )
    assert not any(m["current"] for m in server.json("GET", address + "/meshes/reference")["meshes"])
    assert server.ask("GET", address + "/meshes/reference/99")[0] == 404


def test_a_structure_is_offered_the_files_of_its_own_whatever_it_is_called(tmp_path):
    dataset = small_dataset(tmp_path / "small", ("a",))
    names = ("femur, left/medial", "femur left medial", "scene")
    replace(dataset, labels=Labels.of(dict(zip(names, (1, 2, 4), strict=True)))).save()
    with served(tmp_path) as server:
        key = server.json("GET", "/api/datasets")["datasets"][0]["key"]
        address = case(server, key, "a")
        keys = {"dataset": key, "case": address.rsplit("/", 1)[-1]}
        asked = {"verb": "mesh", "label_set": "reference", "formats": ["stl"], **keys}
        assert server.wait_for_job(server.json("POST", "/api/jobs", asked)["job"]["id"])["state"] in {
            "done",
            "attention",
        }
        made = {m["structure"]: m["files"] for m in server.json("GET", address + "/meshes/reference")["meshes"]}
        sent = {name: server.ask("GET", made[name]["stl"])[1]["content-disposition"] for name in names}
    stems = [sent[name].partition('filename="')[2].rstrip('"') for name in names]
    assert stems == ["femur_left_medial.stl", "femur_left_medial_2.stl", "scene_2.stl"]


def test_a_file_that_lost_its_time_does_not_break_the_zip(tmp_path):
    dataset = small_dataset(tmp_path / "small", ("a",))
    os.utime(dataset.path(dataset["a"].images["CT"]), (0, 0))
    with served(tmp_path) as server:
        key = server.json("GET", "/api/datasets")["datasets"][0]["key"]
        content = server.ask("GET", f"/api/datasets/{key}/zip")[2]
    with zipfile.ZipFile(bytes_io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert "images/CT/a.nii.gz" in archive.namelist()


def test_a_dataset_is_taken_home_as_one_zip(server, key, folder, tmp_path):
    status, _, content = server.ask("GET", f"/api/datasets/{key}/zip")
    with zipfile.ZipFile(bytes_io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path / "home")
    assert status == 200
    home = Dataset.open(tmp_path / "home")
    assert [c.id for c in home.cases] == ["p1", "p2", "p3", "p4"]
    assert (home.folder / "labels/reference/p2.nii.gz").read_bytes() == (
        folder / "Miller_Anna/labels/reference/p2.nii.gz"
    ).read_bytes()


def test_a_mask_is_taken_home_as_segments_with_names(server, key, tmp_path):
    address = case(server, key, "p2") + "/labels/reference"
    (tmp_path / "mask.seg.nrrd").write_bytes(server.ask("GET", address + "/seg.nrrd")[2])
    names = io.segnrrd.read_table(tmp_path / "mask.seg.nrrd").names
    assert {"femur_left", "femur_right", "patella"} <= set(names)
    assert gzip.decompress(server.ask("GET", address + "/nii.gz")[2])[344:348] == b"n+1\0"


# What is killed


def test_a_killed_server_loses_no_job(tmp_path):
    small_dataset(tmp_path / "d")
    server = start(tmp_path)
    key = server.json("GET", "/api/datasets")["datasets"][0]["key"]
    job = server.json("POST", "/api/jobs", {"verb": "check", "dataset": key})["job"]
    lost = server.json("POST", "/api/jobs", {"verb": "fill", "dataset": key})["job"]
    pids = {}
    while len(pids) < 2:
        pids = {j["id"]: j for j in server.json("GET", "/api/jobs")["jobs"] if j["state"] != "queued"}
    server.kill()
    for process in psutil.process_iter(["cmdline"]):
        if str(tmp_path / ".workspace/jobs" / str(lost["id"])) in (process.info["cmdline"] or []):
            os.killpg(process.pid, signal.SIGKILL)
    with served(tmp_path) as again:
        assert again.wait_for_job(job["id"])["result"][0]["cases"] == 3
        ended = again.wait_for_job(lost["id"])
        assert ended["state"] in {"lost", "done"}
        resumed = again.json("POST", f"/api/jobs/{lost['id']}/again")["job"]
        assert again.wait_for_job(resumed["id"])["state"] == "done"


def test_a_job_that_is_stopped_says_so_and_one_that_waits_never_begins(tmp_path):
    small_dataset(tmp_path / "d")
    with served(tmp_path) as server:
        key = server.json("GET", "/api/datasets")["datasets"][0]["key"]
        jobs = [server.json("POST", "/api/jobs", {"verb": "fill", "dataset": key})["job"] for _ in range(30)]
        for job in reversed(jobs):
            server.json("POST", f"/api/jobs/{job['id']}/cancel")
        states = [server.wait_for_job(job["id"])["state"] for job in jobs]
        assert set(states[1:]) == {"cancelled"}
        assert states[0] in {"cancelled", "done"}


def test_an_upload_goes_on_after_a_killed_server_and_becomes_a_dataset(tmp_path):
    source = tmp_path / "in"
    io.write(source / "Knee of Miller.nii.gz", scan(1))
    content = (source / "Knee of Miller.nii.gz").read_bytes()
    server = start(tmp_path / "data")
    upload = server.json(
        "POST", "/api/uploads", {"files": [{"name": "../../Knee of Miller.nii.gz", "bytes": len(content)}]}
    )
    place = f"/api/uploads/{upload['upload']}"
    assert server.json("PUT", f"{place}/0?at=5000", {})["error"]["where"] == "at"
    server.ask("PUT", f"{place}/0?at=0", content[:1000])
    server.kill()
    with served(tmp_path / "data") as again:
        assert again.json("GET", place)["files"] == [
            {"name": "Knee of Miller.nii.gz", "bytes": len(content), "arrived": 1000}
        ]
        assert "Send the rest" in again.json("POST", f"{place}/look")["error"]["message"]
        assert json.loads(again.ask("PUT", f"{place}/0?at=1000", content[1000:])[2])["whole"]
        assert again.ask("PUT", f"{place}/0?at={len(content)}", b"more")[0] == 413
        found = again.json("POST", f"{place}/look")["found"]
        assert [(f["kind"], f["shape"]) for f in found] == [("scan", [24, 20, 16])]
        begun = again.json("POST", f"{place}/import", {"name": "knees", "channel": "CT"})
        assert again.wait_for_job(begun["job"]["id"])["state"] in {"done", "attention"}
        cases = again.json("GET", f"/api/datasets/{begun['dataset']}")["cases"]
        assert [c["id"] for c in cases] == ["Knee_of_Miller"]
        assert again.ask("GET", place)[0] == 404  # it has served its time


def sent_whole(server: Server, folder: Path) -> tuple[str, list[dict[str, Any]]]:
    """Upload all files of a folder; the upload's address, and what was found."""
    files = sorted(folder.iterdir())
    upload = server.json(
        "POST", "/api/uploads", {"files": [{"name": f.name, "bytes": f.stat().st_size} for f in files]}
    )
    place = f"/api/uploads/{upload['upload']}"
    for n, file in enumerate(files):
        assert server.ask("PUT", f"{place}/{n}?at=0", file.read_bytes())[0] == 200
    return place, server.json("POST", f"{place}/look")["found"]


def test_headers_find_their_data_files_whatever_these_are_called(tmp_path):
    source = tmp_path / "in"
    io.write(source / "zipped.mhd", scan(1))
    io.write(source / "packed one.nhdr", scan(2))
    io.write(source / "left.mhd", scan(3))
    io.write(source / "packed one (label).mhd", label_map())
    io.write(source / "mask.nhdr", label_map())
    (source / "mask.raw.gz").rename(source / "drawn by hand.raw.gz")
    header = source / "mask.nhdr"
    header.write_text(header.read_text().replace("mask.raw.gz", "./drawn by hand.raw.gz"))
    with served(tmp_path / "data") as server:
        place, found = sent_whole(server, source)
        kinds = {f["source"]: f["kind"] for f in found}
        one, masks = "packed_one.nhdr", ("mask.nhdr", "packed_one_label_.mhd")
        assert kinds == {one: "scan", "zipped.mhd": "scan", "left.mhd": "scan"} | dict.fromkeys(masks, "labels")
        asked = {
            "name": "pairs",
            "masks": dict(zip(masks, ("zipped.mhd", one), strict=True)),
            "names": {str(s.id): s.name for s in LABELS.structures},
            "left_out": ["left.mhd"],
        }
        job = server.json("POST", f"{place}/import", asked)["job"]
        assert server.wait_for_job(job["id"])["state"] in {"done", "attention"}
    made = Dataset.open(tmp_path / "data" / "pairs")
    assert [c.id for c in made.cases] == ["packed_one", "zipped"]
    for case, seed in zip(made.cases, (2, 1), strict=True):
        assert np.array_equal(io.read(made.path(case.images["CT"])).array, scan(seed).array)
        stored = io.read_labels(made.path(case.label_sets["reference"]))
        assert np.array_equal(stored.array, label_map().array)


@pytest.mark.parametrize("names", [("a.mhd", "a.raw", "b.mhd", "A.raw"), ("a.nhdr", "a.nhdr", "a.raw.gz")])
def test_pairs_of_the_same_name_are_refused_as_one_could_get_the_voxels_of_the_other(names, server):
    told = {"files": [{"name": name, "bytes": 9} for name in names]}
    status, _, body = server.ask("POST", "/api/uploads", json.dumps(told).encode())
    assert status == 422
    assert "one at a time" in json.loads(body)["error"]["message"]


def test_names_that_no_file_can_bear_are_taken_as_numbers(server):
    names = ["a\0b.raw", "x" * 300 + ".raw", "C:d.raw", "..", ".raw"]
    told = {"files": [{"name": name, "bytes": 1} for name in names]}
    upload = server.json("POST", "/api/uploads", told)
    sent = [server.ask("PUT", f"/api/uploads/{upload['upload']}/{n}?at=0", b"x")[0] for n in range(len(names))]
    assert sent == [200] * len(names)
    server.ask("DELETE", f"/api/uploads/{upload['upload']}")


def test_a_zip_that_would_leave_its_folder_is_refused_in_words(tmp_path):
    packed_zip = bytes_io.BytesIO()
    with zipfile.ZipFile(packed_zip, "w") as archive:
        archive.writestr("../../escaped.dcm", b"x" * 200)
    content = packed_zip.getvalue()
    with served(tmp_path / "data") as server:
        upload = server.json("POST", "/api/uploads", {"files": [{"name": "a.zip", "bytes": len(content)}]})
        place = f"/api/uploads/{upload['upload']}"
        server.ask("PUT", f"{place}/0", content)
        found = server.json("POST", f"{place}/look")["found"]
        assert "names inside the zip" in found[0]["faults"][0]
        assert server.ask("DELETE", place)[0] == 204
        huge = {"files": [{"name": "a.nii", "bytes": 1 << 50}]}
        assert server.ask("POST", "/api/uploads", json.dumps(huge).encode())[0] == 413
        assert server.ask("POST", "/api/uploads", b'{"files": []}')[0] == 422
        assert server.ask("POST", "/api/uploads", b"{no json")[0] == 422
    assert not list(tmp_path.rglob("escaped.dcm"))


def test_a_dataset_that_somebody_writes_to_can_still_be_corrected(server, key, folder, tmp_path):
    address = case(server, key, "p2") + "/labels/reference"
    head = base(server, address)
    with one_writer(folder / "Miller_Anna"):
        time.sleep(0)
        answer = server.ask("POST", address, packed(label_map(), tmp_path), head)
    assert answer[0] == 201
