"""Cohorts and studies while processes, schedulers and disks fail: what is done stays, the rest follows."""

from __future__ import annotations

import csv
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest

import condyle
from condyle import io
from condyle.jobs.manifest import Manifest
from condyle.jobs.settings import JobSettings
from condyle.space import Volume
from condyle.workflow.segmentation.resources import table_of
from jobs_made import below, counts, until
from jobs_made import condyle as command
from segment_jobs_made import cohort, right
from segment_models import knee_labels, knee_scan
from test_jobs_dask import free_port, kill, scheduler, worker

LOCAL = JobSettings("local", workers=1, threads=1)


def test_a_scan_that_has_its_process_killed_for_its_memory_is_set_aside_and_the_rest_go_on(tmp_path):
    scans = cohort(tmp_path, 4)
    large = Volume.of(np.zeros((512, 512, 600), np.int16), np.eye(4))
    io.write(scans / "c01.nii.gz", large, overwrite=True)
    limit = 1 << 30
    run = command("segment", tmp_path / "model", scans, "-o", tmp_path / "out", "--run-on", "local", "--workers", 1)
    while run.poll() is None:  # as the kernel does where memory is short: the largest is killed
        for process in below(run.pid):
            with suppress(psutil.Error):
                if process.memory_info().rss > limit:
                    process.kill()
    said = run.communicate()[0]
    assert run.returncode == 1
    assert "failed: c01" in said
    with Manifest(tmp_path / "out.jobs") as manifest:
        outcomes = {o.id: o for o in manifest.outcomes()}
    assert (outcomes["c01"].state, outcomes["c01"].attempts, outcomes["c01"].code) == ("aside", 3, -9)
    assert "killed by signal SIGKILL" in outcomes["c01"].error
    assert {o.attempts for id_, o in outcomes.items() if id_ != "c01"} == {1}
    assert {p.name for p in (tmp_path / "out").glob("*.gz")} == {f"c{n:02d}.nii.gz" for n in (0, 2, 3)}
    # Once the scan is sound, the same command does it alone.
    io.write(scans / "c01.nii.gz", knee_scan((16, 14, 12), seed=1), overwrite=True)
    again = condyle.segment(tmp_path / "model", [scans], out=tmp_path / "out", jobs=LOCAL)
    assert list(again.masks) == ["c01"]
    assert right(scans, tmp_path / "out", 4)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 300 kB, which `grow` makes larger. Skips where mounting is not allowed."""
    disk = tmp_path / "disk"
    disk.mkdir()
    try:
        mount = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(disk)]
        allowed = subprocess.run(mount, check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        allowed = False
    if not allowed:
        pytest.skip("mounting a small file system is not allowed here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def grow(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)


def test_on_a_full_disk_the_rest_is_set_aside_and_done_once_there_is_space(tmp_path, small_disk):
    scans = cohort(tmp_path, 3)
    (small_disk / "other").write_bytes(b"x" * 256_000)
    # Noise does not compress: each mask takes its size on disk.
    rng = np.random.default_rng(0)
    for n in range(3):
        noise = rng.choice([0.0, 2.0, 4.0], (64, 64, 32)).astype(np.float32)
        io.write(scans / f"c{n:02d}.nii.gz", Volume.of(noise, np.eye(4)), overwrite=True)
    words = ("segment", tmp_path / "model", scans, "-o", small_disk / "out", "--run-on", "local", "--workers", 1)
    full = command(*words, "--attempts", 1, "--manifest", tmp_path / "m")
    said = "".join(full.communicate())
    assert full.returncode in {1, 2}, said
    assert "No space left on device" in said
    # What is there is whole.
    for mask in (small_disk / "out").glob("*.nii.gz"):
        assert np.array_equal(io.read_labels(mask).array, knee_labels(io.read(scans / mask.name)))
    grow(small_disk)
    there = command(*words, "--manifest", tmp_path / "m")
    assert there.communicate()[1] == ""
    assert there.returncode == 0
    assert right(scans, small_disk / "out", 3)


def test_a_full_disk_below_the_manifest_ends_with_a_clear_state_and_goes_on(tmp_path, small_disk):
    scans = cohort(tmp_path, 3)
    words = ("segment", tmp_path / "model", scans, "-o", tmp_path / "out", "--run-on", "local", "--workers", 1)
    words = (*words, "--manifest", small_disk / "m")
    (small_disk / "other").write_bytes(b"x" * 290_000)
    full = command(*words)
    said = full.communicate()[1]
    assert full.returncode == 2
    assert "the same command goes on from what is done" in said.lower()
    (small_disk / "other").unlink()
    grow(small_disk)
    again = command(*words)
    said = again.communicate()[1]
    assert again.returncode == 0, said
    assert right(scans, tmp_path / "out", 3)


def test_a_scheduler_that_is_lost_and_started_again_is_given_the_rest_of_the_cohort(tmp_path):
    pytest.importorskip("distributed")
    scans, port = cohort(tmp_path, 10), free_port()
    words = ("segment", tmp_path / "model", scans, "-o", tmp_path / "out", "--threads", 1)
    with scheduler(port) as first, worker(port, tmp_path):
        run = command(*words, "--run-on", f"dask://127.0.0.1:{port}")
        until(lambda: counts(tmp_path / "out.jobs")["done"] >= 2, 120)
        kill(first.pid)
        first.wait()
    with scheduler(port), worker(port, tmp_path):
        assert run.communicate(timeout=240)[1] == ""
    assert run.returncode == 0
    assert counts(tmp_path / "out.jobs") == {"waiting": 0, "running": 0, "done": 10, "aside": 0}
    assert right(scans, tmp_path / "out", 10)


def test_of_three_dask_workers_two_are_killed_and_one_is_stopped_and_every_scan_is_segmented_once(tmp_path):
    pytest.importorskip("distributed")
    scans, port = cohort(tmp_path, 24), free_port()
    with (
        scheduler(port),
        worker(port, tmp_path) as one,
        worker(port, tmp_path) as two,
        worker(port, tmp_path) as three,
    ):
        run = command(
            "segment", tmp_path / "model", scans, "-o", tmp_path / "out", "--threads", 1,
            "--run-on", f"dask://127.0.0.1:{port}",
        )  # fmt: skip
        until(lambda: counts(tmp_path / "out.jobs")["done"] >= 3, 120)
        kill(one.pid)
        kill(two.pid)
        three.send_signal(signal.SIGSTOP)
        done = counts(tmp_path / "out.jobs")["done"]
        with suppress(subprocess.TimeoutExpired):
            run.wait(5)
        assert counts(tmp_path / "out.jobs")["done"] <= done + 6
        three.send_signal(signal.SIGCONT)
        # Dask may tell of a result that was lost with its worker before it was fetched, and is worked out again.
        assert all("rescheduling" in line for line in run.communicate(timeout=240)[1].splitlines())
    with Manifest(tmp_path / "out.jobs") as manifest:
        assert {o.state for o in manifest.outcomes()} == {"done"}
    assert right(scans, tmp_path / "out", 24)
    rows = list(csv.DictReader(table_of(tmp_path / "out").read_text().splitlines()))
    assert len(rows) == len({row["case"] for row in rows})


STUDY = """\
name: simulated
title: Scans and nothing else
datasets:
  a: {phantom: {kind: proximal_femur, count: 4, spacing_mm: [8, 8, 8]}, folds: {count: 2}}
  b: {phantom: {kind: proximal_femur, count: 4, seed: 1, spacing_mm: [8, 8, 8]}, folds: {count: 2}}
  c: {phantom: {kind: proximal_femur, count: 4, seed: 2, spacing_mm: [8, 8, 8]}, folds: {count: 2}}
models: {}
"""


def test_a_study_on_a_full_disk_says_so_and_is_resumed_once_there_is_space(tmp_path, small_disk):
    file = tmp_path / "simulated.yaml"
    file.write_text(STUDY)
    (small_disk / "other").write_bytes(b"x" * 200_000)
    words = ("study", "run", file, "-o", small_disk / "s", "--workers", 1, "--attempts", 1)
    full = command(*words)
    said = "".join(full.communicate())
    assert full.returncode in {1, 2}, said
    assert "No space left" in said or "disk is full" in said or "database or disk" in said, said
    grow(small_disk)
    (small_disk / "other").unlink()
    again = command("study", "resume", small_disk / "s", "--workers", 1, "--lost-s", 3)
    said = "".join(again.communicate())
    assert again.returncode == 0, said
    assert (small_disk / "s" / "report.html").is_file()
    assert len(list((small_disk / "s/data").glob("*/images/*/*.nii.gz"))) == 12


def test_a_study_whose_scheduler_is_lost_goes_on_with_the_next(tmp_path):
    pytest.importorskip("distributed")
    file, port = tmp_path / "simulated.yaml", free_port()
    file.write_text(STUDY)
    words = ("study", "run", file, "-o", tmp_path / "s", "--run-on", f"dask://127.0.0.1:{port}", "--threads", 1)
    with scheduler(port) as first, worker(port, tmp_path):
        run = command(*words)
        until(lambda: counts(tmp_path / "s/steps.sqlite")["done"] >= 1, 240)
        kill(first.pid)
        first.wait()
    with scheduler(port), worker(port, tmp_path):
        said = run.communicate(timeout=400)
    assert run.returncode == 0, said
    assert counts(tmp_path / "s/steps.sqlite") == {"waiting": 0, "running": 0, "done": 6, "aside": 0}
