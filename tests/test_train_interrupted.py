"""`condyle train`, killed or short of disk at any moment, goes on with the same command and ends as if it never was.

The verb runs in processes of its own that have its libraries loaded already, so that the moments fall into its work.
How often it is killed: `CONDYLE_KILLS=30 pytest tests/test_train_interrupted.py`.
"""

from __future__ import annotations

import csv
import json
import multiprocessing
import os
import resource
import shutil
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from math import inf
from pathlib import Path
from time import sleep

import numpy as np
import psutil
import pytest
from safetensors import safe_open

import condyle
from condyle import io

KILLS = int(os.environ.get("CONDYLE_KILLS", "6"))

OPTIONS = (
    "--recipe", "quick", "--label-set", "truth", "--fold", "cv", "--features", "4", "--patch", "16,16,16",
    "--epochs", "4", "--iterations", "4", "--val-iterations", "2", "--precision", "fp32", "--no-compiled",
)  # fmt: skip


def run_verb(log: Path, largest: int, *arguments: str) -> None:
    """The command line in this process, which it ends; no file may grow beyond the largest, in bytes."""
    from condyle.cli import main

    if largest:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
    with log.open("a", encoding="utf-8") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.argv = ["condyle", *arguments]
    main()


def start(place: Path, largest: int = 0, log: Path | None = None):
    """`condyle train` on the dataset in a folder."""
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["condyle.cli.app", "condyle.workflow.train", "condyle.augment.warp_loops"])
    arguments = ("train", str(place / "data"), "-o", str(place / "model"), *OPTIONS)
    process = processes.Process(target=run_verb, args=(log or place / "log.txt", largest, *arguments))
    process.start()
    return process


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("phantoms") / "data"
    condyle.phantom("proximal_femur", folder, count=6, seed=3, spacing=(4.0, 4.0, 4.0))
    condyle.folds(folder, count=2)
    return folder


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory) -> tuple[Path, float]:
    """The folder of a training that nothing interrupts, and the processor's seconds it takes."""
    place = tmp_path_factory.mktemp("whole")
    shutil.copytree(data, place / "data")
    process = start(place)
    took_s = worked(process, until_s=inf)
    process.join()
    assert process.exitcode == 0, (place / "log.txt").read_text()
    return place, took_s


def test_killed_at_any_moment_the_same_command_ends_with_the_same_model(data, whole, tmp_path):
    rng = np.random.default_rng(17)
    # Spread over the whole of a training, in no order: a restarted one has less to do, and may end before. More of them
    # come early, for preparing takes little time.
    moments = iter(((rng.permutation(2 * KILLS) + rng.uniform(size=2 * KILLS)) / (2 * KILLS)) ** 2 * whole[1])
    lives, kills, seen = 0, 0, []
    while kills < KILLS:
        place = tmp_path / str(lives)
        if not place.exists():
            shutil.copytree(data, place / "data")
        before = epochs_done(place)
        process = start(place)
        worked(process, until_s=next(moments))
        process.join(rng.uniform(0, 0.02))
        if process.exitcode is None:
            process.kill()
            process.join()
            kills += 1
            seen.append(how_far(place))
            check_whole(place)
            assert epochs_done(place) >= before
        else:
            same_result(process, place, whole[0])
            lives += 1
    place = tmp_path / str(lives)
    if place.exists():
        process = start(place)
        process.join()
        same_result(process, place, whole[0])
    print(f"{dict(Counter(seen))}; {lives} trainings ended between them")  # noqa: T201
    assert len(set(seen)) > 1


@pytest.mark.parametrize("what", ["image.npy", "state.pt"])
def test_a_file_that_finds_no_room_is_told_and_the_same_command_goes_on_when_there_is_some(what, data, whole, tmp_path):
    """While preparing, and while learning."""
    shutil.copytree(data, tmp_path / "data")
    largest = max(p.stat().st_size for p in whole[0].rglob(what)) - 1
    process = start(tmp_path, largest)
    process.join()
    check_refused(process, tmp_path / "log.txt", "File too large")
    check_whole(tmp_path)
    process = start(tmp_path)
    process.join()
    same_result(process, tmp_path, whole[0])


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_disk_that_is_full_at_any_moment_is_told_and_nothing_is_lost(share, data, whole, tmp_path):
    """A small file system of its own, of which a part is taken by something else that is removed then."""
    disk, log = tmp_path / "disk", tmp_path / "log.txt"
    disk.mkdir()
    needed, taken = used(whole[0]), used(data)
    command = ["mount", "-t", "tmpfs", "-o", f"size={2 * needed + (4 << 20)}", "none", str(disk)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("file systems may not be mounted here")
    try:
        shutil.copytree(data, disk / "data")
        room = shutil.disk_usage(disk).free - int(share * (needed - taken))
        (disk / "other").write_bytes(bytes(room))
        process = start(disk, log=log)
        process.join()
        check_refused(process, log, "No space left")
        check_whole(disk)
        before = epochs_done(disk)
        (disk / "other").unlink()
        process = start(disk, log=disk / "log.txt")
        process.join()
        assert epochs_done(disk) >= before
        same_result(process, disk, whole[0])
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def used(folder: Path) -> int:
    """Bytes that files take, in blocks as a file system gives them."""
    return sum(-(-p.stat().st_size // 4096) * 4096 for p in folder.rglob("*") if p.is_file())


def check_refused(process, log: Path, says: str) -> None:
    text = log.read_text()
    assert process.exitcode == 2, text
    assert says in text
    assert "Free some space" in text
    assert "Traceback" not in text


def worked(process, until_s: float) -> float:
    """Wait until a process has worked so long, or ended; the processor's seconds it worked. A busy machine is slow."""
    done_s = 0.0
    with suppress(psutil.NoSuchProcess):
        told = psutil.Process(process.pid)
        while process.exitcode is None and done_s < until_s:
            done_s = sum(told.cpu_times()[:2])
            sleep(0.003)
    return done_s


def how_far(place: Path) -> str:
    """In what the verb was at work."""
    model = place / "model"
    if not (model / "training" / "fold_0").exists():
        return "preparing"
    fold = 1 if (model / "training" / "fold_1").exists() else 0
    return f"{'testing' if (model / f'fold_{fold}.safetensors').exists() else 'learning'} fold {fold}"


def epochs_done(place: Path) -> int:
    """Epochs on record, over all folds."""
    return sum(len(rows(path)) for path in sorted(place.rglob("history.csv")))


def rows(path: Path) -> list[dict[str, str]]:
    """The table of a training, without what was measured."""
    text = path.read_text(encoding="utf-8")
    assert text == "" or text.endswith("\n")
    measured = {"seconds", "ram_gib", "vram_gib", "energy_kj"}
    return [{k: v for k, v in row.items() if k not in measured} for row in csv.DictReader(text.splitlines())]


def check_whole(place: Path) -> None:
    """Every file that is there can be read, but what lies in folders of unfinished things."""
    for path in (p for p in place.rglob("*") if p.is_file() and not hidden(p, place)):
        match path.suffix:
            case ".json":
                json.loads(path.read_text(encoding="utf-8"))
            case ".npy":
                np.load(path)
            case ".safetensors":
                with safe_open(path, "np") as weights:
                    assert all(np.isfinite(weights.get_tensor(name)).all() for name in weights.keys())  # noqa: SIM118
            case ".gz":
                io.read_labels(path) if "validation" in path.parts else io.read(path)
            case ".csv":
                rows(path)
    if (place / "model" / "plan.json").exists():
        assert condyle.load(place / "model").model.folds


def hidden(path: Path, place: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(place).parts)


def same_result(process, place: Path, whole: Path) -> None:
    """All that a training leaves is what the one without interruption left; nothing is left over."""
    assert process.exitcode == 0, (place / "log.txt").read_text()
    names = {p.relative_to(whole) for p in whole.rglob("*") if p.is_file()}
    assert {p.relative_to(place) for p in place.rglob("*") if p.is_file()} == names
    for name in names:
        if name.name == "history.csv":
            assert rows(place / name) == rows(whole / name)
        elif name.suffix in {".safetensors", ".npy"} or name.name in {"plan.json", "cleanup.json", "scores.csv"}:
            assert (place / name).read_bytes() == (whole / name).read_bytes(), name
        elif name.match("model/validation/*.nii.gz"):
            assert np.array_equal(io.read_labels(place / name).array, io.read_labels(whole / name).array)
