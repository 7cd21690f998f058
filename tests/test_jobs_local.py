"""Workers on one machine: what becomes of the work when any of its processes is killed or stopped."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from condyle import io
from condyle.errors import ConfigError, DataError
from condyle.jobs.child import start
from condyle.jobs.engines import submit
from condyle.jobs.local import share
from condyle.jobs.manifest import Manifest
from condyle.jobs.run import run
from condyle.jobs.running import Kept, end
from condyle.jobs.settings import JobSettings
from condyle.jobs.task import Task
from jobs_made import below, condyle, counts, files, fills, kill, scans, until, workers

#: Submits the tasks of a manifest that is there.
_SUBMITTER = """
import sys
from pathlib import Path
from condyle.jobs.engines import submit
from condyle.jobs.settings import JobSettings
submit([], Path(sys.argv[1]), JobSettings("local", workers=2, lost_s=float(sys.argv[2])))
"""


def submitter(manifest: Path, lost_s: float = 2.0) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", _SUBMITTER, str(manifest), str(lost_s)], stderr=subprocess.PIPE)


def made(path: Path, tasks: list[Task], **settings: float) -> Path:
    with Manifest.make(path, **settings) as manifest:
        manifest.add(tasks)
    return path


def whole(out: Path, count: int) -> bool:
    """Whether there is a mask of each scan, sound, and nothing else."""
    for n in range(count):
        assert io.read_labels(out / f"c{n:02d}.nii.gz").array.any()
    return files(out) == {f"c{n:02d}.nii.gz" for n in range(count)}


def test_a_worker_by_hand_does_what_is_waiting_and_tells_how_far_it_is(tmp_path):
    tasks = [*fills(scans(tmp_path / "in", 2), tmp_path / "out"), Task("bad", ("fill", "--out", "no", "none.nii"))]
    manifest = made(tmp_path / "m", tasks, attempts=2)
    told = condyle("work", manifest, "--status").communicate()[0]
    assert told == "3 waiting, 0 running, 0 done, 0 aside\n"
    worker = condyle("work", manifest, "--threads", 1)
    said = worker.communicate()[0]
    assert worker.returncode == 1
    assert said.startswith("set aside: bad: condyle: none.nii: expected a file or folder, got nothing of that name.")
    assert said.endswith("0 waiting, 0 running, 2 done, 1 aside\n")
    assert whole(tmp_path / "out", 2)


def test_workers_killed_at_any_moment_are_replaced_and_every_case_is_done_once(tmp_path):
    manifest = made(tmp_path / "m", fills(scans(tmp_path / "in", 8), tmp_path / "out"))
    process = submitter(manifest)
    for done in (0, 2):
        until(
            lambda done=done: counts(manifest)["done"] >= done and counts(manifest)["running"] and workers(process.pid)
        )
        for worker in workers(process.pid):
            kill(worker.pid)
    said = process.communicate(timeout=120)[1]
    assert process.returncode == 0, said
    with Manifest(manifest) as opened:
        assert {o.state for o in opened.outcomes()} == {"done"}
        assert opened.begun() >= 9
    assert whole(tmp_path / "out", 8)


def test_when_the_submitting_process_is_killed_all_that_it_started_ends_and_the_rest_is_done_later(tmp_path):
    manifest = made(tmp_path / "m", fills(scans(tmp_path / "in", 6), tmp_path / "out"))
    process = submitter(manifest)
    until(lambda: counts(manifest)["done"] >= 1)
    started = below(process.pid)
    assert len(started) >= 2
    kill(process.pid)
    process.communicate()
    until(lambda: not any(p.is_running() and p.status() != "zombie" for p in started), 20)
    done = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "out").glob("*.nii.gz")}
    assert 1 <= len(done) < 6
    again = submitter(manifest)
    assert again.communicate(timeout=120)[1] == b""
    assert counts(manifest) == {"waiting": 0, "running": 0, "done": 6, "aside": 0}
    assert {name for name in files(tmp_path / "out") if name.endswith(".gz") and "/" not in name} == {
        f"c{n:02d}.nii.gz" for n in range(6)
    }
    assert {name: (tmp_path / "out" / name).stat().st_mtime_ns for name in done} == done


def test_ctrl_c_stops_the_workers_and_gives_their_tasks_back_untried(tmp_path):
    manifest = made(tmp_path / "m", fills(scans(tmp_path / "in", 6), tmp_path / "out"))
    process = submitter(manifest, lost_s=600)
    until(lambda: counts(manifest)["done"] >= 1)
    started = below(process.pid)
    process.send_signal(signal.SIGINT)
    assert b"KeyboardInterrupt" in process.communicate(timeout=30)[1]
    assert not any(p.is_running() for p in started)
    after = counts(manifest)
    assert (after["running"], after["aside"]) == (0, 0)
    with Manifest(manifest) as opened:
        assert opened.begun() == after["done"] < 6


def test_a_worker_that_was_stopped_too_long_finds_its_task_gone_and_goes_on(tmp_path):
    manifest = made(tmp_path / "m", fills(scans(tmp_path / "in", 3), tmp_path / "out"), lost_s=1.5)
    first = condyle("work", manifest)
    until(lambda: counts(manifest)["running"])
    first.send_signal(signal.SIGSTOP)
    second = condyle("work", manifest)
    assert second.communicate(timeout=60)[0].endswith("0 waiting, 0 running, 3 done, 0 aside\n")
    first.send_signal(signal.SIGCONT)
    assert "has gone to another worker" in first.communicate(timeout=60)[1]
    with Manifest(manifest) as opened:
        assert opened.counts()["done"] == 3
        assert opened.begun() == 4
    assert whole(tmp_path / "out", 3)


def test_a_scan_that_has_its_process_killed_is_set_aside_and_the_rest_go_on(tmp_path):
    tasks = fills(scans(tmp_path / "in", 3), tmp_path / "out")
    manifest = made(tmp_path / "m", tasks)
    worker = condyle("work", manifest)
    while worker.poll() is None:
        for process in below(worker.pid):
            with suppress(psutil.Error):
                if str(tmp_path / "in" / "c01.nii.gz") in process.cmdline():
                    process.kill()
        time.sleep(0.02)
    worker.communicate()
    with Manifest(manifest) as opened:
        aside, *more = [o for o in opened.outcomes() if o.state == "aside"]
    assert (aside.id, aside.code, aside.attempts, more) == ("c01", -9, 3, [])
    assert "killed by signal SIGKILL" in aside.error
    assert {p.name for p in (tmp_path / "out").glob("*.nii.gz")} == {"c00.nii.gz", "c02.nii.gz"}


def test_a_result_that_is_there_is_not_made_again(tmp_path):
    (tmp_path / "out").touch()
    ran = run(Task("a", ("nothing", "to", "run"), str(tmp_path / "out")), Kept({}))
    assert (ran.code, ran.cpu_s) == (0, 0)
    assert run(Task("a", ("info", "none", "--overwrite"), str(tmp_path / "out")), Kept({})).code == 2


def test_a_command_ends_when_its_parents_end_of_the_pipe_closes(tmp_path):
    (scan,) = fills(scans(tmp_path / "in", 1), tmp_path / "out")
    child = start(["work", str(made(tmp_path / "m", [scan] * 1))], out=subprocess.DEVNULL, error=subprocess.DEVNULL)
    child.send_signal(signal.SIGSTOP)
    end(child, grace_s=0.2)
    assert child.returncode == -9


@pytest.mark.parametrize(
    ("settings", "tasks", "largest_gib", "expected"),
    [
        (JobSettings(workers=3, threads=2), 10, 0.0, (3, 2)),
        (JobSettings(workers=3, threads=2), 2, 0.0, (2, 2)),
        (JobSettings(gpus=4, threads=1), 10, 0.0, (4, 1)),
        (JobSettings(threads=1), 100, 1e6, (1, 1)),
    ],
)
def test_workers_are_as_many_as_asked_for_or_as_there_is_memory_for(settings, tasks, largest_gib, expected):
    assert share(settings, tasks, largest_gib) == expected


def test_cores_are_shared_out():
    workers, threads = share(JobSettings(), 1000, 0.0)
    cores = workers * threads
    assert share(JobSettings(), 1, 0.0) == (1, cores)


def test_nothing_to_do_starts_no_worker(tmp_path):
    assert submit([], tmp_path / "m", JobSettings("local")) == []


def test_an_engine_that_nobody_knows_is_refused(tmp_path):
    for name in ("", "cloud"):
        with pytest.raises(ConfigError, match="local, dask, slurm"):
            submit([], tmp_path / "m", JobSettings(name))


def test_workers_that_cannot_start_are_not_replaced_for_ever(tmp_path, monkeypatch):
    manifest = made(tmp_path / "m", [Task("a", ("info", "a.nii"))])
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(DataError, match="none that took a task"):
        submit([], manifest, JobSettings("local", workers=1))
    assert counts(manifest)["waiting"] == 1
