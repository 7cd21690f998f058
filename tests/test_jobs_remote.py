"""Scans and results behind addresses: fetched whole, put back whole."""

from __future__ import annotations

import json
from pathlib import Path

import fsspec
import numpy as np
import pytest

from condyle import io
from condyle.errors import ConfigError, DataError
from condyle.io.remote import address_of, children, fetch, file_there, is_address, put
from condyle.jobs.manifest import Manifest
from condyle.jobs.task import Task
from condyle.jobs.worker import work
from datasets import scan


@pytest.fixture(params=["file", "memory"])
def store(request, tmp_path):
    """An address to write below."""
    if request.param == "file":
        yield f"file://{tmp_path}/store"
        return
    yield "memory://store"
    fsspec.filesystem("memory").rm("/store", recursive=True)


@pytest.mark.parametrize(
    "address", ["s3://bucket/scans/c01.nii.gz", "file:///data/c01.nii.gz", "memory://c01.nii.gz", "gs://b/a b/c"]
)
def test_an_address_survives_being_a_path(address):
    assert address_of(Path(address)) == address
    assert is_address(address)


@pytest.mark.parametrize("path", ["scans/c01.nii.gz", "/data/c01", "C:/data/c01", "a/b:/c"])
def test_a_path_is_no_address(path):
    assert not is_address(path)
    assert address_of(Path(path)) is None


def test_a_folder_whose_name_ends_in_a_colon_cannot_be_told_from_an_address():
    assert not is_address("c01:/x")
    assert address_of(Path("c01:/x")) == address_of(Path("c01://x")) == "c01://x"


def test_a_file_comes_back_as_it_was_put_and_nothing_lies_beside_it(store, tmp_path):
    (tmp_path / "a.bin").write_bytes(b"bone")
    assert not file_there(f"{store}/deep/a.bin")
    for _ in range(2):  # the second in place of the first
        put(tmp_path / "a.bin", f"{store}/deep/a.bin")
    assert file_there(f"{store}/deep/a.bin")
    assert fetch(f"{store}/deep/a.bin", tmp_path / "in").read_bytes() == b"bone"
    fs, place = fsspec.core.url_to_fs(f"{store}/deep")
    assert [Path(name).name for name in fs.ls(place, detail=False)] == ["a.bin"]
    assert children(store) == [f"{store}/deep"]
    assert not file_there(f"{store}/deep")


def test_a_folder_comes_back_as_it_was_put_without_what_was_there_before(store, tmp_path):
    for text in ("old", "new"):
        folder = tmp_path / text / "meshes"
        (folder / "inner").mkdir(parents=True)
        (folder / "inner" / f"{text}.stl").write_text(text)
        (folder / "passports.json").write_text(text)
        put(folder, f"{store}/c01")
    back = fetch(f"{store}/c01", tmp_path / "in")
    files = {p.relative_to(back).as_posix(): p.read_text() for p in back.rglob("*") if p.is_file()}
    assert files == {"inner/new.stl": "new", "passports.json": "new"}
    assert children(store) == [f"{store}/c01"]


def test_what_is_not_there_or_not_known_is_told(store, tmp_path):
    with pytest.raises(DataError, match="nothing of that name"):
        fetch(f"{store}/none.nii.gz", tmp_path / "in")
    with pytest.raises(DataError, match="expected a folder"):
        children(f"{store}/none")
    with pytest.raises(DataError, match="the result of the command"):
        put(tmp_path / "none", f"{store}/a")
    with pytest.raises(ConfigError, match="an address that fsspec can open"):
        file_there("nosuchstore://a/b")
    if store.startswith("file"):
        (tmp_path / "store").write_text("a file where a folder is to be")
        (tmp_path / "a").touch()
        with pytest.raises(DataError, match="a store that answers"):
            put(tmp_path / "a", f"{store}/deep/a")
        fsspec.filesystem("file").rm(str(tmp_path / "store"))
        fsspec.filesystem("file").mkdir(str(tmp_path / "store"))
    else:
        put(tmp_path, f"{store}/again")


def test_a_worker_fetches_a_scan_runs_and_puts_the_result_back(store, tmp_path):
    io.write(tmp_path / "c01.nii.gz", scan(0))
    put(tmp_path / "c01.nii.gz", f"{store}/scans/c01.nii.gz")
    scan_there, mask_there = f"{store}/scans/c01.nii.gz", f"{store}/masks/c01.nii.gz"
    command = ("fill", "--out", mask_there, "--json", scan_there)
    with Manifest.make(tmp_path / "m", attempts=1) as manifest:
        manifest.add([Task("c01", command, mask_there), Task("c02", ("info", f"{store}/none.nii.gz"))])
        assert [(claim.task.id, ok) for claim, ok in work(tmp_path / "m", threads=1)] == [("c01", True), ("c02", False)]
        done, aside = manifest.outcomes()
    assert json.loads(done.printed)["volumes_ml"]
    assert done.seconds > done.cpu_s / 16
    assert done.peak_gib > 0.02
    assert "nothing of that name" in aside.error
    mask = io.read(fetch(mask_there, tmp_path / "in"))
    np.testing.assert_allclose(mask.grid.affine, scan(0).grid.affine, atol=1e-5)
    assert mask.array.any()
