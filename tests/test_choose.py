"""`condyle choose`: candidates told apart, their files left alone, bad records refused."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from condyle.errors import ConfigError, DataError, ModelError
from condyle.metrics.score import Score
from condyle.workflow.choose import choose

POOR, GOOD = (0.5, 0.52, 0.51, 0.5, 0.53, 0.5), (0.9, 0.92, 0.91, 0.9, 0.93, 0.9)


def trained(folder: Path, dice: tuple[float, ...], seconds: float = 10) -> Path:
    """A folder as `condyle train` leaves it, of which `choose` reads the scores, the recipe and the time."""
    (folder / "validation").mkdir(parents=True)
    empty = dict.fromkeys(Score.__dataclass_fields__, "")
    known = {"structure": "femur", "status": "both", "cut": "False"}
    numbers = [name for name in empty if name.endswith(("_ml", "_parts", "_euler"))]
    with (folder / "validation" / "scores.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["case", "group", *empty])
        for n, value in enumerate(dice):
            row = empty | known | dict.fromkeys(numbers, "1") | {"dice": str(value)}
            writer.writerow([f"c{n}", f"p{n}", *row.values()])
    (folder / "recipe.json").write_text(json.dumps({"of": str(folder)}))
    (folder / "record.json").write_text(json.dumps({"folds": {"0": {"seconds": seconds}}}))
    return folder


def recipe_of(path: Path) -> str:
    return json.loads(path.read_text())["of"]


def test_models_of_one_folder_name_are_told_apart_by_the_folders_above(tmp_path: Path):
    poor, good = trained(tmp_path / "run1/model", POOR), trained(tmp_path / "run2/model", GOOD)
    for order in ([poor, good], [good, poor]):
        choice = choose(order, out=tmp_path / "recipe.json", overwrite=True)
        assert list(choice.dice) == ["run2/model", "run1/model"]
        assert (choice.model, recipe_of(tmp_path / "recipe.json")) == (str(good), str(good))


def test_seeds_stay_one_candidate_where_folders_above_tell_models_apart(tmp_path: Path):
    poor = [trained(tmp_path / f"run@1/model@{n}", POOR, seconds=n) for n in (1, 3)]
    good = trained(tmp_path / "run@2/model@1", GOOD)
    choice = choose([*poor, good], out=tmp_path / "recipe.json")
    assert choice.seconds == {"run@2/model": 10, "run@1/model": 2}
    assert choice.model == str(good)


def test_one_folder_given_twice_is_refused(tmp_path: Path):
    good = trained(tmp_path / "model", GOOD)
    with pytest.raises(ConfigError, match="more than once"):
        choose([good, tmp_path / "other/../model"], out=tmp_path / "recipe.json")


def test_a_file_that_would_be_replaced_by_the_reasons_is_refused(tmp_path: Path):
    folders = [trained(tmp_path / "a", POOR), trained(tmp_path / "b", GOOD)]
    why = tmp_path / "recipe_choice.json"
    why.write_text('{"mine": 1}')
    with pytest.raises(DataError, match=r"recipe_choice\.json"):
        choose(folders, out=tmp_path / "recipe.json")
    assert why.read_text() == '{"mine": 1}'
    choose(folders, out=tmp_path / "recipe.json", overwrite=True)
    # A run that was stopped between the two files leaves the reasons alone behind: the next one goes on.
    (tmp_path / "recipe.json").unlink()
    choose(folders, out=tmp_path / "recipe.json")
    assert recipe_of(tmp_path / "recipe.json") == str(folders[1])


def test_a_folder_in_the_place_of_the_recipe_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folders = [trained(tmp_path / "a", POOR), trained(tmp_path / "b", GOOD)]
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="a file for the recipe"):
        choose(folders, out=Path(), overwrite=True)
    with pytest.raises(DataError, match="name too long"):
        choose(folders, out=Path("x" * 300), overwrite=True)


@pytest.mark.parametrize("record", ["{}", "[]", '{"folds": {"0": {}}}', '{"folds": {"0": {"seconds": "long"}}}'])
def test_a_record_that_tells_no_time_is_refused_by_name(tmp_path: Path, record: str):
    folders = [trained(tmp_path / "a", POOR), trained(tmp_path / "b", GOOD)]
    (folders[0] / "record.json").write_text(record)
    with pytest.raises(ModelError, match=r"record\.json"):
        choose(folders, out=tmp_path / "recipe.json")
