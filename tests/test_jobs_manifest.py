"""The manifest: each task to one worker at a time, whoever dies, and nothing that is done is forgotten."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections import Counter

import pytest

from condyle.errors import ConfigError, DataError
from condyle.jobs.manifest import Manifest
from condyle.jobs.settings import JobSettings
from condyle.jobs.task import Ran, Task

#: Claims and ends tasks until none is left, and prints the ids and the seconds it took.
_CLAIMER = """
import sys, time
from pathlib import Path
from condyle.jobs.manifest import Manifest
from condyle.jobs.task import Ran
with Manifest(Path(sys.argv[1])) as manifest:
    print("ready", flush=True)
    sys.stdin.readline()
    start = time.perf_counter()
    ids = []
    while claim := manifest.claim(sys.argv[2]):
        ids.append(claim.task.id)
        if len(sys.argv) > 3:
            manifest.end(claim, Ran(0))
    print(time.perf_counter() - start, *ids)
"""


def tasks(count: int) -> list[Task]:
    return [Task(f"c{n:05d}", ("info", f"c{n:05d}.nii.gz")) for n in range(count)]


def ids(manifest: Manifest, state: str) -> set[str]:
    return {o.id for o in manifest.outcomes() if o.state == state}


def claimed_by_processes(path, count: int, *more: str) -> list[list[str]]:
    claimers = [
        subprocess.Popen(
            [sys.executable, "-c", _CLAIMER, str(path), f"w{n}", *more],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for n in range(count)
    ]  # fmt: skip
    for claimer in claimers:
        assert claimer.stdout.readline() == "ready\n"
    return [claimer.communicate("go\n", timeout=60)[0].split()[1:] for claimer in claimers]


@pytest.mark.parametrize("shared", [False, True])
def test_four_processes_claim_every_task_once(tmp_path, shared):
    count = 24 if shared else 2000
    with Manifest.make(tmp_path / "m", shared=shared) as manifest:
        manifest.add(tasks(count))
        claims = claimed_by_processes(tmp_path / "m", 4, "end")
        assert Counter(id_ for own in claims for id_ in own) == Counter(t.id for t in tasks(count))
        assert manifest.counts() == {"waiting": 0, "running": 0, "done": count, "aside": 0}
        assert manifest.begun() == count


def test_a_lost_workers_task_goes_to_another_and_what_it_says_afterwards_is_not_heard(tmp_path):
    with Manifest.make(tmp_path / "m", lost_s=0.2) as manifest:
        manifest.add(tasks(1))
        first = manifest.claim("one")
        assert manifest.claim("two") is None
        time.sleep(0.1)
        assert manifest.beat([first]) == [first]
        time.sleep(0.25)
        second = manifest.claim("two")
        assert (second.task, second.attempt) == (first.task, 2)
        assert manifest.beat([first, second]) == [second]
        assert not manifest.end(first, Ran(0))
        manifest.release(first)
        assert manifest.end(second, Ran(0, seconds=2.0, cpu_s=1.5, peak_gib=0.25))
        (outcome,) = manifest.outcomes()
        assert (outcome.state, outcome.seconds, outcome.cpu_s, outcome.peak_gib) == ("done", 2.0, 1.5, 0.25)


def test_a_task_that_fails_three_times_is_set_aside_with_its_error_and_the_rest_go_first(tmp_path):
    with Manifest.make(tmp_path / "m") as manifest:
        manifest.add(tasks(3))
        order = []
        while claim := manifest.claim("w"):
            order.append(claim.task.id)
            manifest.end(claim, Ran(2, f"bad scan, try {claim.attempt}") if claim.task.id == "c00000" else Ran(0))
        assert order == ["c00000", "c00001", "c00002", "c00000", "c00000"]
        (aside,) = [o for o in manifest.outcomes() if o.state == "aside"]
        assert (aside.id, aside.error, aside.attempts, aside.code) == ("c00000", "bad scan, try 3", 3, 2)


def test_a_task_whose_workers_are_lost_three_times_is_set_aside(tmp_path):
    with Manifest.make(tmp_path / "m") as manifest:
        manifest.add(tasks(1))
        for _ in range(3):
            assert manifest.claim("w")
            manifest.give_up("w")
        assert manifest.claim("w") is None
        assert ids(manifest, "aside") == {"c00000"}
        assert manifest.outcomes()[0].error == "its worker w was lost"


def test_a_task_given_back_has_not_been_tried(tmp_path):
    with Manifest.make(tmp_path / "m") as manifest:
        manifest.add(tasks(1))
        manifest.release(manifest.claim("w"))
        assert manifest.claim("w").attempt == 1


def test_a_worker_that_is_stopped_gives_back_all_it_holds_and_nothing_of_others(tmp_path):
    with Manifest.make(tmp_path / "m") as manifest:
        manifest.add(tasks(3))
        for worker in ("mine", "other", "mine"):
            manifest.claim(worker)
        manifest.give_back("mine")
        assert ids(manifest, "running") == {"c00001"}
        assert [manifest.claim("w").attempt for _ in range(2)] == [1, 1]


def test_adding_again_keeps_what_is_done_and_retries_what_was_set_aside(tmp_path):
    out = tmp_path / "there.nii.gz"
    out.touch()
    work = [Task("done", ("a",), str(out)), Task("gone", ("a",), str(tmp_path / "no")), Task("aside", ("a",))]
    with Manifest.make(tmp_path / "m", attempts=1) as manifest:
        manifest.add(work)
        for _ in work:
            claim = manifest.claim("w")
            manifest.end(claim, Ran(2 if claim.task.id == "aside" else 0))
        assert ids(manifest, "done") == {"done", "gone"}
        manifest.add(work)
        assert ids(manifest, "waiting") == {"gone", "aside"}
        manifest.add([Task("done", ("other",), str(out))])
        assert "done" in ids(manifest, "waiting")


def test_work_that_replaces_results_begins_anew_only_once_all_of_it_has_ended(tmp_path):
    work = [Task(id_, ("fill", "--overwrite")) for id_ in "ab"]
    with Manifest.make(tmp_path / "m") as manifest:
        manifest.add(work)
        manifest.end(manifest.claim("w"), Ran(0))
        manifest.add(work)
        assert ids(manifest, "waiting") == {"b"}
        manifest.end(manifest.claim("w"), Ran(0))
        manifest.add(work)
        assert ids(manifest, "waiting") == {"a", "b"}


def test_a_task_that_runs_cannot_become_another(tmp_path):
    with Manifest.make(tmp_path / "m") as manifest:
        manifest.add([Task("a", ("fill",))])
        manifest.claim("w")
        with pytest.raises(ConfigError, match="the command that a is worked on with: fill, got mesh"):
            manifest.add([Task("a", ("mesh",))])


def test_the_time_left_follows_from_the_mean_and_the_workers(tmp_path):
    with Manifest.make(tmp_path / "m") as manifest:
        manifest.add([Task(f"{n}", ("info",), memory_gib=n / 2) for n in range(10)])
        assert manifest.seconds_left() is None
        manifest.end(manifest.claim("w"), Ran(0, seconds=6.0))
        manifest.claim("w")
        manifest.claim("v")
        assert manifest.seconds_left() == pytest.approx(6 * (7 + 1) / 2)
        assert manifest.largest_gib() == 4.5


def test_a_manifest_of_another_machine_is_refused_unless_it_is_shared(tmp_path):
    for shared in (True, False):
        Manifest.make(tmp_path / "m", shared=shared).__exit__(None, None, None)
        with sqlite3.connect(tmp_path / "m") as db:
            db.execute("UPDATE facts SET host = 'elsewhere'")
        db.close()
        if shared:
            Manifest(tmp_path / "m").__exit__(None, None, None)
        else:
            with pytest.raises(ConfigError, match="to be used on elsewhere alone"):
                Manifest(tmp_path / "m")


def test_a_file_that_is_no_manifest_is_refused_and_left_alone(tmp_path):
    text, other = tmp_path / "text", tmp_path / "other"
    text.write_text("no database at all " * 100)
    with sqlite3.connect(other) as db:
        db.execute("CREATE TABLE things (a)")
    db.close()
    for path in (text, other):
        before = path.read_bytes()
        for opening in (Manifest, Manifest.make):
            with pytest.raises(DataError, match="manifest"):
                opening(path)
        assert path.read_bytes() == before
    with pytest.raises(DataError, match="no file of that name"):
        Manifest(tmp_path / "none")


@pytest.mark.parametrize(
    ("field", "value"), [("workers", 0), ("threads", 0), ("attempts", 0), ("gpus", -1), ("lost_s", 0.0)]
)
def test_settings_that_make_no_sense_are_refused(field, value):
    with pytest.raises(ConfigError, match=field):
        JobSettings(**{field: value})


def test_on_a_full_disk_the_manifest_says_so_and_goes_on_once_there_is_space(tmp_path):
    with Manifest.make(tmp_path / "m") as manifest:
        manifest.add(tasks(1))
        claim = manifest.claim("w")
        pages = manifest._db.execute("PRAGMA page_count").fetchone()[0]
        manifest._db.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(DataError, match="full"):
            manifest.end(claim, Ran(2, "x" * 100_000))
        manifest._db.execute("PRAGMA max_page_count = 100000")
        assert manifest.end(claim, Ran(0))
        assert manifest.counts()["done"] == 1
