"""A dataset's folder and its `dataset.json`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from condyle.data import Case, Dataset, load_image, load_labels
from condyle.data.lock import one_writer
from condyle.data.names import is_safe, safe_name
from condyle.errors import ConfigError, DataError
from condyle.io.atomic import atomic_folder
from condyle.labels import Labels
from datasets import LABELS, label_map, scan, small_dataset
from killed import leftover


def edited(folder: Path, change: Any) -> Path:
    """The dataset in a folder with its JSON changed by hand."""
    content = json.loads((folder / "dataset.json").read_text())
    change(content)
    (folder / "dataset.json").write_text(json.dumps(content))
    return folder


def test_what_is_saved_is_what_is_opened(tmp_path: Path) -> None:
    dataset = small_dataset(tmp_path)
    assert Dataset.open(tmp_path) == dataset


def test_voxels_come_from_the_files_of_the_case(tmp_path: Path) -> None:
    dataset = small_dataset(tmp_path)
    image = load_image(dataset, dataset["b"], "CT")
    np.testing.assert_array_equal(image.array, scan(1).array)
    assert image.grid.matches(label_map().grid)
    assert load_labels(dataset, dataset["b"], "reference").array.dtype == np.uint8


def test_a_channel_or_label_set_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    dataset = small_dataset(tmp_path)
    with pytest.raises(ConfigError, match="CT"):
        load_image(dataset, dataset["a"], "MR")
    with pytest.raises(ConfigError, match="reference"):
        load_labels(dataset, dataset["a"], "corrected")
    with pytest.raises(ConfigError, match="a case of the dataset"):
        dataset["z"]
    assert "a" in dataset
    assert dataset.get("z") is None


def test_a_folder_that_is_no_dataset_says_what_makes_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="condyle import"):
        Dataset.open(tmp_path)
    with pytest.raises(DataError, match="no such folder"):
        Dataset.open(tmp_path / "none")


def test_an_nnunet_folder_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / "dataset.json").write_text('{"channel_names": {"0": "CT"}}')
    with pytest.raises(DataError, match="nnU-Net"):
        Dataset.open(tmp_path)


@pytest.mark.parametrize(
    "text", ["", "{", "[1, 2]", "\x00\xff", '{"condyle_dataset": 1}', '{"condyle_dataset": 99}', "null"]
)
def test_a_broken_json_is_refused_by_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "dataset.json").write_text(text, encoding="latin-1")
    with pytest.raises(DataError, match=r"dataset\.json"):
        Dataset.open(tmp_path)


def set_first(key: str, value: Any) -> Any:
    def change(content: dict[str, Any]) -> None:
        content["cases"][0][key] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.update(colour="red"), "colour"),
        (lambda c: c.pop("labels"), "no labels"),
        (lambda c: c.update(cases={}), "a list"),
        (lambda c: c.update(channels=["CT", "CT"]), "name of its own"),
        (lambda c: c.update(channels=["a/b"]), "letters"),
        (lambda c: c.update(labels=[]), "an object"),
        (lambda c: c["labels"].update(ignore="x"), "structures"),
        (lambda c: c["labels"]["structures"].append(c["labels"]["structures"][0]), "unique ids"),
        (lambda c: c["cases"].append(c["cases"][0]), "one case of each id"),
        (set_first("id", "B"), "one case of each id"),
        (set_first("id", "../a"), "letters"),
        (set_first("id", 7), "letters"),
        (set_first("group", ""), "not empty"),
        (set_first("images", {"CT": "images/../../secret.nii.gz"}), "inside the dataset"),
        (set_first("images", {"CT": "/etc/passwd"}), "inside the dataset"),
        (set_first("images", {"CT": "C:\\scan.nii"}), "inside the dataset"),
        (set_first("images", {"MR": "images/a.nii.gz"}), "channels CT"),
        (set_first("images", "images/a.nii.gz"), "object of texts"),
        (set_first("label_sets", {"a/b": "labels/a.nii.gz"}), "letters"),
        (set_first("age", 12), "age"),
        (lambda c: c.update(folds=[]), "an object"),
        (lambda c: c.update(folds={"method": "dice", "seed": 0, "parts": {}}), "kfold"),
        (lambda c: c.update(folds={"method": "kfold", "seed": 0, "parts": {"a": -1}}), "fold number"),
        (lambda c: c.update(folds={"method": "kfold", "seed": 0, "parts": {"z": 0}}), "only cases of the dataset"),
    ],
)
def test_a_senseless_entry_is_refused_with_its_place(tmp_path: Path, change: Any, message: str) -> None:
    small_dataset(tmp_path)
    with pytest.raises(DataError, match=message):
        Dataset.open(edited(tmp_path, change))


def test_folds_that_part_a_group_are_refused(tmp_path: Path) -> None:
    small_dataset(tmp_path)

    def change(content: dict[str, Any]) -> None:
        for case in content["cases"]:
            case["group"] = "one donor"
        content["folds"] = {"method": "kfold", "seed": 0, "parts": {"a": 0, "b": 1, "c": 0}}

    with pytest.raises(DataError, match="one donor"):
        Dataset.open(edited(tmp_path, change))


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    dataset = small_dataset(tmp_path / "dataset")
    image = dataset.path(dataset["a"].images["CT"])
    outside = image.rename(tmp_path / "outside.nii.gz")
    image.symlink_to(outside)
    with pytest.raises(DataError, match="inside the dataset"):
        load_image(dataset, dataset["a"], "CT")


def test_two_ids_that_differ_in_capitals_only_are_refused(tmp_path: Path) -> None:
    images = {"CT": "images/x.nii.gz"}
    with pytest.raises(DataError, match="F1 and f1"):
        Dataset(tmp_path, "x", ("CT",), LABELS, (Case("F1", "F1", images), Case("f1", "f1", images)))


def test_saving_where_one_may_not_write_is_explained(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        blocker = tmp_path / "file"
        blocker.write_text("")
        folder = blocker / "dataset"  # a folder below a file: refused to root too
    else:
        folder = tmp_path / "read-only"
        folder.mkdir(mode=0o500)
    with pytest.raises(DataError, match="write"):
        Dataset(folder, "x", ("CT",)).save()


def test_a_case_replaces_the_one_of_its_id(tmp_path: Path) -> None:
    dataset = small_dataset(tmp_path)
    again = dataset.with_case(dataset["a"].with_label_set("corrected", "labels/corrected/a.nii.gz"))
    assert [case.id for case in again.cases] == ["a", "b", "c"]
    assert again.label_sets == ("corrected", "reference")


def test_a_dataset_without_labels_has_an_empty_table(tmp_path: Path) -> None:
    Dataset(tmp_path, "x", ("CT",)).save()
    assert Dataset.open(tmp_path).labels == Labels(())


def test_only_one_process_writes_at_a_time(tmp_path: Path) -> None:
    with one_writer(tmp_path), pytest.raises(DataError, match="only one"), one_writer(tmp_path):
        pass
    with one_writer(tmp_path):
        pass


def test_a_writer_sweeps_up_after_dead_processes_alone(tmp_path: Path) -> None:
    left = leftover(tmp_path / "images" / "CT")
    (left / "half.nii.gz").write_bytes(b"half")
    host = left.name.split("-")[1]
    others = [".condyle-notes", f".condyle-{host}", ".condyle-00000000-1-x", left.name.replace(host, "0" * 8)]
    for name in others:
        (tmp_path / name).mkdir()
    with atomic_folder(tmp_path / "export") as at_work:
        with one_writer(tmp_path):
            assert at_work.is_dir()
        (at_work / "a").write_text("whole")
    assert not left.exists()
    assert (tmp_path / "export" / "a").read_text() == "whole"
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith(".condyle-")) == sorted(others)


def test_what_a_writer_cannot_read_elsewhere_is_not_told_of_the_dataset(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), one_writer(tmp_path / "ds", make=True):
        (tmp_path / "source").read_bytes()
    with pytest.raises(DataError, match="can write"), one_writer(tmp_path / "ds"):
        (tmp_path / "ds" / "gone" / "a").write_bytes(b"")


@pytest.mark.parametrize("text", ["", ".", "..", "../../etc", "a/b", "Tairāwhiti 7", "x" * 300, "a.", "-rf", "con\n"])
def test_any_text_makes_a_safe_name(text: str) -> None:
    assert is_safe(safe_name(text))
