"""A Dask scheduler hands out the tasks: workers and the scheduler itself are lost, and every case is done once."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer

import pytest

from condyle import io
from condyle.errors import ConfigError
from condyle.jobs.clusters import pods, start_cluster
from condyle.jobs.engines import submit
from condyle.jobs.manifest import Manifest
from condyle.jobs.scheduled import slots
from condyle.jobs.settings import JobSettings
from jobs_made import below, counts, files, fills, kill, scans, until

pytest.importorskip("distributed")

_SUBMITTER = """
import sys
from pathlib import Path
from condyle.jobs.engines import submit
from condyle.jobs.settings import JobSettings
submit([], Path(sys.argv[1]), JobSettings(sys.argv[2], threads=1, lost_s=2))
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def dask(*words: object) -> Iterator[subprocess.Popen[bytes]]:
    """A part of Dask as a process of its own, killed at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "dask", *map(str, words), "--no-dashboard"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def scheduler(port: int):
    return dask("scheduler", "--host", "127.0.0.1", "--port", port)


def worker(port: int, folder: Path):
    at = ("--host", "127.0.0.1", "--local-directory", folder)
    return dask("worker", f"tcp://127.0.0.1:{port}", "--nthreads", 1, "--no-nanny", *at)


@contextmanager
def submitter(manifest: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-c", _SUBMITTER, str(manifest), f"dask://127.0.0.1:{port}"], stderr=subprocess.PIPE
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def made(tmp_path: Path, count: int) -> Path:
    with Manifest.make(tmp_path / "m") as manifest:
        manifest.add(fills(scans(tmp_path / "in", count), tmp_path / "out"))
    return tmp_path / "m"


def whole(tmp_path: Path, count: int) -> bool:
    names = {f"c{n:02d}.nii.gz" for n in range(count)}
    assert all(io.read_labels(tmp_path / "out" / name).array.any() for name in names)
    return {name for name in files(tmp_path / "out") if "/" not in name and not name.startswith(".")} == names


def test_workers_are_killed_and_stopped_and_every_case_is_done_once(tmp_path):
    manifest, port = made(tmp_path, 12), free_port()
    with (
        scheduler(port),
        worker(port, tmp_path) as one,
        worker(port, tmp_path) as two,
        worker(port, tmp_path) as three,
        submitter(manifest, port) as process,
    ):
        until(lambda: below(one.pid))
        orphan = below(one.pid)[0]
        kill(one.pid)
        until(lambda: not orphan.is_running(), 20)  # its command ended with it
        until(lambda: below(two.pid) and below(three.pid))
        two.send_signal(signal.SIGSTOP)
        # What the scheduler had handed to the stopped one may wait for it; the third goes on with its share.
        before = counts(manifest)["done"]
        until(lambda: counts(manifest)["done"] > before)
        two.send_signal(signal.SIGCONT)
        assert process.communicate(timeout=180) == (None, b"")
    with Manifest(manifest) as opened:
        assert {(o.state, o.attempts) for o in opened.outcomes()} == {("done", 1)}
    assert whole(tmp_path, 12)


def test_after_the_scheduler_and_the_submitting_process_are_killed_another_run_does_the_rest(tmp_path):
    manifest, port = made(tmp_path, 5), free_port()
    with scheduler(port) as first, worker(port, tmp_path), submitter(manifest, port) as process:
        until(lambda: counts(manifest)["done"] >= 1)
        kill(first.pid)
        kill(process.pid)
        process.wait()
    assert counts(manifest)["done"] < 5
    done = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "out").glob("*.nii.gz")}
    port = free_port()
    with scheduler(port), worker(port, tmp_path), submitter(manifest, port) as process:
        assert process.communicate(timeout=180) == (None, b"")
    assert counts(manifest) == {"waiting": 0, "running": 0, "done": 5, "aside": 0}
    assert whole(tmp_path, 5)
    assert {name: (tmp_path / "out" / name).stat().st_mtime_ns for name in done} == done


def test_a_scheduler_that_comes_back_is_given_the_rest(tmp_path):
    manifest, port = made(tmp_path, 4), free_port()
    with submitter(manifest, port) as process:
        with scheduler(port) as first, worker(port, tmp_path):
            until(lambda: counts(manifest)["done"] >= 1)
            kill(first.pid)
            first.wait()
        with scheduler(port), worker(port, tmp_path):
            process.communicate(timeout=180)
    assert process.returncode == 0
    assert counts(manifest)["done"] == 4
    assert whole(tmp_path, 4)


def test_a_scheduler_that_stays_away_is_told_and_what_it_held_waits_again(tmp_path):
    manifest, port = made(tmp_path, 3), free_port()
    patience = "import condyle.jobs.scheduled as scheduled\nscheduled._PATIENCE_S = float(sys.argv[3])\n"
    script = _SUBMITTER.replace("submit([]", f"{patience}submit([]")
    words = [sys.executable, "-c", script, str(manifest), f"dask://127.0.0.1:{port}", "20"]
    with scheduler(port) as first, worker(port, tmp_path):
        process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
        until(lambda: counts(manifest)["running"])
        kill(first.pid)
        said = process.communicate(timeout=90)[1]
    assert "expected a Dask scheduler that stays, got none for 20 s" in said
    assert counts(manifest)["running"] == 0


def test_ctrl_c_gives_back_what_the_scheduler_held(tmp_path):
    manifest, port = made(tmp_path, 4), free_port()
    with scheduler(port), worker(port, tmp_path), submitter(manifest, port) as process:
        until(lambda: counts(manifest)["running"])
        process.send_signal(signal.SIGINT)
        assert b"KeyboardInterrupt" in process.communicate(timeout=60)[1]
    assert counts(manifest)["running"] == 0
    with Manifest(manifest) as opened:
        assert opened.begun() == opened.counts()["done"]


def test_no_scheduler_at_an_address_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("condyle.jobs.scheduled._PATIENCE_S", 0.3)
    with pytest.raises(ConfigError, match="expected a Dask scheduler"):
        submit(
            fills(scans(tmp_path / "in", 1), tmp_path), tmp_path / "m", JobSettings(f"dask://127.0.0.1:{free_port()}")
        )
    assert counts(tmp_path / "m")["waiting"] == 1


def cluster_file(tmp_path: Path, **arguments: object) -> Path:
    path = tmp_path / "cluster.json"
    path.write_text(json.dumps(arguments))
    return path


#: Stands for Slurm: keeps a job's script and runs it at once.
_SBATCH = """#!/bin/sh
cp "$1" "{folder}/job.sh"
sh "{folder}/job.sh" >"{folder}/job.log" 2>&1 &
echo "Submitted batch job $!"
"""


def test_slurm_is_asked_for_jobs_of_one_case_at_a_time_which_do_the_work(tmp_path):
    pytest.importorskip("dask_jobqueue")
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in (("sbatch", _SBATCH.format(folder=tmp_path)), ("scancel", '#!/bin/sh\nkill "$1"\n')):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    here = {"interface": "lo", "scheduler_options": {"dashboard": False}, "worker_extra_args": ["--nthreads", "1"]}
    asked = cluster_file(tmp_path, queue="gpu", account="bones", memory="24 GiB", walltime="02:00:00", **here)
    scans(tmp_path / "in", 2)
    process = subprocess.run(
        [sys.executable, "-m", "condyle", "fill", str(tmp_path / "in"), "-o", str(tmp_path / "out"),
         "--run-on", "slurm", "--cluster", str(asked), "--threads", "6"],
        env=os.environ | {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}, cwd=tmp_path,
        capture_output=True, text=True, check=False, timeout=90,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    assert whole(tmp_path, 2)
    script = (tmp_path / "job.sh").read_text()
    for line in ("-p gpu", "-A bones", "--cpus-per-task=6", "--mem=24G", "-t 02:00:00"):
        assert f"#SBATCH {line}\n" in script
    assert "--nthreads 1 " in script


def test_slurm_and_a_package_that_are_not_there_are_told(tmp_path, monkeypatch):
    pytest.importorskip("dask_jobqueue")
    with pytest.raises(ConfigError, match="no sbatch on this machine"):
        start_cluster(JobSettings("slurm"))
    monkeypatch.setitem(sys.modules, "dask_jobqueue", None)
    with pytest.raises(ConfigError, match=r"condyle\[dask\]"):
        start_cluster(JobSettings("slurm"))
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ConfigError, match=r"condyle\[dask\]"):
        submit(fills(scans(tmp_path / "in", 1), tmp_path), tmp_path / "m", JobSettings("dask://127.0.0.1:1"))


def test_kubernetes_is_asked_for_pods_of_one_case_at_a_time(tmp_path):
    operator = pytest.importorskip("dask_kubernetes.operator")
    asked = {"image": "bones:1", "resources": {"limits": {"memory": "24Gi"}}}
    spec = operator.make_cluster_spec(**pods(asked, JobSettings("kubernetes", workers=3)))["spec"]["worker"]
    (container,) = spec["spec"]["containers"]
    assert spec["replicas"] == 3
    assert container["image"] == "bones:1"
    assert container["args"][:4] == ["dask", "worker", "--nthreads", "1"]
    assert container["resources"] == asked["resources"]


def test_machines_one_cannot_log_in_to_are_told(tmp_path):
    pytest.importorskip("asyncssh")
    asked = cluster_file(tmp_path, hosts=["127.0.0.1", "127.0.0.1"], connect_options={"port": free_port()})
    with pytest.raises(ConfigError, match="a working ssh cluster, got Cluster failed to start"):
        start_cluster(JobSettings("ssh", cluster=asked))


def test_arguments_that_a_cluster_does_not_take_are_told(tmp_path):
    pytest.importorskip("dask_jobqueue")
    for content, said in (("[1]", "a JSON object"), ("{", "a working slurm cluster")):
        path = tmp_path / "cluster.json"
        path.write_text(content)
        with pytest.raises(ConfigError, match=said):
            start_cluster(JobSettings("slurm", cluster=path))


def test_a_scheduler_that_is_lost_in_the_middle_of_a_question_has_no_slots():
    from distributed import Client

    port = free_port()
    with scheduler(port) as asked, Client(f"tcp://127.0.0.1:{port}", timeout=60, set_as_default=False) as client:
        assert slots(client, JobSettings("dask://here")) == 0
        # It has the question, and dies before it can answer.
        asked.send_signal(signal.SIGSTOP)
        Timer(1, asked.kill).start()
        assert slots(client, JobSettings("dask://here")) is None
