"""A dataset for nnU-Net, and back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from condyle import io
from condyle.data import Case, Dataset, Folds, load_image, load_labels
from condyle.data.case import image_path, labels_path
from condyle.data.nnunet_labels import labels_from_nnunet, labels_to_nnunet
from condyle.errors import ConfigError, DataError
from condyle.labels import Labels
from condyle.space import Volume
from condyle.workflow.export import export
from condyle.workflow.import_ import import_
from datasets import AFFINE, GRID, LABELS, ball, label_map, scan, small_dataset


def written(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "dataset.json").read_text())
    return content


def same(one: Dataset, other: Dataset) -> None:
    """Both hold the same cases, voxels, places and labels."""
    assert [(c.id, c.group) for c in one.cases] == [(c.id, c.group) for c in other.cases]
    assert one.channels == other.channels
    assert one.labels == other.labels
    for a, b in zip(one.cases, other.cases, strict=True):
        assert set(a.label_sets) == set(b.label_sets)
        pairs = [(load_image(one, a, c), load_image(other, b, c)) for c in one.channels]
        pairs += [(load_labels(one, a, s), load_labels(other, b, s)) for s in a.label_sets]
        for x, y in pairs:
            np.testing.assert_array_equal(x.array, y.array)
            np.testing.assert_array_equal(x.affine, y.affine)
            assert x.array.dtype == y.array.dtype


def test_the_layout_is_nnunets(tmp_path: Path) -> None:
    dataset = small_dataset(tmp_path / "ds")
    dataset.with_case(replace(dataset["a"], id="new", label_sets={})).save()
    result = export(tmp_path / "ds", tmp_path / "raw", number=12, name="My Femora")
    folder = tmp_path / "raw/Dataset012_My_Femora"
    assert result.folder == str(folder)
    assert (result.training, result.unlabelled) == (3, 1)
    assert sorted(p.name for p in (folder / "imagesTr").iterdir()) == [f"{c}_0000.nii.gz" for c in "abc"]
    assert sorted(p.name for p in (folder / "labelsTr").iterdir()) == [f"{c}.nii.gz" for c in "abc"]
    assert [p.name for p in (folder / "imagesTs").iterdir()] == ["new_0000.nii.gz"]
    content = written(folder)
    assert content["channel_names"] == {"0": "CT"}
    assert content["numTraining"] == 3
    assert content["file_ending"] == ".nii.gz"


def test_ids_become_consecutive_with_ignore_last_and_the_table_is_told(tmp_path: Path) -> None:
    dataset = small_dataset(tmp_path / "ds")
    replace(dataset, labels=replace(LABELS, ignore=3)).save()
    array = label_map().array
    array[0, 0, 0] = 3
    io.write(dataset.path(dataset["a"].label_sets["reference"]), Volume(array, GRID), overwrite=True)
    result = export(tmp_path / "ds", tmp_path / "raw")
    folder = Path(result.folder)
    assert result.ids == {1: 1, 2: 2, 4: 3, 3: 4}
    assert written(folder)["labels"] == {"background": 0, "femur_left": 1, "femur_right": 2, "patella": 3, "ignore": 4}
    exported = io.read_labels(folder / "labelsTr/a.nii.gz").array
    np.testing.assert_array_equal(exported, np.array([0, 1, 2, 4, 3])[array])
    assert "4 is 3" in str(result)
    assert json.dumps(result.to_json())


@pytest.mark.parametrize("ignore", [None, 3, 9])
@pytest.mark.parametrize("regions", [{}, {"femora": (1, 2)}, {"femora": (1, 2), "bone": (1, 2, 4)}])
def test_there_and_back_nothing_is_lost(
    tmp_path: Path, ignore: int | None, regions: dict[str, tuple[int, ...]]
) -> None:
    dataset = small_dataset(tmp_path / "ds")
    dataset = replace(dataset, labels=replace(LABELS, ignore=ignore, regions=regions))
    dataset = dataset.with_case(replace(dataset["b"], group="donor 1"))
    unlabelled = Case("u", "donor 1", {"CT": image_path("CT", "u")})
    io.write(dataset.path(unlabelled.images["CT"]), scan(50))
    dataset = dataset.with_case(unlabelled)
    if ignore is not None:
        array = label_map().array
        array[ball(GRID, (20, 3, 3), 2)] = ignore
        io.write(dataset.path(dataset["a"].label_sets["reference"]), Volume(array, GRID), overwrite=True)
    dataset.save()
    folder = export(tmp_path / "ds", tmp_path / "raw").folder
    assert import_([Path(folder)], tmp_path / "back").ok
    same(dataset, Dataset.open(tmp_path / "back"))


@pytest.mark.parametrize("kind", ["ct", "mr"])
def test_what_came_from_nnunet_goes_back_as_it_was(tmp_path: Path, shared_nnunet: Path, kind: str) -> None:
    source = next((shared_nnunet / kind / "raw").iterdir())
    import_([source], tmp_path / "ds")
    folder = Path(export(tmp_path / "ds", tmp_path / "raw").folder)
    ours, theirs = written(folder), written(source)
    ours.pop("condyle")
    assert ours == theirs
    for path in sorted((source / "labelsTr").iterdir()):
        mine, other = io.read_labels(folder / "labelsTr" / path.name), io.read_labels(path)
        np.testing.assert_array_equal(mine.array, other.array)
        np.testing.assert_allclose(mine.affine, other.affine, atol=1e-5)
    import_([folder], tmp_path / "again")
    same(Dataset.open(tmp_path / "ds"), Dataset.open(tmp_path / "again"))


def painted(content: dict[str, Any], ids: tuple[int, ...]) -> dict[int, int]:
    """What nnU-Net's rule makes of a voxel of each id: regions that hold it paint one after the other."""
    regions = [
        v if isinstance(v, list) else [v] for k, v in content["labels"].items() if k not in {"background", "ignore"}
    ]
    out = {}
    for id_ in ids:
        out[id_] = 0
        for region, paint in zip(regions, content["regions_class_order"], strict=True):
            if id_ in region:
                out[id_] = paint
    return out


@pytest.mark.parametrize(
    "regions",
    [
        {"all": (1, 2, 3, 4)},
        {"all": (1, 2, 3, 4), "pair": (2, 3)},
        {"pair": (2, 3), "all": (1, 2, 3, 4)},
        {"p": (1, 2), "q": (2, 3), "r": (3, 4)},
    ],
)
@pytest.mark.parametrize(
    "names", [("a", "b", "c", "d"), ("all_1", "pair_2", "c", "d"), ("all_1", "all_2", "all_3", "all_4")]
)
def test_painting_the_regions_in_order_gives_every_id_back(
    regions: dict[str, tuple[int, ...]], names: tuple[str, ...]
) -> None:
    labels = Labels.of({name: n for n, name in enumerate(names, start=1)}, regions=regions, ignore=5)
    content = labels_to_nnunet(labels)
    assert painted(content, labels.ids) == {id_: id_ for id_ in labels.ids}
    assert content["labels"]["ignore"] == 5
    assert set(labels_from_nnunet(content, "x").ids) == set(labels.ids)


def test_folds_go_along_without_the_test_part(tmp_path: Path) -> None:
    dataset = small_dataset(tmp_path / "ds", ("a", "b", "c", "d"))
    replace(dataset, folds=Folds("kfold", 0, {"a": 0, "b": 1, "c": "test", "d": "train"})).save()
    folder = Path(export(tmp_path / "ds", tmp_path / "raw").folder)
    assert json.loads((folder / "splits_final.json").read_text()) == [
        {"train": ["b", "d"], "val": ["a"]},
        {"train": ["a", "d"], "val": ["b"]},
    ]


def test_which_label_set_must_be_clear(tmp_path: Path) -> None:
    dataset = small_dataset(tmp_path / "ds")
    path = labels_path("corrected", "a")
    io.write(dataset.path(path), label_map())
    dataset.with_case(dataset["a"].with_label_set("corrected", path)).save()
    with pytest.raises(ConfigError, match="corrected, reference"):
        export(tmp_path / "ds", tmp_path / "raw")
    result = export(tmp_path / "ds", tmp_path / "raw", label_set="corrected")
    assert (result.training, result.unlabelled) == (1, 2)
    with pytest.raises(ConfigError, match="other"):
        export(tmp_path / "ds", tmp_path / "raw", label_set="other", number=2)


@pytest.mark.parametrize("options", [{"to": "monai"}, {"number": 0}, {"number": 1000}])
def test_senseless_options_are_refused(tmp_path: Path, options: dict[str, Any]) -> None:
    small_dataset(tmp_path / "ds")
    with pytest.raises(ConfigError):
        export(tmp_path / "ds", tmp_path / "raw", **options)


def test_a_missing_file_leaves_no_half_export(tmp_path: Path) -> None:
    dataset = small_dataset(tmp_path / "ds")
    dataset.path(dataset["c"].images["CT"]).unlink()
    with pytest.raises(DataError, match="condyle check"):
        export(tmp_path / "ds", tmp_path / "raw")
    assert list((tmp_path / "raw").iterdir()) == []


def test_a_source_that_cannot_be_read_is_named_and_not_the_target(tmp_path: Path) -> None:
    dataset = small_dataset(tmp_path / "ds")
    image = dataset.path(dataset["c"].images["CT"])
    image.unlink()
    image.mkdir()
    with pytest.raises(DataError, match="a file one can read") as caught:
        export(tmp_path / "ds", tmp_path / "raw")
    assert caught.value.where == str(image)
    assert list((tmp_path / "raw").iterdir()) == []


def test_a_label_map_beside_its_image_is_not_exported(tmp_path: Path) -> None:
    dataset = small_dataset(tmp_path / "ds")
    path = dataset.path(dataset["b"].label_sets["reference"])
    moved = AFFINE.copy()
    moved[2, 3] += 1
    io.write(path, Volume.of(io.read_labels(path).array, moved), overwrite=True)
    with pytest.raises(DataError, match="condyle check") as caught:
        export(tmp_path / "ds", tmp_path / "raw")
    assert caught.value.where == str(path)
    assert str(dataset.path(dataset["b"].images["CT"])) in str(caught.value)
    assert list((tmp_path / "raw").iterdir()) == []


def test_an_export_is_replaced_only_when_asked(tmp_path: Path) -> None:
    small_dataset(tmp_path / "ds")
    export(tmp_path / "ds", tmp_path / "raw")
    with pytest.raises(DataError, match="overwrite"):
        export(tmp_path / "ds", tmp_path / "raw")
    export(tmp_path / "ds", tmp_path / "raw", overwrite=True)


def test_an_id_without_structure_is_not_exported(tmp_path: Path) -> None:
    dataset = small_dataset(tmp_path / "ds")
    array = label_map().array
    array[0, 0, 0] = 9
    io.write(dataset.path(dataset["a"].label_sets["reference"]), Volume(array, GRID), overwrite=True)
    with pytest.raises(DataError, match="also 9"):
        export(tmp_path / "ds", tmp_path / "raw")
