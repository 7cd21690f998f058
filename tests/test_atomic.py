"""Files and folders are there whole or not at all."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import pytest

from condyle.errors import DataError
from condyle.io.atomic import atomic_file, atomic_folder


def test_a_file_appears_when_the_block_ends_well(tmp_path):
    target = tmp_path / "deep" / "scan.txt"
    with atomic_file(target) as temporary:
        assert temporary.name == "scan.txt"
        temporary.write_text("all")
        assert not target.exists()
    assert target.read_text() == "all"
    assert os.listdir(target.parent) == ["scan.txt"]


def test_nothing_is_left_when_the_block_fails(tmp_path):
    target = tmp_path / "scan.txt"
    target.write_text("before")
    with pytest.raises(RuntimeError), atomic_file(target, overwrite=True) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert target.read_text() == "before"
    assert os.listdir(tmp_path) == ["scan.txt"]


def test_files_beside_the_main_one_come_along(tmp_path):
    with atomic_file(tmp_path / "a.mhd") as temporary:
        temporary.write_text("header")
        temporary.with_suffix(".raw").write_text("data")
    assert sorted(os.listdir(tmp_path)) == ["a.mhd", "a.raw"]


def test_nothing_is_overwritten_unasked(tmp_path):
    (tmp_path / "a").write_text("1")
    with pytest.raises(DataError, match="--overwrite"), atomic_file(tmp_path / "a"):
        pass
    with pytest.raises(DataError, match="--overwrite"), atomic_folder(tmp_path / "a"):
        pass
    with atomic_file(tmp_path / "a", overwrite=True) as temporary:
        temporary.write_text("2")
    assert (tmp_path / "a").read_text() == "2"


def test_a_folder_appears_whole_and_replaces_only_when_asked(tmp_path):
    target = tmp_path / "data"
    for content in ("1", "2"):
        with atomic_folder(target, overwrite=True) as temporary:
            (temporary / "x").write_text(content)
    assert (target / "x").read_text() == "2"
    with pytest.raises(RuntimeError), atomic_folder(target, overwrite=True) as temporary:
        raise RuntimeError
    assert (target / "x").read_text() == "2"
    assert os.listdir(tmp_path) == ["data"]


def test_files_that_come_along_overwrite_nothing_unasked(tmp_path):
    (tmp_path / "a.raw").write_text("another's")
    for overwrite in (False, True):
        with (
            nullcontext() if overwrite else pytest.raises(DataError, match=r"a\.raw.*--overwrite"),
            atomic_file(tmp_path / "a.mhd", overwrite=overwrite) as temporary,
        ):
            temporary.write_text("header")
            temporary.with_suffix(".raw").write_text("data")
        assert (tmp_path / "a.raw").read_text() == ("data" if overwrite else "another's")
        assert (tmp_path / "a.mhd").exists() == overwrite


@pytest.mark.parametrize("make", [atomic_file, atomic_folder])
def test_what_cannot_be_read_elsewhere_is_not_told_as_a_fault_of_the_target(tmp_path, make):
    with pytest.raises(FileNotFoundError, match="source"), make(tmp_path / "a"):
        (tmp_path / "source").read_text()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("make", [atomic_file, atomic_folder])
@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        OSError("64 requested and 32 written"),
    ],
)
def test_a_disk_that_takes_no_more_is_told_as_a_fault_of_the_target(tmp_path, make, error):
    with pytest.raises(DataError, match="Free some space"), make(tmp_path / "a"):
        raise error


def test_a_copy_that_finds_the_disk_full_is_told_as_a_fault_of_the_target(tmp_path):
    with pytest.raises(DataError, match="Free some space"), atomic_file(tmp_path / "a") as temporary:
        raise OSError(errno.ENOSPC, "No space left on device", "source", None, str(temporary))
    with pytest.raises(DataError, match="Free some space"), atomic_file(tmp_path / "a") as temporary:
        (temporary.parent / "gone" / "a").write_text("")


def test_a_name_that_cannot_be_looked_up_is_explained(tmp_path):
    for make in (atomic_file, atomic_folder):
        with pytest.raises(DataError, match="name"), make(tmp_path / ("x" * 300)):
            pass


def test_a_name_below_a_file_is_explained(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="write"), atomic_file(tmp_path / "file" / "a"):
        pass


def test_a_killed_writer_leaves_the_old_file(tmp_path):
    target = tmp_path / "scan.txt"
    target.write_text("before")
    code = (
        "import sys, time; from pathlib import Path; from condyle.io.atomic import atomic_file\n"
        "with atomic_file(Path(sys.argv[1]), overwrite=True) as t:\n"
        "    t.write_text('half'); print('writing', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, target], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"writing\n"
        writer.send_signal(signal.SIGKILL)
        writer.wait()
    time.sleep(0.01)
    assert target.read_text() == "before"


def test_a_folder_is_replaced_only_where_nothing_but_ones_own_is_in_it(tmp_path, monkeypatch):
    folder = tmp_path / "surfaces"
    for _ in range(2):
        with atomic_folder(folder, overwrite=True, holds=(".stl",)) as temporary:
            (temporary / "femur.stl").write_bytes(b"solid")
    (folder / "notes").mkdir()
    (folder / "notes/thesis.txt").write_text("years of work")
    before = sorted(folder.rglob("*"))
    with pytest.raises(DataError, match=r"thesis\.txt"), atomic_folder(folder, overwrite=True, holds=(".stl",)):
        pass
    monkeypatch.chdir(folder / "notes")
    for here in (Path(), Path(".."), folder):
        with pytest.raises(DataError, match="the one you are in"), atomic_folder(here, overwrite=True):
            pass
    assert sorted(folder.rglob("*")) == before
    assert [path.name for path in tmp_path.iterdir()] == ["surfaces"]


def test_what_a_look_at_a_folder_leaves_there_does_not_keep_it_from_being_replaced(tmp_path):
    folder = tmp_path / "surfaces"
    folder.mkdir()
    for name in (".DS_Store", "Thumbs.db", "desktop.ini"):
        (folder / name).write_bytes(b"icons")
    with atomic_folder(folder, overwrite=True, holds=(".stl",)):
        pass
    assert not list(folder.iterdir())


def test_a_file_is_not_replaced_by_a_folder(tmp_path):
    path = tmp_path / "femur.stl"
    path.write_bytes(b"solid")
    for holds in (None, (".stl",)):
        with pytest.raises(DataError, match="got a file"), atomic_folder(path, overwrite=True, holds=holds):
            pass
    assert path.read_bytes() == b"solid"


def test_a_link_to_a_folder_stays_and_leads_to_the_new_one(tmp_path):
    (tmp_path / "disk").mkdir()
    link = tmp_path / "surfaces"
    link.symlink_to("disk/surfaces")
    for content in ("1", "2"):
        with atomic_folder(link, overwrite=True) as temporary:
            (temporary / "x").write_text(content)
    assert link.is_symlink()
    assert (tmp_path / "disk/surfaces/x").read_text() == "2"
    assert sorted(os.listdir(tmp_path)) == ["disk", "surfaces"]
