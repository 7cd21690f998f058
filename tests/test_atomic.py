"""Files and folders are there whole or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

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
