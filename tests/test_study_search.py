"""`condyle search`: short trainings that are tried, stopped early, gone on with, and end in a recipe."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

import condyle
from condyle.errors import ConfigError, ModelError
from condyle.recipe import RECIPES, Recipe
from condyle.studies.space import space_of
from condyle.workflow.experiments.trial import run_trial
from condyle.workflow.search import _found, _hopeless, _opened, _try
from datasets import small_dataset

optuna = pytest.importorskip("optuna")

TINY = replace(
    RECIPES["quick"], features=4, patch=(16, 16, 16), batch=1, epochs=1, iterations=1, val_iterations=1,
    precision="fp32", compiled=False,
)  # fmt: skip
OVER = ("rate=1e-4..1e-2", "augment=light,none", "batch=1..2")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Two scans of two patients, folds drawn."""
    folder = tmp_path_factory.mktemp("data") / "small"
    small_dataset(folder, ("a", "b"))
    condyle.folds(folder, count=2)
    return folder


def test_a_search_goes_on_where_it_was_and_ends_in_a_recipe(data, tmp_path):
    told = {"out": tmp_path / "search", "over": OVER, "recipe": TINY}
    first = condyle.search(data, trials=1, method="random", **told)
    again = condyle.search(data, trials=2, **told)
    assert (first.trials, again.trials) == (1, 2)
    assert again.dice >= first.dice
    found = Recipe.named(again.out)
    assert 1e-4 <= found.rate <= 1e-2
    assert found.augment in {"light", "none"}
    assert found.features == 4
    assert "best: rate" in str(again)
    assert again.to_json()["best"] == again.best
    with pytest.raises(ConfigError, match="the search that was begun here"):
        condyle.search(data, **(told | {"over": ["batch=1..2"]}))


def test_trials_that_a_killed_process_left_are_tried_again(tmp_path):
    out = tmp_path / "what? 100 %"  # characters that an address of a database has a use for
    study = _opened(out, "random", {}, TINY.seed, prune=False)
    lost = study.ask()
    rate = lost.suggest_float("rate", 1e-4, 1e-2, log=True)
    again = _opened(out, "tpe", {}, TINY.seed, prune=True)
    assert [path.name for path in tmp_path.rglob("*")] == [out.name, "trials.sqlite"]
    assert [t.state.name for t in again.trials] == ["FAIL", "WAITING"]
    assert again.ask().suggest_float("rate", 1e-4, 1e-2, log=True) == rate


def test_a_search_whose_trials_all_fail_says_so_and_ends(data, tmp_path):
    found = condyle.search(data, out=tmp_path / "s", over=["memory_gb=1e-9..1e-8"], trials=1,
                           recipe=replace(TINY, network="resnet34"))  # fmt: skip
    assert (found.trials, found.failed, found.dice, found.out) == (0, 3, None, "")
    assert found.exit_code == 1
    assert "none ended well" in str(found)


def test_a_hopeless_trial_is_ended_before_its_time(data, tmp_path):
    words = ["train", str(data), "-o", str(tmp_path / "m"), "--recipe", "quick", "--features", "4", "--patch",
             "16,16,16", "--batch", "1", "--epochs", "1000", "--iterations", "1", "--val-iterations", "1"]  # fmt: skip
    seen: list[int] = []

    def hopeless(epoch: int, dice: float) -> bool:
        seen.append(epoch)
        assert 0 <= dice <= 1
        return epoch >= 2

    assert run_trial(words, tmp_path / "m", tmp_path / "log.txt", hopeless) is None
    assert seen == [1, 2]


def test_a_trial_that_fails_says_why(tmp_path):
    model = tmp_path / "m"
    with pytest.raises(ModelError, match="a dataset"):
        run_trial(["train", str(tmp_path), "-o", str(model)], model, tmp_path / "log", lambda *_: False)


def test_a_search_that_makes_no_sense_is_refused(data, tmp_path):
    for wrong in ({"out": None}, {"trials": 0}, {"fold": "all"}, {"over": []}, {"budget_minutes": -1.0}):
        with pytest.raises(ConfigError):
            condyle.search(data, **({"out": tmp_path / "s", "over": OVER} | wrong))


def test_trials_of_other_data_or_another_fold_do_not_join_a_ranking(data, tmp_path):
    told = {"out": tmp_path / "search", "over": ["batch=1..2"], "recipe": TINY, "budget_minutes": 1e-9}
    condyle.search(data, **told)
    with pytest.raises(ConfigError, match="fold 1, begun with 0"):
        condyle.search(data, **told, fold="1")
    small_dataset(tmp_path / "other", ("c", "d"))
    condyle.folds(tmp_path / "other", count=2)
    with pytest.raises(ConfigError, match="other cases"):
        condyle.search(tmp_path / "other", **told)
    condyle.search(data, **told)


def test_a_search_goes_on_where_its_first_trial_drew_the_folds(tmp_path):
    small_dataset(tmp_path / "data", ("a", "b"))
    told = {"out": tmp_path / "search", "over": ["batch=1..2"], "recipe": TINY, "budget_minutes": 1e-9}
    condyle.search(tmp_path / "data", **told)
    condyle.folds(tmp_path / "data", count=2)
    condyle.search(tmp_path / "data", **told)


def test_a_file_in_the_place_of_a_searchs_folder_is_refused(data, tmp_path):
    (tmp_path / "s").write_text("mine")
    for out in (tmp_path / "s", tmp_path / "s/below", tmp_path / ("x" * 300)):
        with pytest.raises(ConfigError, match="a folder for the search"):
            condyle.search(data, out=out, over=OVER, recipe=TINY)


def test_a_pruned_trial_counts_as_ended_and_is_never_the_best(data, tmp_path):
    space, long = space_of(["batch=1..2"]), replace(TINY, epochs=1000)
    study = _opened(tmp_path, "random", {}, long.seed, prune=True)
    study.pruner = optuna.pruners.ThresholdPruner(lower=2.0)  # no Dice is as good
    _try(study, study.ask(), space, long, [tmp_path, "train", data, "--fold", "0"])
    found = _found(study, long, tmp_path)
    assert (found.trials, found.pruned, found.failed, found.dice, found.exit_code) == (1, 1, 0, None, 1)
    assert "1 trials ended, 1 of them stopped early" in str(found)
    assert not (tmp_path / "best.json").exists()


def test_an_epoch_without_a_dice_tells_nothing_for_or_against_a_trial(tmp_path):
    study = _opened(tmp_path, "random", {}, TINY.seed, prune=True)
    study.pruner = optuna.pruners.ThresholdPruner(lower=0.5)
    hopeless = _hopeless(study.ask())
    assert not hopeless(1, float("nan"))
    assert not hopeless(2, 0.6)
    assert hopeless(3, 0.4)


def test_no_trial_begins_once_the_budget_is_spent(data, tmp_path):
    found = condyle.search(data, out=tmp_path / "s", over=OVER, recipe=TINY, budget_minutes=1e-9)
    assert (found.trials, found.dice) == (0, None)


def test_a_search_without_optuna_says_what_to_install(data, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ConfigError, match="pip install optuna"):
        condyle.search(data, out=tmp_path / "s", over=OVER, recipe=TINY)
