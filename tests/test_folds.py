"""Splits by group, the same everywhere, stored once."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from condyle.data import Case, Dataset, Folds, make_folds, split
from condyle.data.folds import Method
from condyle.errors import ConfigError, DataError
from condyle.workflow.folds import folds
from datasets import small_dataset


def femora(donors: int) -> list[Case]:
    """A left and a right femur of each donor."""
    return [Case(f"{d}{side}", f"{d}", {"CT": f"images/CT/{d}{side}.nii.gz"}) for d in range(donors) for side in "LR"]


def parted_groups(cases: list[Case], made: Folds) -> set[str]:
    """Groups with cases in more than one part."""
    parts = {(case.group, made.parts[case.id]) for case in cases}
    return {group for group, count in Counter(group for group, _ in parts).items() if count > 1}


def test_shuffling_files_puts_the_femora_of_a_donor_on_both_sides_and_we_never_do() -> None:
    cases = femora(36)
    shuffled = np.random.default_rng(123).permutation(len(cases))
    held_out = {cases[i].group for i in shuffled[62:]}
    trained_on = {cases[i].group for i in shuffled[:62]}
    assert held_out & trained_on
    assert not parted_groups(cases, make_folds(cases, method="hold-out", k=7, seed=123))


@settings(max_examples=60, deadline=None)
@given(data=st.data(), method=st.sampled_from(get_args(Method)), test_fraction=st.sampled_from([0.0, 0.1]))
def test_no_group_is_ever_parted_and_the_order_of_cases_does_not_matter(
    data: st.DataObject, method: Method, test_fraction: float
) -> None:
    sizes = data.draw(st.lists(st.integers(1, 5), min_size=8, max_size=30))
    k, seed = data.draw(st.integers(2, 5)), data.draw(st.integers(0, 2**32))
    cases = [Case(f"{g}_{n}", f"g{g}", {}) for g, size in enumerate(sizes) for n in range(size)]
    made = make_folds(cases, method=method, k=k, seed=seed, test_fraction=test_fraction)
    assert set(made.parts) == {case.id for case in cases}
    assert not parted_groups(cases, made)
    mixed = data.draw(st.permutations(cases))
    assert make_folds(mixed, method=method, k=k, seed=seed, test_fraction=test_fraction) == made


@given(sizes=st.lists(st.integers(1, 5), min_size=5, max_size=40), seed=st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_folds_differ_by_no_more_cases_than_the_largest_group_has(sizes: list[int], seed: int) -> None:
    cases = [Case(f"{g}_{n}", f"g{g}", {}) for g, size in enumerate(sizes) for n in range(size)]
    filled = Counter(make_folds(cases, k=5, seed=seed).parts.values())
    assert max(filled.values()) - min(filled.values()) <= max(sizes)


def test_29_single_cases_make_folds_of_6_6_6_6_5() -> None:
    made = make_folds([Case(str(n), str(n), {}) for n in range(29)], k=5)
    assert sorted(Counter(made.parts.values()).values()) == [5, 6, 6, 6, 6]


def test_a_seed_means_the_same_split_for_ever() -> None:
    made = make_folds(femora(6), k=3, seed=123)
    assert {id_: part for id_, part in made.parts.items() if id_.endswith("L")} == PINNED


PINNED = {"0L": 1, "1L": 0, "2L": 0, "3L": 2, "4L": 1, "5L": 2}


def test_leaving_out_one_group_makes_a_fold_of_each() -> None:
    made = make_folds(femora(4), method="leave-one-group-out")
    assert made.count == 4
    assert Counter(made.parts.values()) == {0: 2, 1: 2, 2: 2, 3: 2}


def test_the_test_part_is_in_no_fold() -> None:
    made = make_folds(femora(36), k=5, test_fraction=10 / 72)
    assert Counter(made.parts.values())["test"] == 10


@pytest.mark.parametrize(
    "options",
    [
        {"k": 1},
        {"k": 5},
        {"seed": -1},
        {"test_fraction": 1.0},
        {"test_fraction": -0.1},
        {"method": "random"},
        {"test_fraction": 0.9},
    ],
)
def test_splits_that_cannot_be_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        make_folds(femora(4), **options)  # type: ignore[arg-type]


def test_a_split_names_train_validation_and_test(tmp_path: Path) -> None:
    dataset = small_dataset(tmp_path, ("a", "b", "c", "d", "e"))
    dataset = replace(dataset, folds=Folds("kfold", 0, {"a": 0, "b": 1, "c": "test", "d": "train", "e": 0}))
    first = split(dataset, 0)
    assert [[c.id for c in part] for part in (first.train, first.validation, first.test)] == [
        ["b", "d"],
        ["a", "e"],
        ["c"],
    ]
    every = split(dataset, "all")
    assert [[c.id for c in part] for part in (every.train, every.validation, every.test)] == [
        ["a", "b", "d", "e"],
        [],
        ["c"],
    ]
    with pytest.raises(ConfigError, match="0 to 1, or all"):
        split(dataset, 2)


def test_a_split_of_one_label_set_has_only_its_cases(tmp_path: Path) -> None:
    dataset = small_dataset(tmp_path)
    folds(tmp_path, count=3)
    dataset = Dataset.open(tmp_path)
    dataset = dataset.with_case(dataset["b"].with_label_set("corrected", "labels/corrected/b.nii.gz"))
    assert [case.id for case in split(dataset, "all", label_set="corrected").train] == ["b"]
    with pytest.raises(ConfigError, match="corrected, reference"):
        split(dataset, "all", label_set="other")


def test_no_split_is_ever_made_up(tmp_path: Path) -> None:
    dataset = small_dataset(tmp_path)
    with pytest.raises(DataError, match="condyle folds"):
        split(dataset, 0)


def test_a_case_that_came_after_the_folds_is_named(tmp_path: Path) -> None:
    dataset = small_dataset(tmp_path)
    folds(tmp_path, count=3)
    late = replace(dataset["a"], id="late")
    Dataset.open(tmp_path).with_case(late).save()
    with pytest.raises(DataError, match="late"):
        split(Dataset.open(tmp_path), 0)


def test_cases_without_labels_need_no_fold(tmp_path: Path) -> None:
    dataset = small_dataset(tmp_path)
    dataset.with_case(replace(dataset["a"], id="unlabelled", group="u", label_sets={})).save()
    result = folds(tmp_path, count=3)
    assert result.groups == 3
    assert result.cases == {"fold 0": 1, "fold 1": 1, "fold 2": 1}
    assert len(split(Dataset.open(tmp_path), 0).train) == 2
    assert json.dumps(result.to_json())
    assert "kfold" in str(result)


def test_folds_are_drawn_anew_only_when_asked(tmp_path: Path) -> None:
    small_dataset(tmp_path)
    folds(tmp_path, count=3, seed=1)
    with pytest.raises(DataError, match="3 folds"):
        folds(tmp_path, count=2)
    assert Dataset.open(tmp_path).folds.seed == 1  # type: ignore[union-attr]
    folds(tmp_path, count=2, seed=5, overwrite=True)
    assert Dataset.open(tmp_path).folds.count == 2  # type: ignore[union-attr]


def test_folds_of_a_folder_that_is_not_there_make_no_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        folds(tmp_path / "none")
    assert not (tmp_path / "none").exists()
