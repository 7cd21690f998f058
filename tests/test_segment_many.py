"""Many cases: overlap of reading, work and writing; failures; runs that are killed."""

from __future__ import annotations

import multiprocessing
import signal
import subprocess
import sys
import threading
import time

import nibabel as nib
import numpy as np
import pytest

import condyle
from condyle import models
from condyle.errors import DataError, ModelError
from condyle.io import read_labels, write
from condyle.workflow.segmentation.overlap import one_by_one, overlapped
from condyle.workflow.segmentation.segmenter import PredictSettings
from segment_models import knee_labels, knee_scan, pointwise_model


@pytest.mark.parametrize("run", [one_by_one, overlapped])
def test_results_and_failures_come_in_order(run):
    def work(n, given):
        if n == 2:
            raise DataError("scan 2", expected="sense", got="none")
        return given + 1

    def write(n, made):
        if n == 4:
            raise DataError("disk", expected="room", got="none")
        return made * 10

    done = list(run(range(6), lambda n: n, work, write, failures=(DataError,)))
    assert [n for n, _ in done] == list(range(6))
    assert [r for _, r in done if not isinstance(r, Exception)] == [10, 20, 40, 60]
    assert [n for n, r in done if isinstance(r, DataError)] == [2, 4]
    assert list(run([], str, work, write)) == []


@pytest.mark.parametrize("run", [one_by_one, overlapped])
@pytest.mark.parametrize("place", ["read", "work", "write"])
def test_what_is_nobodys_failure_ends_it(run, place):
    def step(name):
        def do(n, *_):
            if name == place and n == 1:
                raise KeyboardInterrupt
            return n

        return do

    with pytest.raises(KeyboardInterrupt):
        list(run(range(3), step("read"), step("work"), step("write"), failures=(DataError,)))


def test_the_next_is_read_and_the_last_written_during_the_work():
    """Work on 1 ends only when 2 was read and 0 was written: it would wait for ever if they came one by one."""
    read, written = ([threading.Event() for _ in range(3)] for _ in range(2))

    def work(n, _):
        if n == 1:
            assert read[2].wait(20)
            assert written[0].wait(20)

    done = overlapped(range(3), lambda n: read[n].set(), work, lambda n, _: written[n].set())
    assert len(list(done)) == 3


def folder(tmp_path, count=6, size=16):
    models.save(pointwise_model(), tmp_path / "model")
    for n in range(count):
        write(tmp_path / f"scans/s{n}.nii.gz", knee_scan((size, 14, 12), seed=n))
    return tmp_path


def test_a_broken_scan_fails_alone_and_is_tried_again(tmp_path):
    files = folder(tmp_path, 4)
    (files / "scans/s2.nii.gz").write_bytes(b"no scan")
    flat = knee_scan()
    flat.array[3, 3, 3] = np.nan
    write(files / "scans/s3.nii.gz", flat, overwrite=True)
    made = condyle.segment(files / "model", [files / "scans"], out=files / "out")
    assert sorted(made.failed) == ["s2", "s3"]
    assert "s2.nii.gz" in made.failed["s2"]
    assert "s3.nii.gz" in made.failed["s3"]
    assert "finite" in made.failed["s3"]
    assert made.exit_code == 1
    assert "failed: s3" in str(made)
    assert made.to_json()["failed"] == made.failed
    write(files / "scans/s3.nii.gz", knee_scan(seed=3), overwrite=True)
    again = condyle.segment(files / "model", [files / "scans"], out=files / "out")
    assert list(again.masks) == ["s3"]
    assert again.skipped == ("s0", "s1")


def test_under_a_memory_limit_cases_come_one_by_one_and_alike(tmp_path):
    files = folder(tmp_path, 2)
    settings = PredictSettings(max_memory_gib=1.0)
    condyle.segment(files / "model", [files / "scans"], out=files / "out", settings=settings)
    for n in range(2):
        assert np.array_equal(read_labels(files / f"out/s{n}.nii.gz").array, knee_labels(knee_scan(seed=n)))
    made = condyle.segment(
        files / "model", [files / "scans"], out=files / "no", settings=PredictSettings(max_memory_gib=0.01)
    )
    assert "at least" in made.failed["s0"]


def test_weights_that_cannot_be_used_end_the_run_before_it_begins(tmp_path):
    files = folder(tmp_path, 2)
    (files / "model/fold_0.safetensors").write_bytes(b"short")
    with pytest.raises(ModelError, match="fold_0"):
        condyle.segment(files / "model", [files / "scans"], out=files / "out")
    assert not (files / "out").exists()


def whole_files(out):
    """Files that a reader of the folder sees."""
    return {path.name: path for path in out.glob("*") if not path.name.startswith(".")}


def assert_whole(out):
    """Every mask that is there is the right one, to its last voxel."""
    for name, path in whole_files(out).items():
        if "probabilities" not in name:
            assert np.array_equal(read_labels(path).array, knee_labels(knee_scan((24, 14, 12), seed=int(name[1]))))


def test_a_run_killed_again_and_again_ends_as_an_unbroken_one(tmp_path):
    """Real processes, killed by the system without a word, eight times at random moments."""
    files = folder(tmp_path, 10, size=24)
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["condyle.workflow.segment"])
    chance = np.random.default_rng(0)

    def started(out):
        asked = {"out": files / out, "settings": PredictSettings(probabilities=True)}
        run = processes.Process(target=condyle.segment, args=(files / "model", [files / "scans"]), kwargs=asked)
        run.start()
        return run

    for kill in range(8):
        there = set((files / "out").glob("*"))
        run = started("out")
        # Half of them as soon as something new appears, half after that or before.
        while kill % 2 and run.is_alive() and set((files / "out").glob("*")) <= there:
            time.sleep(0.0005)
        time.sleep(chance.uniform(0, 0.05))
        run.kill()
        run.join()
        assert_whole(files / "out")
    for out in ("out", "once"):
        run = started(out)
        run.join()
        assert run.exitcode == 0
    broken, once = whole_files(files / "out"), whole_files(files / "once")
    assert broken.keys() == once.keys()
    assert len(once) == 20
    for name, path in broken.items():
        assert np.array_equal(nib.load(path).get_fdata(), nib.load(once[name]).get_fdata()), name
    # What killed runs left of these files is swept up.
    assert not list((files / "out").glob(".condyle-*/*"))


def test_ctrl_c_says_so_and_leaves_no_half_file(tmp_path):
    files = folder(tmp_path, 10, size=24)
    command = [sys.executable, "-m", "condyle", "segment", files / "model", files / "scans", "-o", files / "out"]
    with subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE, text=True) as run:
        while run.poll() is None and not whole_files(files / "out"):
            time.sleep(0.001)
        run.send_signal(signal.SIGINT)
        said = run.communicate(timeout=60)[1]
    assert (run.returncode, "goes on from there" in said) in {(130, True), (0, False)}
    assert not list((files / "out").glob(".condyle-*"))
    assert_whole(files / "out")
