"""Prepared cases: made once, made again when something changed, never half there."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from condyle import io
from condyle.config import Channel, NetConfig, Plan
from condyle.data import Case, Dataset, load_image, load_labels
from condyle.data.lock import one_writer
from condyle.data.prepared.arrays import write_array
from condyle.data.prepared.positions import as_table, from_table, sample_positions
from condyle.data.store import Store, open_store
from condyle.errors import ConfigError, DataError
from condyle.io.atomic import atomic_folder
from condyle.labels import Labels
from condyle.prepare import prepare
from condyle.space import Box
from condyle.workflow.check import check
from datasets import LABELS, label_map, small_dataset

#: Prepares the store of a dataset's folder; says when all that it imports is there, from when on it may be killed.
PROGRAM = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_store import plan_of
from condyle.data import Dataset
from condyle.data.store import open_store
from condyle.data.prepared.make import make_case
dataset = Dataset.open(Path(sys.argv[2]))
make_case(dataset, dataset.cases[0], plan_of(), "reference")
print("ready", flush=True)
open_store(dataset, plan_of(), "reference").prepare(workers=2)
"""


def plan_of(**others) -> Plan:
    net = NetConfig("plain_unet", 3, 1, 4, (8,), ((3, 3, 3),), ((1, 1, 1),), (2,), ())
    values = {"spacing_mm": (1.6, 1.2, 1.2), "patch": (8, 8, 8)} | others
    return Plan(net, values.pop("channels", (Channel("CT", "ct", False, 40.0, 100.0, -200.0, 500.0),)), **values)


def started(dataset: Dataset) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM, str(Path(__file__).parent), str(dataset.folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def dataset(tmp_path) -> Dataset:
    return small_dataset(tmp_path / "small")


@pytest.fixture
def store(dataset) -> Store:
    return open_store(dataset, plan_of(), "reference")


def files_of(store: Store) -> dict[str, tuple[int, int]]:
    """Every file of the store with its inode and time: a file written again has others."""
    paths = sorted(p for p in store.folder.rglob("*") if p.is_file())
    return {str(p.relative_to(store.folder)): (p.stat().st_ino, p.stat().st_mtime_ns) for p in paths}


def case_files(store: Store, id_: str) -> dict[str, tuple[int, int]]:
    return {name: seen for name, seen in files_of(store).items() if name.startswith(f"cases/{id_}/")}


def equals_prepared(store: Store, id_: str) -> bool:
    case = store.dataset[id_]
    expected = prepare(
        [load_image(store.dataset, case, "CT")], store.plan, load_labels(store.dataset, case, "reference")
    )
    stored = store[id_]
    return (
        np.array_equal(stored.image.whole(), expected.array)
        and np.array_equal(stored.labels.whole(), expected.labels)
        and stored.grid.matches(expected.grid, 0)
        and stored.source.matches(expected.source, 0)
        and stored.separate == expected.separate
    )


@pytest.mark.parametrize("workers", [1, 2])
def test_a_stored_case_is_the_prepared_case(store, workers):
    assert store.prepare(workers=workers) == ("a", "b", "c") == tuple(store) == store.ids
    assert len(store) == 3
    assert all(equals_prepared(store, id_) for id_ in store)
    stored = store["a"]
    assert (stored.image.dtype, stored.labels.dtype) == ("float32", "int8")
    assert stored.image.shape == (1, *stored.labels.shape) == (1, *stored.grid.shape)


def test_a_patch_is_what_lies_in_its_box(store):
    store.prepare()
    stored = store["b"]
    box = Box((2, 3, 4), (6, 9, 5))
    np.testing.assert_array_equal(stored.image.read(box), stored.image.whole()[:, 2:6, 3:9, 4:5])
    np.testing.assert_array_equal(stored.labels.read(box), stored.labels.whole()[2:6, 3:9, 4:5])
    assert stored.image.read(box).flags.writeable
    last = stored.grid.shape
    for start, stop in (((-1, 0, 0), (3, 3, 3)), ((0, 0, 0), (last[0] + 1, 3, 3)), ((3, 3, 3), (3, 4, 4))):
        with pytest.raises(ValueError, match="does not lie within"):
            stored.image.read(Box(start, stop))


def test_positions_lie_in_their_structure_and_are_the_same_each_time(store, dataset):
    store.prepare()
    stored, labels = store["a"], store["a"].labels.whole()
    assert set(stored.positions) == set(LABELS.ids) == set(stored.voxels)
    for id_, where in stored.positions.items():
        assert stored.voxels[id_] == (labels == id_).sum() == len(where)
        assert (labels[tuple(where.T)] == id_).all()
        assert len(np.unique(where, axis=0)) == len(where)
    other = open_store(dataset, plan_of(), "reference", dataset.folder.parent / "elsewhere")
    other.prepare()
    assert all(np.array_equal(where, other["a"].positions[id_]) for id_, where in stored.positions.items())


def test_of_a_large_structure_a_seeded_sample_is_kept_that_covers_it_evenly():
    labels = np.zeros((40, 40, 40), np.int16)
    labels[:, :, 20:] = 3
    labels[0] = -1
    positions, voxels = sample_positions(labels, (0, 3, 4), np.random.default_rng(0), most=1000)
    assert voxels == {0: 40 * 40 * 20 + 40 * 20, 3: 39 * 40 * 20}
    assert {id_: len(where) for id_, where in positions.items()} == {0: 1000, 3: 1000}
    assert (labels[tuple(positions[0].T)] <= 0).all()
    np.testing.assert_allclose(positions[3].mean(0), (20, 19.5, 29.5), atol=1.5)
    table = as_table(positions)
    assert all(np.array_equal(where, from_table(table)[id_]) for id_, where in positions.items())
    assert from_table(as_table({})) == {}


def test_with_an_ignore_id_background_that_somebody_labelled_has_positions_too(dataset):
    ignoring = replace(dataset, labels=Labels.of({"femur_left": 1, "patella": 4}, ignore=2))
    store = open_store(ignoring, plan_of(), "reference")
    store.prepare()
    assert set(store["a"].positions) == {0, 1, 4}


def test_nothing_is_prepared_twice(store):
    store.prepare()
    before = files_of(store)
    assert store.stale() == ()
    assert store.prepare() == ()
    assert files_of(store) == before


def test_an_edited_mask_is_prepared_again_and_nothing_else(store, dataset):
    store.prepare()
    before = {id_: case_files(store, id_) for id_ in store}
    truth = label_map()
    truth.array[:3] = 4
    io.write(dataset.path(dataset["b"].label_sets["reference"]), truth, overwrite=True)
    assert [case.id for case in store.stale()] == ["b"]
    assert store.prepare() == ("b",)
    assert equals_prepared(store, "b")
    assert {id_: case_files(store, id_) == before[id_] for id_ in store} == {"a": True, "b": False, "c": True}


def test_a_copied_dataset_is_known_by_its_content(store, dataset, tmp_path):
    store.prepare()
    shutil.copytree(dataset.folder, tmp_path / "copy", copy_function=shutil.copyfile)
    copied = open_store(Dataset.open(tmp_path / "copy"), plan_of(), "reference")
    assert len(copied.stale()) == 3
    before = files_of(copied)
    assert copied.prepare() == ()
    assert copied.stale() == ()
    changed = {name for name, seen in files_of(copied).items() if before.get(name) != seen}
    assert changed == {"prepared.json", ".lock"} & changed | {f"cases/{id_}/case.json" for id_ in "abc"}


def test_what_preparation_does_not_depend_on_shares_a_store(store, dataset):
    assert open_store(dataset, plan_of(patch=(16, 8, 8), batch=5, mirror=(0,)), "reference").folder == store.folder


@pytest.mark.parametrize(
    "others",
    [
        {"spacing_mm": (2.0, 1.2, 1.2)},
        {"axes": (0, 1, 2)},
        {"orientation": "RAS"},
        {"crop_nonzero": False},
        {"separate": "never"},
        {"channels": (Channel("CT", "zscore"),)},
    ],
)
def test_what_preparation_depends_on_has_a_store_of_its_own(store, dataset, others):
    assert open_store(dataset, plan_of(**others), "reference").folder != store.folder


def test_check_finds_nothing_wrong_with_a_dataset_that_has_a_store(store, dataset):
    before = check(dataset.folder).to_json()
    store.prepare()
    assert check(dataset.folder).to_json() == before


def test_a_case_without_labels_of_the_set_is_left_out_and_named_when_asked_for(dataset):
    bare = Case("d", "d", dataset["a"].images, {})
    store = open_store(dataset.with_case(bare), plan_of(), "reference")
    assert store.ids == ("a", "b", "c")
    with pytest.raises(DataError, match=r"dataset.json: d: expected a case labelled in the set reference, got no"):
        store["d"]


def test_a_case_that_is_not_prepared_yet_says_so(store):
    with pytest.raises(DataError, match="Prepare the store first"):
        store["a"]
    with pytest.raises(ConfigError, match="expected a case of the dataset, got x"):
        store["x"]


def test_unknown_label_sets_and_channels_are_refused_with_those_there_are(dataset):
    with pytest.raises(ConfigError, match=r"\(reference\), got corrected"):
        open_store(dataset, plan_of(), "corrected")
    with pytest.raises(ConfigError, match="names among CT, got T1"):
        open_store(dataset, plan_of(channels=(Channel("T1", "zscore"),)), "reference")


def test_ids_beyond_the_table_are_refused_with_their_file(store, dataset):
    truth = label_map()
    truth.array[0, 0, :2] = (7, 3)
    io.write(dataset.path(dataset["b"].label_sets["reference"]), truth, overwrite=True)
    with pytest.raises(DataError, match=r"labels/reference/b.nii.gz.*\(1, 2, 4\), got also 3, 7"):
        store.prepare()
    assert equals_prepared(store, "a")


def test_a_scan_with_nan_is_refused_with_its_file(store, dataset):
    path = dataset.path(dataset["c"].images["CT"])
    scan = io.read(path)
    array = scan.array.astype(np.float32)
    array[5, 5, 5] = np.nan
    io.write(path, scan.with_array(array), overwrite=True)
    with pytest.raises(DataError, match=r"images/CT/c.nii.gz: expected finite intensities, got 1 voxels"):
        store.prepare()


def test_an_empty_scan_and_a_lost_file_are_refused_with_their_files(store, dataset):
    path = dataset.path(dataset["a"].images["CT"])
    scan = io.read(path)
    io.write(path, scan.with_array(np.zeros_like(scan.array)), overwrite=True)
    with pytest.raises(DataError, match=r"images/CT/a.nii.gz.*0 in every voxel"):
        store.prepare()
    path.unlink()
    with pytest.raises(DataError, match=r"images/CT/a.nii.gz: expected a file of the dataset"):
        store.prepare()


def test_a_lost_file_of_a_stored_case_is_named(store, dataset):
    store.prepare()
    dataset.path(dataset["a"].images["CT"]).unlink()
    with pytest.raises(DataError, match=r"images/CT/a.nii.gz: expected a file of the dataset"):
        store.stale()


@pytest.mark.parametrize("name", ["image.npy", "labels.npy", "positions.npy"])
def test_a_broken_file_of_the_store_is_named_with_what_to_do(store, name):
    store.prepare()
    path = store.folder / "cases" / "a" / name
    path.write_bytes(path.read_bytes()[:-9])
    stored = store["a"]
    with pytest.raises(DataError, match=rf"{name}.*Remove the folder"):
        {"image.npy": stored.image.whole, "labels.npy": stored.labels.whole}.get(name, lambda: stored.positions)()
    write_array(path, np.zeros((2, 2, 2), np.float64))
    with pytest.raises(DataError, match=r"an array of float64 \(2, 2, 2\), not"):
        {"image.npy": stored.image.whole, "labels.npy": stored.labels.whole}.get(name, lambda: stored.positions)()


@pytest.mark.parametrize("content", ["{", "{}", None])
def test_a_broken_description_is_an_error_to_read_and_made_anew_by_preparing(store, content):
    store.prepare()
    path = store.folder / "cases" / "a" / "case.json"
    path.write_text(path.read_text().replace('"affine"', '"affin"') if content is None else content)
    with pytest.raises(DataError, match=r"case.json"):
        store["a"]
    assert store.prepare() == ("a",)
    assert equals_prepared(store, "a")


def test_a_full_disk_is_told_with_the_case_and_leaves_nothing_half_there(store):
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Files may grow to 8 KiB: descriptions fit, arrays do not.
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, limit[1]))
    try:
        with pytest.raises(DataError, match=r"cases/a: expected to be able to write it, got File too large"):
            store.prepare()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert [p for p in store.folder.rglob("*") if p.is_file() and p.suffix == ".npy"] == []
    assert store.prepare() == ("a", "b", "c")


def test_killed_at_any_moment_preparing_goes_on_where_it_was(tmp_path):
    dataset = small_dataset(tmp_path / "small", tuple("abcdefgh"))
    store = open_store(dataset, plan_of(), "reference")
    rng = random.Random(3)  # noqa: S311 - moments, not secrets
    finished: set[str] = set()
    for _ in range(5):
        process = started(dataset)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(rng.uniform(0.0, 0.25))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        whole = {path.parent.name for path in store.folder.glob("cases/[!.]*/case.json")}
        assert finished <= whole
        assert all(equals_prepared(store, id_) for id_ in whole - finished)
        finished = whole
    assert set(store.prepare()) == set(store.ids) - finished
    assert all(equals_prepared(store, id_) for id_ in store)
    assert list(store.folder.rglob(".condyle-*")) == []


def test_a_kill_while_an_old_case_is_replaced_leaves_no_case_rather_than_a_broken_one(store, dataset):
    store.prepare()
    place = store.folder / "cases" / "a"
    os.utime(dataset.path(dataset["a"].images["CT"]), ns=(1, 1))
    # What is left when the old folder is being removed.
    (place / "case.json").unlink()
    (place / "image.npy").unlink()
    assert store.prepare() == ("a",)
    assert equals_prepared(store, "a")


def test_two_that_prepare_at_once_share_the_work(dataset, store):
    processes = [started(dataset) for _ in range(2)]
    for process in processes:
        process.communicate()
        assert process.returncode == 0
    assert store.prepare() == ()
    assert all(equals_prepared(store, id_) for id_ in store)


def test_an_import_does_not_sweep_up_what_is_being_prepared(store, dataset):
    with one_writer(store.folder, make=True):
        (store.folder / "cases").mkdir()
        with atomic_folder(store.folder / "cases" / "a") as at_work, one_writer(dataset.folder):
            assert at_work.is_dir()


def test_labels_above_127_are_kept(tmp_path):
    dataset = small_dataset(tmp_path / "large", ("a",))
    truth = label_map()
    truth.array[truth.array == 4] = 200
    io.write(dataset.path(dataset["a"].label_sets["reference"]), truth, overwrite=True)
    table = Labels.of({"femur_left": 1, "femur_right": 2, "patella": 200})
    store = open_store(replace(dataset, labels=table), plan_of(), "reference")
    store.prepare()
    assert store["a"].labels.dtype == "int16"
    assert store["a"].voxels[200] > 0
